/* test_once.c - once. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "queue.h"

enum { ACTORS = 8, FAILURE = 7 };

struct shared {
    leat_once o;
    leati_a32 runs;
    unsigned failures;   /* so many runs fail first */
    leati_a32 gate;      /* the first run waits for it */
    int plain;           /* written by the function, read by who comes after */
};

static bool open_gate(void *arg)
{
    return leati_load_acq(&((struct shared *)arg)->gate) != 0;
}

static int work(void *arg)
{
    struct shared *s = arg;
    while (!open_gate(s))
        leat_yield();
    s->plain++;
    return leati_add_ar(&s->runs, 1u) < s->failures ? FAILURE : 0;
}

static int doer(void *arg)
{
    struct shared *s = arg;
    int r = leat_once_do(&s->o, work, s);
    return r == 0 && s->plain != (int)s->failures + 1 ? -1 : r;
}

static void runs_once_and_all_wait_for_it(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.o = LEAT_ONCE_INIT};
        struct lone a[ACTORS];
        for (unsigned i = 0; i < ACTORS; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, doer, &s);
        await_parked(&s.o.q, ACTORS - 1);
        leati_store_rel(&s.gate, 1u); /* pairs with the load in open_gate */
        for (unsigned i = 0; i < ACTORS; i++)
            assert_int_equal(lone_join(&a[i]), 0);
        assert_int_equal(s.runs.v, 1);
        assert_int_equal(leat_once_do(&s.o, work, &s), 0);
        assert_int_equal(s.runs.v, 1);
    }
}

static void after_a_failure_the_next_one_tries(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        struct shared s = {.o = LEAT_ONCE_INIT, .failures = 3};
        struct lone a[ACTORS];
        unsigned failed = 0;
        for (unsigned i = 0; i < ACTORS; i++)
            lone_start(&a[i], (enum crew_kind)kind, i, doer, &s);
        await_parked(&s.o.q, ACTORS - 1);
        leati_store_rel(&s.gate, 1u); /* pairs with the load in open_gate */
        for (unsigned i = 0; i < ACTORS; i++) {
            int r = lone_join(&a[i]);
            assert_true(r == 0 || r == FAILURE);
            failed += r == FAILURE;
        }
        assert_int_equal(failed, 3);
        assert_int_equal(s.runs.v, 4);
    }
}

static void a_failure_without_waiters_leaves_it_undone(void **state)
{
    (void)state;
    struct shared s = {.o = LEAT_ONCE_INIT, .failures = 1, .gate = {1}};
    assert_int_equal(leat_once_do(&s.o, work, &s), FAILURE);
    assert_int_equal(leat_once_do(&s.o, work, &s), 0);
    assert_int_equal(leat_once_do(&s.o, work, &s), 0);
    assert_int_equal(s.runs.v, 2);
}

static int ended_by_cancel(void *arg)
{
    leat_sem *s = arg;
    return leat_sem_acquire(s, 1);
}

struct cancelled {
    leat_once o;
    leat_sem s;
};

static int cancelled_doer(void *arg)
{
    struct cancelled *c = arg;
    return leat_once_do(&c->o, ended_by_cancel, &c->s);
}

/* The runner is cancelled inside the function, one waiter in the queue: the other
 * waiter becomes the runner. */
static void cancelled_ones_pass_their_turn_on(void **state)
{
    (void)state;
    struct cancelled c = {LEAT_ONCE_INIT, LEAT_SEM_INIT(0)};
    struct lone a[3];
    lone_start(&a[0], CREW_FIBERS, 0, cancelled_doer, &c);
    await_parked(&c.s.q, 1);
    for (unsigned i = 1; i < 3; i++) {
        lone_start(&a[i], CREW_FIBERS, i, cancelled_doer, &c);
        await_parked(&c.o.q, i);
    }
    leat_fiber_cancel(a[1].fiber);
    assert_int_equal(lone_join(&a[1]), LEAT_ECANCELED);
    assert_int_equal(queue_length(&c.o.q), 1);
    leat_fiber_cancel(a[0].fiber);
    assert_int_equal(lone_join(&a[0]), LEAT_ECANCELED);
    leat_sem_release(&c.s, 1);
    assert_int_equal(lone_join(&a[2]), 0);
    assert_int_equal(leat_once_do(&c.o, ended_by_cancel, &c.s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_once_and_all_wait_for_it),
        cmocka_unit_test(after_a_failure_the_next_one_tries),
        cmocka_unit_test(a_failure_without_waiters_leaves_it_undone),
        cmocka_unit_test(cancelled_ones_pass_their_turn_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
