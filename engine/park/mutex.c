/* mutex.c - mutex of fibers and threads.
 *
 * Idea        Barging: an unlock with waiters frees the mutex and tells the head of the
 *             queue to try again, so that a running owner may take it again at once. One
 *             waiter at a time is told. A head that lost this race, or has waited 1 ms,
 *             is handed the mutex.
 * Words       state: TOLD | WAIT | LOCKED. WAIT <=> nodes are listed, changed under the
 *             lock. TOLD: set by the unlock that tells, cleared by the told one's try.
 *             LOCKED and WAIT without TOLD: changes only under the lock.
 *             owner: the fiber or thread inside, for errors only; w: owner.
 * Invariants  A told waiter tries before it parks or gives up. So either it gets the
 *             mutex, or its owner sees WAIT without TOLD when he unlocks: no lost
 *             wake-up.
 * SPDX-License-Identifier: MIT */
#include "base/tls.h"
#include "park/waitq.h"

enum { LOCKED = 1, WAIT = 2, TOLD = 4 };

enum { TRY_AGAIN = 1 }; /* a result of leati_park beside 0 and LEAT_E... */

#define PATIENCE_NS 1000000

struct leati_mutex_wait {
    struct leati_qnode q;
    leat_mutex *m;
    void *me;
    int64_t since;
    bool lost;
};

/* Who calls: the fiber, or the thread when it runs none. Stays the same over a park. */
static void *leati_mutex_me(void)
{
    struct leati_party *p = leati_self();
    return p == &leati_thread_party ? (void *)(uintptr_t)leati_tls_thread_id() : (void *)p;
}

static struct leati_mutex_wait *leati_mutex_wait(struct leati_qnode *n)
{
    return leati_container_of(n, struct leati_mutex_wait, q);
}

/* Takes m if it is free; leaves the state seen last in *ret. */
static bool leati_mutex_take(leat_mutex *m, void *me, uint32_t *ret)
{
    *ret = leati_load_rlx(&m->state); /* relaxed: the CAS decides */
    while (!(*ret & LOCKED)) {
        if (leati_cas_acq(&m->state, ret, *ret | LOCKED)) { /* pairs with unlock */
            leati_store_rlx(&m->owner, me); /* relaxed: only compared with oneself */
            return true;
        }
    }
    return false;
}

/* The try of a told waiter. */
static bool leati_mutex_take_told(leat_mutex *m, void *me)
{
    uint32_t s = leati_load_rlx(&m->state); /* relaxed: the CAS decides */
    /* ar: pairs with unlock when it takes, is read by the owner's unlock when not. */
    while (!leati_cas_ar(&m->state, &s, (s & ~(uint32_t)TOLD) | LOCKED))
        ;
    if (s & LOCKED)
        return false;
    leati_store_rlx(&m->owner, me); /* relaxed: as in take */
    return true;
}

static bool leati_mutex_publish(struct leati_wait *w)
{
    struct leati_mutex_wait *n = leati_mutex_wait(leati_qnode(w));
    leat_mutex *m = n->m;
    leati_a32 *lock = leati_waitq_lock(&m->q);
    uint32_t s;
    bool taken;
    do {
        taken = leati_mutex_take(m, n->me, &s);
        /* ar: its reader is the unlock; a failed CAS looks again. */
    } while (!taken && !(s & WAIT) && !leati_cas_ar(&m->state, &s, s | WAIT));
    if (taken)
        w->result = 0;
    else if (n->lost)
        leati_waitq_prepend(&m->q, &n->q); /* keeps the place it had */
    else
        leati_waitq_append(&m->q, &n->q);
    leati_unlock(lock);
    return !taken;
}

static bool leati_mutex_abort(struct leati_wait *w, int err)
{
    struct leati_qnode *n = leati_qnode(w);
    leat_mutex *m = leati_mutex_wait(n)->m;
    leati_a32 *lock = leati_waitq_lock(&m->q);
    bool mine = n->listed;
    if (mine) {
        leati_waitq_remove(&m->q, n);
        w->result = err;
        if (!leati_waitq_first(&m->q))
            (void)leati_and_sc(&m->state, ~(uint32_t)WAIT);
    }
    leati_unlock(lock);
    return mine;
}

static const struct leati_wait_ops leati_mutex_ops = {leati_mutex_publish,
                                                      leati_mutex_abort, "mutex"};

static int leati_mutex_lock_slow(leat_mutex *m, void *me, struct leat_deadline until)
{
    /* relaxed: it equals me only if I wrote it */
    if (leati_load_rlx(&m->owner) == me)
        return LEAT_EDEADLK;
    struct leati_mutex_wait n;
    n.m = m;
    n.me = me;
    n.since = leat_now();
    n.lost = false;
    leati_qnode_init(&n.q, &leati_mutex_ops, m, until);
    for (;;) {
        int r = leati_park(&n.q.w);
        if (r != TRY_AGAIN)
            return r;
        if (leati_mutex_take_told(m, me))
            return 0;
        n.lost = true;
    }
}

int leat_mutex_lock_until(leat_mutex *m, struct leat_deadline until)
{
    void *me = leati_mutex_me();
    uint32_t s;
    if (leati_likely(leati_mutex_take(m, me, &s)))
        return 0;
    return leati_mutex_lock_slow(m, me, until);
}

int leat_mutex_lock(leat_mutex *m)
{
    return leat_mutex_lock_until(m, LEAT_NEVER);
}

int leat_mutex_try_lock(leat_mutex *m)
{
    uint32_t s;
    return leati_mutex_take(m, leati_mutex_me(), &s) ? 0 : LEAT_EAGAIN;
}

/* LOCKED, and waiters when last seen. The store of the state is the last touch of m. */
static void leati_mutex_unlock_slow(leat_mutex *m)
{
    struct leati_qwoken out = {{NULL, NULL}};
    leati_a32 *lock = leati_waitq_lock(&m->q);
    struct leati_qnode *n = leati_waitq_first(&m->q);
    uint32_t s = 0;
    if (n) {
        struct leati_mutex_wait *w = leati_mutex_wait(n);
        bool hand = w->lost || leat_now() - w->since > PATIENCE_NS;
        leati_waitq_complete(&m->q, n, hand ? 0 : TRY_AGAIN, &out);
        s = (uint32_t)(hand ? LOCKED : TOLD) | (leati_waitq_first(&m->q) ? WAIT : 0u);
        leati_store_rlx(&m->owner, hand ? w->me : NULL); /* relaxed: as in take */
    }
    leati_store_rel(&m->state, s); /* pairs with the CAS in take */
    leati_unlock(lock);
    leati_waitq_wake(&out);
}

int leat_mutex_unlock(leat_mutex *m)
{
    if (leati_load_rlx(&m->owner) != leati_mutex_me()) /* relaxed: as in lock */
        return LEAT_EINVAL;
    leati_store_rlx(&m->owner, NULL); /* relaxed: the next owner writes after its CAS */
    uint32_t s = LOCKED;
    while (!(s & WAIT) || (s & TOLD)) {
        if (leati_likely(leati_cas_rel(&m->state, &s, s & ~(uint32_t)LOCKED)))
            return 0; /* pairs with the CAS in take */
    }
    leati_mutex_unlock_slow(m);
    return 0;
}
