/* generator.c - generator N: a function that returns a channel. Two of them in
 * lockstep. SPDX-License-Identifier: MIT */
#include "example.h"

struct speaker {
    const char *name;
    leat_chan *c;
};

struct message {
    char text[32];
};

static int talk(void *arg)
{
    struct speaker *s = arg;
    struct message m;
    for (int i = 0;; i++) {
        snprintf(m.text, sizeof(m.text), "%s %d", s->name, i);
        if (leat_chan_send(s->c, &m) != 0)
            break; /* whoever listened has cancelled it */
    }
    leat_chan_free(s->c);
    free(s);
    return 0;
}

/* Whoever wants no more cancels the channel and gives his reference back. */
static leat_chan *boring(const char *name)
{
    struct speaker *s = malloc(sizeof(*s));
    leat_chan *c;
    must(leat_chan_new(&c, sizeof(struct message), 0));
    *s = (struct speaker){name, leat_chan_ref(c)};
    must(leat_go(NULL, talk, s));
    return c;
}

int main(int argc, char **argv)
{
    leat_chan *joe = boring("Joe"), *ann = boring("Ann");
    struct message m;
    for (long n = argument(argc, argv, 1, 5); n > 0; n--) {
        must(leat_chan_recv(joe, &m));
        puts(m.text);
        must(leat_chan_recv(ann, &m));
        puts(m.text);
    }
    leat_chan_cancel(joe);
    leat_chan_cancel(ann);
    leat_chan_free(joe);
    leat_chan_free(ann);
    return 0;
}
