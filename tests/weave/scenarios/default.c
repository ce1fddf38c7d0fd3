/* default.c - the pool made on first use: two who are first, and the end of the process.
 * SPDX-License-Identifier: MIT */
#include <leat/leat.h>

#include "arch/atomic.h"
#include "weave.h"

static leat_pool *pool[2];
static leati_a32 ran;

static int runs(void *arg)
{
    (void)leati_add_sc(&ran, 1u);
    return (int)(intptr_t)arg;
}

static void first_use(unsigned i)
{
    pool[i] = leat_pool_default();
    weave_check(pool[i] != NULL);
}

/* The threads that two pools would have would be left. */
static void one_pool(void)
{
    weave_check(pool[0] == pool[1]);
    weave_exit();
}

static void first_run(unsigned i)
{
    weave_check(leat_run(runs, (void *)(intptr_t)(i + 5)) == (int)i + 5);
}

static void both_ran(void)
{
    weave_check(leati_load_sc(&ran) == 2);
    weave_exit();
}

/* The end comes while a fiber is on its way, at any stage: no thread is left. */
static void starts(unsigned i)
{
    (void)i;
    weave_check(leat_pool_go(leat_pool_default(), NULL, runs, NULL) == 0);
}

static void ends(void)
{
    weave_exit();
    weave_check(leati_load_sc(&ran) == 1);
}

WEAVE_SCENARIO(first, .name = "default.two_first_uses_give_one_pool", .actors = 2,
               .actor = first_use, .check = one_pool);
WEAVE_SCENARIO(run, .name = "default.two_first_runs", .actors = 2, .actor = first_run,
               .check = both_ran);
WEAVE_SCENARIO(exit, .name = "default.exit_ends_threads", .actors = 1, .actor = starts,
               .check = ends);
