/* feed.h - inputs and outputs for the tests of flows: int64 channels of every kind,
 * read by threads and by fibers. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_FLOW_FEED_H
#define LEAT_TESTS_FLOW_FEED_H

#include "support/support.h"

static const size_t feed_caps[] = {0, 1, 8, LEAT_UNBOUNDED};
#define FEED_CAPS (sizeof(feed_caps) / sizeof(feed_caps[0]))

__attribute__((unused)) static leat_chan *feed_chan(size_t cap)
{
    leat_chan *c = NULL;
    expect_eq(leat_chan_new(&c, sizeof(int64_t), cap), 0);
    return c;
}

/* A channel of that capacity in which the n values will appear before it is closed. */
__attribute__((unused)) static leat_chan *feed(size_t cap, const int64_t *v, size_t n)
{
    leat_chan *all = feed_chan(LEAT_UNBOUNDED), *c = feed_chan(cap);
    for (size_t i = 0; i < n; i++)
        expect_eq(leat_chan_send(all, &v[i]), 0);
    expect_eq(leat_chan_close(all), 0);
    expect_eq(leat_flow_pipe(NULL, all, c, NULL), 0);
    leat_chan_free(all);
    return c;
}

/* from, from + 1, ... to - 1 */
__attribute__((unused)) static leat_chan *feed_range(size_t cap, int64_t from,
                                                     int64_t to)
{
    int64_t v[1000];
    size_t n = 0;
    for (int64_t i = from; i < to && n < 1000; i++)
        v[n++] = i;
    return feed(cap, v, n);
}

/* Receives until the end: exactly the n values, in that order. */
__attribute__((unused)) static void expect_all(leat_chan *c, const int64_t *v, size_t n)
{
    int64_t got = -1;
    for (size_t i = 0; i < n; i++) {
        expect_eq(leat_chan_recv(c, &got), 0);
        expect_eq(got, v[i]);
    }
    expect_eq(leat_chan_recv(c, &got), LEAT_ECLOSED);
}
#define EXPECT_ALL(c, ...)                          \
    expect_all((c), (const int64_t[]){__VA_ARGS__}, \
               sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Waits for a flow; its result is that. */
__attribute__((unused)) static void expect_result(leat_flow *f, int want)
{
    int result = 1;
    expect_eq(leat_flow_join(f, &result), 0);
    expect_eq(result, want);
}

/* Runs fn, which finds the capacity to use in a->arg, for every capacity, from a thread
 * and from a fiber. */
static void feed_run(actor_fn *fn)
{
    for (size_t i = 0; i < FEED_CAPS; i++) {
        crew_run(CREW_THREADS, 1, fn, (void *)(uintptr_t)&feed_caps[i]);
        crew_run(CREW_FIBERS, 1, fn, (void *)(uintptr_t)&feed_caps[i]);
    }
}

static inline size_t feed_cap(const struct actor *a)
{
    return *(const size_t *)a->arg;
}

#endif
