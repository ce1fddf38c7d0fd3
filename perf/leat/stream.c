/* stream.c - values through one channel.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdlib.h>

enum { BURST = 100 };

/* One fiber sends 100 and receives 100, in turn. An operation is one send and one
 * receive. */
void seq(struct job *j, struct watch *w)
{
    leat_chan *c = channel(128);
    int64_t next = 0, sum = 0, v = 0;
    watch_start(w);
    for (long k = 0; k < j->n / BURST; k++) {
        for (int i = 0; i < BURST; i++, next++)
            must(leat_chan_send(c, &next), "send");
        for (int i = 0; i < BURST; i++) {
            must(leat_chan_recv(c, &v), "recv");
            sum += v;
        }
    }
    watch_stop(w, next);
    check(sum == triangle(next), "seq: wrong sum");
    w->check = (uint64_t)sum;
    leat_chan_free(c);
}

/* One sender of a stream: from .. to-1, then `done`, or close when there is none. */
struct sender {
    leat_chan *c;
    int64_t from, to;
    leat_wg *done;
};

static int produce(void *arg)
{
    struct sender *s = arg;
    for (int64_t i = s->from; i < s->to; i++)
        must(leat_chan_send(s->c, &i), "send");
    if (s->done)
        leat_wg_done(s->done);
    else
        leat_chan_close(s->c);
    return 0;
}

struct receiver {
    leat_chan *c;
    int64_t sum;
    leat_wg *done;
};

static int consume(void *arg)
{
    struct receiver *r = arg;
    int64_t sum = 0, v;
    while (leat_chan_recv(r->c, &v) == 0)
        sum += v;
    r->sum = sum;
    leat_wg_done(r->done);
    return 0;
}

static leat_chan *channel_as_told(const struct job *j)
{
    struct leat_chan_opts opts = {.size = sizeof(opts),
                                  .elem_size = sizeof(int64_t),
                                  .capacity = j->cap,
                                  .flags = j->flags};
    leat_chan *c;
    if (j->flags == 0)
        return channel(j->cap);
    must(leat_chan_open(&c, &opts), "leat_chan_open");
    return c;
}

/* One producer, one consumer, every value checked for its place. */
void spsc(struct job *j, struct watch *w)
{
    leat_chan *c = channel_as_told(j);
    struct sender s = {c, 0, j->n, NULL};
    leat_fiber *f;
    int64_t want = 0, v;
    watch_start(w);
    must(leat_go(&f, produce, &s), "leat_go");
    while (leat_chan_recv(c, &v) == 0) {
        if (v != want)
            break;
        want++;
    }
    watch_stop(w, j->n);
    check(want == j->n, "spsc: a value out of order or lost");
    w->check = (uint64_t)want;
    must(leat_fiber_join(f, NULL), "join");
    leat_chan_free(c);
}

LEAT_CHAN_DEFINE(numbers, int64_t);

static int produce_typed(void *arg)
{
    struct sender *s = arg;
    numbers *c = (numbers *)s->c;
    for (int64_t i = s->from; i < s->to; i++)
        must(numbers_send(c, i), "send");
    numbers_close(c);
    return 0;
}

/* As spsc, through the typed wrappers. */
void spsc_typed(struct job *j, struct watch *w)
{
    numbers *c;
    leat_fiber *f;
    int64_t want = 0, v;
    must(numbers_new(&c, j->cap), "numbers_new");
    struct sender s = {numbers_chan(c), 0, j->n, NULL};
    watch_start(w);
    must(leat_go(&f, produce_typed, &s), "leat_go");
    while (numbers_recv(c, &v) == 0) {
        if (v != want)
            break;
        want++;
    }
    watch_stop(w, j->n);
    check(want == j->n, "spsc: a value out of order or lost");
    w->check = (uint64_t)want;
    must(leat_fiber_join(f, NULL), "join");
    numbers_free(c);
}

/* j->p producers and j->c consumers on one channel. */
void stream(struct job *j, struct watch *w)
{
    leat_chan *c = channel_as_told(j);
    struct sender *s = room(j->p, sizeof(*s));
    struct receiver *r = room(j->c, sizeof(*r));
    leat_wg producers = LEAT_WG_INIT, consumers = LEAT_WG_INIT;
    int64_t each = j->n / (long)j->p, all = each * (long)j->p, sum = 0;
    leat_wg_add(&producers, (unsigned)j->p);
    leat_wg_add(&consumers, (unsigned)j->c);
    watch_start(w);
    for (size_t i = 0; i < j->c; i++) {
        r[i] = (struct receiver){c, 0, &consumers};
        must(leat_go(NULL, consume, &r[i]), "leat_go");
    }
    for (size_t i = 0; i < j->p; i++) {
        int64_t from = (int64_t)i * each;
        s[i] = (struct sender){c, from, from + each, &producers};
        must(leat_go(NULL, produce, &s[i]), "leat_go");
    }
    leat_wg_wait(&producers);
    leat_chan_close(c);
    leat_wg_wait(&consumers);
    watch_stop(w, all);
    for (size_t i = 0; i < j->c; i++)
        sum += r[i].sum;
    check(sum == triangle(all), "stream: wrong sum");
    w->check = (uint64_t)sum;
    leat_chan_free(c);
    free(s);
    free(r);
}

enum { BATCH = 64 };

static int produce_batches(void *arg)
{
    struct sender *s = arg;
    int64_t v[BATCH];
    for (int64_t i = s->from; i < s->to; i += BATCH) {
        for (int k = 0; k < BATCH; k++)
            v[k] = i + k;
        for (ptrdiff_t done = 0; done < BATCH;) {
            ptrdiff_t m = leat_chan_send_n(s->c, v + done, (size_t)(BATCH - done),
                                           LEAT_NEVER);
            must((int)m, "send_n");
            done += m;
        }
    }
    leat_chan_close(s->c);
    return 0;
}

/* 64 values a call; as much room as Go's 16 slices of 64. */
void batch64(struct job *j, struct watch *w)
{
    leat_chan *c = channel(16 * BATCH);
    struct sender s = {c, 0, j->n, NULL};
    leat_fiber *f;
    int64_t v[BATCH], want = 0;
    ptrdiff_t m;
    watch_start(w);
    must(leat_go(&f, produce_batches, &s), "leat_go");
    while ((m = leat_chan_recv_n(c, v, BATCH, LEAT_NEVER)) > 0)
        for (ptrdiff_t k = 0; k < m; k++, want++)
            check(v[k] == want, "batch64: a value out of order");
    watch_stop(w, j->n);
    check(want == j->n, "batch64: wrong count");
    w->check = (uint64_t)want;
    must(leat_fiber_join(f, NULL), "join");
    leat_chan_free(c);
}
