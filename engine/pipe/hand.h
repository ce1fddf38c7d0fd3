/* hand.h - the items that a worker has claimed and not begun yet.
 *
 * Idea        The owner takes items from the front with plain accesses; a thief takes
 *             some from the back, under a lock, and pays a membarrier for the owner.
 *             Only the leader of the turnstile (turnstile.c) fills and steals, so there
 *             is at most one thief in a pipe, and a leader that found all hands empty
 *             knows that they stay so while it leads.
 * Words       front  next item of the owner; w: owner. May stand one too high while the
 *                    owner asks.
 *             back   end of what is still his; w: under the lock.
 * Invariants  An item is executed by exactly one. items is exchanged, and an item that
 *             was not begun overwritten, only under the lock by the owner.
 * Ordering    owner                              thief
 *             front = f + 1                      back = b - h
 *             (barrier made by the thief's)      heavy fence
 *             load back: f < back, mine          load front: <= b - h, mine
 *             If both passed, each load missed the other's store, which the pair of
 *             fences forbids.
 * Source      the owner's side of Cilk's THE protocol, with an asymmetric fence.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PIPE_HAND_H
#define LEATI_PIPE_HAND_H

#include "base/lock.h"

struct leati_hand {
    LEATI_OWN_LINE leati_a32 lock;
    leati_a32 back;
    char *items;
    uint64_t base; /* position in the input of items[0] */
    LEATI_OWN_LINE leati_a32 front;
    uint32_t filled; /* owner: what back was after the fill */
};

/* A thief is at work, or was: what it left is decided under the lock. */
LEATI_INLINE bool leati_hand_take_locked(struct leati_hand *h, uint32_t f)
{
    leati_lock(&h->lock);
    bool mine = f < leati_load_rlx(&h->back);
    if (!mine)
        leati_store_rlx(&h->front, f);
    leati_unlock(&h->lock);
    return mine;
}

/* By the owner, who has begun f items, fewer than filled: is the next one his? If not,
 * the hand is empty. */
LEATI_INLINE bool leati_hand_take(struct leati_hand *h, uint32_t f)
{
    leati_store_rlx(&h->front, f + 1); /* ordered by the fence pair, see above */
    leati_light_fence();
    /* acq: the compiler keeps the order */
    return leati_likely(f < leati_load_acq(&h->back)) || leati_hand_take_locked(h, f);
}

/* By the owner, whose hand is empty: the n items at *spare, the first of which he
 * begins at once, are his; *spare gets the old memory. */
LEATI_INLINE void leati_hand_fill(struct leati_hand *h, char **spare, uint64_t base,
                                  uint32_t n)
{
    leati_lock(&h->lock);
    char *old = h->items;
    h->items = *spare;
    *spare = old;
    h->base = base;
    h->filled = n;
    leati_store_rlx(&h->front, 1u); /* relaxed: the lock orders them for thieves */
    leati_store_rlx(&h->back, n);
    leati_unlock(&h->lock);
}

/* Loads only: may there be something to steal? */
LEATI_INLINE bool leati_hand_looks_full(const struct leati_hand *h)
{
    /* relaxed: a fill came before by the turnstile; too much is found out by the lock
     */
    return leati_load_rlx(&h->front) < leati_load_rlx(&h->back);
}

/* By the leader. Moves up to half of the hand's items, of that size each, to `to`; the
 * position of the first goes to *ret_base. Returns how many. */
LEATI_INLINE uint32_t leati_hand_steal(struct leati_hand *h, size_t size, char *to,
                                       uint64_t *ret_base)
{
    leati_lock(&h->lock);
    uint32_t b = leati_load_rlx(&h->back), f = leati_load_rlx(&h->front);
    uint32_t n = f < b ? (b - f + 1) / 2 : 0;
    if (n > 0) {
        leati_store_rlx(&h->back, b - n); /* then the fence, then front: see above */
        leati_heavy_fence();
        f = leati_load_acq(&h->front); /* acq: as in take */
        if (f > b - n) {               /* the owner came in: he has those before f */
            n = f < b ? b - f : 0;
            leati_store_rlx(&h->back, b - n);
        }
        if (n > 0)
            memcpy(to, h->items + (size_t)(b - n) * size, (size_t)n * size);
        *ret_base = h->base + (b - n);
    }
    leati_unlock(&h->lock);
    return n;
}

#endif
