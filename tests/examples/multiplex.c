/* multiplex.c - multiplex SPEAKERS N MODE: many speakers on one channel, whoever is ready.
 *
 *   tasks     a fiber for each speaker copies to the common channel
 *   select    one fiber selects among the speakers
 *   sequence  every message carries a channel on which its speaker waits for leave to go
 *             on, so that the speakers take turns
 *
 * Prints what the i-th message of each speaker was, sorted by speaker: what came in
 * between does not matter, but each one's order does.
 * SPDX-License-Identifier: MIT */
#include "example.h"

enum { MOST = 16 };

struct message {
    long speaker, n;
    leat_chan *go_on; /* sequence: a reference that belongs to the message */
};

struct speaker {
    long id, n;
    leat_chan *out;
    bool waits;
};

static int talk(void *arg)
{
    struct speaker *s = arg;
    leat_chan *go_on;
    must(leat_chan_new(&go_on, 0, 0));
    for (long i = 0; i < s->n; i++) {
        struct message m = {s->id, i, s->waits ? leat_chan_ref(go_on) : NULL};
        must(leat_chan_send(s->out, &m));
        if (s->waits)
            must(leat_chan_recv(go_on, NULL));
    }
    leat_chan_close(s->out);
    leat_chan_free(go_on);
    return 0;
}

struct selector {
    leat_chan **in;
    size_t n;
    leat_chan *out;
};

static int select_all(void *arg)
{
    struct selector *s = arg;
    struct leat_case cases[MOST];
    struct message m;
    size_t which, open = s->n;
    for (size_t i = 0; i < s->n; i++)
        cases[i] = (struct leat_case)LEAT_RECV(s->in[i], &m);
    while (open > 0) {
        must(leat_select(cases, s->n, LEAT_NEVER, 0, &which));
        if (cases[which].err == 0) {
            must(leat_chan_send(s->out, &m));
        } else { /* ended: a case without a channel is never ready */
            cases[which].chan = NULL;
            open--;
        }
    }
    leat_chan_close(s->out);
    return 0;
}

/* Listens to n messages of each. */
static void listen(leat_chan *c, long speakers, long n, bool turns)
{
    long next[MOST] = {0};
    struct message m[MOST];
    for (long i = 0; i < n * speakers; i++) {
        struct message *now = &m[i % speakers];
        must(leat_chan_recv(c, now));
        if (now->n != next[now->speaker]++)
            exit(2); /* out of order */
        if (turns && now->n != i / speakers)
            exit(3); /* somebody spoke twice before another spoke once */
        for (long k = 0; turns && i % speakers == speakers - 1 && k < speakers; k++) {
            must(leat_chan_send(m[k].go_on, NULL));
            leat_chan_free(m[k].go_on);
        }
    }
    for (long s = 0; s < speakers; s++)
        printf("speaker %ld: %ld messages\n", s, next[s]);
}

int main(int argc, char **argv)
{
    long speakers = argument(argc, argv, 1, 2), n = argument(argc, argv, 2, 10);
    const char *mode = argc > 3 ? argv[3] : "tasks";
    struct speaker s[MOST];
    leat_fiber *f[MOST], *selecting = NULL;
    leat_chan *in[MOST], *all;
    must(leat_chan_new(&all, sizeof(struct message), 0));
    struct selector sel = {in, (size_t)speakers, all};
    for (long i = 0; i < speakers && i < MOST; i++) {
        must(leat_chan_new(&in[i], sizeof(struct message), 0));
        s[i] = (struct speaker){i, n, in[i], strcmp(mode, "sequence") == 0};
        must(leat_go(&f[i], talk, &s[i]));
    }
    if (strcmp(mode, "select") == 0)
        must(leat_go(&selecting, select_all, &sel));
    else /* one task for each; the last one does not close, so nobody's end ends the
            rest */
        for (long i = 0; i < speakers; i++) {
            const struct leat_flow_opts o = {.size = sizeof(o),
                                             .flags = LEAT_FLOW_KEEP_OPEN};
            must(leat_flow_pipe(NULL, in[i], all, &o));
        }
    listen(all, speakers, n, s[0].waits);
    if (selecting)
        must(leat_fiber_join(selecting, NULL));
    for (long i = 0; i < speakers; i++) {
        must(leat_fiber_join(f[i], NULL)); /* what it uses lies on this stack */
        leat_chan_free(in[i]);
    }
    leat_chan_free(all);
    return 0;
}
