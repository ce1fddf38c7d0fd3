/* test_wg.c - the wait group. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "queue.h"

enum { WORKERS = 4, WAITERS = 3, DEAD = 0xA5 };

static int wait_done(void *arg)
{
    return leat_wg_wait(arg);
}

static int done(void *arg)
{
    leat_wg_done(arg);
    return 0;
}

static void zero_does_not_wait(void **state)
{
    (void)state;
    leat_wg wg = LEAT_WG_INIT;
    assert_int_equal(leat_wg_wait(&wg), 0);
    assert_int_equal(leat_wg_wait_until(&wg, LEAT_NOW), 0);
    leat_wg_add(&wg, 2);
    leat_wg_done(&wg);
    assert_int_equal(leat_wg_wait_until(&wg, LEAT_NOW), LEAT_ETIMEDOUT);
    struct leat_deadline until = leat_in_ms(3);
    assert_int_equal(leat_wg_wait_until(&wg, until), LEAT_ETIMEDOUT);
    assert_true(leat_now() >= until.at_ns);
    assert_null(wg.q.first);
    leat_wg_done(&wg);
    assert_int_equal(leat_wg_wait(&wg), 0);
    assert_int_equal(wg.count.v, 0);
}

static void the_last_one_wakes_all(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        leat_wg wg = LEAT_WG_INIT;
        struct lone a[WAITERS];
        leat_wg_add(&wg, 2);
        for (unsigned i = 0; i < WAITERS; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, wait_done, &wg);
        await_parked(&wg.q, WAITERS);
        leat_wg_done(&wg);
        assert_int_equal(queue_length(&wg.q), WAITERS);
        leat_wg_done(&wg);
        for (unsigned i = 0; i < WAITERS; i++)
            assert_int_equal(lone_join(&a[i]), 0);
        assert_int_equal(wg.count.v, 0);
        assert_null(wg.q.first);
    }
}

/* Frees, as far as anybody can tell, the group as soon as a wait has returned: a later
 * touch by a leat_wg_done would change the bytes. */
static void may_be_freed_when_a_wait_has_returned(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        for (unsigned round = 0; round < (unsigned)support_scale(300); round++) {
            leat_wg wg = LEAT_WG_INIT;
            struct lone a[WORKERS];
            leat_wg_add(&wg, WORKERS);
            for (unsigned i = 0; i < WORKERS; i++)
                lone_start(&a[i], (enum crew_kind)kind, i, done, &wg);
            int r = round % 2 ? leat_wg_wait(&wg) : LEAT_ETIMEDOUT;
            while (r == LEAT_ETIMEDOUT)
                r = leat_wg_wait_until(&wg, leat_in_us(round % 32));
            memset(&wg, DEAD, sizeof(wg));
            assert_int_equal(r, 0);
            for (unsigned i = 0; i < WORKERS; i++)
                (void)lone_join(&a[i]);
            const unsigned char *p = (const unsigned char *)&wg;
            for (size_t i = 0; i < sizeof(wg); i++)
                assert_int_equal(p[i], DEAD);
        }
    }
}

struct shared {
    leat_wg wg;
    unsigned rounds;
    leati_a64 left;
};

static int counted(void *arg)
{
    struct shared *s = arg;
    for (unsigned i = 0; i < s->rounds; i++) {
        leat_wg_add(&s->wg, 1);
        leat_wg_done(&s->wg);
        (void)leati_sub_ar(&s->left, (uint64_t)1);
        leat_wg_done(&s->wg);
    }
    return 0;
}

static int watcher(void *arg)
{
    struct shared *s = arg;
    int r;
    unsigned i = 0;
    do {
        r = leat_wg_wait_until(&s->wg, leat_in_us(i++ % 64));
    } while (r == LEAT_ETIMEDOUT);
    return leati_load_acq(&s->left) == 0 ? r : 1;
}

/* Additions, things done, waits and deadlines all at once: nobody returns early. */
static void no_wait_returns_before_zero(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.wg = LEAT_WG_INIT, .rounds = (unsigned)support_scale(5000)};
        struct lone a[WORKERS + WAITERS];
        unsigned n = 0;
        leat_wg_add(&s.wg, WORKERS * s.rounds);
        s.left.v = (uint64_t)WORKERS * s.rounds;
        for (; n < WORKERS; n++)
            lone_start(&a[n], (enum crew_kind)kind, n, counted, &s);
        for (; n < WORKERS + WAITERS; n++)
            lone_start(&a[n], (enum crew_kind)kind, n, watcher, &s);
        assert_int_equal(leat_wg_wait(&s.wg), 0);
        assert_int_equal(leati_load_acq(&s.left), 0);
        while (n-- > 0)
            assert_int_equal(lone_join(&a[n]), 0);
        assert_int_equal(s.wg.count.v, 0);
    }
}

static void a_cancelled_fiber_does_not_wait(void **state)
{
    (void)state;
    leat_wg wg = LEAT_WG_INIT;
    struct lone a;
    leat_wg_add(&wg, 1);
    lone_start(&a, CREW_FIBERS, 0, wait_done, &wg);
    await_parked(&wg.q, 1);
    leat_fiber_cancel(a.fiber);
    assert_int_equal(lone_join(&a), LEAT_ECANCELED);
    assert_null(wg.q.first);
    leat_wg_done(&wg);
    assert_int_equal(wg.count.v, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_does_not_wait),
        cmocka_unit_test(the_last_one_wakes_all),
        cmocka_unit_test(may_be_freed_when_a_wait_has_returned),
        cmocka_unit_test(no_wait_returns_before_zero),
        cmocka_unit_test(a_cancelled_fiber_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
