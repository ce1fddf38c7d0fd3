/* quit.c - quit N: we tell a speaker to stop and wait until it has cleaned up.
 * SPDX-License-Identifier: MIT */
#include "example.h"

struct speaker {
    leat_chan *c, *quit; /* on quit one word goes there and one comes back */
};

static int talk(void *arg)
{
    struct speaker *s = arg;
    for (int64_t i = 0;; i++) {
        char word[8];
        size_t which;
        struct leat_case cases[] = {LEAT_SEND(s->c, &i), LEAT_RECV(s->quit, word)};
        must(leat_select(cases, 2, LEAT_NEVER, 0, &which));
        if (which == 1) {
            puts("speaker: cleaning up");
            must(leat_chan_send(s->quit, "see you"));
            return 0;
        }
    }
}

int main(int argc, char **argv)
{
    struct speaker s;
    leat_fiber *f;
    int64_t v;
    char word[8];
    must(leat_chan_new(&s.c, sizeof(v), 0));
    must(leat_chan_new(&s.quit, sizeof(word), 0));
    must(leat_go(&f, talk, &s));
    for (long n = argument(argc, argv, 1, 4); n > 0; n--) {
        must(leat_chan_recv(s.c, &v));
        printf("heard %" PRId64 "\n", v);
    }
    must(leat_chan_send(s.quit, "bye....")); /* 8 bytes, as the element */
    must(leat_chan_recv(s.quit, word));
    printf("speaker says: %s\n", word);
    must(leat_fiber_join(f, NULL));
    leat_chan_free(s.c);
    leat_chan_free(s.quit);
    return 0;
}
