/* test_callback.c - operations that call a function when they are over: they are waiters
 * like any other. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "calls.h"

static void at_once(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    struct call s, r;
    if (k->cap == 0) {
        call_send(&s, c, 7);
        expect_eq(s.times, 0);
        call_recv(&r, c);
    } else {
        call_send(&s, c, 7);
        call_was(&s, 0, 7);
        call_recv(&r, c);
    }
    call_was(&s, 0, 7);
    call_was(&r, 0, 7);
    leat_chan_free(c);
}

static void what_is_ready_is_over_before_the_start_returns(void **state)
{
    (void)state;
    each_kind(at_once);
}

/* Callbacks and blocked actors in turn: served in the order of their coming. */
static void queue(const struct kind *k, enum crew_kind crew)
{
    leat_chan *c = kind_open(k, 8);
    struct call r[3];
    struct op o[3];
    if (kind_allows(k, 1, 6)) {
        for (unsigned i = 0; i < 3; i++) {
            call_recv(&r[i], c);
            op_park(&o[i], crew, i, c, LEAT_OP_RECV, 0, 2 * i + 2);
        }
        for (uint64_t v = 0; v < 6; v++)
            expect_eq(leat_chan_send(c, &v), 0);
        /* An actor that is about to sleep may be the one who serves a callback. */
        for (unsigned i = 0; i < 3; i++)
            expect_eq(op_join(&o[i]), 0);
        for (unsigned i = 0; i < 3; i++) {
            call_was(&r[i], 0, 2 * i);
            expect_eq(o[i].value, 2 * i + 1);
        }
    }
    expect_eq(parked(c, LEAT_OP_RECV), 0);
    leat_chan_free(c);
}

static void receives_stand_in_line_with_actors(void **state)
{
    (void)state;
    each_kind_and_crew(queue);
}

static void sends_wait_for_room(const struct kind *k, enum crew_kind crew)
{
    leat_chan *c = kind_open(k, 8);
    struct call s[2];
    struct op o;
    uint64_t inside, got;
    if (kind_bounded(k) && kind_allows(k, 3, 1)) {
        inside = fill(c, k, 0);
        call_send(&s[0], c, inside);
        op_park(&o, crew, 1, c, LEAT_OP_SEND, inside + 1, 2);
        call_send(&s[1], c, inside + 2);
        expect_eq(s[0].times + s[1].times, 0);
        for (uint64_t v = 0; v < inside + 3; v++) {
            expect_eq(leat_chan_recv(c, &got), 0);
            expect_eq(got, v);
        }
        expect_eq(op_join(&o), 0); /* as above */
        call_was(&s[0], 0, inside);
        call_was(&s[1], 0, inside + 2);
    }
    leat_chan_free(c);
}

static void sends_stand_in_line_with_actors(void **state)
{
    (void)state;
    each_kind_and_crew(sends_wait_for_room);
}

static void closing(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    struct call r[2], s[2];
    uint64_t got, inside;
    unsigned n = kind_allows(k, 1, 2) ? 2 : 1;
    for (unsigned i = 0; i < n; i++)
        call_recv(&r[i], c);
    expect_eq(leat_chan_close(c), 0);
    for (unsigned i = 0; i < n; i++)
        call_was(&r[i], LEAT_ECLOSED, OP_UNTOUCHED);
    call_send(&s[0], c, 1);
    call_was(&s[0], LEAT_ECLOSED, 1);
    leat_chan_free(c);
    if (!kind_bounded(k))
        return;
    /* A send that waits at the close is still delivered; at a cancel it is refused. */
    c = kind_open(k, 8);
    inside = fill(c, k, 0);
    call_send(&s[0], c, inside);
    expect_eq(leat_chan_close(c), 0);
    for (uint64_t v = 0; v <= inside; v++) {
        expect_eq(leat_chan_recv(c, &got), 0);
        expect_eq(got, v);
    }
    call_was(&s[0], 0, inside);
    leat_chan_free(c);
    c = kind_open(k, 8);
    (void)fill(c, k, 0);
    call_send(&s[1], c, 5);
    expect_eq(leat_chan_cancel(c), 0);
    call_was(&s[1], LEAT_ECLOSED, 5);
    expect_eq(parked(c, LEAT_OP_SEND), 0);
    leat_chan_free(c);
}

static void close_and_cancel_end_them_as_any_waiter(void **state)
{
    (void)state;
    each_kind(closing);
}

static void withdrawn(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    struct call r[3];
    uint64_t v = 9;
    call_init(&r[0], NULL);
    expect_eq(leat_call_cancel(&r[0].call), LEAT_EALREADY);
    unsigned n = kind_allows(k, 1, 3) ? 3 : 1;
    for (unsigned i = 0; i < n; i++)
        call_recv(&r[i], c);
    expect_eq(leat_call_recv(&r[0].call, c, &v), LEAT_EBUSY);
    expect_eq(leat_call_cancel(&r[n / 2].call), 0);
    expect_eq(parked(c, LEAT_OP_RECV), n - 1);
    for (unsigned i = 0; i + 1 < n; i++)
        expect_eq(leat_chan_send(c, &v), 0);
    for (unsigned i = 0; i < n; i++) {
        if (i == n / 2) {
            expect_eq(r[i].times, 0);
            expect_eq(r[i].value, OP_UNTOUCHED);
        } else {
            call_was(&r[i], 0, 9);
        }
        expect_eq(leat_call_cancel(&r[i].call), LEAT_EALREADY);
    }
    expect_eq(leat_chan_len(c), 0);
    /* The memory is as good as new. */
    expect_eq(leat_call_recv(&r[n / 2].call, c, &r[n / 2].value), 0);
    expect_eq(leat_chan_close(c), 0);
    call_was(&r[n / 2], LEAT_ECLOSED, OP_UNTOUCHED);
    leat_chan_free(c);
}

static void a_cancelled_one_did_nothing_and_is_never_called(void **state)
{
    (void)state;
    each_kind(withdrawn);
}

static void what_cannot_be_started_is_refused(void **state)
{
    (void)state;
    leat_chan *c = kind_open(&kinds[4], 8);
    struct call k;
    uint64_t v = 1;
    call_init(&k, NULL);
    assert_int_equal(leat_call_recv(NULL, c, &v), LEAT_EINVAL);
    assert_int_equal(leat_call_recv(&k.call, NULL, &v), LEAT_EINVAL);
    assert_int_equal(leat_call_send(&k.call, c, NULL), LEAT_EINVAL);
    assert_int_equal(leat_call_select(&k.call, NULL, 1, LEAT_NEVER, 0), LEAT_EINVAL);
    assert_int_equal(leat_call_select(&k.call, NULL, 0, LEAT_NEVER, 8), LEAT_EINVAL);
    assert_int_equal(leat_call_cancel(NULL), LEAT_EINVAL);
    struct leat_case cs[] = {LEAT_SEND(c, NULL)};
    assert_int_equal(leat_call_select(&k.call, cs, 1, LEAT_NEVER, 0), LEAT_EINVAL);
    assert_int_equal(k.times, 0);
    /* ... and can be started afterwards. NULL discards. */
    assert_int_equal(leat_call_recv(&k.call, c, NULL), 0);
    assert_int_equal(leat_chan_send(c, &v), 0);
    call_was(&k, 0, OP_UNTOUCHED);
    leat_chan_free(c);
    verdict();
}

/* --- select --- */

static void each_case(const struct kind *k)
{
    for (unsigned which = 0; which < 3; which++) {
        leat_chan *c[3];
        uint64_t got[2] = {0}, out = 50, v = 7;
        struct call s;
        for (unsigned i = 0; i < 3; i++)
            c[i] = kind_open(k, 8);
        uint64_t inside = kind_bounded(k) ? fill(c[2], k, 0) : 0;
        struct leat_case cs[] = {LEAT_RECV(c[0], &got[0]), LEAT_RECV(NULL, NULL),
                                 LEAT_RECV(c[1], &got[1]), LEAT_SEND(c[2], &out)};
        size_t n = kind_bounded(k) ? 4 : 3, want = which == 0 ? 0 : which + 1;
        if (!kind_bounded(k) && which == 2)
            which = want = 0;
        call_init(&s, NULL);
        expect_eq(leat_call_select(&s.call, cs, n, LEAT_NEVER, 0), 0);
        expect_eq(s.times, 0);
        expect_eq(parked(c[0], LEAT_OP_RECV), 1);
        if (which < 2)
            expect_eq(leat_chan_send(c[which], &v), 0);
        else
            expect_eq(leat_chan_recv(c[2], &v), 0);
        call_was(&s, 0, OP_UNTOUCHED);
        expect_eq(leat_call_which(&s.call), want);
        expect_eq(cs[want].err, 0);
        if (which < 2)
            expect_eq(got[which], 7);
        for (unsigned i = 0; i < 3; i++)
            expect_eq(parked(c[i], LEAT_OP_RECV) + parked(c[i], LEAT_OP_SEND), 0);
        if (kind_bounded(k))
            expect_eq(leat_chan_len(c[2]), inside);
        for (unsigned i = 0; i < 3; i++)
            leat_chan_free(c[i]);
        if (n == 3 && want == 0 && which == 0 && v == 7 && !kind_bounded(k))
            break;
    }
}

static void one_case_takes_effect_and_the_losers_leave(void **state)
{
    (void)state;
    each_kind(each_case);
}

static void a_select_that_is_ready_or_closed_or_never(void **state)
{
    (void)state;
    leat_chan *a = kind_open(&kinds[3], 8), *b = kind_open(&kinds[3], 8);
    uint64_t v = 3, got = 0;
    struct leat_case cs[] = {LEAT_RECV(a, &got), LEAT_RECV(b, &got)};
    struct call s;
    assert_int_equal(leat_chan_send(b, &v), 0);
    call_init(&s, NULL);
    assert_int_equal(leat_call_select(&s.call, cs, 2, LEAT_NEVER, LEAT_PRIORITY), 0);
    call_was(&s, 0, OP_UNTOUCHED);
    assert_int_equal(leat_call_which(&s.call), 1);
    assert_int_equal(got, 3);
    assert_int_equal(leat_call_select(&s.call, cs, 2, LEAT_NOW, 0), 0);
    assert_int_equal(s.result, LEAT_EAGAIN);
    assert_int_equal(s.times, 2);
    /* pending, cancelled */
    assert_int_equal(leat_call_select(&s.call, cs, 2, LEAT_NEVER, 0), 0);
    assert_int_equal(parked(a, LEAT_OP_RECV) + parked(b, LEAT_OP_RECV), 2);
    assert_int_equal(leat_call_cancel(&s.call), 0);
    assert_int_equal(parked(a, LEAT_OP_RECV) + parked(b, LEAT_OP_RECV), 0);
    assert_int_equal(s.times, 2);
    /* pending, closed */
    assert_int_equal(leat_call_select(&s.call, cs, 2, LEAT_NEVER, 0), 0);
    leat_chan_close(a);
    assert_int_equal(s.times, 3);
    assert_int_equal(s.result, 0);
    assert_int_equal(leat_call_which(&s.call), 0);
    assert_int_equal(cs[0].err, LEAT_ECLOSED);
    assert_int_equal(parked(b, LEAT_OP_RECV), 0);
    /* nothing to wait for */
    assert_int_equal(leat_call_select(&s.call, NULL, 0, LEAT_NEVER, 0), 0);
    assert_int_equal(leat_call_cancel(&s.call), 0);
    assert_int_equal(leat_call_cancel(&s.call), LEAT_EALREADY);
    assert_int_equal(s.times, 3);
    leat_chan_free(a);
    leat_chan_free(b);
    verdict();
}

/* Two selects with callbacks over the same two channels, crosswise: they meet. */
static void selects_with_callbacks_meet_each_other(void **state)
{
    (void)state;
    leat_chan *a = kind_open(&kinds[0], 8), *b = kind_open(&kinds[0], 8);
    uint64_t out = 5, got = 0;
    struct leat_case x[] = {LEAT_SEND(a, &out), LEAT_SEND(b, &out)};
    struct leat_case y[] = {LEAT_RECV(b, &got), LEAT_RECV(a, &got)};
    struct call s, r;
    call_init(&s, NULL);
    call_init(&r, NULL);
    assert_int_equal(leat_call_select(&s.call, x, 2, LEAT_NEVER, 0), 0);
    assert_int_equal(leat_call_select(&r.call, y, 2, LEAT_NEVER, 0), 0);
    call_was(&s, 0, OP_UNTOUCHED);
    call_was(&r, 0, OP_UNTOUCHED);
    assert_int_equal(got, 5);
    assert_int_equal(leat_call_which(&s.call) + leat_call_which(&r.call), 1);
    for (unsigned dir = 0; dir < 2; dir++)
        assert_int_equal(parked(a, dir) + parked(b, dir), 0);
    leat_chan_free(a);
    leat_chan_free(b);
    verdict();
}

/* --- streams --- */

struct stream {
    leat_sem inside, go;
    int64_t n;
};

static int next_number(void *arg, void *ret)
{
    struct stream *s = arg;
    if (s->n == 0) { /* the first one takes until it is let go */
        leat_sem_release(&s->inside, 1);
        expect_eq(leat_sem_acquire(&s->go, 1), 0);
    }
    if (s->n == 3)
        return LEAT_ECLOSED;
    *(int64_t *)ret = s->n++;
    return 0;
}

/* While an actor is inside the function two calls wait for their turn; then they have it
 * on the actor's stack. */
static void calls_take_their_turns_at_a_stream(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_MIXED; crew++) {
        struct stream s = {.n = 0};
        const struct leat_source_opts o = {
            .size = sizeof(o), .elem_size = 8, .next = next_number, .arg = &s};
        struct op a;
        struct call k[2], sel, last;
        leat_chan *c;
        uint64_t got = OP_UNTOUCHED;
        leat_sem_init(&s.inside, 0);
        leat_sem_init(&s.go, 0);
        assert_int_equal(leat_source_new(&c, &o), 0);
        op_start(&a, (enum crew_kind)crew, 0, c, LEAT_OP_RECV, 0, LEAT_NEVER);
        assert_int_equal(leat_sem_acquire(&s.inside, 1), 0);
        call_recv(&k[0], c);
        struct leat_case cs[] = {LEAT_RECV(c, &got)};
        call_init(&sel, NULL);
        assert_int_equal(leat_call_select(&sel.call, cs, 1, LEAT_NEVER, 0), 0);
        call_recv(&k[1], c);
        expect_eq(k[0].times + k[1].times + sel.times, 0);
        leat_sem_release(&s.go, 1);
        expect_eq(op_join(&a), 0);
        expect_eq(a.value, 0);
        call_was(&k[0], 0, 1);
        call_was(&sel, 0, OP_UNTOUCHED);
        expect_eq(got, 2);
        call_was(&k[1], LEAT_ECLOSED, OP_UNTOUCHED);
        call_recv(&last, c);
        call_was(&last, LEAT_ECLOSED, OP_UNTOUCHED);
        leat_chan_free(c);
        verdict();
    }
}

/* 100,000 on idle channels: no allocation, each at most 160 bytes, each can leave. */
static void waiting_ones_cost_their_own_memory_only(void **state)
{
    (void)state;
    assert_true(sizeof(leat_call) <= 160);
    size_t n = support_scale(100000);
    struct call *k = calloc(n, sizeof(*k));
    leat_chan *c[10];
    for (unsigned i = 0; i < 10; i++)
        c[i] = kind_open(&kinds[i % 2 ? 0 : 6], 8);
    uint64_t before = support_mallocs();
    for (size_t i = 0; i < n; i++)
        call_recv(&k[i], c[i % 10]);
    for (size_t i = 0; i < n; i += 2)
        expect_eq(leat_call_cancel(&k[i].call), 0);
    if (support_mallocs_counted())
        assert_int_equal(support_mallocs(), before);
    unsigned left = 0;
    for (unsigned i = 0; i < 10; i++) {
        left += parked(c[i], LEAT_OP_RECV);
        leat_chan_close(c[i]);
        leat_chan_free(c[i]);
    }
    assert_int_equal(left, n / 2);
    for (size_t i = 0; i < n; i++)
        expect_eq(k[i].times, i % 2);
    free(k);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ready_is_over_before_the_start_returns),
        cmocka_unit_test(receives_stand_in_line_with_actors),
        cmocka_unit_test(sends_stand_in_line_with_actors),
        cmocka_unit_test(close_and_cancel_end_them_as_any_waiter),
        cmocka_unit_test(a_cancelled_one_did_nothing_and_is_never_called),
        cmocka_unit_test(what_cannot_be_started_is_refused),
        cmocka_unit_test(one_case_takes_effect_and_the_losers_leave),
        cmocka_unit_test(a_select_that_is_ready_or_closed_or_never),
        cmocka_unit_test(selects_with_callbacks_meet_each_other),
        cmocka_unit_test(calls_take_their_turns_at_a_stream),
        cmocka_unit_test(waiting_ones_cost_their_own_memory_only),
    };
    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
