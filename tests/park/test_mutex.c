/* test_mutex.c - the mutex of fibers and threads. SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include "queue.h"

struct shared {
    leat_mutex m;
    unsigned rounds;
    uint64_t counter;
    leati_a32 inside, overlaps;
    struct leat_deadline until;
    leati_a32 stage;
};

static int adder(void *arg)
{
    struct shared *s = arg;
    for (unsigned i = 0; i < s->rounds; i++) {
        int r = leat_mutex_lock(&s->m);
        if (r != 0)
            return r;
        if (leati_add_ar(&s->inside, 1u) != 0)
            (void)leati_add_ar(&s->overlaps, 1u);
        s->counter++;
        if (i % 16 == 0)
            leat_yield(); /* a fiber may come back on another worker, still the owner */
        (void)leati_sub_ar(&s->inside, 1u);
        r = leat_mutex_unlock(&s->m);
        if (r != 0)
            return r;
    }
    return 0;
}

static void excludes(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.m = LEAT_MUTEX_INIT, .rounds = (unsigned)support_scale(2000)};
        struct lone a[MAX_ACTORS];
        unsigned n = actors();
        for (unsigned i = 0; i < n; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, adder, &s);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(lone_join(&a[i]), 0);
        assert_int_equal(s.overlaps.v, 0);
        assert_int_equal(s.counter, (uint64_t)n * s.rounds);
        assert_int_equal(s.m.state.v, 0);
        assert_int_equal(queue_length(&s.m.q), 0);
    }
}

static void misuse_is_told(void **state)
{
    (void)state;
    leat_mutex m = LEAT_MUTEX_INIT;
    assert_int_equal(leat_mutex_unlock(&m), LEAT_EINVAL);
    assert_int_equal(leat_mutex_lock(&m), 0);
    assert_int_equal(leat_mutex_lock(&m), LEAT_EDEADLK);
    assert_int_equal(leat_mutex_lock_until(&m, LEAT_NOW), LEAT_EDEADLK);
    assert_int_equal(leat_mutex_try_lock(&m), LEAT_EAGAIN);
    assert_int_equal(leat_mutex_unlock(&m), 0);
    assert_int_equal(leat_mutex_unlock(&m), LEAT_EINVAL);
    assert_int_equal(leat_mutex_try_lock(&m), 0);
    assert_int_equal(leat_mutex_unlock(&m), 0);
}

static int unlock_of_another(void *arg)
{
    return leat_mutex_unlock(arg);
}

static void only_the_owner_unlocks(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        leat_mutex m = LEAT_MUTEX_INIT;
        struct lone a;
        assert_int_equal(leat_mutex_lock(&m), 0);
        lone_start(&a, (enum crew_kind)kind, 1, unlock_of_another, &m);
        assert_int_equal(lone_join(&a), LEAT_EINVAL);
        assert_int_equal(leat_mutex_unlock(&m), 0);
    }
}

static int lock_until(void *arg)
{
    struct shared *s = arg;
    int r = leat_mutex_lock_until(&s->m, s->until);
    return r == 0 ? leat_mutex_unlock(&s->m) : r;
}

static void timed_out_did_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.m = LEAT_MUTEX_INIT};
        struct lone a;
        assert_int_equal(leat_mutex_lock(&s.m), 0);
        for (int round = 0; round < 3; round++) {
            s.until = round == 0 ? LEAT_NOW : round == 1 ? leat_at(1) : leat_in_ms(5);
            lone_start(&a, (enum crew_kind)kind, 1, lock_until, &s);
            assert_int_equal(lone_join(&a), LEAT_ETIMEDOUT);
            assert_true(leat_now() >= s.until.at_ns);
        }
        assert_int_equal(queue_length(&s.m.q), 0);
        assert_int_equal(leat_mutex_unlock(&s.m), 0);
        assert_int_equal(s.m.state.v, 0);
        assert_int_equal(leat_mutex_try_lock(&s.m), 0);
        assert_int_equal(leat_mutex_unlock(&s.m), 0);
    }
}

static int lock_and_report(void *arg)
{
    struct shared *s = arg;
    int r = leat_mutex_lock(&s->m);
    if (r != 0)
        return r;
    leati_store_rel(&s->stage, 1u); /* pairs with the test's load */
    return leat_mutex_unlock(&s->m);
}

static bool parked_or_served(void *arg)
{
    struct shared *s = arg;
    return leati_load_acq(&s->stage) || queue_length(&s->m.q) == 1;
}

/* However eager the owner is, a waiter that lost once gets the mutex handed over. */
static void a_waiter_is_passed_once(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        for (unsigned round = 0; round < (unsigned)support_scale(100); round++) {
            struct shared s = {.m = LEAT_MUTEX_INIT};
            struct lone a;
            unsigned passed = 0;
            assert_int_equal(leat_mutex_lock(&s.m), 0);
            lone_start(&a, (enum crew_kind)kind, round, lock_and_report, &s);
            await_parked(&s.m.q, 1);
            for (;;) {
                assert_int_equal(leat_mutex_unlock(&s.m), 0);
                if (leat_mutex_try_lock(&s.m) != 0 || leati_load_acq(&s.stage))
                    break;
                passed++;
                assert_true(support_until(parked_or_served, &s));
            }
            assert_true(passed <= 1);
            if (leati_load_acq(&s.stage))
                (void)leat_mutex_unlock(&s.m);
            assert_int_equal(lone_join(&a), 0);
        }
    }
}

/* Deadlines against unlocks: at the end the mutex is free and nobody was forgotten. */
static int hasty(void *arg)
{
    struct shared *s = arg;
    unsigned got = 0;
    for (unsigned i = 0; i < s->rounds; i++) {
        int r = leat_mutex_lock_until(&s->m, leat_in_us(i % 50));
        if (r == LEAT_ETIMEDOUT)
            continue;
        if (r != 0)
            return r;
        s->counter++;
        got++;
        r = leat_mutex_unlock(&s->m);
        if (r != 0)
            return r;
    }
    return (int)got;
}

static void deadlines_race_with_unlocks(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.m = LEAT_MUTEX_INIT, .rounds = (unsigned)support_scale(2000)};
        struct lone a[MAX_ACTORS];
        unsigned n = actors();
        uint64_t got = 0;
        for (unsigned i = 0; i < n; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, hasty, &s);
        for (unsigned i = 0; i < n; i++) {
            int r = lone_join(&a[i]);
            assert_true(r >= 0);
            got += (uint64_t)r;
        }
        assert_int_equal(s.counter, got);
        assert_int_equal(s.m.state.v, 0);
        assert_null(s.m.q.first);
    }
}

static void a_cancelled_fiber_gets_nothing(void **state)
{
    (void)state;
    struct shared s = {.m = LEAT_MUTEX_INIT};
    struct lone a;
    assert_int_equal(leat_mutex_lock(&s.m), 0);
    lone_start(&a, CREW_FIBERS, 0, lock_and_report, &s);
    await_parked(&s.m.q, 1);
    leat_fiber_cancel(a.fiber);
    assert_int_equal(lone_join(&a), LEAT_ECANCELED);
    assert_null(s.m.q.first);
    assert_int_equal(leat_mutex_unlock(&s.m), 0);
    assert_int_equal(s.m.state.v, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excludes),
        cmocka_unit_test(misuse_is_told),
        cmocka_unit_test(only_the_owner_unlocks),
        cmocka_unit_test(timed_out_did_nothing),
        cmocka_unit_test(a_waiter_is_passed_once),
        cmocka_unit_test(deadlines_race_with_unlocks),
        cmocka_unit_test(a_cancelled_fiber_gets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
