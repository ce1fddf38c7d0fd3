/* test_choice.c - what a select on ready and not ready cases does, alone.
 * SPDX-License-Identifier: MIT */
#include "support/op.h"

static leat_chan *open_cap(size_t cap)
{
    leat_chan *c = NULL;
    assert_int_equal(leat_chan_new(&c, sizeof(uint64_t), cap), 0);
    return c;
}

/* Within 10 sigma of an even share; the seed is the clock's, the bound is wide. */
static void assert_uniform(const unsigned *count, unsigned n, unsigned total)
{
    double mean = (double)total / n, sigma2 = mean * (1.0 - 1.0 / n);
    for (unsigned i = 0; i < n; i++) {
        double d = count[i] - mean;
        assert_true(d * d < 100 * sigma2);
    }
}

static void ready_cases_are_chosen_evenly(void **state)
{
    (void)state;
    enum { N = 7, PICKS = 7000 };
    static const bool ready[N] = {false, true, true, false, false, true, true};
    leat_chan *c[N];
    unsigned count[N] = {0}, live[4], n = 0;
    uint64_t v = 1, got;
    for (unsigned i = 0; i < N; i++) {
        c[i] = open_cap(1 + i % 2);
        if (ready[i])
            assert_int_equal(leat_chan_send(c[i], &v), 0);
    }
    for (unsigned k = 0; k < PICKS; k++) {
        struct leat_case cs[N];
        size_t which = 99;
        for (unsigned i = 0; i < N; i++)
            cs[i] = (struct leat_case)LEAT_RECV(c[i], &got);
        assert_int_equal(leat_select(cs, N, k % 2 ? LEAT_NOW : LEAT_NEVER, 0, &which), 0);
        assert_true(which < N && ready[which]);
        assert_int_equal(cs[which].err, 0);
        count[which]++;
        assert_int_equal(leat_chan_send(c[which], &v), 0);
    }
    for (unsigned i = 0; i < N; i++) {
        if (ready[i])
            live[n++] = count[i];
        leat_chan_free(c[i]);
    }
    assert_uniform(live, n, PICKS);
}

/* Each case is a ticket, not each channel: three cases of one against one of another. */
static void each_case_is_one_ticket(void **state)
{
    (void)state;
    enum { PICKS = 4000 };
    leat_chan *a = open_cap(1), *b = open_cap(1);
    uint64_t v = 1, got;
    unsigned count[4] = {0};
    assert_int_equal(leat_chan_send(a, &v), 0);
    assert_int_equal(leat_chan_send(b, &v), 0);
    for (unsigned k = 0; k < PICKS; k++) {
        struct leat_case cs[4] = {LEAT_RECV(a, &got), LEAT_RECV(a, &got),
                                  LEAT_RECV(b, &got), LEAT_RECV(a, &got)};
        size_t which;
        assert_int_equal(leat_select(cs, 4, LEAT_NEVER, 0, &which), 0);
        count[which]++;
        assert_int_equal(leat_chan_send(which == 2 ? b : a, &v), 0);
    }
    assert_uniform(count, 4, PICKS);
    leat_chan_free(a);
    leat_chan_free(b);
}

/* TestPseudoRandomSend of Go: two sends on one channel, capacity 0 and 100. */
static int pseudo_receiver(void *arg)
{
    leat_chan *c = arg;
    uint64_t v;
    int ones = 0;
    while (leat_chan_recv(c, &v) == 0)
        ones += v == 1;
    return ones;
}

static void sends_are_chosen_evenly_too(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        leat_chan *c = open_cap(round % 2 ? 100 : 0);
        struct lone a;
        uint64_t zero = 0, one = 1;
        lone_start(&a, (enum crew_kind)(round / 2), 1, pseudo_receiver, c);
        for (unsigned i = 0; i < 1000; i++) {
            struct leat_case cs[2] = {LEAT_SEND(c, &one), LEAT_SEND(c, &zero)};
            assert_int_equal(leat_select(cs, 2, LEAT_NEVER, 0, NULL), 0);
        }
        leat_chan_close(c);
        int ones = lone_join(&a);
        /* Parked as a whole, the first registered case is met first: no choice there. */
        assert_true(ones > 100);
        if (round % 2)
            assert_true(ones > 350 && ones < 650);
        leat_chan_free(c);
    }
}

static void priority_takes_the_first_ready(void **state)
{
    (void)state;
    leat_chan *a = open_cap(1), *b = open_cap(1), *e = open_cap(1);
    uint64_t v = 1, got;
    assert_int_equal(leat_chan_send(b, &v), 0);
    assert_int_equal(leat_chan_send(e, &v), 0);
    for (unsigned i = 0; i < 100; i++) {
        struct leat_case cs[3] = {LEAT_RECV(a, &got), LEAT_RECV(b, &got), LEAT_RECV(e, &got)};
        size_t which;
        assert_int_equal(leat_select(cs, 3, LEAT_NEVER, LEAT_PRIORITY, &which), 0);
        assert_int_equal(which, 1);
        assert_int_equal(leat_chan_send(b, &v), 0);
    }
    leat_chan_free(a);
    leat_chan_free(b);
    leat_chan_free(e);
}

static void null_and_empty_cases_are_never_ready(void **state)
{
    (void)state;
    leat_chan *c = open_cap(1);
    uint64_t v = 3, got = 0;
    size_t which = 77;
    struct leat_case cs[3] = {LEAT_RECV(NULL, &got), LEAT_SEND(NULL, &v), LEAT_RECV(c, &got)};
    assert_int_equal(leat_select(NULL, 0, LEAT_NOW, 0, &which), LEAT_EAGAIN);
    assert_int_equal(leat_select(NULL, 0, leat_in_ms(2), 0, &which), LEAT_ETIMEDOUT);
    assert_int_equal(leat_select(cs, 2, LEAT_NOW, 0, &which), LEAT_EAGAIN);
    assert_int_equal(leat_select(cs, 2, leat_in_ms(2), 0, &which), LEAT_ETIMEDOUT);
    assert_int_equal(leat_select(cs, 3, LEAT_NOW, 0, &which), LEAT_EAGAIN);
    assert_int_equal(which, 77);
    assert_int_equal(leat_chan_send(c, &v), 0);
    assert_int_equal(leat_select(cs, 3, LEAT_NEVER, 0, &which), 0);
    assert_int_equal(which, 2);
    assert_int_equal(got, 3);
    leat_chan_free(c);
}

static void closed_cases_are_ready(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 3; cap++) {
        leat_chan *idle = open_cap(cap), *c = open_cap(cap);
        uint64_t v = 3, got = OP_UNTOUCHED;
        size_t which = 9;
        for (uint64_t i = 0; i < cap; i++)
            assert_int_equal(leat_chan_send(c, &i), 0);
        leat_chan_close(c);
        struct leat_case s[2] = {LEAT_RECV(idle, &got), LEAT_SEND(c, &v)};
        assert_int_equal(leat_select(s, 2, LEAT_NOW, 0, &which), 0);
        assert_int_equal(which, 1);
        assert_int_equal(s[1].err, LEAT_ECLOSED);
        struct leat_case r[2] = {LEAT_RECV(c, &got), LEAT_RECV(idle, NULL)};
        for (uint64_t i = 0; i < cap; i++) {
            assert_int_equal(leat_select(r, 2, LEAT_NEVER, 0, &which), 0);
            assert_int_equal(which, 0);
            assert_int_equal(r[0].err, 0);
            assert_int_equal(got, i);
        }
        got = OP_UNTOUCHED;
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(leat_select(r, 2, i ? LEAT_NEVER : LEAT_NOW, 0, &which), 0);
            assert_int_equal(which, 0);
            assert_int_equal(r[0].err, LEAT_ECLOSED);
        }
        assert_true(got == OP_UNTOUCHED);
        leat_chan_free(c);
        leat_chan_free(idle);
    }
}

/* One select with both directions on an unbuffered channel waits: never with itself. */
static void a_select_never_pairs_with_itself(void **state)
{
    (void)state;
    leat_chan *c = open_cap(0);
    uint64_t v = 3, got = OP_UNTOUCHED;
    struct leat_case cs[4] = {LEAT_SEND(c, &v), LEAT_RECV(c, &got), LEAT_RECV(c, &got),
                              LEAT_SEND(c, &v)};
    assert_int_equal(leat_select(cs, 4, LEAT_NOW, 0, NULL), LEAT_EAGAIN);
    assert_int_equal(leat_select(cs, 4, leat_in_ms(5), 0, NULL), LEAT_ETIMEDOUT);
    assert_true(got == OP_UNTOUCHED);
    assert_int_equal(parked(c, LEAT_OP_SEND) + parked(c, LEAT_OP_RECV), 0);
    leat_chan_free(c);
    /* buffered: one of them takes effect, the value is then inside or taken out */
    c = open_cap(1);
    for (unsigned i = 0; i < 100; i++) {
        size_t which, before = leat_chan_len(c);
        struct leat_case one[2] = {LEAT_SEND(c, &v), LEAT_RECV(c, &got)};
        assert_int_equal(leat_select(one, 2, LEAT_NEVER, 0, &which), 0);
        assert_int_equal(which, before);
        assert_int_equal(leat_chan_len(c), 1 - before);
    }
    leat_chan_free(c);
}

static void a_timed_out_select_did_nothing(void **state)
{
    (void)state;
    leat_chan *full = open_cap(2), *empty = open_cap(3), *none = open_cap(0);
    uint64_t v = 5, got = OP_UNTOUCHED;
    size_t which = 42;
    for (uint64_t i = 0; i < 2; i++)
        assert_int_equal(leat_chan_send(full, &i), 0);
    struct leat_case cs[6] = {LEAT_SEND(full, &v), LEAT_RECV(empty, &got),
                              LEAT_SEND(none, &v), LEAT_RECV(none, &got),
                              LEAT_SEND(full, &v), LEAT_RECV(empty, &got)};
    for (unsigned i = 0; i < 20; i++) {
        struct leat_deadline until = leat_in_us(200 * (i % 3));
        int r = leat_select(cs, 6, until, 0, &which);
        assert_int_equal(r, i % 3 ? LEAT_ETIMEDOUT : LEAT_EAGAIN);
        assert_true(leat_now() >= until.at_ns);
    }
    assert_int_equal(leat_select(cs, 6, leat_at(1), 0, &which), LEAT_ETIMEDOUT);
    assert_int_equal(which, 42);
    assert_true(got == OP_UNTOUCHED);
    leat_chan *all[3] = {full, empty, none};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(parked(all[i], LEAT_OP_SEND) + parked(all[i], LEAT_OP_RECV), 0);
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(leat_chan_try_recv(full, &got), 0);
        assert_int_equal(got, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(leat_chan_len(all[i]), 0);
        leat_chan_free(all[i]);
    }
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    leat_chan *c = open_cap(1);
    uint64_t v = 5;
    struct leat_case cs[1] = {LEAT_SEND(c, &v)};
    assert_int_equal(leat_select(NULL, 1, LEAT_NOW, 0, NULL), LEAT_EINVAL);
    assert_int_equal(leat_select(cs, 1, LEAT_NOW, 1u << 30, NULL), LEAT_EINVAL);
    cs[0].op = 2;
    assert_int_equal(leat_select(cs, 1, LEAT_NOW, 0, NULL), LEAT_EINVAL);
    cs[0].op = LEAT_OP_SEND;
    cs[0].elem = NULL;
    assert_int_equal(leat_select(cs, 1, LEAT_NOW, 0, NULL), LEAT_EINVAL);
    assert_int_equal(leat_chan_len(c), 0);
    leat_chan_free(c);
}

static void single_case(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t v = 8, got = 0;
    struct leat_case s = LEAT_SEND(c, &v), r = LEAT_RECV(c, &got);
    size_t which = 3;
    expect_eq(leat_select(&r, 1, LEAT_NOW, 0, &which), LEAT_EAGAIN);
    for (size_t i = 0; k->cap && i < 3; i++) {
        expect_eq(leat_select(&s, 1, LEAT_NOW, 0, &which), 0);
        expect_eq(which, 0);
        expect_eq(leat_select(&r, 1, LEAT_NEVER, 0, &which), 0);
        expect_eq(got, 8);
        got = 0;
    }
    if (kind_bounded(k)) {
        fill(c, k, 0);
        expect_eq(leat_select(&s, 1, LEAT_NOW, 0, &which), LEAT_EAGAIN);
        expect_eq(leat_select(&s, 1, leat_in_us(300), 0, &which), LEAT_ETIMEDOUT);
    }
    leat_chan_close(c);
    expect_eq(leat_select(&s, 1, LEAT_NOW, 0, &which), 0);
    expect_eq(s.err, LEAT_ECLOSED);
    leat_chan_free(c);
}

static void one_case_is_the_plain_operation(void **state)
{
    (void)state;
    each_kind(single_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_cases_are_chosen_evenly),
        cmocka_unit_test(each_case_is_one_ticket),
        cmocka_unit_test(sends_are_chosen_evenly_too),
        cmocka_unit_test(priority_takes_the_first_ready),
        cmocka_unit_test(null_and_empty_cases_are_never_ready),
        cmocka_unit_test(closed_cases_are_ready),
        cmocka_unit_test(a_select_never_pairs_with_itself),
        cmocka_unit_test(a_timed_out_select_did_nothing),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(one_case_is_the_plain_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
