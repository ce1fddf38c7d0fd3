/* test_timer.c - channels that deliver the time. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { MS = 1000000 };

static int64_t recv_time(leat_chan *c, struct leat_deadline until, int *ret)
{
    int64_t t = -1;
    *ret = leat_chan_recv_until(c, &t, until);
    return t;
}

static void one_after(struct actor *a)
{
    leat_chan *c = NULL;
    int r;
    (void)a;
    for (int64_t ns = -5 * MS; ns <= 10 * MS; ns += 5 * MS) {
        int64_t at = leat_now() + ns;
        expect_eq(leat_after(&c, leat_at(at)), 0);
        expect_eq(leat_chan_elem_size(c), sizeof(int64_t));
        int64_t none = 77;
        if (ns > 0 && leat_now() < at - MS)
            expect_eq(leat_chan_try_recv(c, &none), LEAT_EAGAIN);
        expect_eq(none, 77);
        int64_t t = recv_time(c, LEAT_NEVER, &r);
        expect_eq(r, 0);
        expect_eq(t, at);
        expect(leat_now() >= at);
        for (unsigned i = 0; i < 3; i++)
            expect_eq(leat_chan_recv(c, &none), LEAT_ECLOSED);
        expect_eq(leat_chan_try_recv(c, &none), LEAT_ECLOSED);
        leat_chan_free(c);
    }
}

static void after_delivers_its_instant_once(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, one_after, NULL);
    crew_run(CREW_FIBERS, 3, one_after, NULL);
}

static void ticker(struct actor *a)
{
    const int64_t period = 2 * MS;
    leat_chan *c = NULL;
    (void)a;
    int64_t before = leat_now();
    expect_eq(leat_tick(&c, period), 0);
    int64_t later = leat_now(), first = -1, last = 0;
    for (int i = 0; i < 8; i++) {
        int r;
        int64_t t = recv_time(c, LEAT_NEVER, &r);
        expect_eq(r, 0);
        expect(leat_now() >= t);
        if (first < 0)
            first = t - (t - before) / period * period + period;
        /* no drift: always a multiple of the period after the start */
        expect_eq((t - first) % period, 0);
        expect(t > last);
        last = t;
    }
    expect(first >= before + period && first <= later + 2 * period);
    leat_chan_free(c);
}

static void ticks_do_not_drift(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, ticker, NULL);
    crew_run(CREW_FIBERS, 3, ticker, NULL);
}

static void slow_reader(struct actor *a)
{
    const int64_t period = 3 * MS;
    leat_chan *c = NULL;
    int r;
    (void)a;
    expect_eq(leat_tick(&c, period), 0);
    for (int i = 0; i < 3; i++) {
        expect_eq(leat_sleep_ns(10 * period), 0);
        int64_t before = leat_now();
        int64_t t = recv_time(c, LEAT_NEVER, &r), after = leat_now();
        expect_eq(r, 0);
        expect(t > before - period && t <= after); /* the newest one due, not the oldest */
        int64_t next = recv_time(c, LEAT_NEVER, &r);
        expect_eq((next - t) % period, 0);
        expect(next > t); /* once: what was missed does not pile up */
        expect(leat_now() >= next);
    }
    leat_chan_free(c);
}

static void a_slow_reader_gets_the_newest_tick_once(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, slow_reader, NULL);
    crew_run(CREW_FIBERS, 2, slow_reader, NULL);
}

static void selecting(struct actor *a)
{
    leat_chan *c = NULL, *t1 = NULL, *t2 = NULL;
    (void)a;
    expect_eq(leat_chan_new(&c, 8, 0), 0);
    for (int i = 0; i < 3; i++) {
        int64_t at = leat_now() + 4 * MS, got = 0, v = 0;
        size_t which = 9;
        expect_eq(leat_after(&t1, leat_at(at)), 0);
        expect_eq(leat_after(&t2, leat_at(at + 3000 * (int64_t)MS)), 0);
        struct leat_case cs[4] = {LEAT_RECV(t2, &v), LEAT_RECV(c, &v), LEAT_RECV(t1, &got),
                                  LEAT_SEND(c, &v)};
        /* before its time neither, unless the machine is so busy that it has come */
        int r = leat_select(cs, 4, LEAT_NOW, 0, &which);
        if (r != 0 && expect_eq(r, LEAT_EAGAIN))
            r = leat_select(cs, 4, leat_in_us(300), 0, &which);
        if (r != 0 && expect_eq(r, LEAT_ETIMEDOUT))
            r = leat_select(cs, 4, LEAT_NEVER, 0, &which);
        expect_eq(r, 0);
        expect_eq(which, 2);
        expect_eq(got, at);
        expect(leat_now() >= at);
        leat_chan_free(t1);
        leat_chan_free(t2);
    }
    leat_chan_free(c);
}

static void a_timer_is_a_case_of_a_select(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, selecting, NULL);
    crew_run(CREW_FIBERS, 2, selecting, NULL);
}

static void timers_in_a_set_come_in_order(void **state)
{
    (void)state;
    enum { N = 20 };
    leat_chan *c[N], *which;
    leat_set *s;
    int64_t start = leat_now(), last = 0, t;
    assert_int_equal(leat_set_new(&s), 0);
    for (unsigned i = 0; i < N; i++) {
        int64_t at = start + (int64_t)(5 + (i * 7) % N) * MS;
        assert_int_equal(leat_after(&c[i], leat_at(at)), 0);
        assert_int_equal(leat_set_add(s, c[i], &c[i]), 0);
    }
    unsigned values = 0, closes = 0;
    while (closes < N) {
        int r = leat_set_wait(s, &t, &which, NULL, leat_in_s(20));
        if (r == LEAT_ECLOSED) {
            closes++;
            continue;
        }
        assert_int_equal(r, 0);
        assert_true(leat_now() >= t);
        assert_true(t >= start);
        last = t > last ? t : last;
        values++;
    }
    assert_int_equal(values, N);
    assert_int_equal(last, start + (int64_t)(5 + N - 1) * MS);
    leat_set_free(s);
    for (unsigned i = 0; i < N; i++)
        leat_chan_free(c[i]);
}

static void one_of_many_receivers_gets_it(void **state)
{
    (void)state;
    enum { N = 5 };
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        leat_chan *c;
        struct op o[N];
        int64_t at = leat_now() + 10 * MS;
        unsigned got = 0;
        assert_int_equal(leat_after(&c, leat_at(at)), 0);
        for (unsigned i = 0; i < N; i++)
            op_start(&o[i], (enum crew_kind)crew, i, c, LEAT_OP_RECV, 0, LEAT_NEVER);
        for (unsigned i = 0; i < N; i++) {
            int r = op_join(&o[i]);
            assert_true(r == 0 || r == LEAT_ECLOSED);
            if (r == 0)
                assert_int_equal(o[i].value, at);
            got += r == 0;
        }
        assert_int_equal(got, 1);
        leat_chan_free(c);
    }
}

static void closed_early_it_says_so(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        leat_chan *c, *t;
        struct op o, p;
        int64_t v = 0;
        assert_int_equal(leat_after(&c, leat_in_s(1000)), 0);
        assert_int_equal(leat_tick(&t, INT64_MAX / 4), 0);
        assert_int_equal(leat_chan_send(c, &v), LEAT_ENOTSUP);
        assert_int_equal(leat_chan_try_send(t, &v), LEAT_ENOTSUP);
        op_park(&o, (enum crew_kind)crew, 0, c, LEAT_OP_RECV, 0, 1);
        op_park(&p, (enum crew_kind)crew, 1, t, LEAT_OP_RECV, 0, 1);
        assert_int_equal(leat_chan_close(c), 0);
        assert_int_equal(leat_chan_close(c), LEAT_EALREADY);
        assert_int_equal(leat_chan_cancel(t), 0);
        assert_int_equal(op_join(&o), LEAT_ECLOSED);
        assert_int_equal(op_join(&p), LEAT_ECLOSED);
        assert_int_equal(leat_chan_recv(c, &v), LEAT_ECLOSED);
        leat_chan_free(c);
        leat_chan_free(t);
        verdict();
    }
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    leat_chan *c = NULL;
    int64_t v = 5;
    assert_int_equal(leat_after(NULL, LEAT_NOW), LEAT_EINVAL);
    assert_int_equal(leat_tick(NULL, 5), LEAT_EINVAL);
    assert_int_equal(leat_tick(&c, 0), LEAT_EINVAL);
    assert_int_equal(leat_tick(&c, -1), LEAT_EINVAL);
    assert_int_equal(leat_tick(&c, INT64_MIN), LEAT_EINVAL);
    assert_null(c);
    assert_int_equal(leat_after(&c, LEAT_NEVER), 0);
    assert_int_equal(leat_chan_try_recv(c, &v), LEAT_EAGAIN);
    assert_int_equal(leat_chan_recv_until(c, &v, leat_in_ms(2)), LEAT_ETIMEDOUT);
    leat_chan_free(c);
    assert_int_equal(leat_tick(&c, INT64_MAX), 0);
    assert_int_equal(leat_chan_recv_until(c, &v, leat_in_ms(2)), LEAT_ETIMEDOUT);
    leat_chan_free(c);
    assert_int_equal(leat_after(&c, LEAT_NOW), 0);
    assert_int_equal(leat_chan_try_recv(c, &v), 0);
    assert_int_equal(leat_chan_try_recv(c, &v), LEAT_ECLOSED);
    leat_chan_free(c);
    assert_int_equal(v <= leat_now(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_delivers_its_instant_once),
        cmocka_unit_test(ticks_do_not_drift),
        cmocka_unit_test(a_slow_reader_gets_the_newest_tick_once),
        cmocka_unit_test(a_timer_is_a_case_of_a_select),
        cmocka_unit_test(timers_in_a_set_come_in_order),
        cmocka_unit_test(one_of_many_receivers_gets_it),
        cmocka_unit_test(closed_early_it_says_so),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
