/* philosophers.c - philosophers N MEALS SEED: forks are channels that hold one token; a
 * philosopher who gets only one fork puts it back, so nobody starves another.
 * SPDX-License-Identifier: MIT */
#include "example.h"

struct table {
    long n, meals;
    leat_chan **fork;
};

struct philosopher {
    struct table *t;
    long seat, eaten;
    uint64_t seed;
};

/* Takes a fork if it lies there: a select that does not wait. */
static bool grab(leat_chan *fork)
{
    struct leat_case take = LEAT_RECV(fork, NULL);
    return leat_select(&take, 1, LEAT_NOW, 0, NULL) == 0;
}

static int dine(void *arg)
{
    struct philosopher *p = arg;
    leat_chan *left = p->t->fork[p->seat], *right = p->t->fork[(p->seat + 1) % p->t->n];
    while (p->eaten < p->t->meals) {
        must(leat_chan_recv(left, NULL));
        if (grab(right)) {
            p->eaten++;
            must(leat_chan_send(right, NULL));
        }
        must(leat_chan_send(left, NULL));
        must(leat_sleep_ns(chance(&p->seed, 2000))); /* thinks */
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct table t = {argument(argc, argv, 1, 5), argument(argc, argv, 2, 20), NULL};
    struct philosopher *p = calloc((size_t)t.n, sizeof(*p));
    leat_fiber **f = calloc((size_t)t.n, sizeof(leat_fiber *));
    long eaten = 0;
    t.fork = calloc((size_t)t.n, sizeof(leat_chan *));
    for (long i = 0; i < t.n; i++) {
        must(leat_chan_new(&t.fork[i], 0, 1)); /* the token has no content */
        must(leat_chan_send(t.fork[i], NULL));
    }
    for (long i = 0; i < t.n; i++) {
        p[i] =
            (struct philosopher){&t, i, 0, (uint64_t)(argument(argc, argv, 3, 1) + i)};
        must(leat_go(&f[i], dine, &p[i]));
    }
    for (long i = 0; i < t.n; i++) {
        must(leat_fiber_join(f[i], NULL));
        eaten += p[i].eaten;
    }
    for (long i = 0; i < t.n; i++) {
        must(leat_chan_try_recv(t.fork[i], NULL)); /* every fork is back, once */
        if (leat_chan_try_recv(t.fork[i], NULL) != LEAT_EAGAIN)
            return 2;
        leat_chan_free(t.fork[i]);
    }
    printf("%ld meals\n", eaten);
    free(t.fork);
    free(f);
    free(p);
    return 0;
}
