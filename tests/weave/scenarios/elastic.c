/* elastic.c - calls that block their thread: every one runs once, or says that it did
 * not; the threads end. SPDX-License-Identifier: MIT */
#include <leat/leat.h>

#include "arch/atomic.h"
#include "weave.h"

static leat_pool *pool;
static leati_a32 calls;

static void most(unsigned threads)
{
    struct leat_pool_opts o = {.size = sizeof(o), .workers = 1, .blocking = threads};
    weave_check(leat_pool_new(&pool, &o) == 0);
}

static void one_thread(void)
{
    most(1);
}

static void two_threads(void)
{
    most(2);
}

static int called(void *arg)
{
    (void)leati_add_sc(&calls, 1u);
    return (int)(intptr_t)arg;
}

/* A fiber: leat_blocking for as often as was asked. */
static int blocks(void *arg)
{
    for (intptr_t k = 0; k < (intptr_t)arg; k++) {
        bool ran = false;
        int r = leat_blocking(called, (void *)(k + 5), &ran);
        weave_check(ran ? r == k + 5 : r == LEAT_ECANCELED);
        if (!ran)
            return r;
    }
    return 0;
}

static leat_fiber *start(intptr_t n)
{
    leat_fiber *f;
    weave_check(leat_pool_go(pool, &f, blocks, (void *)n) == 0);
    return f;
}

static void one_call(unsigned i)
{
    (void)i;
    int r = 1;
    weave_check(leat_fiber_join(start(1), &r) == 0 && r == 0);
    weave_check(leati_load_sc(&calls) == 1);
}

/* The thread may end for want of work just when the next call comes. */
static void two_calls(unsigned i)
{
    (void)i;
    int r = 1;
    weave_check(leat_fiber_join(start(2), &r) == 0 && r == 0);
    weave_check(leati_load_sc(&calls) == 2);
}

static void two_fibers(unsigned i)
{
    (void)i;
    leat_fiber *f = start(1), *g = start(1);
    weave_check(leat_fiber_join(f, NULL) == 0 && leat_fiber_join(g, NULL) == 0);
    weave_check(leati_load_sc(&calls) == 2);
}

static void cancelled(unsigned i)
{
    (void)i;
    int r = 1;
    leat_fiber *f = start(1);
    leat_fiber_cancel(f);
    weave_check(leat_fiber_join(f, &r) == 0);
    weave_check(leati_load_sc(&calls) == (r == 0));
}

/* Two calls, the first of which ends when the second has begun: while the limit allows
 * another thread none of them may be left behind the other. One thread idles already. */
static leat_sem begun;

static int waits(void *arg)
{
    (void)arg;
    return leat_sem_acquire(&begun, 1);
}

static int begins(void *arg)
{
    (void)arg;
    leat_sem_release(&begun, 1);
    return 0;
}

static int blocks_in(void *arg)
{
    bool ran = false;
    int r = leat_blocking(arg ? begins : waits, NULL, &ran);
    weave_check(ran && r == 0);
    return 0;
}

static void one_idles(void)
{
    two_threads();
    weave_check(leat_fiber_join(start(1), NULL) == 0);
}

static void one_waits(unsigned i)
{
    leat_fiber *f, *g;
    (void)i;
    weave_check(leat_pool_go(pool, &f, blocks_in, NULL) == 0);
    weave_check(leat_pool_go(pool, &g, blocks_in, &begun) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0 && leat_fiber_join(g, NULL) == 0);
}

static void finish(void)
{
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

/* Shut down with the call at any stage. */
static void shut(unsigned i)
{
    (void)i;
    weave_check(leat_pool_go(pool, NULL, blocks, (void *)1) == 0);
    finish();
    weave_check(leati_load_sc(&calls) == 1);
}

WEAVE_SCENARIO(one, .name = "elastic.one_call", .actors = 1, .setup = one_thread,
               .actor = one_call, .check = finish);
WEAVE_SCENARIO(again, .name = "elastic.a_call_when_the_thread_may_end", .actors = 1,
               .setup = one_thread, .actor = two_calls, .check = finish);
WEAVE_SCENARIO(queue, .name = "elastic.two_calls_one_thread", .actors = 1,
               .setup = one_thread, .actor = two_fibers, .check = finish);
WEAVE_SCENARIO(both, .name = "elastic.two_calls_two_threads", .actors = 1,
               .setup = two_threads, .actor = two_fibers, .check = finish);
WEAVE_SCENARIO(cancel, .name = "elastic.cancel_against_call", .actors = 1,
               .setup = one_thread, .actor = cancelled, .check = finish);
WEAVE_SCENARIO(shut, .name = "elastic.shutdown_against_call", .actors = 1,
               .setup = one_thread, .actor = shut);
WEAVE_SCENARIO(one_waits, .name = "elastic.one_call_waits_for_the_other", .actors = 1,
               .setup = one_idles, .actor = one_waits, .check = finish, .bound = 2);
