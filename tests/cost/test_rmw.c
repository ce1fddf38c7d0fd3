/* test_rmw.c - locked instructions of each operation, counted: every xchg, cas, add, or,
 * and of the engine and every seq_cst store or fence counts itself in this build. Taking
 * a lock is one of them, so a bound of 1 for an operation whose ticket costs 1 also says
 * that no lock is taken. SPDX-License-Identifier: MIT */
#include "base/count.h"
#include "pool/rq.h"
#include "support/op.h"

enum { ROUNDS = 1000 };

#define COST(op)                                                                         \
    ({                                                                                   \
        uint64_t before_ = leati_rmw_count();                                            \
        op;                                                                              \
        leati_rmw_count() - before_;                                                     \
    })

static bool owned(const struct kind *k, unsigned side)
{
    leat_chan *c = kind_open(k, 8);
    bool own = c->kind == LEATI_OWNED && (k->flags & side);
    leat_chan_free(c);
    return own;
}

/* Locked instructions of an operation that does not wait: behind a lock its taking, and
 * the store of what it changed, which is seq_cst. */
static uint64_t price(const struct kind *k, unsigned side)
{
    return k->flags & KIND_MANAGED ? 2 : owned(k, side) ? 0 : 1;
}

static void fast(const struct kind *k)
{
    if (k->cap == 0 || !kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, 8);
    uint64_t v = 0, send = 0, recv = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        send += COST(expect_eq(leat_chan_send(c, &v), 0));
        recv += COST(expect_eq(leat_chan_recv(c, &v), 0));
        send += COST(expect_eq(leat_chan_try_send(c, &v), 0));
        recv += COST(expect_eq(leat_chan_try_recv(c, &v), 0));
    }
    expect_eq(send, 2 * ROUNDS * price(k, LEAT_SINGLE_PRODUCER));
    expect_eq(recv, 2 * ROUNDS * price(k, LEAT_SINGLE_CONSUMER));
    leat_chan_free(c);
}

static void buffered_send_and_receive_cost_one(void **state)
{
    (void)state;
    each_kind(fast);
}

static void one_batch(const struct kind *k)
{
    if (k->cap < 7 || !kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, 8);
    uint64_t v[7] = {0};
    uint64_t most = 1 + ((k->flags & KIND_MANAGED) != 0);
    expect(COST(expect_eq(leat_chan_send_n(c, v, 7, LEAT_NEVER), 7)) <= most);
    expect(COST(expect_eq(leat_chan_recv_n(c, v, 7, LEAT_NEVER), 7)) <= most);
    leat_chan_free(c);
}

static void a_whole_batch_costs_one(void **state)
{
    (void)state;
    each_kind(one_batch);
}

static void failed(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    uint64_t v = 0;
    expect_eq(COST(expect_eq(leat_chan_try_recv(c, &v), LEAT_EAGAIN)), 0);
    if (kind_bounded(k)) {
        fill(c, k, 0);
        expect_eq(COST(expect_eq(leat_chan_try_send(c, &v), LEAT_EAGAIN)), 0);
    }
    expect_eq(COST((void)leat_chan_len(c)), 0);
    expect_eq(COST((void)leat_chan_cap(c)), 0);
    expect_eq(COST((void)leat_chan_closed(c)), 0);
    leat_chan_close(c);
    if (kind_bounded(k))
        expect_eq(COST(expect_eq(leat_chan_try_send(c, &v), LEAT_ECLOSED)), 0);
    leat_chan_free(c);
}

static void a_failed_try_costs_none(void **state)
{
    (void)state;
    each_kind(failed);
}

/* A try against a full or empty side where others are parked is a failed try as well. */
static void failed_with_company(const struct kind *k)
{
    if (!kind_allows(k, 1, 2) || (k->flags & LEAT_FAIR))
        return;
    leat_chan *c = kind_open(k, 8);
    struct op o[2];
    uint64_t v = 0;
    for (unsigned i = 0; i < 2; i++)
        op_park(&o[i], CREW_THREADS, i, c, LEAT_OP_RECV, 0, i + 1);
    expect_eq(COST(expect_eq(leat_chan_try_recv(c, &v), LEAT_EAGAIN)), 0);
    leat_chan_close(c);
    for (unsigned i = 0; i < 2; i++)
        expect_eq(op_join(&o[i]), LEAT_ECLOSED);
    leat_chan_free(c);
}

static void a_failed_try_beside_waiters_costs_none(void **state)
{
    (void)state;
    each_kind(failed_with_company);
}

/* The rows of the comparison: default over idle channels. */
static void idle_cases(const struct kind *k)
{
    enum { WIDTH = 8 };
    leat_chan *c[WIDTH];
    struct leat_case cs[2 * WIDTH];
    uint64_t v = 0;
    unsigned n = 0;
    for (unsigned i = 0; i < WIDTH; i++) {
        c[i] = kind_open(k, 8);
        cs[n++] = (struct leat_case)LEAT_RECV(c[i], &v);
    }
    expect_eq(COST(expect_eq(leat_select(cs, n, LEAT_NOW, 0, NULL), LEAT_EAGAIN)), 0);
    for (unsigned i = 0; i < WIDTH && kind_bounded(k); i++) {
        fill(c[i], k, 0);
        cs[i] = (struct leat_case)LEAT_SEND(c[i], &v);
    }
    if (kind_bounded(k))
        expect_eq(COST(expect_eq(leat_select(cs, n, LEAT_NOW, 0, NULL), LEAT_EAGAIN)), 0);
    /* one ready among the idle ones: that operation's price */
    if (kind_bounded(k) && k->cap) {
        cs[n++] = (struct leat_case)LEAT_RECV(c[3], &v);
        uint64_t cost = COST(expect_eq(leat_select(cs, n, LEAT_NEVER, 0, NULL), 0));
        expect_eq(cost, price(k, LEAT_SINGLE_CONSUMER));
    }
    for (unsigned i = 0; i < WIDTH; i++)
        leat_chan_free(c[i]);
}

static void a_case_that_is_not_ready_costs_none(void **state)
{
    (void)state;
    each_kind(idle_cases);
}

static void one_set(const struct kind *k)
{
    leat_set *s = NULL;
    leat_chan *c[4];
    uint64_t v = 0;
    expect_eq(leat_set_new(&s), 0);
    for (unsigned i = 0; i < 4; i++) {
        c[i] = kind_open(k, 8);
        expect_eq(leat_set_add(s, c[i], NULL), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        uint64_t cost =
            COST(expect_eq(leat_set_wait(s, &v, NULL, NULL, LEAT_NOW), LEAT_EAGAIN));
        expect(i == 0 || cost <= 1); /* the first look arms the entries */
    }
    leat_set_free(s);
    for (unsigned i = 0; i < 4; i++)
        leat_chan_free(c[i]);
}

static void an_idle_set_costs_no_more_for_more_channels(void **state)
{
    (void)state;
    each_kind(one_set);
}

/* ---- events of a set: their price does not grow with its size ---- */

static uint64_t set_events(unsigned channels)
{
    enum { EVENTS = 200 };
    leat_set *s;
    leat_chan *c[2048];
    uint64_t v = 0;
    assert_int_equal(leat_set_new(&s), 0);
    for (unsigned i = 0; i < channels; i++) {
        assert_int_equal(leat_chan_new(&c[i], 8, 1), 0);
        assert_int_equal(leat_set_add(s, c[i], NULL), 0);
    }
    while (leat_set_wait(s, &v, NULL, NULL, LEAT_NOW) != LEAT_EAGAIN)
        ;
    uint64_t before = leati_rmw_count();
    for (unsigned i = 0; i < EVENTS; i++) {
        assert_int_equal(leat_chan_send(c[i * 7 % channels], &v), 0);
        assert_int_equal(leat_set_wait(s, &v, NULL, NULL, LEAT_NEVER), 0);
        assert_int_equal(leat_set_wait(s, &v, NULL, NULL, LEAT_NOW), LEAT_EAGAIN);
    }
    uint64_t cost = leati_rmw_count() - before;
    leat_set_free(s);
    for (unsigned i = 0; i < channels; i++)
        leat_chan_free(c[i]);
    return cost / EVENTS;
}

static void an_event_of_a_set_costs_the_same_at_any_size(void **state)
{
    (void)state;
    uint64_t small = set_events(2), large = set_events(2048);
    print_message("set: %llu per event\n", (unsigned long long)large);
    assert_int_equal(small, large);
    assert_true(large <= 8);
}

/* ---- rendezvous of two fibers on one worker ---- */

struct meeting {
    leat_chan *there, *back;
    uint64_t cost;
    unsigned rounds;
};

static void meeting_actor(struct actor *a)
{
    struct meeting *m = (struct meeting *)a->arg;
    uint64_t v = 0;
    uint64_t before = leati_rmw_count();
    for (unsigned i = 0; i < m->rounds; i++) {
        if (a->index == 0) {
            expect_eq(leat_chan_send(m->there, &v), 0);
            if (m->back)
                expect_eq(leat_chan_recv(m->back, &v), 0);
        } else {
            expect_eq(leat_chan_recv(m->there, &v), 0);
            if (m->back)
                expect_eq(leat_chan_send(m->back, &v), 0);
        }
    }
    if (a->index == 0)
        m->cost = leati_rmw_count() - before;
}

/* One worker, so the count is that of both fibers. */
static void a_rendezvous_of_two_fibers_costs_at_most_four(void **state)
{
    (void)state;
    struct meeting m = {.rounds = ROUNDS};
    assert_int_equal(leat_chan_new(&m.there, 8, 0), 0);
    crew_join(crew_start(CREW_FIBERS, 1, 2, meeting_actor, &m));
    print_message("one direction: %.2f per rendezvous\n", (double)m.cost / ROUNDS);
    assert_true(m.cost <= 4 * ROUNDS + 20);
    assert_int_equal(leat_chan_new(&m.back, 8, 0), 0);
    crew_join(crew_start(CREW_FIBERS, 1, 2, meeting_actor, &m));
    print_message("ping-pong: %.2f per rendezvous\n", (double)m.cost / (2 * ROUNDS));
    assert_true(m.cost <= 4 * 2 * ROUNDS + 20);
    leat_chan_free(m.there);
    leat_chan_free(m.back);
}

static void yielder(struct actor *a)
{
    struct meeting *m = (struct meeting *)a->arg;
    uint64_t before = leati_rmw_count();
    for (unsigned i = 0; i < m->rounds; i++)
        leat_yield();
    if (a->index == 0)
        m->cost = leati_rmw_count() - before;
}

/* Push and pop of one's own run queue, seen from a fiber, then alone. */
static void the_own_run_queue_costs_none(void **state)
{
    (void)state;
    struct meeting m = {.rounds = ROUNDS};
    crew_join(crew_start(CREW_FIBERS, 1, 2, yielder, &m));
    print_message("yield: %.3f\n", (double)m.cost / ROUNDS);
    assert_true(m.cost <= ROUNDS / 20); /* the looks at the injection queue */

    static struct leati_rq q;
    struct leat_fiber *f = (struct leat_fiber *)(uintptr_t)64;
    uint64_t before = leati_rmw_count();
    for (unsigned i = 0; i < ROUNDS; i++) {
        assert_true(leati_rq_push(&q, f));
        assert_null(leati_rq_put_next(&q, f));
        assert_ptr_equal(leati_rq_take_next(&q), f);
        assert_ptr_equal(leati_rq_pop(&q), f);
    }
    assert_int_equal(leati_rmw_count() - before, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffered_send_and_receive_cost_one),
        cmocka_unit_test(a_whole_batch_costs_one),
        cmocka_unit_test(a_failed_try_costs_none),
        cmocka_unit_test(a_failed_try_beside_waiters_costs_none),
        cmocka_unit_test(a_case_that_is_not_ready_costs_none),
        cmocka_unit_test(an_idle_set_costs_no_more_for_more_channels),
        cmocka_unit_test(an_event_of_a_set_costs_the_same_at_any_size),
        cmocka_unit_test(a_rendezvous_of_two_fibers_costs_at_most_four),
        cmocka_unit_test(the_own_run_queue_costs_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
