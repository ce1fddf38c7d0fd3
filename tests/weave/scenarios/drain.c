/* drain.c - the end of a pool. SPDX-License-Identifier: MIT */
#include <leat/leat.h>

#include "weave.h"

static leat_pool *pool;

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void two_workers(void)
{
    struct leat_pool_opts o = {.size = sizeof(o), .workers = 2};
    weave_check(leat_pool_new(&pool, &o) == 0);
}

static void end_with_two_pinned(unsigned i)
{
    (void)i;
    for (int pin = 1; pin <= 2; pin++) {
        struct leat_fiber_opts o = {.size = sizeof(o), .pool = pool, .pin = pin};
        weave_check(leat_fiber_start(NULL, &o, nothing, NULL) == 0);
    }
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

WEAVE_SCENARIO(two, .name = "drain.two_last_deaths_on_two_workers", .actors = 1,
               .setup = two_workers, .actor = end_with_two_pinned, .bound = 2);
