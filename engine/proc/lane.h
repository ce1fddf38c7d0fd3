/* lane.h - the shared memory of a parent and one worker: slots that carry items there and
 * results back.
 *
 * Idea        A segment belongs to one life of a worker; a new life gets a new one, so
 *             there is nothing to repair. A slot has one state word. Each phase has one
 *             party that may write the slot, and the parent believes nothing that it reads
 *             here: which item lies in a slot, whether it was recalled, sizes and the order
 *             of the slots are in its own memory. It only asks questions.
 * Words       st      lap<<3 | phase. FREE -> OFFERED (parent) -> TAKEN (worker) -> DONE
 *                     (worker); OFFERED -> RECALLED (parent) -> PASSED (worker); TAKEN ->
 *                     REVOKED (parent: its time is up, the worker will be killed).
 *             wsleep  1: the worker sleeps or is about to; whoever takes it back wakes it
 *             psleep  1: the same of the parent, who is woken through the bell
 *             quit    parent to worker: FINISH what was offered and leave; STOP: in haste
 * Ordering    offer   st = OFFERED ; full fence ; read wsleep    (once for a burst)
 *             idle    wsleep = 1 (sc) ; read st ; futex wait
 *             finish  st: TAKEN -> DONE (sc) ; read psleep (sc)
 *             begin   begun = 1 (sc) ; read psleep (sc)
 *             parent  psleep = 1 (sc) ; read st, begun ; wait for the bell and the pidfd
 *             In either pair one of the two sees the other. OFFERED is a release, taking
 *             an acquire: the item; DONE is a release, the parent's look an acquire: the
 *             result.
 * Death       At any instruction. When the pidfd is readable nobody writes any more, and
 *             st tells: OFFERED was never started, TAKEN was (and any other value may have
 *             been), DONE counts. A wake that the dead one owed is replaced by the pidfd.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PROC_LANE_H
#define LEATI_PROC_LANE_H

#include "arch/atomic.h"

enum leati_phase {
    LEATI_FREE,
    LEATI_OFFERED,
    LEATI_TAKEN,
    LEATI_FINISHED, /* DONE above */
    LEATI_RECALLED,
    LEATI_PASSED,
    LEATI_REVOKED,
};

enum leati_quit { LEATI_QUIT_NOT, LEATI_QUIT_FINISH, LEATI_QUIT_STOP };

/* One line, then the item, then the result, each aligned to 64. */
struct leati_slot {
    leati_a32 st;
    uint32_t len;      /* w: parent, before OFFERED */
    uint64_t position; /* as len */
    leati_a32 rlen, count,
        rc; /* w: worker, before DONE. Read once each, then checked */
    uint32_t unused[9];
};

/* The segment begins with this. */
struct leati_lane_head {
    LEATI_OWN_LINE leati_a32 wsleep;
    LEATI_OWN_LINE leati_a32 psleep;
    LEATI_OWN_LINE leati_a32 quit;
    LEATI_OWN_LINE leati_a64 busy_ns; /* w: worker, as the rest of the line */
    leati_a32 begun, refused; /* 1: its start is done; the error that ended it */
    LEATI_OWN_LINE char end[0];
};

/* What either side knows of it, in memory of its own. */
struct leati_lane {
    char *base;
    uint32_t nslot; /* a power of two */
    uint32_t max_in, max_out;
    size_t stride, out_at; /* of a slot; of the result in it */
    size_t slots_at, bytes;
};

static inline size_t leati_lane_round(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Computes the places in a segment: the head, `extra` bytes for the user, the slots. */
static inline void leati_lane_shape(struct leati_lane *l, size_t extra, uint32_t nslot,
                                    uint32_t max_in, uint32_t max_out)
{
    l->nslot = nslot;
    l->max_in = max_in;
    l->max_out = max_out;
    l->out_at = sizeof(struct leati_slot) + leati_lane_round(max_in);
    l->stride = l->out_at + leati_lane_round(max_out);
    l->slots_at = sizeof(struct leati_lane_head) + leati_lane_round(extra);
    l->bytes = l->slots_at + nslot * l->stride;
}

LEATI_INLINE void *leati_lane_extra(const struct leati_lane *l)
{
    return l->base + sizeof(struct leati_lane_head);
}

LEATI_INLINE struct leati_lane_head *leati_lane_head(const struct leati_lane *l)
{
    return (struct leati_lane_head *)(void *)l->base;
}

/* The slot of the i-th use; i grows for ever. */
LEATI_INLINE struct leati_slot *leati_lane_slot(const struct leati_lane *l, uint32_t i)
{
    return (struct leati_slot *)(void *)(l->base + l->slots_at +
                                         (i & (l->nslot - 1)) * l->stride);
}

LEATI_INLINE char *leati_slot_in(struct leati_slot *s)
{
    return (char *)(s + 1);
}

LEATI_INLINE char *leati_slot_out(const struct leati_lane *l, struct leati_slot *s)
{
    return (char *)s + l->out_at;
}

LEATI_INLINE uint32_t leati_lane_word(const struct leati_lane *l, uint32_t i,
                                      uint32_t phase)
{
    return (i / l->nslot) << 3 | phase;
}

/* --- the parent --- */

/* The item and its size are in place. */
LEATI_INLINE void leati_lane_offer(const struct leati_lane *l, uint32_t i)
{
    leati_store_rel(&leati_lane_slot(l, i)->st, leati_lane_word(l, i, LEATI_OFFERED));
}

/* The phase of use i; 7: nonsense, of another lap too. acq: a result is seen whole. */
LEATI_INLINE uint32_t leati_lane_phase(const struct leati_lane *l, uint32_t i)
{
    uint32_t st = leati_load_acq(&leati_lane_slot(l, i)->st);
    return st >> 3 == (i / l->nslot & (UINT32_MAX >> 3)) ? st & 7 : 7;
}

/* One phase into another, if it is that: recall, revoke, take, finish. sc: finish pairs
 * with the parent that goes to sleep. */
LEATI_INLINE bool leati_lane_move(const struct leati_lane *l, uint32_t i, uint32_t from,
                                  uint32_t to)
{
    uint32_t want = leati_lane_word(l, i, from);
    return leati_cas_sc(&leati_lane_slot(l, i)->st, &want, leati_lane_word(l, i, to));
}

/* After a burst of offers and a full fence; after quit. */
void leati_lane_wake_worker(const struct leati_lane *l);

/* --- the worker --- */

/* Waits until use i is offered or recalled (true), or it is to quit (false). */
bool leati_lane_await(const struct leati_lane *l, uint32_t i);

/* Is it worth waiting for? Loads only. */
bool leati_lane_pending(const struct leati_lane *l, uint32_t i);

/* After a slot went forward or the start was done: tells the parent, if it sleeps. */
void leati_lane_tell_parent(const struct leati_lane *l, int bell);

#endif
