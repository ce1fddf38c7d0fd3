/* test_due.c - an instant that comes while a receiver is about to wait for it is not
 * slept over, nor one that another receiver takes in that moment. Instants so near that
 * they fall between any two looks at the clock. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { PATIENCE_S = 20, NEAR_NS = 1500, SHARERS = 3 };

static void receives_near_instants(struct actor *a)
{
    for (size_t i = 0, n = support_scale(20000); i < n; i++) {
        leat_chan *c = NULL;
        int64_t at = leat_now() + support_below(&a->rng, NEAR_NS), got = 0;
        expect_eq(leat_after(&c, leat_at(at)), 0);
        int r = leat_chan_recv_until(c, &got, leat_in_s(PATIENCE_S));
        leat_chan_free(c);
        if (!expect_eq(r, 0) || !expect_eq(got, at))
            return;
    }
}

static void selects_near_instants(struct actor *a)
{
    for (size_t i = 0, n = support_scale(20000); i < n; i++) {
        leat_chan *c = NULL, *never = NULL;
        int64_t at = leat_now() + support_below(&a->rng, NEAR_NS), got = 0, other;
        size_t which = 9;
        expect_eq(leat_after(&c, leat_at(at)), 0);
        expect_eq(leat_after(&never, LEAT_NEVER), 0);
        struct leat_case cs[2] = {LEAT_RECV(never, &other), LEAT_RECV(c, &got)};
        int r = leat_select(cs, 2, leat_in_s(PATIENCE_S), 0, &which);
        leat_chan_free(c);
        leat_chan_free(never);
        if (!expect_eq(r, 0) || !expect_eq(which, 1) || !expect_eq(got, at))
            return;
    }
}

/* Each by another way, all from one ticker: none gets nothing for long. */
static void shares_a_ticker(struct actor *a)
{
    leat_chan *tick = a->arg;
    leat_set *s = NULL;
    int64_t got;
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, tick, NULL), 0);
    for (size_t i = 0, n = support_scale(5000); i < n; i++) {
        struct leat_deadline until = leat_in_s(PATIENCE_S);
        struct leat_case cs[1] = {LEAT_RECV(tick, &got)};
        int r = a->index % 3 == 0   ? leat_set_wait(s, &got, NULL, NULL, until)
                : a->index % 3 == 1 ? leat_select(cs, 1, until, 0, NULL)
                                    : leat_chan_recv_until(tick, &got, until);
        if (!expect_eq(r, 0))
            break;
    }
    leat_set_free(s);
}

static void an_instant_that_comes_meanwhile_is_not_slept_over(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, receives_near_instants, NULL);
    crew_run(CREW_FIBERS, 1, receives_near_instants, NULL);
    crew_run(CREW_THREADS, 1, selects_near_instants, NULL);
    crew_run(CREW_FIBERS, 1, selects_near_instants, NULL);
}

static void a_tick_that_another_takes_is_not_the_last(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < CREW_KINDS; kind++) {
        leat_chan *tick = NULL;
        assert_int_equal(leat_tick(&tick, 2000), 0);
        crew_run((enum crew_kind)kind, SHARERS, shares_a_ticker, tick);
        leat_chan_free(tick);
    }
}

/* A timer, an idle channel and a value that comes and goes: the timer's case is taken
 * in the end although the select never stays the same. */
static void hopper(struct actor *a)
{
    leat_chan *c = (leat_chan *)a->arg, *timer = NULL;
    size_t which = 9;
    uint64_t v = 0;
    int64_t t;
    unsigned seen = 0;
    expect_eq(leat_after(&timer, leat_in_ms(2)), 0);
    struct leat_deadline end = leat_in_s(60);
    while (which != 1 && leat_now() < end.at_ns) {
        struct leat_case cs[3] = {LEAT_RECV(c, &v), LEAT_RECV(timer, &t),
                                  LEAT_RECV(NULL, &v)};
        int r = leat_select(cs, 3, seen % 3 ? leat_in_us(50) : LEAT_NEVER, 0, &which);
        expect(r == 0 || r == LEAT_ETIMEDOUT);
        if (r != 0)
            which = 9;
        else
            expect_eq(cs[which].err, 0);
        seen++;
        if (which == 0)
            expect_eq(leat_chan_send(c, &v), 0);
    }
    expect_eq(which, 1);
    leat_chan_free(timer);
}

static void hop(const struct kind *k, enum crew_kind crew)
{
    uint64_t v = 4;
    if (!k->cap)
        return;
    leat_chan *c = kind_open(k, 8);
    expect_eq(leat_chan_send(c, &v), 0);
    crew_run(crew, kind_allows(k, 2, 2) ? 2 : 1, hopper, c);
    expect_eq(leat_chan_len(c), 1);
    leat_chan_free(c);
}

static void a_busy_case_does_not_hide_a_timer(void **state)
{
    (void)state;
    each_kind_and_crew(hop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant_that_comes_meanwhile_is_not_slept_over),
        cmocka_unit_test(a_tick_that_another_takes_is_not_the_last),
        cmocka_unit_test(a_busy_case_does_not_hide_a_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
