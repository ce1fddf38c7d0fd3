/* test_life.c - spawning, joining, detaching, yielding, cancelling.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu flood timeout=200 */
#include <sched.h>
#include <stdlib.h>

#include <leat/leat.h>
#include "support/support.h"

static int give_back(void *arg)
{
    return (int)(intptr_t)arg;
}

static void run_returns_what_main_returned(void **state)
{
    (void)state;
    assert_int_equal(leat_run(give_back, (void *)(intptr_t)42), 42);
    assert_int_equal(leat_run(give_back, (void *)(intptr_t)-7), -7);
    assert_null(leat_fiber_self());
    assert_null(leat_pool_current());
}

struct count {
    leati_a64 n;
    size_t want;
    leat_wg wg;
};

static int one_more(void *arg)
{
    struct count *c = arg;
    (void)leati_add_ar(&c->n, (uint64_t)1);
    return 3;
}

static int spawn_and_join(void *arg)
{
    struct count *c = arg;
    leat_fiber **f = malloc(c->want * sizeof(*f));
    if (!expect(f != NULL))
        return 1;
    for (size_t i = 0; i < c->want; i++)
        expect_eq(leat_go(&f[i], one_more, c), 0);
    for (size_t i = 0; i < c->want; i++) {
        int r = 0;
        expect_eq(leat_fiber_join(f[i], &r), 0);
        expect_eq(r, 3);
    }
    free(f);
    return 0;
}

static int and_done(void *arg)
{
    struct count *c = arg;
    (void)leati_add_ar(&c->n, (uint64_t)1);
    leat_wg_done(&c->wg);
    return 0;
}

static int spawn_detached(void *arg)
{
    struct count *c = arg;
    leat_wg_add(&c->wg, (unsigned)c->want);
    for (size_t i = 0; i < c->want; i++)
        expect_eq(leat_go(NULL, and_done, c), 0);
    return leat_wg_wait(&c->wg);
}

static void a_million_spawned_all_run_once(void **state)
{
    (void)state;
    static const unsigned workers[] = {1, 2, 3, 64};
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned flags = 0; flags <= LEAT_POOL_FENCED; flags += LEAT_POOL_FENCED) {
            struct count c = {.want = support_scale(i < 2 ? 1000000 : 100000)};
            leat_pool *p = support_pool_of(workers[i], flags);
            assert_int_equal(leat_pool_run(p, spawn_and_join, &c), 0);
            assert_int_equal(c.n.v, c.want);
            assert_int_equal(leat_pool_run(p, spawn_detached, &c), 0);
            assert_int_equal(c.n.v, 2 * c.want);
            struct leat_pool_stats s;
            leat_pool_stats(p, &s);
            assert_int_equal(s.late, 0);
            assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
            verdict();
        }
    }
}

static void threads_spawn_and_join_too(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    struct count c = {.want = support_scale(20000)};
    for (size_t i = 0; i < c.want; i++) {
        leat_fiber *f;
        int r = 0;
        assert_int_equal(leat_pool_go(p, &f, one_more, &c), 0);
        if (i % 3 == 0) {
            assert_null(leat_fiber_detach(f));
        } else {
            assert_int_equal(leat_fiber_join(f, &r), 0);
            assert_int_equal(r, 3);
        }
    }
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    assert_int_equal(c.n.v, c.want);
}

/* --- join --- */

static int wait_sem(void *arg)
{
    return leat_sem_acquire(arg, 1);
}

static int join_myself(void *arg)
{
    (void)arg;
    return leat_fiber_join(leat_fiber_self(), NULL);
}

static int join_it(void *arg)
{
    int r = 0;
    int err = leat_fiber_join(arg, &r);
    return err ? err : r;
}

static void joins_that_cannot_be_say_so(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    leat_sem s = LEAT_SEM_INIT(0);
    leat_fiber *f, *joiner;
    assert_int_equal(leat_pool_run(p, join_myself, NULL), LEAT_EDEADLK);
    assert_int_equal(leat_pool_go(p, &f, wait_sem, &s), 0);
    assert_int_equal(leat_fiber_join_until(f, NULL, LEAT_NOW), LEAT_ETIMEDOUT);
    assert_int_equal(leat_fiber_join_until(f, NULL, leat_in_us(300)), LEAT_ETIMEDOUT);
    assert_int_equal(leat_pool_go(p, &joiner, join_it, f), 0);
    int err;
    do /* until the fiber has begun to join */
        err = leat_fiber_join_until(f, NULL, LEAT_NOW);
    while (err == LEAT_ETIMEDOUT);
    assert_int_equal(err, LEAT_EBUSY);
    leat_sem_release(&s, 1);
    int r = 1;
    assert_int_equal(leat_fiber_join(joiner, &r), 0);
    assert_int_equal(r, 0);
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
}

static void a_cancelled_joiner_leaves_the_handle_valid(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    for (size_t i = 0; i < support_scale(2000); i++) {
        leat_sem s = LEAT_SEM_INIT(0);
        leat_fiber *f, *joiner;
        int r = 0;
        assert_int_equal(leat_pool_go(p, &f, wait_sem, &s), 0);
        assert_int_equal(leat_pool_go(p, &joiner, join_it, f), 0);
        leat_fiber_cancel(joiner);
        assert_int_equal(leat_fiber_join(joiner, &r), 0);
        assert_int_equal(r, LEAT_ECANCELED);
        leat_sem_release(&s, 1);
        assert_int_equal(leat_fiber_join(f, &r), 0);
        assert_int_equal(r, 0);
    }
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
}

/* --- cancel --- */

struct ping {
    leat_sem a, b;
    leati_a64 rounds;
    leat_fiber *other;
};

static int bounce(void *arg)
{
    struct ping *g = arg;
    int err;
    for (;;) {
        if ((err = leat_sem_acquire(&g->a, 1)) != 0)
            break;
        (void)leati_add_ar(&g->rounds, (uint64_t)1);
        leat_sem_release(&g->b, 1);
    }
    expect(leat_fiber_cancelled());
    expect_eq(leat_sem_acquire_until(&g->a, 100, leat_in_ms(1)), LEAT_ECANCELED);
    expect_eq(leat_fiber_mask(true), false);
    expect_eq(leat_sem_acquire_until(&g->a, 100, leat_in_us(10)), LEAT_ETIMEDOUT);
    expect_eq(leat_fiber_mask(false), true);
    expect_eq(leat_sleep_ns(1000000000), LEAT_ECANCELED);
    return err;
}

static int cancel_at_any_step(void *arg)
{
    (void)arg;
    struct support_rng rng = support_rng(1);
    for (size_t i = 0; i < support_scale(20000); i++) {
        struct ping g = {.a = LEAT_SEM_INIT(0), .b = LEAT_SEM_INIT(0)};
        leat_fiber *f;
        int r = 0;
        if (!expect_eq(leat_go(&f, bounce, &g), 0))
            return 1;
        for (uint32_t k = support_below(&rng, 4); k > 0; k--) {
            leat_sem_release(&g.a, 1);
            if (k % 2)
                leat_yield();
        }
        for (uint32_t k = support_below(&rng, 400); k > 0; k--)
            leati_barrier_compiler();
        leat_fiber_cancel(f);
        leat_fiber_cancel(f);
        expect_eq(leat_fiber_join(f, &r), 0);
        expect_eq(r, LEAT_ECANCELED);
    }
    return 0;
}

static void cancel_is_seen_at_every_step(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        leat_pool *p = support_pool_of(workers, workers == 3 ? LEAT_POOL_FENCED : 0);
        assert_int_equal(leat_pool_run(p, cancel_at_any_step, NULL), 0);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
        verdict();
    }
}

static int sleeps_masked(void *arg)
{
    (void)arg;
    int r = leat_fiber_mask(true) ? 1 : leat_sleep_ns(2000000);
    leat_fiber_mask(false);
    return r ? r : leat_sleep_ns(2000000);
}

static void a_fiber_cancelled_before_it_ran_still_runs(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(1, 0);
    for (int i = 0; i < 20; i++) {
        leat_fiber *f;
        int r = 0;
        assert_int_equal(leat_pool_go(p, &f, sleeps_masked, NULL), 0);
        leat_fiber_cancel(f);
        assert_int_equal(leat_fiber_join(f, &r), 0);
        assert_int_equal(r, LEAT_ECANCELED);
    }
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
}

/* --- deadlines --- */

struct late {
    leat_sem never, s;
    leati_a32 asked;
};

static int waits_in_turn(void *arg)
{
    struct late *l = arg;
    for (int i = 0; i < 200; i++) {
        /* Passed already, or passing while it parks, or later. */
        struct leat_deadline d = i % 3 == 0 ? leat_at(1) : leat_in_us(i % 3 == 1 ? 1 : 50);
        expect_eq(leat_sem_acquire_until(&l->never, 1, d), LEAT_ETIMEDOUT);
        expect_eq(leat_fiber_join_until(leat_fiber_self(), NULL, d), LEAT_EDEADLK);
        (void)leati_add_ar(&l->asked, 1u);
        expect_eq(leat_sem_acquire(&l->s, 1), 0); /* a deadline of before is no more */
        expect_eq(leat_sem_acquire_until(&l->s, 1, leat_in_s(100)), 0);
    }
    return 0;
}

static void a_deadline_ends_its_own_wait_only(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct late l = {.asked = {0}};
        leat_pool *p = support_pool_of(workers, 0);
        leat_fiber *f;
        assert_int_equal(leat_pool_go(p, &f, waits_in_turn, &l), 0);
        for (unsigned i = 1; i <= 200; i++) {
            while (leati_load_acq(&l.asked) < i)
                sched_yield();
            assert_int_equal(leat_fiber_join_until(f, NULL, leat_in_us(i % 100)),
                             LEAT_ETIMEDOUT);
            leat_sem_release(&l.s, 1);
            leat_sem_release(&l.s, 1);
        }
        assert_int_equal(leat_fiber_join_until(f, NULL, leat_in_s(60)), 0);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
        verdict();
    }
}

/* --- order --- */

struct order {
    unsigned n, seen[600];
};

struct place {
    struct order *o;
    unsigned number;
};

static int note_place(void *arg)
{
    struct place *pl = arg;
    pl->o->seen[pl->o->n++] = pl->number;
    return 0;
}

static int spawn_in_order(void *arg)
{
    struct place *pl = arg;
    for (unsigned i = 0; i < 600; i++)
        expect_eq(leat_go(NULL, note_place, &pl[i]), 0);
    while (pl->o->n < 600)
        leat_yield();
    return 0;
}

/* 600 do not fit a run queue of 256: two halves take the way through injection. */
static void fibers_begin_in_the_order_of_their_spawning(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(1, 0);
    struct order o = {.n = 0};
    struct place pl[600];
    for (unsigned i = 0; i < 600; i++)
        pl[i] = (struct place){&o, i};
    assert_int_equal(leat_pool_run(p, spawn_in_order, pl), 0);
    unsigned last = 0, halves = 0;
    for (unsigned i = 0; i < 600; i++) {
        if (i && o.seen[i] != last + 1)
            halves++;
        last = o.seen[i];
    }
    assert_true(halves <= 12); /* whole runs, never a reversal inside one */
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
}

static int hold(void *arg)
{
    leati_a32 *go = arg;
    while (!leati_load_acq(go))
        leati_barrier_compiler();
    return 0;
}

static void injected_fibers_begin_first_in_first_out(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(1, 0);
    struct order o = {.n = 0};
    struct place pl[600];
    leati_a32 go = {0};
    assert_int_equal(leat_pool_go(p, NULL, hold, &go), 0);
    for (unsigned i = 0; i < 600; i++) {
        pl[i] = (struct place){&o, i};
        assert_int_equal(leat_pool_go(p, NULL, note_place, &pl[i]), 0);
    }
    leati_store_rel(&go, 1u);
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    assert_int_equal(o.n, 600);
    /* Every 64 switches one that is injected goes before the ring: a jump, no more. */
    unsigned descents = 0;
    for (unsigned i = 1; i < 600; i++)
        descents += o.seen[i] < o.seen[i - 1];
    assert_true(descents <= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_returns_what_main_returned),
        cmocka_unit_test(a_million_spawned_all_run_once),
        cmocka_unit_test(threads_spawn_and_join_too),
        cmocka_unit_test(joins_that_cannot_be_say_so),
        cmocka_unit_test(a_cancelled_joiner_leaves_the_handle_valid),
        cmocka_unit_test(cancel_is_seen_at_every_step),
        cmocka_unit_test(a_fiber_cancelled_before_it_ran_still_runs),
        cmocka_unit_test(a_deadline_ends_its_own_wait_only),
        cmocka_unit_test(fibers_begin_in_the_order_of_their_spawning),
        cmocka_unit_test(injected_fibers_begin_first_in_first_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
