/* rq.h - the run queue of a worker: a FIFO ring of 256 and a slot for what runs next.
 *
 * Idea        The owner pushes and pops with plain loads and stores and, after each
 *             taking, one plain load of the gate. A thief *asks* by a CAS on the gate,
 *             makes every CPU of the process pass a full fence, copies, and *confirms*
 *             by a second CAS. An owner that meets an ask cancels it by one CAS; one
 *             that meets a confirmed theft gives way and acknowledges it by one CAS.
 *             Nobody ever waits for a preempted peer.
 * Words       head, tail   positions; w: owner, r: thieves
 *             next         fiber | nseq << 48, 0: none; w: owner, r: thieves
 *             slot[]       w: owner, r: thieves
 *             gate         ver:22 | ASK:1 | N:1 | nseq:8 | from:16 | to:16
 *                          "[from, to) of the ring and, with N, the next slot's content
 *                          of that nseq are stolen"; w: thieves and owner, by CAS only
 *             seen         owner's copy of the gate as it last left or found it
 * Invariants  I1  the gate names a range or N only while the owner has not yet
 *                 acknowledged it: acknowledging removes both, so a theft is applied
 *                 once, and an old range cannot come back when positions wrap
 *             I2  head moves past a stolen position before the gate forgets it
 *             I3  nobody overwrites `next` without having looked at the gate after
 *                 taking its former content
 *             I4  from <= head <= to while [from, to) is unacknowledged, but for the
 *                 one position whose pop is under way
 * Ordering    R1 store head or next   T1 CAS gate: ASK
 *             R2 load gate            T2 membarrier; load head, next
 *             If R2 precedes the barrier, R1 is visible at T2 and the thief starts
 *             behind the item. If it follows, the owner sees the ask (its CAS makes the
 *             confirmation fail) or the confirmed theft (and knows what is gone).
 *             push's release of tail / thief's acquire: the slot and the fiber.
 *             Acknowledging CAS (release) / T1 (acquire): head is beyond the theft.
 * Progress    Owner: wait-free but for a gate changed meanwhile by thieves, of which
 *             the pool has one. Thief: one attempt; fails when anything moved.
 * Not         LIFO; a thief never gets what the owner may be taking at this moment.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_RQ_H
#define LEATI_POOL_RQ_H

#include "arch/atomic.h"

struct leat_fiber;

#ifndef LEATI_RQ_SLOTS
#define LEATI_RQ_SLOTS 256 /* a power of two; the interleaver's build wants 4 */
#endif
enum {
    LEATI_RQ_SIZE = LEATI_RQ_SLOTS,
    LEATI_RQ_STEAL = LEATI_RQ_SIZE / 2, /* most a thief takes at once */
};

struct leati_rq {
    /* The owner's line, read by thieves. */
    LEATI_OWN_LINE leati_a32 head;
    leati_a32 tail;
    leati_a64 next;
    uint64_t seen;
    uint32_t nseq;
    bool fenced; /* no membarrier: both sides use full fences */
    /* Thieves and owner. */
    LEATI_OWN_LINE leati_a64 gate;
    LEATI_OWN_LINE leati_aptr slot[LEATI_RQ_SIZE];
};

#define LEATI_RQ_PTR (((uint64_t)1 << 48) - 1)

/* The owner took position `head - 1` (at_ring) or the next slot's content x (else 0),
 * and the gate has changed: is it still the owner's? */
bool leati_rq_notice(struct leati_rq *q, bool at_ring, uint64_t x);

/* Between R1 and R2. */
LEATI_INLINE void leati_rq_fence(const struct leati_rq *q)
{
    leati_barrier_compiler();
    if (leati_unlikely(q->fenced))
        leatp_fence_full();
}

LEATI_INLINE bool leati_rq_mine(struct leati_rq *q, bool at_ring, uint64_t x)
{
    leati_rq_fence(q);
    /* R2; relaxed: see the head; notice() loads again with acquire */
    return leati_likely(leati_load_rlx(&q->gate) == q->seen) ||
           leati_rq_notice(q, at_ring, x);
}

/* The oldest of the ring, or NULL. Owner. */
LEATI_INLINE struct leat_fiber *leati_rq_pop(struct leati_rq *q)
{
    for (;;) {
        /* relaxed throughout: only the owner writes these */
        uint32_t h = leati_load_rlx(&q->head);
        if (h == leati_load_rlx(&q->tail))
            return NULL;
        struct leat_fiber *f = leati_load_rlx(&q->slot[h % LEATI_RQ_SIZE]);
        leati_store_rlx(&q->head, h + 1); /* R1 */
        if (leati_rq_mine(q, true, 0))
            return f;
    }
}

/* What the next slot held, or NULL. Owner. */
LEATI_INLINE struct leat_fiber *leati_rq_take_next(struct leati_rq *q)
{
    uint64_t x = leati_load_rlx(&q->next);
    if (x == 0)
        return NULL;
    leati_store_rlx(&q->next, (uint64_t)0); /* R1 */
    if (!leati_rq_mine(q, false, x))
        return NULL;
    return (struct leat_fiber *)(uintptr_t)(x & LEATI_RQ_PTR);
}

/* f runs next. Returns what was there before (to be pushed), or NULL. Owner. */
LEATI_INLINE struct leat_fiber *leati_rq_put_next(struct leati_rq *q,
                                                  struct leat_fiber *f)
{
    struct leat_fiber *former = leati_rq_take_next(q);
    q->nseq = (q->nseq + 1) & 255;
    /* rel: a thief that acquires it sees the fiber */
    leati_store_rel(&q->next, (uint64_t)(uintptr_t)f | (uint64_t)q->nseq << 48);
    return former;
}

/* f runs after all others of the ring. false: full. Owner. */
LEATI_INLINE bool leati_rq_push(struct leati_rq *q, struct leat_fiber *f)
{
    uint32_t t = leati_load_rlx(&q->tail);
    if (leati_unlikely(t - leati_load_rlx(&q->head) >= LEATI_RQ_SIZE))
        return false;
    leati_store_rlx(&q->slot[t % LEATI_RQ_SIZE], (void *)f);
    leati_store_rel(&q->tail, t + 1); /* pairs with the thief's acquire of tail */
    return true;
}

/* Anything in it? Exact for the owner, a hint for others. */
LEATI_INLINE bool leati_rq_empty(const struct leati_rq *q)
{
    return leati_load_rlx(&q->tail) == leati_load_rlx(&q->head) &&
           leati_load_rlx(&q->next) == 0;
}

/* Takes the older half of the ring or, if that is empty, the next slot's content, oldest
 * first into out[LEATI_RQ_STEAL]. Returns how many; 0 also when anything interfered. */
unsigned leati_rq_steal(struct leati_rq *q, struct leat_fiber **out);

#endif
