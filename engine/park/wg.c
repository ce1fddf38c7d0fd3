/* wg.c - wait group.
 *
 * Words       count: WAIT<<63 | things still to do.
 * Invariants  WAIT <=> nodes are listed, both under the lock. Zero and WAIT never
 *             stand together: the step to zero clears WAIT with one CAS, and its
 *             maker holds the lock and all waiters by then.
 * Life        Therefore a word that reads zero is the last touch of whoever made it so:
 *             a wait that sees it may free the group at once.
 * SPDX-License-Identifier: MIT */
#include "base/misuse.h"
#include "park/waitq.h"

#define WAIT ((uint64_t)1 << 63)

struct leati_wg_wait {
    struct leati_qnode q;
    leat_wg *wg;
};

static leat_wg *leati_wg_of(struct leati_qnode *n)
{
    return leati_container_of(n, struct leati_wg_wait, q)->wg;
}

static bool leati_wg_publish(struct leati_wait *w)
{
    struct leati_qnode *n = leati_qnode(w);
    leat_wg *wg = leati_wg_of(n);
    leati_a32 *lock = leati_waitq_lock(&wg->q);
    /* acq: pairs with the release that made it zero. */
    uint64_t c = leati_load_acq(&wg->count);
    /* ar: an addition or a thing done may come between, the next look decides. */
    while (c != 0 && !leati_cas_ar(&wg->count, &c, c | WAIT))
        ;
    if (c != 0)
        leati_waitq_append(&wg->q, n);
    else
        w->result = 0;
    leati_unlock(lock);
    return c != 0;
}

static bool leati_wg_abort(struct leati_wait *w, int err)
{
    struct leati_qnode *n = leati_qnode(w);
    leat_wg *wg = leati_wg_of(n);
    leati_a32 *lock = leati_waitq_lock(&wg->q);
    bool mine = n->listed;
    if (mine) {
        leati_waitq_remove(&wg->q, n);
        w->result = err;
        if (!leati_waitq_first(&wg->q))
            (void)leati_and_sc(&wg->count, ~WAIT);
    }
    leati_unlock(lock);
    return mine;
}

static const struct leati_wait_ops leati_wg_ops = {leati_wg_publish, leati_wg_abort,
                                                   "wait group"};

void leat_wg_add(leat_wg *wg, unsigned n)
{
    (void)leati_add_rlx(&wg->count, (uint64_t)n); /* relaxed: orders nothing by itself */
}

/* The last thing, with waiters: makes the count zero and takes them all in one step.
 * Returns false when the count has changed so that this is no longer the last. */
static bool leati_wg_finish(leat_wg *wg)
{
    struct leati_qwoken out;
    leati_a32 *lock = leati_waitq_lock(&wg->q);
    uint64_t last = WAIT | 1;
    leati_waitq_complete_all(&wg->q, 0, &out);
    /* ar: releases this thing's effects, acquires those of the others. */
    bool done = leati_cas_ar(&wg->count, &last, (uint64_t)0);
    if (!done)
        leati_waitq_restore(&wg->q, &out);
    leati_unlock(lock);
    if (done)
        leati_waitq_wake(&out);
    return done;
}

void leat_wg_done(leat_wg *wg)
{
    uint64_t c = leati_load_rlx(&wg->count); /* relaxed: the CAS decides */
    for (;;) {
        if (leati_unlikely((c & ~WAIT) == 0)) {
            leati_misuse("leat_wg_done", "more done than added");
            return;
        }
        if (c == (WAIT | 1)) {
            if (leati_wg_finish(wg))
                return;
            c = leati_load_rlx(&wg->count);
        } else if (leati_cas_ar(&wg->count, &c, c - 1)) {
            return; /* ar: pairs with the load of whoever sees zero */
        }
    }
}

int leat_wg_wait_until(leat_wg *wg, struct leat_deadline until)
{
    if (leati_load_acq(&wg->count) == 0) /* pairs with the release that made it so */
        return 0;
    struct leati_wg_wait n;
    n.wg = wg;
    leati_qnode_init(&n.q, &leati_wg_ops, wg, until);
    return leati_park(&n.q.w);
}

int leat_wg_wait(leat_wg *wg)
{
    return leat_wg_wait_until(wg, LEAT_NEVER);
}
