/* drain.c - the end of a pool. SPDX-License-Identifier: MIT */
#include <leat/leat.h>

#include "arch/atomic.h"
#include "arch/relax.h"
#include "weave.h"

static leat_pool *pool;
static leati_a32 leaving;

/* Both leave at the same instant. */
static int leaves_with_the_other(void *arg)
{
    (void)arg;
    (void)leati_add_ar(&leaving, 1u);
    while (leati_load_acq(&leaving) != 2)
        leatp_pause();
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
        weave_check(leat_fiber_start(NULL, &o, leaves_with_the_other, NULL) == 0);
    }
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

WEAVE_SCENARIO(two, .name = "drain.two_last_deaths_on_two_workers", .actors = 1,
               .setup = two_workers, .actor = end_with_two_pinned, .bound = 2);
