/* boring.c - boring N: somebody talks now and then; we listen to N messages and leave.
 * SPDX-License-Identifier: MIT */
#include "example.h"

struct speaker {
    leat_chan *c;
    uint64_t seed;
};

static int talk(void *arg)
{
    struct speaker *s = arg;
    for (int64_t i = 0; leat_chan_send(s->c, &i) == 0; i++) {
        leat_chan *timer; /* a pause, the way Go programs make one */
        must(leat_after(&timer, leat_in_us(chance(&s->seed, 1000))));
        must(leat_chan_recv(timer, NULL));
        leat_chan_free(timer);
    }
    return 0; /* nobody listens any more */
}

int main(int argc, char **argv)
{
    struct speaker s = {.seed = (uint64_t)argument(argc, argv, 2, 1)};
    leat_fiber *f;
    int64_t i;
    must(leat_chan_new(&s.c, sizeof(i), 0));
    must(leat_go(&f, talk, &s));
    for (long n = argument(argc, argv, 1, 5); n > 0; n--) {
        must(leat_chan_recv(s.c, &i));
        printf("boring %" PRId64 "\n", i);
    }
    puts("you are boring; I am leaving");
    leat_chan_cancel(s.c); /* a close would still wait for what is being sent */
    must(leat_fiber_join(f, NULL));
    leat_chan_free(s.c);
    return 0;
}
