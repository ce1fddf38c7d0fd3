/* test_sem.c - the semaphore. SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include "queue.h"

enum { PERMITS = 3 };

struct shared {
    leat_sem s;
    unsigned rounds;
    leati_a32 inside, too_many;
    leati_a32 turn;
};

static int user(void *arg)
{
    struct shared *s = arg;
    for (unsigned i = 0; i < s->rounds; i++) {
        uint32_t n = 1 + i % PERMITS;
        int r = leat_sem_acquire(&s->s, n);
        if (r != 0)
            return r;
        if (leati_add_ar(&s->inside, n) + n > PERMITS)
            (void)leati_add_ar(&s->too_many, 1u);
        if (i % 16 == 0)
            leat_yield();
        (void)leati_sub_ar(&s->inside, n);
        leat_sem_release(&s->s, n);
    }
    return 0;
}

static void never_more_permits_than_there_are(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.rounds = (unsigned)support_scale(2000)};
        struct lone a[MAX_ACTORS];
        unsigned n = actors();
        leat_sem_init(&s.s, PERMITS);
        for (unsigned i = 0; i < n; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, user, &s);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(lone_join(&a[i]), 0);
        assert_int_equal(s.too_many.v, 0);
        assert_int_equal(s.s.permits.v, PERMITS);
        assert_null(s.s.q.first);
    }
}

static void try_takes_only_what_is_there(void **state)
{
    (void)state;
    leat_sem s = LEAT_SEM_INIT(2);
    assert_int_equal(leat_sem_try_acquire(&s, 3), LEAT_EAGAIN);
    assert_int_equal(leat_sem_try_acquire(&s, 2), 0);
    assert_int_equal(leat_sem_try_acquire(&s, 1), LEAT_EAGAIN);
    assert_int_equal(leat_sem_acquire_until(&s, 1, LEAT_NOW), LEAT_ETIMEDOUT);
    assert_int_equal(leat_sem_acquire_until(&s, 1, leat_at(1)), LEAT_ETIMEDOUT);
    struct leat_deadline until = leat_in_ms(3);
    assert_int_equal(leat_sem_acquire_until(&s, 1, until), LEAT_ETIMEDOUT);
    assert_true(leat_now() >= until.at_ns);
    assert_int_equal(s.permits.v, 0);
    leat_sem_release(&s, 1);
    assert_int_equal(leat_sem_acquire(&s, 1), 0);
    const leat_sem zero = {0};
    s = zero;
    assert_int_equal(leat_sem_try_acquire(&s, 1), LEAT_EAGAIN);
}

struct waiter {
    leat_sem *s;
    uint32_t n;
    leati_a32 *turn;
    struct leat_deadline until;
};

static int ranked(void *arg)
{
    struct waiter *w = arg;
    int r = leat_sem_acquire_until(w->s, w->n, w->until);
    return r != 0 ? r : (int)leati_add_ar(w->turn, 1u);
}

/* One permit at a time: each goes to the one who waits longest. */
static void waiters_are_served_in_order(void **state)
{
    (void)state;
    enum { N = 8 };
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        leat_sem s = LEAT_SEM_INIT(0);
        leati_a32 turn = {0};
        struct lone a[N];
        struct waiter w[N];
        for (unsigned i = 0; i < N; i++) {
            w[i] = (struct waiter){&s, 1, &turn, LEAT_NEVER};
            lone_start(&a[i], (enum crew_kind)kind, i, ranked, &w[i]);
            await_parked(&s.q, i + 1);
        }
        for (unsigned i = 0; i < N; i++) {
            leat_sem_release(&s, 1);
            /* completed, not notified: the newcomer finds nothing to take */
            assert_int_equal(leat_sem_try_acquire(&s, 1), LEAT_EAGAIN);
            assert_int_equal(queue_length(&s.q), N - 1 - i);
            assert_int_equal(lone_join(&a[i]), i);
        }
    }
}

/* The first wants more than there is: those behind wait, until it gives up. */
static void a_big_one_is_not_passed_and_not_in_the_way(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        leat_sem s = LEAT_SEM_INIT(2);
        leati_a32 turn = {0};
        struct lone big, small;
        struct waiter wb = {&s, 5, &turn, LEAT_NEVER};
        struct waiter ws = {&s, 1, &turn, LEAT_NEVER};
        lone_start(&big, CREW_FIBERS, 0, ranked, &wb);
        await_parked(&s.q, 1);
        assert_int_equal(leat_sem_try_acquire(&s, 1), LEAT_EAGAIN);
        lone_start(&small, (enum crew_kind)kind, 1, ranked, &ws);
        await_parked(&s.q, 2);
        leat_sem_release(&s, 1);
        assert_int_equal(queue_length(&s.q), 2);
        leat_fiber_cancel(big.fiber);
        assert_int_equal(lone_join(&small), 0);
        assert_int_equal(lone_join(&big), LEAT_ECANCELED);
        assert_int_equal(s.permits.v, 2);
    }
}

static int hasty(void *arg)
{
    struct shared *s = arg;
    for (unsigned i = 0; i < s->rounds; i++) {
        uint32_t n = 1 + i % PERMITS;
        int r = leat_sem_acquire_until(&s->s, n, leat_in_us(i % 50));
        if (r == LEAT_ETIMEDOUT)
            continue;
        if (r != 0)
            return r;
        leat_sem_release(&s->s, n);
    }
    return 0;
}

static void deadlines_race_with_releases(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.rounds = (unsigned)support_scale(2000)};
        struct lone a[MAX_ACTORS];
        unsigned n = actors();
        leat_sem_init(&s.s, PERMITS);
        for (unsigned i = 0; i < n; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, hasty, &s);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(lone_join(&a[i]), 0);
        assert_int_equal(s.s.permits.v, PERMITS);
        assert_null(s.s.q.first);
    }
}

static void a_cancelled_fiber_gets_nothing(void **state)
{
    (void)state;
    leat_sem s = LEAT_SEM_INIT(1);
    leati_a32 turn = {0};
    struct lone a;
    struct waiter w = {&s, 2, &turn, LEAT_NEVER};
    lone_start(&a, CREW_FIBERS, 0, ranked, &w);
    await_parked(&s.q, 1);
    leat_fiber_cancel(a.fiber);
    assert_int_equal(lone_join(&a), LEAT_ECANCELED);
    assert_int_equal(s.permits.v, 1);
    assert_null(s.q.first);
}

/* Woken before they have waited, in an order of their own, in one go and one by one. */
enum { EARLY = 24 };

struct early {
    leat_sem s[EARLY];
    unsigned done;
};

static void early_actor(struct actor *a)
{
    struct early *e = (struct early *)a->arg;
    if (a->index == EARLY) {
        for (unsigned i = EARLY; i-- > 0;)
            leat_sem_release(&e->s[i * 7 % EARLY], 1);
        return;
    }
    if (a->index % 3 == 0)
        leat_yield();
    expect_eq(leat_sem_acquire(&e->s[a->index], 1), 0);
    __atomic_fetch_add(&e->done, 1u, __ATOMIC_RELAXED);
}

static void a_wake_before_the_wait_counts_in_any_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < support_scale(200); i++) {
        struct early e = {.done = 0};
        for (unsigned k = 0; k < EARLY; k++)
            leat_sem_init(&e.s[k], 0);
        crew_run((enum crew_kind)(i % CREW_KINDS), EARLY + 1, early_actor, &e);
        assert_int_equal(e.done, EARLY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_permits_than_there_are),
        cmocka_unit_test(try_takes_only_what_is_there),
        cmocka_unit_test(waiters_are_served_in_order),
        cmocka_unit_test(a_big_one_is_not_passed_and_not_in_the_way),
        cmocka_unit_test(deadlines_race_with_releases),
        cmocka_unit_test(a_cancelled_fiber_gets_nothing),
        cmocka_unit_test(a_wake_before_the_wait_counts_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
