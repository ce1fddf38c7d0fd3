/* registry.c - see registry.h. Readers walk in an RCU section; writers hold the lock.
 * SPDX-License-Identifier: MIT */
#include "base/fork.h"
#include "mem/reclaim.h"
#include "pool/mill.h"
#include "pool/registry.h"

static leati_a32 lock;
static leati_aptr first;
static leati_a32 forks;

void leati_registry_add(leat_pool *p)
{
    leati_lock(&lock);
    leati_store_rlx(&p->next, leati_load_rlx(&first));
    leati_store_rel(&first, (void *)p); /* pairs with the walk: p is complete */
    leati_unlock(&lock);
}

void leati_registry_remove(leat_pool *p)
{
    leati_lock(&lock);
    leati_aptr *at = &first;
    leat_pool *q;
    while ((q = leati_load_rlx(at)) != NULL && q != p)
        at = &q->next;
    if (q)
        leati_store_rel(at, leati_load_rlx(&p->next)); /* pairs with the walk */
    leati_unlock(&lock);
    leati_rcu_synchronize();
}

void leati_registry_walk(void (*fn)(leat_pool *, void *), void *arg)
{
    leati_rcu_read_lock();
    leat_pool *p = leati_load_acq(&first); /* pairs with the stores above */
    for (; p; p = leati_load_acq(&p->next))
        fn(p, arg);
    leati_rcu_read_unlock();
}

/* A child has none of the threads; the pools' memory stays as it was. In the order in
 * which the default pool is made. */
static void before_fork(void)
{
    leati_default_before_fork();
    leati_lock(&lock);
    leati_rcu_before_fork();
}

static void after_fork_parent(void)
{
    leati_rcu_after_fork(false);
    leati_unlock(&lock);
    leati_default_after_fork();
}

static void after_fork_child(void)
{
    leati_rcu_after_fork(true);
    leati_store_rlx(&forks, leati_load_rlx(&forks) + 1); /* the only thread */
    leati_unlock(&lock);
    leati_default_after_fork();
}

static LEATI_FORK_ROOT void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

uint32_t leati_forks(void)
{
    return leati_load_rlx(&forks);
}

bool leati_pool_foreign(const leat_pool *p)
{
    return p->forks != leati_load_rlx(&forks);
}
