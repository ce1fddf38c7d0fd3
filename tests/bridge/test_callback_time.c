/* test_callback_time.c - deadlines of callbacks, and timer channels.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/san.h"
#include "calls.h"

struct timed {
    leat_call call;
    leat_chan *done; /* int64_t: the instant of the callback, or -result */
    int64_t value;
    int result;
};

static void note(leat_call *call, int result, void *arg)
{
    struct timed *t = arg;
    int64_t now = leat_now();
    (void)call;
    t->result = result;
    expect_eq(leat_chan_try_send(t->done, &now), 0);
}

static void timed_init(struct timed *t, leat_chan *done)
{
    memset(t, 0, sizeof(*t));
    t->done = done;
    leat_call_init(&t->call, note, t, NULL);
}

static leat_chan *channel(size_t cap)
{
    leat_chan *c;
    assert_int_equal(leat_chan_new(&c, 8, cap), 0);
    return c;
}

static int64_t await(leat_chan *done)
{
    int64_t at = 0;
    expect_eq(leat_chan_recv_until(done, &at, leat_in_s(60)), 0);
    return at;
}

static void ended(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8), *done = channel(4);
    struct timed t;
    uint64_t v = 1, inside = 0;
    timed_init(&t, done);
    struct leat_deadline at = leat_in_ms(2);
    expect_eq(leat_call_recv_until(&t.call, c, &v, at), 0);
    expect(await(done) >= at.at_ns);
    expect_eq(t.result, LEAT_ETIMEDOUT);
    expect_eq(parked(c, LEAT_OP_RECV), 0);
    expect_eq(leat_call_recv_until(&t.call, c, &v, LEAT_NOW), 0);
    expect_eq(t.result, LEAT_EAGAIN);
    (void)await(done);
    if (kind_bounded(k)) {
        inside = fill(c, k, 0);
        at = leat_in_ms(2);
        expect_eq(leat_call_send_until(&t.call, c, &v, at), 0);
        expect(await(done) >= at.at_ns);
        expect_eq(t.result, LEAT_ETIMEDOUT);
        expect_eq(parked(c, LEAT_OP_SEND), 0);
        expect_eq(leat_chan_len(c), inside);
    }
    leat_chan_free(c);
    leat_chan_free(done);
}

static void a_deadline_ends_it_and_nothing_was_done(void **state)
{
    (void)state;
    each_kind(ended);
}

/* A value in time: the deadline is forgotten; started again with another one. */
static void in_time(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8), *done = channel(4);
    struct timed t;
    uint64_t v = 5, got = 0;
    timed_init(&t, done);
    for (unsigned i = 0; i < 50; i++) {
        expect_eq(leat_call_recv_until(&t.call, c, &got, leat_in_s(100)), 0);
        v = i;
        expect_eq(leat_chan_send(c, &v), 0);
        expect_eq(t.result, 0);
        expect_eq(got, i);
        (void)await(done);
        expect_eq(leat_call_recv_until(&t.call, c, &got, leat_in_s(50)), 0);
        expect_eq(leat_call_cancel(&t.call), 0);
    }
    expect_eq(leat_chan_len(done), 0);
    leat_chan_free(c);
    leat_chan_free(done);
}

static void a_value_in_time_or_a_cancel_disarms_it(void **state)
{
    (void)state;
    each_kind(in_time);
}

/* Many deadlines in any order, some cancelled, some served: each is called once, not
 * early, all end. */
static void many_deadlines_in_any_order(void **state)
{
    (void)state;
    struct support_rng r = support_rng(1);
    size_t n = support_scale(2000) + 20, called = 0;
    struct timed *t = calloc(n, sizeof(*t));
    int64_t *at = calloc(n, sizeof(*at));
    bool *gone = calloc(n, sizeof(*gone));
    leat_chan *c[4], *done = channel(n);
    for (unsigned i = 0; i < 4; i++)
        c[i] = kind_open(&kinds[i], 8);
    int64_t now = leat_now();
    for (size_t i = 0; i < n; i++) {
        timed_init(&t[i], done);
        at[i] = now + support_below(&r, 60000000);
        expect_eq(leat_call_recv_until(&t[i].call, c[i % 4], NULL, leat_at(at[i])), 0);
        size_t old = support_below(&r, (uint32_t)i + 1);
        if (i % 3 == 0 && !gone[old])
            gone[old] = leat_call_cancel(&t[old].call) == 0;
        uint64_t v = 1;
        if (i % 5 == 0)
            (void)!leat_chan_try_send(c[support_below(&r, 4)], &v);
    }
    for (size_t i = 0; i < n; i++)
        called += !gone[i];
    for (size_t i = 0; i < called; i++)
        (void)await(done);
    expect_eq(leat_chan_len(done), 0);
    for (size_t i = 0; i < n; i++) {
        expect(gone[i] || t[i].result == 0 ||
               (t[i].result == LEAT_ETIMEDOUT && leat_now() >= at[i]));
        expect_eq(leat_call_cancel(&t[i].call), LEAT_EALREADY);
    }
    for (unsigned i = 0; i < 4; i++) {
        expect_eq(parked(c[i], LEAT_OP_RECV), 0);
        leat_chan_free(c[i]);
    }
    leat_chan_free(done);
    free(t);
    free(at);
    free(gone);
    verdict();
}

static void a_timer_channel_calls_when_it_is_due(void **state)
{
    (void)state;
    leat_chan *done = channel(4), *timer;
    struct timed t;
    timed_init(&t, done);
    struct leat_deadline at = leat_in_ms(3);
    assert_int_equal(leat_after(&timer, at), 0);
    assert_int_equal(leat_call_recv(&t.call, timer, &t.value), 0);
    expect(await(done) >= at.at_ns);
    expect_eq(t.result, 0);
    expect_eq(t.value, at.at_ns);
    assert_int_equal(leat_call_recv(&t.call, timer, &t.value), 0);
    (void)await(done);
    expect_eq(t.result, LEAT_ECLOSED);
    leat_chan_free(timer);
    /* ticks, as long as a deadline of its own lets it */
    assert_int_equal(leat_tick(&timer, 1000000), 0);
    int64_t last = 0;
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(leat_call_recv_until(&t.call, timer, &t.value, leat_in_s(100)), 0);
        (void)await(done);
        expect_eq(t.result, 0);
        expect(t.value > last);
        last = t.value;
    }
    assert_int_equal(leat_call_send(&t.call, timer, &t.value), 0);
    (void)await(done);
    expect_eq(t.result, LEAT_ENOTSUP);
    leat_chan_free(timer);
    assert_int_equal(leat_after(&timer, leat_in_s(100)), 0);
    assert_int_equal(leat_call_recv_until(&t.call, timer, &t.value, leat_in_ms(1)), 0);
    (void)await(done);
    expect_eq(t.result, LEAT_ETIMEDOUT);
    assert_int_equal(leat_call_recv(&t.call, timer, &t.value), 0);
    leat_chan_close(timer);
    (void)await(done);
    expect_eq(t.result, LEAT_ECLOSED);
    leat_chan_free(timer);
    leat_chan_free(done);
    verdict();
}

static void a_select_ends_at_its_deadline_or_a_timer_case(void **state)
{
    (void)state;
    leat_chan *done = channel(4), *timer, *a = channel(0), *b = channel(2);
    struct timed t;
    int64_t got, due = 0;
    struct leat_case cs[] = {LEAT_RECV(a, &got), LEAT_RECV(b, &got), LEAT_RECV(NULL, &due)};
    timed_init(&t, done);
    struct leat_deadline at = leat_in_ms(2);
    assert_int_equal(leat_call_select(&t.call, cs, 3, at, 0), 0);
    expect(await(done) >= at.at_ns);
    expect_eq(t.result, LEAT_ETIMEDOUT);
    expect_eq(parked(a, LEAT_OP_RECV) + parked(b, LEAT_OP_RECV), 0);
    at = leat_in_ms(2);
    assert_int_equal(leat_after(&timer, at), 0);
    cs[2].chan = timer;
    assert_int_equal(leat_call_select(&t.call, cs, 3, leat_in_s(100), 0), 0);
    expect(await(done) >= at.at_ns);
    expect_eq(t.result, 0);
    expect_eq(leat_call_which(&t.call), 2);
    expect_eq(due, at.at_ns);
    expect_eq(parked(a, LEAT_OP_RECV) + parked(b, LEAT_OP_RECV), 0);
    cs[2].chan = NULL;
    assert_int_equal(leat_call_select(&t.call, cs, 3, leat_in_s(100), 0), 0);
    assert_int_equal(leat_call_cancel(&t.call), 0);
    assert_int_equal(leat_chan_len(done), 0);
    leat_chan_free(timer);
    leat_chan_free(a);
    leat_chan_free(b);
    leat_chan_free(done);
    verdict();
}

/* The first deadline of a program may come from a fiber with the smallest stack. */
static int small_main(void *arg)
{
    struct timed *t = arg;
    return leat_call_recv_until(&t->call, (leat_chan *)(uintptr_t)t->value, NULL,
                                leat_in_ms(1));
}

static void a_small_fiber_may_start_the_clock(void **state)
{
    (void)state;
    leat_chan *done = channel(4), *c = channel(0);
    struct timed t;
    timed_init(&t, done);
    t.value = (int64_t)(uintptr_t)c;
#if defined(LEATP_ASAN) || defined(LEATP_TSAN) /* frames, and calls that they intercept */
    const size_t smallest = 4 * LEAT_STACK_MIN;
#else
    const size_t smallest = LEAT_STACK_MIN;
#endif
    struct leat_fiber_opts o = {.size = sizeof(o), .stack_size = smallest};
    leat_fiber *f;
    int r = 1;
    assert_int_equal(leat_fiber_start(&f, &o, small_main, &t), 0);
    assert_int_equal(leat_fiber_join(f, &r), 0);
    assert_int_equal(r, 0);
    (void)await(done);
    expect_eq(t.result, LEAT_ETIMEDOUT);
    leat_chan_free(c);
    leat_chan_free(done);
    verdict();
}

static void a_child_of_a_fork_has_no_clock(void **state)
{
    (void)state;
    leat_chan *c = channel(1);
    struct call k, before;
    uint64_t v = 1;
    call_init(&before, NULL);
    assert_int_equal(leat_call_recv_until(&before.call, c, &before.value, leat_in_s(100)), 0);
    pid_t pid = fork();
    if (pid == 0) {
        call_init(&k, NULL);
        bool ok = leat_call_recv_until(&k.call, c, &k.value, leat_in_ms(1)) == LEAT_ENOTSUP;
        ok &= leat_call_cancel(&before.call) == 0 && before.times == 0;
        ok &= k.times == 0 && leat_call_recv(&k.call, c, &k.value) == 0;
        ok &= leat_chan_send(c, &v) == 0 && k.times == 1 && k.value == 1;
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(leat_call_cancel(&before.call), 0);
    leat_chan_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_fiber_may_start_the_clock), /* first */
        cmocka_unit_test(a_deadline_ends_it_and_nothing_was_done),
        cmocka_unit_test(a_value_in_time_or_a_cancel_disarms_it),
        cmocka_unit_test(many_deadlines_in_any_order),
        cmocka_unit_test(a_timer_channel_calls_when_it_is_due),
        cmocka_unit_test(a_select_ends_at_its_deadline_or_a_timer_case),
        cmocka_unit_test(a_child_of_a_fork_has_no_clock),
    };
    return cmocka_run_group_tests_name("callback_time", tests, NULL, NULL);
}
