/* test_rate.c - steps that look at the clock. No test asserts how long anything took.
 * SPDX-License-Identifier: MIT */
#include "feed.h"

static const int64_t hour = INT64_C(3600) * 1000 * 1000 * 1000, ms = 1000 * 1000;

struct left_out {
    unsigned n;
    int64_t last;
};

static void note(void *v, void *arg)
{
    struct left_out *l = arg;
    l->n++;
    memcpy(&l->last, v, sizeof(l->last));
}

static void throttles(struct actor *a)
{
    struct left_out left = {0, 0};
    const struct leat_flow_opts o = {
        .size = sizeof(o), .drop_in = note, .callback_arg = &left};
    leat_chan *in = feed_range(feed_cap(a), 0, 9), *out = feed_chan(feed_cap(a));
    leat_flow *f;
    expect_eq(leat_flow_throttle(&f, in, out, hour, &o), 0);
    EXPECT_ALL(out, 0);
    expect_result(f, 0);
    expect_eq(left.n, 8);
    leat_chan_free(in);
    leat_chan_free(out);
    in = feed_chan(feed_cap(a));
    out = feed_chan(8);
    expect_eq(leat_flow_throttle(&f, in, out, 1, NULL), 0);
    for (int64_t v = 0; v < 3; v++) { /* the next one comes when the time is over */
        int64_t got = -1, now = leat_now();
        expect_eq(leat_chan_send(in, &v), 0);
        expect_eq(leat_chan_recv(out, &got), 0);
        expect_eq(got, v);
        while (leat_now() <= now + 1000)
            leat_yield();
    }
    leat_chan_close(in);
    expect_result(f, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void throttle_leaves_out_what_comes_too_soon(void **state)
{
    (void)state;
    feed_run(throttles);
}

static void debounces(struct actor *a)
{
    struct left_out left = {0, 0};
    const struct leat_flow_opts o = {
        .size = sizeof(o), .drop_in = note, .callback_arg = &left};
    leat_chan *in = feed_range(feed_cap(a), 0, 9), *out = feed_chan(feed_cap(a));
    leat_flow *f;
    int64_t v = 5, got = -1;
    expect_eq(leat_flow_debounce(&f, in, out, hour, &o), 0);
    EXPECT_ALL(out, 8); /* the last one, at the end of the input */
    expect_result(f, 0);
    expect_eq(left.n, 8);
    expect_eq(left.last, 7);
    leat_chan_free(in);
    leat_chan_free(out);
    in = feed_chan(feed_cap(a));
    out = feed_chan(feed_cap(a));
    expect_eq(leat_flow_debounce(&f, in, out, ms, NULL), 0);
    expect_eq(leat_chan_send(in, &v), 0);
    expect_eq(leat_chan_recv(out, &got), 0); /* comes although the input stays open */
    expect_eq(got, v);
    leat_chan_close(in);
    expect_all(out, NULL, 0); /* and once only */
    expect_result(f, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void debounce_passes_what_nothing_followed(void **state)
{
    (void)state;
    feed_run(debounces);
}

static void debounce_cancelled(struct actor *a)
{
    struct left_out left = {0, 0};
    const struct leat_flow_opts o = {
        .size = sizeof(o), .drop_in = note, .callback_arg = &left};
    leat_chan *in = feed_chan(0), *out = feed_chan(feed_cap(a));
    leat_flow *f;
    int64_t v = 5;
    expect_eq(leat_flow_debounce(&f, in, out, hour, &o), 0);
    expect_eq(leat_chan_send(in, &v), 0);
    leat_flow_cancel(f);
    expect_result(f, LEAT_ECANCELED);
    expect_eq(left.n, 1); /* the one it held */
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_held_value_is_not_lost_on_cancel(void **state)
{
    (void)state;
    feed_run(debounce_cancelled);
}

static void times_out(struct actor *a)
{
    leat_chan *in = feed_chan(feed_cap(a)), *out = feed_chan(feed_cap(a));
    leat_flow *f;
    expect_eq(leat_flow_timeout(&f, in, out, ms, NULL), 0);
    expect_all(out, NULL, 0);
    expect_result(f, LEAT_ETIMEDOUT);
    leat_chan_free(in);
    leat_chan_free(out);
    in = feed_range(feed_cap(a), 0, 5);
    out = feed_chan(feed_cap(a));
    expect_eq(leat_flow_timeout(&f, in, out, hour, NULL), 0);
    EXPECT_ALL(out, 0, 1, 2, 3, 4);
    expect_result(f, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void timeout_ends_a_silent_flow(void **state)
{
    (void)state;
    feed_run(times_out);
}

/* Ticks are a channel like any other: the input of a flow. */
static void ticks(struct actor *a)
{
    leat_chan *tick = NULL, *out = feed_chan(feed_cap(a));
    leat_flow *f;
    int64_t last = 0, t;
    expect_eq(leat_tick(&tick, ms), 0);
    expect_eq(leat_flow_take(&f, tick, out, 3, NULL), 0);
    for (int i = 0; i < 3; i++) {
        expect_eq(leat_chan_recv(out, &t), 0);
        expect(i == 0 || (t > last && (t - last) % ms == 0));
        last = t;
    }
    expect_all(out, NULL, 0);
    expect_result(f, 0);
    leat_chan_free(tick);
    leat_chan_free(out);
}

static void ticks_flow(void **state)
{
    (void)state;
    feed_run(ticks);
}

static void no_time_is_refused(void **state)
{
    (void)state;
    leat_chan *in = feed_chan(1), *out = feed_chan(1);
    for (int64_t ns = -1; ns < 1; ns++) {
        assert_int_equal(leat_flow_throttle(NULL, in, out, ns, NULL), LEAT_EINVAL);
        assert_int_equal(leat_flow_debounce(NULL, in, out, ns, NULL), LEAT_EINVAL);
        assert_int_equal(leat_flow_timeout(NULL, in, out, ns, NULL), LEAT_EINVAL);
    }
    assert_false(leat_chan_closed(out));
    leat_chan_free(in);
    leat_chan_free(out);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttle_leaves_out_what_comes_too_soon),
        cmocka_unit_test(debounce_passes_what_nothing_followed),
        cmocka_unit_test(a_held_value_is_not_lost_on_cancel),
        cmocka_unit_test(timeout_ends_a_silent_flow),
        cmocka_unit_test(ticks_flow),
        cmocka_unit_test(no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
