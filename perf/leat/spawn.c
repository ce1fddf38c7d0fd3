/* spawn.c - very many fibers, and very many waiters.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

static int finish(void *arg)
{
    leat_wg_done(arg);
    return 0;
}

/* j->n fibers that only say they are done. */
void spawn_join(struct job *j, struct watch *w)
{
    leat_wg all = LEAT_WG_INIT;
    watch_start(w);
    for (long i = 0; i < j->n; i++) {
        leat_wg_add(&all, 1);
        must(leat_go(NULL, finish, &all), "leat_go");
    }
    leat_wg_wait(&all);
    watch_stop(w, j->n);
    w->check = (uint64_t)j->n;
}

struct meeting {
    leat_chan *c;
    leat_wg ready;
};

static int send_one(void *arg)
{
    struct meeting *m = arg;
    int64_t one = 1;
    leat_wg_done(&m->ready);
    must(leat_chan_send(m->c, &one), "send");
    return 0;
}

/* j->n fibers that all block on one channel; then each is served. */
void spawn_block(struct job *j, struct watch *w)
{
    struct meeting m = {channel(0), LEAT_WG_INIT};
    int64_t sum = 0, v;
    watch_start(w);
    for (long i = 0; i < j->n; i++) {
        leat_wg_add(&m.ready, 1);
        must(leat_go(NULL, send_one, &m), "leat_go");
    }
    leat_wg_wait(&m.ready);
    for (long i = 0; i < j->n; i++) {
        must(leat_chan_recv(m.c, &v), "recv");
        sum += v;
    }
    watch_stop(w, j->n);
    check(sum == j->n, "spawn-block: wrong sum");
    w->check = (uint64_t)sum;
    leat_chan_free(m.c);
}

enum { WAITERS = 1000 };

struct alarm {
    leat_chan *c;
    leat_wg ready, woken;
};

static int wait_for_close(void *arg)
{
    struct alarm *a = arg;
    int64_t v;
    leat_wg_done(&a->ready);
    if (leat_chan_recv(a->c, &v) == LEAT_ECLOSED)
        leat_wg_done(&a->woken);
    return 0;
}

/* close wakes 1000 parked receivers; timed from the close until all ran. */
void close_wake(struct job *j, struct watch *w)
{
    for (long round = 0; round < j->n / WAITERS; round++) {
        struct alarm a = {channel(0), LEAT_WG_INIT, LEAT_WG_INIT};
        leat_wg_add(&a.ready, WAITERS);
        leat_wg_add(&a.woken, WAITERS);
        for (int i = 0; i < WAITERS; i++)
            must(leat_go(NULL, wait_for_close, &a), "leat_go");
        leat_wg_wait(&a.ready);
        for (int i = 0; i < 20; i++) /* the last of them parks */
            leat_yield();
        watch_start(w);
        leat_chan_close(a.c);
        leat_wg_wait(&a.woken);
        watch_stop(w, WAITERS);
        leat_chan_free(a.c);
    }
    w->check = (uint64_t)j->n;
}
