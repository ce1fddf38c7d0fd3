/* test_end_of_time.c - instants near INT64_MAX, durations that overflow, and a clock that
 * is near the end.
 *
 * inject_clock() moves the engine's clock forward and the kernel's deadlines back. The
 * last instants themselves are left out: after them no clock can tell the time.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "inject.h"
#include "support/op.h"

#define END INT64_MAX

/* ---- far deadlines, the clock as it is ---- */

static void durations_saturate(void **state)
{
    static const int64_t far[] = {END, END - 1, END / 2 + 1, END / 1000 + 1};
    (void)state;
    assert_true(leat_in_ns(END).at_ns == END);
    assert_true(leat_in_ns(END - 1).at_ns == END);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(leat_in_us(far[i]).at_ns == END);
        assert_true(leat_in_ms(far[i]).at_ns == END);
        assert_true(leat_in_s(far[i]).at_ns == END);
        assert_true(leat_in_ns(-far[i]).at_ns == LEAT_NOW.at_ns);
        assert_true(leat_in_us(-far[i]).at_ns == LEAT_NOW.at_ns);
        assert_true(leat_in_ms(-far[i]).at_ns == LEAT_NOW.at_ns);
        assert_true(leat_in_s(-far[i]).at_ns == LEAT_NOW.at_ns);
    }
    assert_true(leat_in_ns(INT64_MIN).at_ns == LEAT_NOW.at_ns);
    assert_true(leat_in_s(INT64_MIN).at_ns == LEAT_NOW.at_ns);
    assert_true(leat_in_ns(0).at_ns == LEAT_NOW.at_ns);
    int64_t room = END - leat_now(); /* the clock goes on: it no longer fits */
    assert_true(leat_in_ns(room).at_ns == END);
    int64_t at = leat_in_ns(room - INT64_C(60000000000)).at_ns;
    assert_true(at < END && at > END - INT64_C(60000000001));
}

static const int64_t past[] = {0, -1, 1, INT64_MIN, INT64_MIN + 1, -END / 2};

/* An instant in the past, and a negative one, is NOW. */
static void try_past(struct actor *a)
{
    leat_chan *c = NULL, *after = NULL;
    uint64_t v = 1;
    (void)a;
    expect_eq(leat_chan_new(&c, sizeof(v), 1), 0);
    for (unsigned i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
        const struct leat_deadline d = leat_at(past[i]);
        struct leat_case k = LEAT_RECV(c, &v);
        leat_sem sem = LEAT_SEM_INIT(0);
        int64_t t = -1;
        int r = leat_chan_recv_until(c, &v, d);
        expect(r == LEAT_EAGAIN || (past[i] > 0 && r == LEAT_ETIMEDOUT));
        r = leat_select(&k, 1, d, 0, NULL);
        expect(r == LEAT_EAGAIN || (past[i] > 0 && r == LEAT_ETIMEDOUT));
        expect_eq(leat_sem_acquire_until(&sem, 1, d), LEAT_ETIMEDOUT);
        expect_eq(leat_sleep_until(d), 0);
        expect_eq(leat_after(&after, d), 0);
        expect_eq(leat_chan_try_recv(after, &t), 0);
        expect(t >= 0 && t <= 1);
        leat_chan_free(after);
    }
    leat_chan_free(c);
}

static void instants_in_the_past_are_now(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        crew_run((enum crew_kind)crew, 2, try_past, NULL);
}

static const int64_t far_at[] = {END, END - 1, END - 2, END - 1000000000, END / 2};
enum { FAR = sizeof(far_at) / sizeof(far_at[0]) };

/* A deadline at the end of time does not pass, and the value comes. */
static void served_before_a_far_deadline(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        for (unsigned i = 0; i < FAR; i++) {
            for (unsigned k = 0; k < 3; k++) {
                leat_chan *c = kind_open(&kinds[k * 2], sizeof(uint64_t));
                struct op o[2];
                uint64_t v = 5;
                for (unsigned n = 0; n < 2; n++)
                    op_start(&o[n], (enum crew_kind)crew, n, c, LEAT_OP_RECV, 0,
                             leat_at(far_at[i]));
                until_parked(c, LEAT_OP_RECV, 2);
                assert_int_equal(leat_chan_send_until(c, &v, leat_at(far_at[i])), 0);
                assert_int_equal(leat_chan_send_until(c, &v, leat_at(far_at[i])), 0);
                for (unsigned n = 0; n < 2; n++)
                    assert_int_equal(op_join(&o[n]), 0);
                leat_chan_free(c);
            }
        }
    }
    verdict();
}

static int sleeps_for_ever(void *arg)
{
    return leat_sleep_until(leat_at(*(const int64_t *)arg));
}

static void fibers_that_sleep_to_the_end_can_be_cancelled(void **state)
{
    (void)state;
    leat_pool *p;
    leat_fiber *f[FAR];
    assert_int_equal(leat_pool_new(&p, NULL), 0);
    for (unsigned i = 0; i < FAR; i++)
        assert_int_equal(leat_pool_go(p, &f[i], sleeps_for_ever, (void *)&far_at[i]), 0);
    assert_int_equal(leat_fiber_join_until(f[0], NULL, leat_in_ms(3)), LEAT_ETIMEDOUT);
    for (unsigned i = 0; i < FAR; i++) {
        int r = 0;
        leat_fiber_cancel(f[i]);
        assert_int_equal(leat_fiber_join_until(f[i], &r, leat_at(END - 1)), 0);
        assert_int_equal(r, LEAT_ECANCELED);
    }
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, leat_at(END - 1)), 0);
}

static void far_timers(struct actor *a)
{
    leat_set *set = NULL;
    leat_chan *t[2 * FAR] = {NULL};
    int64_t v = 7;
    (void)a;
    expect_eq(leat_set_new(&set), 0);
    for (unsigned i = 0; i < FAR; i++) {
        expect_eq(leat_after(&t[i], leat_at(far_at[i])), 0);
        expect_eq(leat_tick(&t[FAR + i], far_at[i]), 0);
    }
    for (unsigned i = 0; i < 2 * FAR; i++) {
        struct leat_case k = LEAT_RECV(t[i], &v);
        expect_eq(leat_chan_try_recv(t[i], &v), LEAT_EAGAIN);
        expect_eq(leat_chan_recv_until(t[i], &v, leat_in_us(200)), LEAT_ETIMEDOUT);
        expect_eq(leat_select(&k, 1, leat_in_us(200), 0, NULL), LEAT_ETIMEDOUT);
        expect_eq(leat_set_add(set, t[i], NULL), 0);
        expect(!leat_chan_closed(t[i]));
    }
    expect_eq(leat_set_wait(set, &v, NULL, NULL, leat_in_us(200)), LEAT_ETIMEDOUT);
    expect_eq(v, 7);
    leat_set_free(set);
    for (unsigned i = 0; i < 2 * FAR; i++)
        leat_chan_free(t[i]);
}

static void timers_at_the_end_of_time_wait(void **state)
{
    (void)state;
    crew_run(CREW_MIXED, 4, far_timers, NULL);
}

/* ---- the clock near the end ---- */

static void clock_before_end(int64_t ns)
{
    inject_clock(0);
    inject_clock(END - ns - leat_now());
}

struct late_work {
    leat_chan *c, *back;
    unsigned n;
};

static void pings(struct actor *a)
{
    struct late_work *w = (struct late_work *)a->arg;
    for (uint64_t i = 0, v; i < w->n; i++) {
        expect_eq(leat_chan_send(w->c, &i), 0);
        expect_eq(leat_chan_recv(w->back, &v), 0);
    }
    leat_chan_close(w->c);
}

static void pongs(struct actor *a)
{
    struct late_work *w = (struct late_work *)a->arg;
    uint64_t v;
    while (leat_chan_recv(w->c, &v) == 0) {
        leat_yield();
        expect_eq(leat_chan_send(w->back, &v), 0);
    }
}

/* Deadlines and timers that come before the end, and some that would come after it. */
static void waits(struct actor *a)
{
    leat_chan *never, *tick;
    int64_t t = 0, last = 0;
    (void)a;
    if (!expect_eq(leat_chan_new(&never, 8, 1), 0) ||
        !expect_eq(leat_tick(&tick, 300000), 0))
        return;
    for (unsigned i = 0; i < 10; i++) {
        int64_t until = leat_in_us(200).at_ns;
        expect(until < END);
        expect_eq(leat_chan_recv_until(never, &t, leat_at(until)), LEAT_ETIMEDOUT);
        expect(leat_now() >= until);
        until = leat_in_us(200).at_ns;
        expect_eq(leat_sleep_until(leat_at(until)), 0);
        expect(leat_now() >= until);
        struct leat_case cs[] = {LEAT_RECV(never, &t), LEAT_RECV(tick, &t)};
        expect_eq(leat_select(cs, 2, leat_in_s(1000), 0, NULL), 0);
        expect(t > last && t <= leat_now());
        last = t;
    }
    expect_eq(leat_in_s(1000).at_ns, END);
    leat_chan_free(never);
    leat_chan_free(tick);
}

static void deadlines_hold_in_the_last_minutes_of_the_clock(void **state)
{
    (void)state;
    static actor_fn *const roles[] = {pings, pongs, waits, waits};
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct late_work w = {.n = (unsigned)support_scale(300)};
        clock_before_end(INT64_C(300000000000));
        assert_int_equal(leat_chan_new(&w.c, 8, 0), 0);
        assert_int_equal(leat_chan_new(&w.back, 8, 1), 0);
        crew_join(crew_start_each((enum crew_kind)crew, 2, 4, roles, 4, &w));
        leat_chan_free(w.c);
        leat_chan_free(w.back);
    }
    inject_clock(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_saturate),
        cmocka_unit_test(instants_in_the_past_are_now),
        cmocka_unit_test(served_before_a_far_deadline),
        cmocka_unit_test(fibers_that_sleep_to_the_end_can_be_cancelled),
        cmocka_unit_test(timers_at_the_end_of_time_wait),
        cmocka_unit_test(deadlines_hold_in_the_last_minutes_of_the_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
