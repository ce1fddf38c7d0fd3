/* sem.c - semaphore.
 *
 * Words       permits: WAIT<<63 | permits free.
 * Invariants  WAIT <=> nodes are listed. While WAIT is set the word changes only under
 *             the lock (so by plain stores) and newcomers queue: strict order.
 *             At rest the first node wants more than is free.
 * SPDX-License-Identifier: MIT */
#include "park/waitq.h"

#define WAIT ((uint64_t)1 << 63)

struct leati_sem_wait {
    struct leati_qnode q;
    leat_sem *sem;
    uint32_t n;
};

static struct leati_sem_wait *leati_sem_wait(struct leati_qnode *n)
{
    return leati_container_of(n, struct leati_sem_wait, q);
}

/* Takes n permits unless somebody waits or there are too few; leaves the word seen
 * last in *ret. */
static bool leati_sem_take(leat_sem *s, uint32_t n, uint64_t *ret)
{
    *ret = leati_load_rlx(&s->permits); /* relaxed: the CAS decides */
    while (!(*ret & WAIT) && *ret >= n) {
        if (leati_cas_acq(&s->permits, ret, *ret - n)) /* pairs with the releases below */
            return true;
    }
    return false;
}

/* Under the lock, WAIT set: gives `free` permits to whoever is first in line and stores
 * what is left, which is the last touch of s. */
static void leati_sem_serve(leat_sem *s, uint64_t free, struct leati_qwoken *out)
{
    struct leati_qnode *n;
    while ((n = leati_waitq_first(&s->q)) != NULL && leati_sem_wait(n)->n <= free) {
        free -= leati_sem_wait(n)->n;
        leati_waitq_complete(&s->q, n, 0, out);
    }
    /* rel: pairs with the CAS in take. */
    leati_store_rel(&s->permits, n ? free | WAIT : free);
}

static bool leati_sem_publish(struct leati_wait *w)
{
    struct leati_sem_wait *n = leati_sem_wait(leati_qnode(w));
    leat_sem *s = n->sem;
    leati_a32 *lock = leati_waitq_lock(&s->q);
    uint64_t p;
    bool taken;
    do {
        taken = leati_sem_take(s, n->n, &p);
        /* ar: keeps the releases before it in order; a failed CAS looks again. */
    } while (!taken && !(p & WAIT) && !leati_cas_ar(&s->permits, &p, p | WAIT));
    if (taken)
        w->result = 0;
    else
        leati_waitq_append(&s->q, &n->q);
    leati_unlock(lock);
    return !taken;
}

static bool leati_sem_abort(struct leati_wait *w, int err)
{
    struct leati_qnode *n = leati_qnode(w);
    leat_sem *s = leati_sem_wait(n)->sem;
    leati_a32 *lock = leati_waitq_lock(&s->q);
    bool mine = n->listed;
    if (mine) {
        leati_waitq_remove(&s->q, n);
        w->result = err;
        if (!leati_waitq_first(&s->q))
            (void)leati_and_sc(&s->permits, ~WAIT);
    }
    leati_unlock(lock);
    return mine;
}

static const struct leati_wait_ops leati_sem_ops = {leati_sem_publish, leati_sem_abort,
                                                    "semaphore"};

/* Adds n permits; with waiters under the lock. */
static void leati_sem_give(leat_sem *s, uint32_t n)
{
    struct leati_qwoken out = {{NULL, NULL}};
    uint64_t p = leati_load_rlx(&s->permits); /* relaxed: the CAS or the lock decides */
    while (!(p & WAIT)) {
        if (leati_cas_ar(&s->permits, &p, p + n)) /* pairs with the CAS in take */
            return;
    }
    leati_a32 *lock = leati_waitq_lock(&s->q);
    p = leati_load_acq(&s->permits); /* hands on the releases before this one */
    if (p & WAIT)
        leati_sem_serve(s, (p & ~WAIT) + n, &out);
    else
        (void)leati_add_ar(&s->permits, (uint64_t)n);
    leati_unlock(lock);
    leati_waitq_wake(&out);
}

void leat_sem_init(leat_sem *s, uint32_t permits)
{
    *s = (leat_sem)LEAT_SEM_INIT(permits);
}

int leat_sem_try_acquire(leat_sem *s, uint32_t n)
{
    uint64_t seen;
    return leati_sem_take(s, n, &seen) ? 0 : LEAT_EAGAIN;
}

int leat_sem_acquire_until(leat_sem *s, uint32_t n, struct leat_deadline until)
{
    uint64_t seen;
    if (leati_likely(leati_sem_take(s, n, &seen)))
        return 0;
    struct leati_sem_wait w;
    w.sem = s;
    w.n = n;
    leati_qnode_init(&w.q, &leati_sem_ops, s, until);
    int r = leati_park(&w.q.w);
    if (r != 0)
        leati_sem_give(s, 0); /* those behind may want less than there is */
    return r;
}

int leat_sem_acquire(leat_sem *s, uint32_t n)
{
    return leat_sem_acquire_until(s, n, LEAT_NEVER);
}

void leat_sem_release(leat_sem *s, uint32_t n)
{
    leati_sem_give(s, n);
}
