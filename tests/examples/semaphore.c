/* semaphore.c - semaphore FIBERS ROUNDS PERMITS: a channel of capacity k is a semaphore
 * of k permits, one of capacity 1 a lock, and a select takes whichever lock is free.
 *
 * Prints the sum that was kept under the lock, whether never more than k were inside,
 * and how often one of two locks was taken. SPDX-License-Identifier: MIT */
#include "example.h"

struct state {
    leat_chan *permits, *lock, *either[2];
    long rounds, most;
    long inside, worst, sum, taken[2]; /* under lock; taken[i] under either[i] */
};

static void put(leat_chan *c)
{
    must(leat_chan_send(c, NULL));
}

static void take(leat_chan *c)
{
    must(leat_chan_recv(c, NULL));
}

static int work(void *arg)
{
    struct state *s = arg;
    for (long i = 0; i < s->rounds; i++) {
        take(s->permits);
        take(s->lock);
        s->inside++;
        s->worst = s->inside > s->worst ? s->inside : s->worst;
        put(s->lock);
        leat_yield(); /* the others run while this one is inside */
        take(s->lock);
        s->inside--;
        s->sum += i;
        put(s->lock);
        put(s->permits);

        size_t which;
        struct leat_case any[] = {LEAT_RECV(s->either[0], NULL),
                                  LEAT_RECV(s->either[1], NULL)};
        must(leat_select(any, 2, LEAT_NEVER, 0, &which));
        s->taken[which]++;
        put(s->either[which]);
    }
    return 0;
}

static leat_chan *tokens(long n)
{
    leat_chan *c;
    must(leat_chan_new(&c, 0, (size_t)n));
    for (long i = 0; i < n; i++)
        put(c);
    return c;
}

int main(int argc, char **argv)
{
    long fibers = argument(argc, argv, 1, 8), permits = argument(argc, argv, 3, 3);
    struct state s = {.rounds = argument(argc, argv, 2, 100)};
    leat_fiber **f = calloc((size_t)fibers, sizeof(leat_fiber *));
    s.permits = tokens(permits);
    s.lock = tokens(1);
    s.either[0] = tokens(1);
    s.either[1] = tokens(1);
    for (long i = 0; i < fibers; i++)
        must(leat_go(&f[i], work, &s));
    for (long i = 0; i < fibers; i++)
        must(leat_fiber_join(f[i], NULL));
    printf("sum %ld\n%s\ntaken %ld\n", s.sum,
           s.worst <= permits ? "never more than the permits" : "too many inside",
           s.taken[0] + s.taken[1]);
    leat_chan *all[] = {s.permits, s.lock, s.either[0], s.either[1]};
    for (int i = 0; i < 4; i++)
        leat_chan_free(all[i]);
    free(f);
    return 0;
}
