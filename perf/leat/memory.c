/* memory.c - what parked fibers and idle channels take.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct shared {
    leat_wg ready, done;
    _Atomic uint64_t sum;
};

struct parked {
    leat_chan *c;
    struct shared *shared;
};

static int park(void *arg)
{
    struct parked *p = arg;
    int64_t v;
    leat_wg_done(&p->shared->ready);
    must(leat_chan_recv(p->c, &v), "recv");
    atomic_fetch_add_explicit(&p->shared->sum, (uint64_t)v, memory_order_relaxed);
    leat_wg_done(&p->shared->done);
    return 0;
}

static leat_chan *compact_channel(void)
{
    struct leat_chan_opts opts = {
        .size = sizeof(opts), .elem_size = sizeof(int64_t), .flags = LEAT_COMPACT};
    leat_chan *c;
    must(leat_chan_open(&c, &opts), "leat_chan_open");
    return c;
}

static void start(struct parked *p, bool small)
{
    struct leat_fiber_opts opts = {.size = sizeof(opts), .stack_size = LEAT_STACK_MIN};
    if (small)
        must(leat_fiber_start(NULL, &opts, park, p), "leat_fiber_start");
    else
        must(leat_go(NULL, park, p), "leat_go");
}

/* j->n fibers, each blocked in a receive on a channel of its own. */
static void measure(struct job *j, struct watch *w, bool small)
{
    struct shared shared = {LEAT_WG_INIT, LEAT_WG_INIT, 0};
    struct parked *p = room((size_t)j->n, sizeof(*p));
    double rss, pte;
    for (long i = 0; i < j->n; i++)
        p[i].shared = &shared;
    leat_wg_add(&shared.ready, (unsigned)j->n);
    leat_wg_add(&shared.done, (unsigned)j->n);
    rss = status_bytes("VmRSS");
    pte = status_bytes("VmPTE");
    watch_start(w);
    for (long i = 0; i < j->n; i++) {
        p[i].c = small ? compact_channel() : channel(0);
        start(&p[i], small);
    }
    leat_wg_wait(&shared.ready);
    watch_stop(w, j->n);
    must(leat_sleep_ns(50000000), "leat_sleep_ns");
    watch_note(w, "rss", (status_bytes("VmRSS") - rss) / (double)j->n);
    watch_note(w, "pte", (status_bytes("VmPTE") - pte) / (double)j->n);
    for (int64_t i = 0; i < j->n; i++)
        must(leat_chan_send(p[i].c, &i), "send");
    leat_wg_wait(&shared.done);
    w->check = atomic_load(&shared.sum);
    check(w->check == (uint64_t)triangle(j->n), "memory: wrong sum");
    for (long i = 0; i < j->n; i++)
        leat_chan_free(p[i].c);
    free(p);
}

void memory(struct job *j, struct watch *w)
{
    measure(j, w, false);
}

/* The smallest stacks and the smallest channels. */
void memory_small(struct job *j, struct watch *w)
{
    measure(j, w, true);
}

static void *counted_alloc(size_t size, size_t align, void *arg)
{
    size_t rounded = (size + align - 1) / align * align;
    *(size_t *)arg += rounded;
    return aligned_alloc(align, rounded);
}

static void counted_free(void *p, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    free(p);
}

/* j->n idle channels of capacity 0: by a counting allocator, and by VmRSS. */
void channel_bytes(struct job *j, struct watch *w)
{
    size_t counted = 0;
    struct leat_alloc alloc = {counted_alloc, counted_free, &counted};
    struct leat_chan_opts opts = {
        .size = sizeof(opts), .elem_size = sizeof(int64_t), .flags = j->flags};
    leat_chan **c = room((size_t)j->n, sizeof(*c)), *one;
    double rss;
    opts.alloc = &alloc;
    must(leat_chan_open(&one, &opts), "leat_chan_open");
    watch_note(w, "counted", (double)counted);
    opts.alloc = NULL;
    memset(c, 0xff, (size_t)j->n * sizeof(*c));
    rss = status_bytes("VmRSS");
    watch_start(w);
    for (long i = 0; i < j->n; i++)
        must(leat_chan_open(&c[i], &opts), "leat_chan_open");
    watch_stop(w, j->n);
    watch_note(w, "rss", (status_bytes("VmRSS") - rss) / (double)j->n);
    for (long i = 0; i < j->n; i++)
        leat_chan_free(c[i]);
    leat_chan_free(one);
    free(c);
}
