/* owned.h - declared single sides of a bounded channel: no locked instruction there.
 *
 * Idea        One party at a time uses an owned side, so its ticket is moved by plain
 *             stores. While that party is parked its node is listed, and whoever runs
 *             pump moves the ticket for it, under the side's lock: the party itself
 *             cannot be at it. So parking, waking, timeouts and selects are those of
 *             bounded.c; what is missing is the seq_cst ticket CAS that made the wake
 *             handshake free, and the place for the flags in a ticket that others may
 *             not write.
 * Words       shut   OPEN, CLOSING, CLOSED; instead of C when the producer is owned.
 *             busy   1 while the owned producer is inside an operation.
 * Ordering    wake-up: the owner publishes, light fence, loads the side's word; a parker
 *             of the other side locks it, heavy fence, reads the ticket (bounded.c). One
 *             of the two sees the other. The ticket moves before the cell is
 *             published, as on a shared side, so 'half-done' means the same.
 *             close: the closer stores CLOSING, heavy fence, CLOSED; the owner stores
 *             busy, light fence, loads shut. Who sees CLOSED and then busy == 0 knows
 *             that no send is under way or to come. An owner that leaves while shut is
 *             not OPEN looks for parked ones: a receiver may have parked because of busy.
 *             The light fences are compiler barriers: without membarrier there are no
 *             owned sides (leat_chan_open).
 * H           is not needed on an owned side: there is nobody to pass a parked owner.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_OWNED_H
#define LEATI_CHAN_OWNED_H

#include "base/misuse.h"
#include "chan/bounded.h"

enum { LEATI_OPEN, LEATI_CLOSING, LEATI_CLOSED };

LEATI_INLINE void leati_owned_enter(leati_a32 *busy, const char *call)
{
#ifdef LEATI_DEBUG
    if (leati_xchg_ar(busy, 1u)) /* ar: two owners at once, whoever is second sees it */
        leati_misuse(call, "two callers at once on a side declared single");
#else
    (void)call;
    leati_store_rlx(busy, 1u); /* relaxed: the light fence or nothing follows */
#endif
}

LEATI_INLINE void leati_owned_leave(leati_a32 *busy)
{
    leati_store_rel(busy, 0u); /* pairs with the load in leati_owned_drained */
}

/* One send by the owner, or for it while it is parked (may: LEATI_C ignores close).
 * Results as leati_bounded_push. */
LEATI_INLINE int leati_owned_put(struct leati_bounded *b, const void *v, size_t size,
                                 uint64_t may)
{
    /* relaxed: behind the light fence of the caller, or under tx's lock */
    if (leati_unlikely(leati_load_rlx(&b->shut) != LEATI_OPEN) && !(may & LEATI_C))
        return LEAT_ECLOSED;
    uint64_t w = leati_load_rlx(&b->tail); /* relaxed: only the owner writes it */
    char *cell = leati_bounded_cell(b, b->stride, w);
    leati_a32 *turn = (leati_a32 *)(void *)cell;
    uint32_t mine = leati_lap_turn(&b->lap, w);
    if (leati_unlikely(leati_load_acq(turn) != mine)) { /* acq: as in push */
        uint64_t h = leati_load_sc(&b->head) & ~LEATI_H;
        return h + b->lap.one_lap == w ? LEAT_EAGAIN : LEAT_EBUSY;
    }
    leati_store_rel(&b->tail, leati_lap_next(&b->lap, w)); /* pairs with len */
    leati_copy(cell + b->offset, v, size);
    leati_store_rel(turn, mine + 1); /* P2 */
    return 0;
}

/* One receive by the owner, or for it; results as leati_bounded_pop. */
LEATI_INLINE int leati_owned_take(struct leati_bounded *b, void *ret, size_t size)
{
    uint64_t w = leati_load_rlx(&b->head); /* relaxed: only the owner writes it */
    char *cell = leati_bounded_cell(b, b->stride, w);
    leati_a32 *turn = (leati_a32 *)(void *)cell;
    uint32_t full = leati_lap_turn(&b->lap, w) + 1;
    if (leati_unlikely(leati_load_acq(turn) != full)) /* acq: pairs with P2 */
        return leati_bounded_empty(leati_bounded_tail(b), w);
    leati_store_rel(&b->head, leati_lap_next(&b->lap, w)); /* pairs with len */
    if (leati_likely(ret != NULL))
        leati_copy(ret, cell + b->offset, size);
    leati_bounded_popped(cell, full + 1);
    return 0;
}

/* A send or receive by the owner. *ret_look: waiters of the other side are to be looked
 * at (leati_bounded_pump), after a success or when a close may wait for us. */
LEATI_INLINE int leati_owned_push(struct leati_bounded *b, const void *v, size_t size,
                                  bool *ret_look)
{
    leati_owned_enter(&b->tx_busy, "leat_chan_send");
    leati_barrier_compiler(); /* light: busy, then shut */
    int r = leati_owned_put(b, v, size, 0);
    leati_owned_leave(&b->tx_busy);
    leati_barrier_compiler(); /* light: the cell, then the word */
    *ret_look = leati_unlikely(leati_load_rlx(&b->rx.word)) &&
                (r == 0 || leati_load_rlx(&b->shut) != LEATI_OPEN);
    return r;
}

/* A cancelled channel's values are the owner's to drop, nobody else may move head: that
 * is left to leati_owned_drop, and this says LEATI_OWED. */
LEATI_INLINE int leati_owned_pop(struct leati_bounded *b, void *ret, size_t size,
                                 bool *ret_look)
{
    *ret_look = false;
    if (leati_unlikely(leati_load_rlx(&b->c.cancelled)))
        return LEATI_OWED;
    leati_owned_enter(&b->rx_busy, "leat_chan_recv");
    int r = leati_owned_take(b, ret, size);
    leati_owned_leave(&b->rx_busy);
    leati_barrier_compiler(); /* light: the cell, then the word */
    *ret_look = leati_unlikely(leati_load_rlx(&b->tx.word)) && r == 0;
    return r;
}

#endif
