/* test_moves.c - fibers that change their worker at any switch stay what they are, and
 * keep what they hold. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <math.h>
#include <unistd.h>

#include "support/op.h"

/* Identity, pool, locals and floating point go with the fiber; now and then one
 * computes, and those queued behind it are taken elsewhere. */
enum { WANDERERS = 24, COMPUTE_NS = 20000 };

static void let_others_be_robbed(void)
{
    int64_t until = leat_now() + COMPUTE_NS;
    while (leat_now() < until)
        ;
}

static void wander(struct actor *a)
{
    leat_fiber *me = leat_fiber_self();
    leat_pool *pool = leat_pool_current();
    unsigned rounds = 0, *moves = (unsigned *)a->arg;
    const unsigned least = (unsigned)support_scale(2000), most = 100 * least;
    pid_t thread = gettid(); /* the kernel's number: pthread_self() may be kept */
    double x = a->index + 1;
    volatile uint64_t marks[16];
    for (unsigned i = 0; i < 16; i++)
        marks[i] = a->index * 100 + i;
    /* Few CPUs and little to do: it may take a while until somebody is robbed. */
    while (rounds < least ||
           (rounds < most && __atomic_load_n(moves, __ATOMIC_RELAXED) == 0)) {
        unsigned i = rounds++;
        x = sqrt(x * x + 1.0);
        if (i % 50 == a->index)
            let_others_be_robbed();
        if (i % 7 == 0)
            expect_eq(leat_sleep_ns(1000), 0);
        else
            leat_yield();
        expect(leat_fiber_self() == me);
        expect(leat_pool_current() == pool);
        expect_eq(marks[i % 16], a->index * 100 + i % 16);
        if (gettid() != thread)
            __atomic_fetch_add(moves, 1u, __ATOMIC_RELAXED);
        thread = gettid();
    }
    double want = sqrt((double)(a->index + 1) * (a->index + 1) + rounds);
    expect(fabs(x - want) < 1e-6);
}

static void a_fiber_that_moves_stays_itself(void **state)
{
    (void)state;
    unsigned moves = 0;
    crew_join(crew_start(CREW_FIBERS, 4, WANDERERS, wander, &moves));
    print_message("%u moves\n", moves);
    assert_true(moves > 0);
}

/* A mutex of the library goes with its fiber to another worker, over every kind of
 * wait. */
struct guarded {
    leat_mutex m;
    uint64_t plain;
    leat_chan *c;
};

static void holds_across(struct actor *a)
{
    struct guarded *g = (struct guarded *)a->arg;
    for (unsigned i = 0; i < support_scale(300); i++) {
        uint64_t v = i;
        expect_eq(leat_mutex_lock(&g->m), 0);
        uint64_t before = g->plain++;
        if (i % 3 == 0)
            leat_yield();
        else if (i % 3 == 1)
            expect_eq(leat_sleep_ns(500), 0);
        else
            expect_eq(leat_chan_recv_until(g->c, &v, leat_in_us(5)), LEAT_ETIMEDOUT);
        expect_eq(g->plain, before + 1);
        expect_eq(leat_mutex_unlock(&g->m), 0);
    }
}

static void a_mutex_goes_with_its_fiber(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct guarded g = {.m = LEAT_MUTEX_INIT};
        assert_int_equal(leat_chan_new(&g.c, 8, 1), 0);
        crew_run((enum crew_kind)crew, 4, holds_across, &g);
        assert_int_equal(g.plain, 4 * support_scale(300));
        leat_chan_free(g.c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fiber_that_moves_stays_itself),
        cmocka_unit_test(a_mutex_goes_with_its_fiber),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
