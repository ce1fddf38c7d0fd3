/* keeper.c - a worker that sleeps and looks at intervals, and one that leaves it something
 * and then holds its thread: at the very moment at which the keeper stops looking.
 * SPDX-License-Identifier: MIT */
#include <leat/leat.h>
#include "arch/futex.h"
#include "pool/mill.h"
#include "weave.h"

static leat_pool *pool;
static leat_sem work;
static leati_a32 done, never;

static int works(void *arg)
{
    (void)arg;
    weave_check(leat_sem_acquire(&work, 1) == 0);
    leati_store_sc(&done, 1u);
    leatp_futex_wake(&done, 1);
    return 0;
}

/* Sleeps with its thread: nobody switches on this worker, which is trusted to run soon
 * what it readies. */
static int leaves(void *arg)
{
    (void)arg;
    leati_store_rlx(&leati_worker_self()->trust, 1u);
    (void)leatp_futex_wait(&never, 0, leat_in_us(1000 + 10 * (int)weave_choose(3)));
    leat_sem_release(&work, 1);
    while (!leati_load_acq(&done))
        (void)leatp_futex_wait(&done, 0, LEAT_NEVER);
    return 0;
}

static void two_workers(void)
{
    struct leat_pool_opts o = {.size = sizeof(o), .workers = 2};
    weave_check(leat_pool_new(&pool, &o) == 0);
}

static void leave(unsigned i)
{
    leat_fiber *f;
    (void)i;
    weave_check(leat_pool_go(pool, NULL, works, NULL) == 0);
    weave_check(leat_pool_go(pool, &f, leaves, NULL) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

WEAVE_SCENARIO(stops, .name = "keeper.who_stops_looking_sees_what_came", .actors = 1,
               .setup = two_workers, .actor = leave, .bound = 1);

/* --- who gets up for work of its own and then holds its thread: what it leaves behind is
 * for the other one, who sleeps and looks no more --- */

static leati_a32 place; /* id + 1 of the worker with a timer */

static void wait_for_done(void)
{
    while (!leati_load_acq(&done))
        (void)leatp_futex_wait(&done, 0, LEAT_NEVER);
}

static int holds(void *arg)
{
    (void)arg;
    wait_for_done();
    return 0;
}

static int tells(void *arg)
{
    (void)arg;
    leati_store_sc(&done, 1u);
    leatp_futex_wake(&done, 2);
    return 0;
}

static int sleeps_and_tells(void *arg)
{
    leati_store_sc(&place, leati_worker_self()->id + 1u);
    weave_check(leat_sleep_ns(10000000) == 0);
    return tells(arg);
}

static int passes(void *arg)
{
    (void)arg;
    return 0;
}

static void both_asleep(void)
{
    (void)leatp_futex_wait(&never, 0, leat_in_us(5000));
}

static void asleep(void)
{
    two_workers();
    both_asleep();
}

static void asleep_with_a_timer(void)
{
    two_workers();
    weave_check(leat_pool_go(pool, NULL, sleeps_and_tells, NULL) == 0);
    both_asleep();
    weave_check(leati_load_sc(&place) != 0);
}

static leat_fiber *start_at(int pin, int (*fn)(void *))
{
    const struct leat_fiber_opts o = {.size = sizeof(o), .pool = pool, .pin = pin};
    leat_fiber *f;
    weave_check(leat_fiber_start(&f, &o, fn, NULL) == 0);
    return f;
}

static void beside_a_timer(unsigned i)
{
    (void)i;
    leat_fiber_detach(start_at((int)leati_load_sc(&place), holds));
    wait_for_done();
}

/* One has been called and may be at the end of its search when the others come: somebody
 * asleep does not keep it from getting there. */
static void beside_the_shared(unsigned i)
{
    int pin = 1 + (int)weave_choose(2);
    (void)i;
    weave_check(leat_fiber_join(start_at(pin, passes), NULL) == 0);
    (void)leatp_futex_wait(&never, 0, leat_in_us(100));
    weave_check(leat_pool_go(pool, NULL, tells, NULL) == 0);
    leat_fiber_detach(start_at(pin, holds));
    wait_for_done();
}

static void finish(void)
{
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

WEAVE_SCENARIO(timer, .name = "keeper.who_is_called_has_a_timer", .actors = 1,
               .setup = asleep_with_a_timer, .actor = beside_a_timer, .check = finish);
WEAVE_SCENARIO(shared, .name = "keeper.who_is_called_was_to_search", .actors = 1,
               .setup = asleep, .actor = beside_the_shared, .check = finish);
