/* pool.c - fibers: ready against sleep, joins, cancel, timers, theft.
 * SPDX-License-Identifier: MIT */
#include "common.h"

static leat_pool *pool;
static leat_fiber *fiber;
static unsigned ran;

static void workers(unsigned n)
{
    struct leat_pool_opts o = {.size = sizeof(o), .workers = n, .blocking = 1};
    weave_check(leat_pool_new(&pool, &o) == 0);
}

static void one_worker(void)
{
    workers(1);
}

static void two_workers(void)
{
    workers(2);
}

static void ended(void)
{
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
    if (chan)
        settle();
}

/* --- start, join --- */

static int runs(void *arg)
{
    (void)arg;
    ran++;
    return 5;
}

static void start_and_join(unsigned i)
{
    leat_fiber *f;
    int result = 0;
    (void)i;
    weave_check(leat_pool_go(pool, &f, runs, NULL) == 0);
    weave_check(leat_fiber_join(f, &result) == 0 && result == 5);
}

static void start_and_forget(unsigned i)
{
    leat_fiber *f = NULL;
    weave_check(leat_pool_go(pool, i ? &f : NULL, runs, NULL) == 0);
    if (f)
        leat_fiber_detach(f);
}

WEAVE_SCENARIO(join1, .name = "pool.join_from_outside", .actors = 1, .setup = one_worker,
               .actor = start_and_join, .check = ended, .bound = 2);
WEAVE_SCENARIO(join2, .name = "pool.two_joins_from_outside", .actors = 2,
               .setup = two_workers, .actor = start_and_join, .check = ended, .bound = 1);
WEAVE_SCENARIO(forget, .name = "pool.started_and_forgotten", .actors = 2,
               .setup = two_workers, .actor = start_and_forget, .check = ended,
               .bound = 1);

/* --- fibers that talk --- */

static int receives(void *arg)
{
    (void)arg;
    take();
    return 0;
}

static int sends(void *arg)
{
    (void)arg;
    put(1);
    return 0;
}

static void with_channel(void)
{
    chan = open_kind(0, 0);
    two_workers();
}

static void with_ring(void)
{
    chan = open_kind(1, 0);
    two_workers();
}

static void two_that_talk(unsigned i)
{
    leat_fiber *f;
    weave_check(leat_pool_go(pool, &f, i ? sends : receives, NULL) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
}

static void outside_and_inside(unsigned i)
{
    if (i)
        put(1);
    else
        two_that_talk(0);
}

WEAVE_SCENARIO(talk, .name = "pool.fibers_meet", .actors = 2, .setup = with_channel,
               .actor = two_that_talk, .check = ended, .bound = 1);
WEAVE_SCENARIO(talk_ring, .name = "pool.fibers_meet_over_a_ring", .actors = 2,
               .setup = with_ring, .actor = two_that_talk, .check = ended, .bound = 1);
WEAVE_SCENARIO(outside, .name = "pool.a_thread_meets_a_fiber", .actors = 2,
               .setup = with_channel, .actor = outside_and_inside, .check = ended,
               .bound = 1);

/* --- cancel, deadlines --- */

static int receives_or_not(void *arg)
{
    struct leat_deadline until = arg ? leat_in_us(20) : LEAT_NEVER;
    int r = take_until(chan, until);
    weave_check(r == 0 || r == (arg ? LEAT_ETIMEDOUT : LEAT_ECANCELED));
    return r;
}

static void cancel_against_send(unsigned i)
{
    if (i == 0) {
        leat_fiber *f;
        int r = 1;
        weave_check(leat_pool_go(pool, &f, receives_or_not, NULL) == 0);
        leat_fiber_cancel(f);
        weave_check(leat_fiber_join(f, &r) == 0);
    } else {
        (void)put_until(chan, 1, leat_in_us(50));
    }
}

static void deadline_against_send(unsigned i)
{
    if (i == 0) {
        leat_fiber *f;
        weave_check(leat_pool_go(pool, &f, receives_or_not, &pool) == 0);
        weave_check(leat_fiber_join(f, NULL) == 0);
    } else {
        (void)put_until(chan, 1, leat_in_us(50));
    }
}

static int sleeps(void *arg)
{
    int64_t until = leat_now() + 20000;
    (void)arg;
    int r = leat_sleep_until(leat_at(until));
    weave_check(r == LEAT_ECANCELED || (r == 0 && leat_now() >= until));
    return r;
}

static void sleep_against_cancel(unsigned i)
{
    if (i == 0) {
        weave_check(leat_pool_go(pool, &fiber, sleeps, NULL) == 0);
        if (weave_choose(2))
            leat_fiber_cancel(fiber);
        weave_check(leat_fiber_join(fiber, NULL) == 0);
    } else {
        start_and_join(i);
    }
}

WEAVE_SCENARIO(cancel, .name = "pool.cancel_against_a_send", .actors = 2,
               .setup = with_channel, .actor = cancel_against_send, .check = ended,
               .bound = 1);
WEAVE_SCENARIO(cancel_ring, .name = "pool.cancel_against_a_send_to_a_ring", .actors = 2,
               .setup = with_ring, .actor = cancel_against_send, .check = ended,
               .bound = 1);
WEAVE_SCENARIO(deadline, .name = "pool.deadline_against_a_send", .actors = 2,
               .setup = with_channel, .actor = deadline_against_send, .check = ended,
               .bound = 1);
WEAVE_SCENARIO(sleep, .name = "pool.sleeps_end", .actors = 2, .setup = two_workers,
               .actor = sleep_against_cancel, .check = ended, .bound = 1);

/* --- theft, overflow of a run queue of four --- */

static leat_wg all = LEAT_WG_INIT;

static int counts(void *arg)
{
    (void)arg;
    if (ran++ % 2)
        leat_yield();
    leat_wg_done(&all);
    return 0;
}

static int starts_seven(void *arg)
{
    (void)arg;
    leat_wg_add(&all, 7);
    for (int i = 0; i < 7; i++)
        weave_check(leat_go(NULL, counts, NULL) == 0);
    weave_check(leat_wg_wait(&all) == 0);
    weave_check(ran == 7);
    return 0;
}

static void seven(unsigned i)
{
    leat_fiber *f;
    (void)i;
    weave_check(leat_pool_go(pool, &f, starts_seven, NULL) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
}

WEAVE_SCENARIO(seven, .name = "pool.all_of_seven_run", .actors = 1, .setup = two_workers,
               .actor = seven, .check = ended, .bound = 1);

/* --- calls that block --- */

static int blocks(void *arg)
{
    (void)arg;
    ran++;
    return 3;
}

static int calls(void *arg)
{
    bool done = false;
    (void)arg;
    weave_check(leat_blocking(blocks, NULL, &done) == 3 && done);
    return 0;
}

static void calls_that_block(unsigned i)
{
    leat_fiber *f;
    (void)i;
    weave_check(leat_pool_go(pool, &f, calls, NULL) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
}

WEAVE_SCENARIO(blocking, .name = "pool.blocking_calls_return", .actors = 2,
               .setup = one_worker, .actor = calls_that_block, .check = ended,
               .bound = 1);
