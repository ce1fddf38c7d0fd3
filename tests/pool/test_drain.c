/* test_drain.c - a drain ends with the last fiber, whatever else happens at that moment.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include <leat/leat.h>
#include "arch/relax.h"
#include "pool/mill.h"
#include "support/support.h"

/* --- the last two --- */

struct pair {
    leati_a32 arrived, go, leaving;
};

/* Pauses, so that both go on at the same instant, where there are CPUs for all. */
static void spin_until(const leati_a32 *word, uint32_t value)
{
    for (unsigned i = 1; leati_load_acq(word) != value; i++) {
        leatp_pause();
        if (i % 256 == 0)
            sched_yield();
    }
}

static int ends_with_the_other(void *arg)
{
    struct pair *p = arg;
    (void)leati_add_ar(&p->arrived, 1u);
    spin_until(&p->go, 1);
    (void)leati_add_ar(&p->leaving, 1u);
    spin_until(&p->leaving, 2);
    return 0;
}

static void *drains(void *arg)
{
    expect_eq(leat_pool_shutdown(arg, LEAT_DRAIN, LEAT_NEVER), 0);
    return NULL;
}

static bool both_arrived(void *arg)
{
    return leati_load_acq(&((struct pair *)arg)->arrived) == 2;
}

static bool is_closing(void *arg)
{
    return leati_load_acq(&((leat_pool *)arg)->closing) != 0;
}

/* Each worker counts deaths for itself: with both counts still on their way, neither of
 * the two would see that it was the last. */
static void two_last_deaths_at_once_end_the_drain(void **state)
{
    (void)state;
    for (size_t i = support_scale(4000); i > 0; i--) {
        struct pair pair = {0};
        leat_pool *p = support_pool(&(struct leat_pool_opts){.workers = 2});
        pthread_t t;
        for (int pin = 1; pin <= 2; pin++) {
            struct leat_fiber_opts o = {.size = sizeof(o), .pool = p, .pin = pin};
            assert_int_equal(leat_fiber_start(NULL, &o, ends_with_the_other, &pair), 0);
        }
        assert_true(support_until(both_arrived, &pair));
        assert_int_equal(pthread_create(&t, NULL, drains, p), 0);
        assert_true(support_until(is_closing, p));
        leati_store_rel(&pair.go, 1u);
        assert_int_equal(pthread_join(t, NULL), 0);
    }
    verdict();
}

/* --- one who comes while the pool ends --- */

struct latecomer {
    leat_pool *p;
    bool armed; /* the next allocation waits for the drain, then fails */
    int err;
};

static bool drain_sleeps(void *arg)
{
    return __atomic_load_n(&((leat_pool *)arg)->drained.count.v, __ATOMIC_ACQUIRE) >> 31;
}

static void *late_alloc(size_t size, size_t align, void *arg)
{
    struct latecomer *l = arg;
    if (!l->armed)
        return aligned_alloc(align, (size + align - 1) / align * align);
    expect(support_until(drain_sleeps, l->p));
    return NULL;
}

static void late_free(void *m, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    free(m);
}

static int returns_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static bool counted_as_born(void *arg)
{
    return leati_load_sc(&((leat_pool *)arg)->foreign_born) == 1;
}

static void *comes_late(void *arg)
{
    struct latecomer *l = arg;
    l->err = leat_pool_go(l->p, NULL, returns_nothing, NULL);
    return NULL;
}

/* Such a start counts as a living fiber until it is refused. */
static void a_start_that_fails_during_a_drain_does_not_hold_it_up(void **state)
{
    (void)state;
    struct latecomer l = {.p = NULL};
    struct leat_alloc alloc = {late_alloc, late_free, &l};
    struct leat_pool_opts o = {.workers = 1, .alloc = &alloc};
    pthread_t t;
    l.p = support_pool(&o);
    l.armed = true;
    assert_int_equal(pthread_create(&t, NULL, comes_late, &l), 0);
    assert_true(support_until(counted_as_born, l.p));
    assert_int_equal(leat_pool_shutdown(l.p, LEAT_DRAIN, LEAT_NEVER), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(l.err, LEAT_ENOMEM);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_last_deaths_at_once_end_the_drain),
        cmocka_unit_test(a_start_that_fails_during_a_drain_does_not_hold_it_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
