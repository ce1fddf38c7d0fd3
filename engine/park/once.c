/* once.c - a function that runs once.
 *
 * Words       state: IDLE, RUNNING, DONE; leaves RUNNING only under the lock.
 * Invariants  Nodes are listed only while RUNNING. A runner that failed hands RUNNING on
 *             to the first of them, who runs the function even when he was cancelled:
 *             so nobody's turn is lost.
 * SPDX-License-Identifier: MIT */
#include "park/waitq.h"

enum { IDLE, RUNNING, DONE };

enum { YOUR_TURN = 1 }; /* a result of leati_park beside 0 and LEAT_E... */

struct leati_once_wait {
    struct leati_qnode q;
    leat_once *o;
};

static leat_once *leati_once_of(struct leati_qnode *n)
{
    return leati_container_of(n, struct leati_once_wait, q)->o;
}

static bool leati_once_publish(struct leati_wait *w)
{
    struct leati_qnode *n = leati_qnode(w);
    leat_once *o = leati_once_of(n);
    leati_a32 *lock = leati_waitq_lock(&o->q);
    uint32_t s = IDLE;
    /* ar: the former runner's effects; on failure those of the one who has done it. */
    if (leati_cas_ar(&o->state, &s, (uint32_t)RUNNING))
        w->result = YOUR_TURN;
    else if (s == DONE)
        w->result = 0;
    else
        leati_waitq_append(&o->q, n);
    leati_unlock(lock);
    return s == RUNNING;
}

static bool leati_once_abort(struct leati_wait *w, int err)
{
    struct leati_qnode *n = leati_qnode(w);
    leat_once *o = leati_once_of(n);
    leati_a32 *lock = leati_waitq_lock(&o->q);
    bool mine = n->listed;
    if (mine) {
        leati_waitq_remove(&o->q, n);
        w->result = err;
    }
    leati_unlock(lock);
    return mine;
}

static const struct leati_wait_ops leati_once_ops = {leati_once_publish, leati_once_abort,
                                                     "once"};

/* The store of the state is the last touch of o. */
static int leati_once_run(leat_once *o, int (*fn)(void *), void *arg)
{
    int r = fn(arg);
    struct leati_qwoken out = {{NULL, NULL}};
    leati_a32 *lock = leati_waitq_lock(&o->q);
    struct leati_qnode *n = leati_waitq_first(&o->q);
    uint32_t s = DONE;
    if (r == 0)
        leati_waitq_complete_all(&o->q, 0, &out);
    else if (n)
        leati_waitq_complete(&o->q, n, YOUR_TURN, &out);
    if (r != 0)
        s = n ? RUNNING : IDLE;
    leati_store_rel(&o->state, s); /* pairs with the loads of the next callers */
    leati_unlock(lock);
    leati_waitq_wake(&out);
    return r;
}

int leat_once_do(leat_once *o, int (*fn)(void *), void *arg)
{
    uint32_t s = leati_load_acq(&o->state); /* pairs with the store in run */
    if (leati_likely(s == DONE))
        return 0;
    if (s == IDLE && leati_cas_ar(&o->state, &s, (uint32_t)RUNNING)) /* as in publish */
        return leati_once_run(o, fn, arg);
    if (s == DONE)
        return 0;
    struct leati_once_wait n;
    n.o = o;
    leati_qnode_init(&n.q, &leati_once_ops, o, LEAT_NEVER);
    int r = leati_park(&n.q.w);
    return r == YOUR_TURN ? leati_once_run(o, fn, arg) : r;
}
