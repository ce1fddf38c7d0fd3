/* test_end.c - how flows end, and what becomes of values then.
 * SPDX-License-Identifier: MIT */
#include "feed.h"

static const size_t caps[] = {0, 1, 8};

/* Nobody takes the output any more: the flow ends, the value it held is handed out, the
 * input is left as it is, or cancelled when asked. */
static void counted(void *v, void *arg)
{
    (void)v;
    (void)__atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED); /* several threads */
}

static void out_closes(struct actor *a)
{
    for (unsigned cancel = 0; cancel < 2; cancel++) {
        unsigned dropped = 0;
        leat_chan *in = feed_chan(LEAT_UNBOUNDED), *out = feed_chan(feed_cap(a));
        leat_flow *f;
        const struct leat_flow_opts o = {.size = sizeof(o),
                                         .flags = cancel ? LEAT_FLOW_CANCEL_IN : 0,
                                         .drop_out = counted,
                                         .callback_arg = &dropped};
        expect_eq(leat_flow_pipe(&f, in, out, &o), 0);
        leat_chan_cancel(out);
        for (int64_t v = 0; v < 3; v++)
            (void)!leat_chan_send(in, &v);
        expect_result(f, LEAT_ECLOSED);
        expect_eq(dropped, 1);
        expect_eq(leat_chan_closed(in), cancel == 1);
        if (!cancel)
            expect_eq(leat_chan_len(in), 2);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static void a_refused_output_ends_the_flow_and_is_handed_out(void **state)
{
    (void)state;
    feed_run(out_closes);
}

static void cancels(struct actor *a)
{
    for (int at_send = 0; at_send < 2; at_send++) {
        leat_chan *in = feed_chan(LEAT_UNBOUNDED), *out = feed_chan(0);
        int64_t v = 7;
        leat_flow *f;
        (void)a;
        expect_eq(leat_flow_pipe(&f, in, out, NULL), 0);
        if (at_send) {
            expect_eq(leat_chan_send(in, &v), 0);
            while (leat_chan_len(in) > 0) /* it has the value and waits to send it */
                leat_yield();
        }
        leat_flow_cancel(f);
        expect_result(f, LEAT_ECANCELED);
        expect_eq(leat_chan_recv(out, &v), LEAT_ECLOSED);
        expect(!leat_chan_closed(in));
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static void a_cancelled_flow_ends_where_it_waits(void **state)
{
    (void)state;
    feed_run(cancels);
}

static int odd_fails(const void *in, void *out, void *arg)
{
    (void)arg;
    memcpy(out, in, sizeof(int64_t));
    return *(const int64_t *)in % 2 ? -1000 : 0;
}

struct seen {
    unsigned n;
    int64_t item[8];
    int err[8];
    bool skip;
};

static bool on_error(const void *item, int err, void *arg)
{
    struct seen *s = arg;
    memcpy(&s->item[s->n], item, sizeof(int64_t));
    s->err[s->n++] = err;
    return s->skip;
}

static void errors(struct actor *a)
{
    for (unsigned skip = 0; skip < 2; skip++) {
        struct seen s = {.skip = skip};
        const struct leat_flow_opts o = {
            .size = sizeof(o), .on_error = on_error, .callback_arg = &s};
        leat_chan *in = feed_range(feed_cap(a), 0, 6), *out = feed_chan(feed_cap(a));
        leat_flow *f;
        expect_eq(leat_flow_map(&f, in, out, odd_fails, NULL, &o), 0);
        if (skip)
            EXPECT_ALL(out, 0, 2, 4);
        else
            EXPECT_ALL(out, 0);
        expect_result(f, skip ? 0 : -1000);
        expect_eq(s.n, skip ? 3 : 1);
        for (unsigned i = 0; i < s.n; i++) {
            expect_eq(s.item[i], 2 * i + 1);
            expect_eq(s.err[i], -1000);
        }
        leat_chan_cancel(in);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static void an_error_skips_or_ends_and_the_output_is_closed(void **state)
{
    (void)state;
    feed_run(errors);
}

static void keeps_open(struct actor *a)
{
    const struct leat_flow_opts o = {.size = sizeof(o), .flags = LEAT_FLOW_KEEP_OPEN};
    leat_chan *in = feed_range(feed_cap(a), 0, 3), *out = feed_chan(8);
    int64_t v = 9;
    leat_flow *f;
    expect_eq(leat_flow_pipe(&f, in, out, &o), 0);
    expect_result(f, 0);
    expect_eq(leat_chan_send(out, &v), 0);
    expect_eq(leat_chan_close(out), 0);
    EXPECT_ALL(out, 0, 1, 2, 9);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void keep_open_leaves_the_output_open(void **state)
{
    (void)state;
    feed_run(keeps_open);
}

/* An error of a step that looks like the end of a channel is not the end of the input.
 */
static int says_closed(leat_stage *s, const void *in, size_t len)
{
    (void)s;
    (void)in;
    (void)len;
    return LEAT_ECLOSED;
}

static int last_words(leat_stage *s)
{
    int64_t bye = -1;
    return leat_emit(s, &bye);
}

static void closed_error(struct actor *a)
{
    const struct leat_step step = {.run = says_closed, .end = last_words};
    leat_chan *in = feed_range(feed_cap(a), 0, 3), *out = feed_chan(8);
    leat_flow *f;
    expect_eq(leat_flow_start(&f, in, out, &step, NULL), 0);
    expect_all(out, NULL, 0);
    expect_result(f, LEAT_ECLOSED);
    leat_chan_cancel(in);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_steps_error_is_not_the_end_of_the_input(void **state)
{
    (void)state;
    feed_run(closed_error);
}

/* Sent before the channel's end: back-pressure means that no more than one value is
 * held. */
static void holds_one(struct actor *a)
{
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        leat_chan *in = feed_chan(0), *out = feed_chan(caps[i]);
        leat_flow *f;
        size_t sent = 0;
        (void)a;
        expect_eq(leat_flow_pipe(&f, in, out, NULL), 0);
        for (int64_t v = 0; sent < caps[i] + 1; v++)
            if (leat_chan_send(in, &v) == 0)
                sent++;
        int64_t v = 0;
        while (leat_chan_len(out) < caps[i])
            leat_yield();
        for (int n = 0; n < 50; n++) { /* it holds one and waits to send it */
            expect_eq(leat_chan_try_send(in, &v), LEAT_EAGAIN);
            leat_yield();
        }
        leat_chan_close(in);
        for (int64_t want = 0; want <= (int64_t)caps[i]; want++) {
            expect_eq(leat_chan_recv(out, &v), 0);
            expect_eq(v, want);
        }
        expect_result(f, 0);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static void a_flow_holds_one_value(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, holds_one, NULL);
    crew_run(CREW_FIBERS, 1, holds_one, NULL);
}

/* How one waits until all that was sent has been received: put a flow before an unbuffered
 * channel. It ends when the input is closed and its last value was taken. */
static void drained(struct actor *a)
{
    leat_chan *in = feed_chan(4), *out = feed_chan(0);
    leat_flow *f;
    (void)a;
    expect_eq(leat_flow_pipe(&f, in, out, NULL), 0);
    for (int64_t v = 0; v < 3; v++)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    for (int64_t want = 0; want < 3; want++) {
        int64_t got = -1;
        leat_yield();
        expect_eq(leat_flow_join_until(f, NULL, LEAT_NOW), LEAT_ETIMEDOUT);
        expect_eq(leat_chan_recv(out, &got), 0);
        expect_eq(got, want);
    }
    expect_result(f, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_flow_ends_when_its_last_value_was_received(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, drained, NULL);
    crew_run(CREW_FIBERS, 1, drained, NULL);
}

/* ---- A foreign queue ---- */

struct queue {
    int64_t v[4]; /* full at 4: refuses until somebody makes room */
    unsigned n, refused, ends;
    leat_mutex lock;
};

static int put(void *queue, const void *elem)
{
    struct queue *q = queue;
    expect_eq(leat_mutex_lock(&q->lock), 0);
    int r = q->n == 4 ? LEAT_EAGAIN : 0;
    if (r == 0)
        memcpy(&q->v[q->n++], elem, sizeof(int64_t));
    else
        q->refused++;
    leat_mutex_unlock(&q->lock);
    return r;
}

static int end(void *queue)
{
    struct queue *q = queue;
    expect_eq(leat_mutex_lock(&q->lock), 0);
    int r = q->n == 4 ? LEAT_EAGAIN : 0;
    q->ends += r == 0;
    leat_mutex_unlock(&q->lock);
    return r;
}

static void to_queue(struct actor *a)
{
    for (int blocks = 0; blocks < 2; blocks++) {
        struct queue q = {.lock = LEAT_MUTEX_INIT};
        const struct leat_queue_ops ops = {.put = put, .end = end, .blocks = blocks};
        leat_chan *in = feed_range(feed_cap(a), 0, 100);
        leat_flow *f;
        int64_t want = 0;
        expect_eq(leat_flow_to_queue(&f, in, &ops, &q, NULL), 0);
        for (bool over = false; !over;) {
            expect_eq(leat_mutex_lock(&q.lock), 0);
            for (unsigned i = 0; i < q.n; i++)
                expect_eq(q.v[i], want++);
            q.n = 0;
            over = q.ends > 0;
            leat_mutex_unlock(&q.lock);
            leat_queue_room(f);
            leat_yield();
        }
        expect_eq(want, 100);
        expect_eq(q.ends, 1);
        expect_result(f, 0);
        leat_chan_free(in);
    }
}

static void a_foreign_queue_gets_all_and_one_end_mark(void **state)
{
    (void)state;
    feed_run(to_queue);
}

static void queue_cancel(struct actor *a)
{
    struct queue q = {.lock = LEAT_MUTEX_INIT};
    const struct leat_queue_ops ops = {.put = put, .end = end};
    leat_chan *in = feed_range(feed_cap(a), 0, 5);
    leat_flow *f;
    bool full = false;
    expect_eq(leat_flow_to_queue(&f, in, &ops, &q, NULL), 0);
    while (!full) {
        expect_eq(leat_mutex_lock(&q.lock), 0);
        full = q.refused > 0;
        leat_mutex_unlock(&q.lock);
        leat_yield();
    }
    leat_flow_cancel(f);
    expect_result(f, LEAT_ECANCELED);
    expect_eq(q.ends, 0);
    leat_chan_free(in);
}

static void a_flow_into_a_full_queue_can_be_cancelled(void **state)
{
    (void)state;
    feed_run(queue_cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_output_ends_the_flow_and_is_handed_out),
        cmocka_unit_test(a_cancelled_flow_ends_where_it_waits),
        cmocka_unit_test(an_error_skips_or_ends_and_the_output_is_closed),
        cmocka_unit_test(keep_open_leaves_the_output_open),
        cmocka_unit_test(a_steps_error_is_not_the_end_of_the_input),
        cmocka_unit_test(a_flow_holds_one_value),
        cmocka_unit_test(a_flow_ends_when_its_last_value_was_received),
        cmocka_unit_test(a_foreign_queue_gets_all_and_one_end_mark),
        cmocka_unit_test(a_flow_into_a_full_queue_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
