/* test_select.c - entries of selects in a channel's queue (select6, issue9110,
 * chanlinear) and channels used as semaphores (race tests).
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "support/op.h"

struct two {
    struct lone actor;
    leat_chan *a, *b, *c;
    size_t which;
    int err;
};

static int two_main(void *arg)
{
    struct two *t = (struct two *)arg;
    struct leat_case cs[3] = {LEAT_RECV(t->a, NULL), LEAT_RECV(t->b, NULL),
                              LEAT_RECV(t->c, NULL)};
    int r = leat_select(cs, 3, LEAT_NEVER, 0, &t->which);
    t->err = r == 0 ? cs[t->which].err : r;
    return r;
}

/* select6.go: the losing entry is the last, or in the middle, of the shared queue;
 * those behind and those that come later are served. */
static void losers(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 1, 2))
        return;
    for (unsigned behind = 0; behind < 2; behind++) {
        leat_chan *shared = kind_open(k, 8), *own = kind_open(k, 8);
        struct two t = {.a = shared, .b = own};
        struct op before, after;
        uint64_t v = 1;
        op_park(&before, crew, 0, shared, LEAT_OP_RECV, 0, 1);
        lone_start(&t.actor, crew, 1, two_main, &t);
        until_parked(shared, LEAT_OP_RECV, 2);
        until_parked(own, LEAT_OP_RECV, 1);
        if (behind)
            op_park(&after, crew, 0, shared, LEAT_OP_RECV, 0, 3);
        expect_eq(leat_chan_try_send(own, &v), 0);
        expect_eq(lone_join(&t.actor), 0);
        expect_eq(t.which, 1);
        expect_eq(parked(shared, LEAT_OP_RECV), 1 + behind);
        if (!behind)
            op_park(&after, crew, 0, shared, LEAT_OP_RECV, 0, 2);
        for (v = 10; v < 12; v++)
            expect_eq(leat_chan_try_send(shared, &v), 0);
        expect_eq(op_join(&before), 0);
        expect_eq(op_join(&after), 0);
        expect_eq(before.value, 10);
        expect_eq(after.value, 11);
        leat_chan_free(shared);
        leat_chan_free(own);
    }
}

static void a_losing_entry_leaves_no_hole_in_the_queue(void **state)
{
    (void)state;
    each_kind_and_crew(losers);
}

/* issue9110: one channel three times, closed; nothing stays behind, again and again. */
static void triples(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 1, 2))
        return;
    for (unsigned i = 0; i < support_scale(20); i++) {
        leat_chan *c = kind_open(k, 8);
        struct two t = {.a = c, .b = c, .c = c}, u = t;
        lone_start(&t.actor, crew, 0, two_main, &t);
        lone_start(&u.actor, crew, 1, two_main, &u);
        if (i % 2)
            until_parked(c, LEAT_OP_RECV, 6);
        expect_eq(leat_chan_close(c), 0);
        expect_eq(lone_join(&t.actor), 0);
        expect_eq(lone_join(&u.actor), 0);
        expect_eq(t.err, LEAT_ECLOSED);
        expect_eq(u.err, LEAT_ECLOSED);
        expect_eq(parked(c, LEAT_OP_RECV), 0);
        leat_chan_free(c);
    }
}

static void three_entries_of_one_channel_go_at_its_close(void **state)
{
    (void)state;
    each_kind_and_crew(triples);
}

/* chanlinear.go: very many selects wait on one channel and on one of their own, and
 * leave by their own, the last comers first and then the others. */
static void many(const struct kind *k)
{
    if (!kind_allows(k, 1, 2))
        return;
    unsigned n = (unsigned)support_scale(300);
    leat_chan *shared = kind_open(k, 8);
    struct two *t = calloc(n, sizeof(*t));
    uint64_t v = 3;
    if (!expect(t != NULL))
        return;
    for (unsigned i = 0; i < n; i++) {
        t[i].a = shared;
        expect_eq(leat_chan_new(&t[i].b, 8, 0), 0);
        lone_start(&t[i].actor, CREW_FIBERS, i, two_main, &t[i]);
    }
    until_parked(shared, LEAT_OP_RECV, n);
    for (unsigned j = 0; j < n; j++) {
        unsigned i = j < n / 2 ? n - 1 - j : j - n / 2;
        expect_eq(leat_chan_send(t[i].b, &v), 0);
        expect_eq(lone_join(&t[i].actor), 0);
        expect_eq(t[i].which, 1);
        leat_chan_free(t[i].b);
    }
    expect_eq(parked(shared, LEAT_OP_RECV), 0);
    expect_eq(leat_chan_try_recv(shared, &v), LEAT_EAGAIN);
    leat_chan_free(shared);
    free(t);
}

static void hundreds_of_selects_leave_one_queue_in_any_order(void **state)
{
    (void)state;
    each_kind(many);
}

/* A channel of capacity n admits n: what is plain memory inside is not raced for. */
struct room {
    leat_chan *c;
    size_t cap;
    uint64_t inside, worst, plain;
};

static void visitor(struct actor *a)
{
    struct room *r = (struct room *)a->arg;
    for (uint64_t i = 0; i < support_scale(100); i++) {
        expect_eq(leat_chan_send(r->c, &i), 0);
        uint64_t n = __atomic_add_fetch(&r->inside, 1, __ATOMIC_RELAXED);
        expect(n <= r->cap);
        if (r->cap == 1)
            r->plain++;
        if (support_below(&a->rng, 4) == 0)
            leat_yield();
        __atomic_fetch_sub(&r->inside, 1, __ATOMIC_RELAXED);
        expect_eq(leat_chan_recv(r->c, NULL), 0);
    }
}

static void rooms(const struct kind *k, enum crew_kind crew)
{
    enum { VISITORS = 5 };
    if (!kind_allows(k, 2, 2) || !kind_bounded(k) || k->cap < 1)
        return;
    struct room r = {.c = kind_open(k, 8), .cap = k->cap};
    crew_run(crew, VISITORS, visitor, &r);
    if (k->cap == 1)
        expect_eq(r.plain, VISITORS * support_scale(100));
    expect_eq(leat_chan_len(r.c), 0);
    leat_chan_free(r.c);
}

static void a_channel_of_n_cells_admits_n(void **state)
{
    (void)state;
    each_kind_and_crew(rooms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_losing_entry_leaves_no_hole_in_the_queue),
        cmocka_unit_test(three_entries_of_one_channel_go_at_its_close),
        cmocka_unit_test(hundreds_of_selects_leave_one_queue_in_any_order),
        cmocka_unit_test(a_channel_of_n_cells_admits_n),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
