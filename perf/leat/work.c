/* work.c - scenarios that compute, and the same work on plain threads.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <pthread.h>
#include <stdlib.h>

/* Arithmetic that cannot be shortened: each step needs the one before. */
__attribute__((noinline)) uint64_t burn(uint64_t x, long iterations)
{
    for (long i = 0; i < iterations; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

/* How long one iteration takes: ns_per_op. */
void calibrate(struct job *j, struct watch *w)
{
    watch_start(w);
    w->check = burn(1, j->n);
    watch_stop(w, j->n);
}

struct piece {
    uint64_t x;
    long work;
    leat_wg *done;
};

static int compute(void *arg)
{
    struct piece *p = arg;
    p->x = burn(p->x, p->work);
    leat_wg_done(p->done);
    return 0;
}

/* One fiber starts j->n others; each computes for j->work iterations. */
void work64(struct job *j, struct watch *w)
{
    struct piece *p = room((size_t)j->n, sizeof(*p));
    leat_wg done = LEAT_WG_INIT;
    leat_wg_add(&done, (unsigned)j->n);
    watch_start(w);
    for (long i = 0; i < j->n; i++) {
        p[i] = (struct piece){(uint64_t)i, j->work, &done};
        must(leat_go(NULL, compute, &p[i]), "leat_go");
    }
    leat_wg_wait(&done);
    watch_stop(w, j->n);
    for (long i = 0; i < j->n; i++)
        w->check += p[i].x;
    free(p);
}

enum { SIDE = 4 };

struct worker {
    leat_chan *c;
    int64_t from, to;
    long work;
    uint64_t sum;
    leat_wg *done;
};

static int produce_work(void *arg)
{
    struct worker *p = arg;
    for (int64_t i = p->from; i < p->to; i++) {
        uint64_t v = burn((uint64_t)i, p->work);
        must(leat_chan_send(p->c, &v), "send");
    }
    leat_wg_done(p->done);
    return 0;
}

static int consume_work(void *arg)
{
    struct worker *r = arg;
    uint64_t sum = 0, v;
    while (leat_chan_recv(r->c, &v) == 0)
        sum += burn(v, r->work);
    r->sum = sum;
    leat_wg_done(r->done);
    return 0;
}

/* Four producers and four consumers, capacity 128, work at every send and receive. */
void mpmc_work(struct job *j, struct watch *w)
{
    struct worker p[SIDE], r[SIDE];
    leat_wg producers = LEAT_WG_INIT, consumers = LEAT_WG_INIT;
    leat_chan *c = channel(128);
    int64_t each = j->n / SIDE;
    leat_wg_add(&producers, SIDE);
    leat_wg_add(&consumers, SIDE);
    watch_start(w);
    for (int i = 0; i < SIDE; i++) {
        r[i] = (struct worker){c, 0, 0, j->work, 0, &consumers};
        must(leat_go(NULL, consume_work, &r[i]), "leat_go");
        p[i] = (struct worker){c, i * each, (i + 1) * each, j->work, 0, &producers};
        must(leat_go(NULL, produce_work, &p[i]), "leat_go");
    }
    leat_wg_wait(&producers);
    leat_chan_close(c);
    leat_wg_wait(&consumers);
    watch_stop(w, each * SIDE);
    for (int i = 0; i < SIDE; i++)
        w->check += r[i].sum;
    leat_chan_free(c);
}

/* A share of the work of one of the scenarios above, without leat. */
struct share {
    int64_t from, to;
    long work;
    int pieces; /* burns of one item, each fed with the last */
    uint64_t sum;
};

static void *compute_share(void *arg)
{
    struct share *s = arg;
    for (int64_t i = s->from; i < s->to; i++) {
        uint64_t x = (uint64_t)i;
        for (int k = 0; k < s->pieces; k++)
            x = burn(x, s->work);
        s->sum += x;
    }
    return NULL;
}

/* The work on j->workers threads that have nothing to do with each other. */
static void on_threads(struct job *j, struct watch *w, int pieces)
{
    unsigned n = j->workers;
    pthread_t *thread = room(n, sizeof(*thread));
    struct share *s = room(n, sizeof(*s));
    watch_start(w);
    for (unsigned i = 0; i < n; i++) {
        s[i] = (struct share){j->n * i / n, j->n * (i + 1) / n, j->work, pieces, 0};
        if (pthread_create(&thread[i], NULL, compute_share, &s[i]) != 0)
            fail("pthread_create", 0);
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    watch_stop(w, j->n);
    for (unsigned i = 0; i < n; i++)
        w->check += s[i].sum;
    free(s);
    free(thread);
}

void work64_threads(struct job *j, struct watch *w)
{
    on_threads(j, w, 1);
}

void mpmc_work_threads(struct job *j, struct watch *w)
{
    on_threads(j, w, 2);
}
