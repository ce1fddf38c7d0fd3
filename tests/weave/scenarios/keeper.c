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
