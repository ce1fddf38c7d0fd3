/* test_parked.c - a select that waits: woken by any case, exactly one takes effect, the
 * losing entries leave nothing behind. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { MAX_CASES = 8 };

struct sel {
    struct lone actor;
    struct leat_case cs[MAX_CASES];
    size_t n, which;
    struct leat_deadline until;
    uint64_t got[MAX_CASES], put[MAX_CASES];
};

static int sel_main(void *arg)
{
    struct sel *s = (struct sel *)arg;
    return leat_select(s->cs, s->n, s->until, 0, &s->which);
}

static void sel_add(struct sel *s, leat_chan *c, unsigned dir, uint64_t v)
{
    size_t i = s->n++;
    s->put[i] = v;
    s->got[i] = OP_UNTOUCHED;
    if (dir == LEAT_OP_SEND)
        s->cs[i] = (struct leat_case)LEAT_SEND(c, &s->put[i]);
    else
        s->cs[i] = (struct leat_case)LEAT_RECV(c, &s->got[i]);
}

static bool is_parked(const leat_chan *c)
{
    return parked(c, LEAT_OP_SEND) || parked(c, LEAT_OP_RECV);
}

/* Waits for its end and returns the case; checks that only that one did something. */
static size_t sel_join(struct sel *s)
{
    expect_eq(lone_join(&s->actor), 0);
    for (size_t i = 0; i < s->n; i++)
        if (i != s->which)
            expect(s->got[i] == OP_UNTOUCHED);
    return s->which;
}

/* Parks a select on three channels of the kind, receives on even, sends on odd ones
 * (full); then makes each of them ready in turn. */
static void by_any(const struct kind *k, enum crew_kind crew)
{
    for (size_t winner = 0; winner < 4; winner++) {
        leat_chan *c[4];
        struct sel s = {.until = LEAT_NEVER};
        uint64_t v = 500, got;
        bool bounded = kind_bounded(k);
        for (unsigned i = 0; i < 4; i++) {
            c[i] = kind_open(k, sizeof(uint64_t));
            unsigned dir = i % 2 && bounded ? LEAT_OP_SEND : LEAT_OP_RECV;
            if (dir == LEAT_OP_SEND)
                fill(c[i], k, 0);
            sel_add(&s, c[i], dir, 100 + i);
        }
        lone_start(&s.actor, crew, 1, sel_main, &s);
        for (unsigned i = 0; i < 4; i++)
            until_parked(c[i], s.cs[i].op, 1);
        if (s.cs[winner].op == LEAT_OP_RECV)
            expect_eq(leat_chan_try_send(c[winner], &v), 0);
        else
            expect_eq(leat_chan_try_recv(c[winner], &got), 0);
        expect_eq(sel_join(&s), winner);
        expect_eq(s.cs[winner].err, 0);
        if (s.cs[winner].op == LEAT_OP_RECV)
            expect_eq(s.got[winner], 500);
        else
            expect_eq(leat_chan_len(c[winner]), k->cap);
        for (unsigned i = 0; i < 4; i++) {
            expect(!is_parked(c[i]));
            leat_chan_free(c[i]);
        }
    }
}

static void any_case_wakes_it(void **state)
{
    (void)state;
    each_kind_and_crew(by_any);
}

static void by_close(const struct kind *k, enum crew_kind crew)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        for (int cancel = 0; cancel < 2; cancel++) {
            if (dir == LEAT_OP_SEND && (!kind_bounded(k) || !cancel))
                continue; /* a send that waits is delivered after a close */
            leat_chan *c = kind_open(k, sizeof(uint64_t)), *idle = kind_open(k, 8);
            struct sel s = {.until = LEAT_NEVER};
            if (dir == LEAT_OP_SEND)
                fill(c, k, 0);
            sel_add(&s, idle, LEAT_OP_RECV, 0);
            sel_add(&s, c, dir, 3);
            lone_start(&s.actor, crew, 1, sel_main, &s);
            until_parked(c, dir, 1);
            expect_eq(cancel ? leat_chan_cancel(c) : leat_chan_close(c), 0);
            expect_eq(sel_join(&s), 1);
            expect_eq(s.cs[1].err, LEAT_ECLOSED);
            expect(!is_parked(idle));
            expect(!is_parked(c));
            leat_chan_free(c);
            leat_chan_free(idle);
        }
    }
}

static void close_and_cancel_wake_it(void **state)
{
    (void)state;
    each_kind_and_crew(by_close);
}

static void close_then_receive(const struct kind *k, enum crew_kind crew)
{
    if (!kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *idle = kind_open(k, 8);
    struct sel s = {.until = LEAT_NEVER};
    uint64_t inside = fill(c, k, 0), got;
    sel_add(&s, c, LEAT_OP_SEND, inside);
    sel_add(&s, idle, LEAT_OP_RECV, 0);
    lone_start(&s.actor, crew, 1, sel_main, &s);
    until_parked(c, LEAT_OP_SEND, 1);
    until_parked(idle, LEAT_OP_RECV, 1);
    expect_eq(leat_chan_close(c), 0);
    for (uint64_t i = 0; i <= inside; i++) {
        expect_eq(leat_chan_recv(c, &got), 0);
        expect_eq(got, i);
    }
    expect_eq(leat_chan_recv(c, &got), LEAT_ECLOSED);
    expect_eq(sel_join(&s), 0);
    expect_eq(s.cs[0].err, 0);
    leat_chan_free(c);
    leat_chan_free(idle);
}

static void a_send_that_waited_at_close_is_delivered(void **state)
{
    (void)state;
    each_kind_and_crew(close_then_receive);
}

/* The waiting send of a closed channel's select is taken elsewhere: it is drained. */
static void close_then_other(const struct kind *k, enum crew_kind crew)
{
    if (!kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *other = kind_open(k, 8);
    struct sel s = {.until = LEAT_NEVER};
    uint64_t inside = fill(c, k, 0), got, v = 7;
    sel_add(&s, c, LEAT_OP_SEND, inside);
    sel_add(&s, other, LEAT_OP_RECV, 0);
    lone_start(&s.actor, crew, 1, sel_main, &s);
    until_parked(c, LEAT_OP_SEND, 1);
    until_parked(other, LEAT_OP_RECV, 1);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(leat_chan_try_send(other, &v), 0);
    expect_eq(sel_join(&s), 1);
    for (uint64_t i = 0; i < inside; i++)
        expect_eq(leat_chan_recv(c, &got), 0);
    expect_eq(leat_chan_recv(c, &got), LEAT_ECLOSED);
    leat_chan_free(c);
    leat_chan_free(other);
}

static void a_send_that_lost_after_close_leaves_it_drained(void **state)
{
    (void)state;
    each_kind_and_crew(close_then_other);
}

/* TestSelectDuplicateChannel of Go: the same channel twice and another; woken by the
 * other, the two entries vanish and a later plain receiver is served. */
static void duplicates(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 1, 2))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *e = kind_open(k, 8);
    struct sel s = {.until = LEAT_NEVER};
    struct op o[2];
    uint64_t v = 1;
    sel_add(&s, c, LEAT_OP_RECV, 0);
    sel_add(&s, c, LEAT_OP_RECV, 0);
    sel_add(&s, e, LEAT_OP_RECV, 0);
    op_park(&o[0], crew, 0, c, LEAT_OP_RECV, 0, 1);
    lone_start(&s.actor, crew, 1, sel_main, &s);
    until_parked(c, LEAT_OP_RECV, 3);
    until_parked(e, LEAT_OP_RECV, 1);
    op_park(&o[1], crew, 0, c, LEAT_OP_RECV, 0, 4);
    expect_eq(leat_chan_send(e, &v), 0);
    expect_eq(sel_join(&s), 2);
    expect_eq(parked(c, LEAT_OP_RECV), 2);
    for (v = 0; v < 2; v++) {
        expect_eq(leat_chan_send(c, &v), 0);
        expect_eq(op_join(&o[v]), 0);
        expect_eq(o[v].value, v);
    }
    leat_chan_free(c);
    leat_chan_free(e);
}

static void duplicate_entries_vanish_together(void **state)
{
    (void)state;
    each_kind_and_crew(duplicates);
}

/* In the queue a select keeps its place among plain waiters. */
static void in_line(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 1, 2))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *idle = kind_open(k, 8);
    struct sel s = {.until = LEAT_NEVER};
    struct op o[2];
    op_park(&o[0], crew, 0, c, LEAT_OP_RECV, 0, 1);
    sel_add(&s, idle, LEAT_OP_RECV, 0);
    sel_add(&s, c, LEAT_OP_RECV, 0);
    lone_start(&s.actor, crew, 1, sel_main, &s);
    until_parked(c, LEAT_OP_RECV, 2);
    op_park(&o[1], crew, 0, c, LEAT_OP_RECV, 0, 3);
    for (uint64_t v = 0; v < 3; v++)
        expect_eq(leat_chan_send(c, &v), 0);
    expect_eq(op_join(&o[0]), 0);
    expect_eq(o[0].value, 0);
    expect_eq(sel_join(&s), 1);
    expect_eq(s.got[1], 1);
    expect_eq(op_join(&o[1]), 0);
    expect_eq(o[1].value, 2);
    leat_chan_free(c);
    leat_chan_free(idle);
}

static void it_keeps_its_place_in_the_queue(void **state)
{
    (void)state;
    each_kind_and_crew(in_line);
}

static void by_cancel(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *e = kind_open(k, 8);
    struct sel s = {.until = LEAT_NEVER};
    sel_add(&s, c, LEAT_OP_RECV, 0);
    sel_add(&s, e, LEAT_OP_RECV, 0);
    lone_start(&s.actor, CREW_FIBERS, 0, sel_main, &s);
    until_parked(e, LEAT_OP_RECV, 1);
    leat_fiber_cancel(s.actor.fiber);
    expect_eq(lone_join(&s.actor), LEAT_ECANCELED);
    expect(!is_parked(c));
    expect(!is_parked(e));
    struct sel none = {.until = LEAT_NEVER};
    lone_start(&none.actor, CREW_FIBERS, 0, sel_main, &none);
    leat_fiber_cancel(none.actor.fiber);
    expect_eq(lone_join(&none.actor), LEAT_ECANCELED);
    leat_chan_free(c);
    leat_chan_free(e);
}

static void cancelled_it_leaves_nothing(void **state)
{
    (void)state;
    each_kind(by_cancel);
}

/* Two selects meet on one of several channels, in opposite directions; both orders of
 * arrival; a third channel where both want the same. */
static void against_each_other(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 2, 2))
        return;
    leat_chan *a = kind_open(k, 8), *b = kind_open(k, 8), *same = kind_open(k, 8);
    struct sel s = {.until = LEAT_NEVER}, t = {.until = LEAT_NEVER};
    sel_add(&s, same, LEAT_OP_RECV, 0);
    sel_add(&s, a, LEAT_OP_RECV, 0);
    sel_add(&s, b, LEAT_OP_RECV, 0);
    sel_add(&t, same, LEAT_OP_RECV, 0);
    sel_add(&t, b, LEAT_OP_SEND, 21);
    sel_add(&t, a, LEAT_OP_SEND, 11);
    lone_start(&s.actor, crew, 0, sel_main, &s);
    until_parked(b, LEAT_OP_RECV, 1);
    lone_start(&t.actor, crew, 1, sel_main, &t);
    size_t i = sel_join(&t), j = sel_join(&s);
    expect(i == 1 || i == 2);
    expect_eq(j, i == 1 ? 2 : 1);
    expect_eq(s.got[j], i == 1 ? 21 : 11);
    expect(!is_parked(a) && !is_parked(b) && !is_parked(same));
    leat_chan_free(a);
    leat_chan_free(b);
    leat_chan_free(same);
}

static void two_selects_meet(void **state)
{
    (void)state;
    each_kind_and_crew(against_each_other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_case_wakes_it),
        cmocka_unit_test(close_and_cancel_wake_it),
        cmocka_unit_test(a_send_that_waited_at_close_is_delivered),
        cmocka_unit_test(a_send_that_lost_after_close_leaves_it_drained),
        cmocka_unit_test(duplicate_entries_vanish_together),
        cmocka_unit_test(it_keeps_its_place_in_the_queue),
        cmocka_unit_test(cancelled_it_leaves_nothing),
        cmocka_unit_test(two_selects_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
