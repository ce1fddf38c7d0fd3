/* default.c - the pool made on first use, its end at exit, and running main as a fiber.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "park/call.h"
#include "pool/mill.h"
#include "pool/registry.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* threads are started in it */
static leati_aptr the_pool;

/* A fork waits until the pool is there or not. */
void leati_default_before_fork(void)
{
    (void)pthread_mutex_lock(&lock);
}

void leati_default_after_fork(void)
{
    (void)pthread_mutex_unlock(&lock);
}

/* Fibers are cancelled and get a second to clean up. The memory stays, reachable:
 * other exit handlers may still hold handles, and the process ends anyway. */
static void at_exit(void)
{
    leat_pool *p = leati_load_acq(&the_pool);
    struct leati_worker *w = leati_worker_self();
    if (!p || leati_pool_foreign(p) || (w && w->pool == p))
        return;
    if (leati_pool_close(p, LEAT_CANCEL, leat_in_s(1)))
        leati_pool_halt(p);
}

leat_pool *leat_pool_default(void)
{
    leat_pool *p = leati_load_acq(&the_pool); /* pairs with the store below */
    if (leati_likely(p != NULL))
        return p;
    (void)pthread_mutex_lock(&lock);
    p = leati_load_rlx(&the_pool);
    if (!p && leat_pool_new(&p, NULL) == 0) {
        leati_store_rel(&the_pool, (void *)p);
        (void)atexit(at_exit);
    }
    (void)pthread_mutex_unlock(&lock);
    return p;
}

int leat_pool_run(leat_pool *p, int (*fn)(void *), void *arg)
{
    leat_fiber *f;
    int result = 0;
    if (leat_fiber_self() || leati_in_call())
        return LEAT_EDEADLK;
    int err = leat_pool_go(p, &f, fn, arg);
    if (!err)
        err = leat_fiber_join(f, &result);
    return err ? err : result;
}

int leat_run(int (*fn)(void *), void *arg)
{
    if (leat_fiber_self() || leati_in_call())
        return LEAT_EDEADLK;
    leat_pool *p = leat_pool_default();
    return p ? leat_pool_run(p, fn, arg) : LEAT_EAGAIN;
}
