/* bounded.h - buffered channel of exact capacity: words, cells, tickets.
 *
 * Idea        A ring of cells after Vyukov's bounded queue: one compare-and-swap on a
 *             ticket word claims a cell, the cell's turn says when it may be filled
 *             and emptied. Who parks is *completed*, never merely notified: whoever
 *             makes progress possible performs the ring operation for the oldest
 *             waiter, under that side's lock (pump, bounded.c).
 * Words       tail   C<<63 | H<<62 | lap<<S | idx, the next send's ticket. C: closed,
 *                    set once by close. H: newcomers must queue; set and cleared under
 *                    tx's lock.
 *             head   H<<62 | lap<<S | idx, the next receive's; H under rx's lock.
 *             turn   of a cell: 2*lap free for that lap, 2*lap+1 full. 32 bits may
 *                    wrap: a ticket CAS that succeeds proves that the 64-bit word did
 *                    not move since it was loaded, so the turn read between was at
 *                    most one lap off; full and empty compare 64-bit words only.
 *             word   of a side: lock and number of parked, see chan.h.
 *             tail, head, tx and rx lie on lines of their own, the rest is read-only.
 * Invariants  At rest: rx list not empty => ring empty and not (C and not H of tail);
 *             tx list not empty => ring full. C and not H => tx list empty for ever.
 *             Drained: C, not H, indices equal.
 * Linearizes  send at its ticket CAS, close at its fetch_or: both on tail, so totally
 *             ordered. Empty: head loaded, then tail; full: tail, then head.
 * Ordering    no lost wake-up, receivers (senders mirror it, close is one more ticket):
 *               waiter                             peer
 *               W1 lock rx.word (seq_cst), list    P1 CAS on tail (seq_cst)
 *               W2 load tail (seq_cst): unmoved,   P2 publish the cell (release)
 *                  sleep                           P3 load rx.word (seq_cst): pump
 *             In the one order of seq_cst accesses W1 < W2 < P1 < P3, or P1 < W2 and
 *             the waiter does not sleep. W2 reads the *ticket*, never the cell. A pump
 *             that stops at an unpublished cell is safe when that ticket was taken
 *             after W1: its owner passes P3 after publishing. For one taken before, the
 *             waiter looks again after a membarrier: a cell still unpublished then
 *             belongs to a peer whose P3 is still to come.
 * Hand-over   A sender that finds receivers parked gives its value to the oldest one
 *             under rx's lock, if the ring is empty there: the value would go in and out
 *             at once. It takes effect where tail was read.
 * Progress    lock-free; a stalled ticket holder delays those who need its cell.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_BOUNDED_H
#define LEATI_CHAN_BOUNDED_H

#include <leat/detail/cell.h>
#include "chan/chan.h"

#define LEATI_RX (1u << LEAT_OP_RECV)
#define LEATI_TX (1u << LEAT_OP_SEND)

#define LEATI_C ((uint64_t)1 << 63)
#define LEATI_H ((uint64_t)1 << 62)

/* Makes a tail word differ from every head: a send is under way (leati_owned_tail). */
#define LEATI_HALF_DONE ((uint64_t)1 << 61)

struct leati_bounded {
    struct leat_chan c;
    char *cells;
    struct leati_lap lap;
    uint32_t stride; /* bytes from cell to cell */
    uint32_t offset; /* of the element in a cell */
    struct leat_alloc alloc;
    bool own_alloc;  /* alloc was given */
    leati_a8 owned;  /* LEATI_TX, LEATI_RX: sides declared single; owned.h */
    leati_a32 shut;  /* for an owned producer */
    LEATI_OWN_LINE leati_a64 tail;
    leati_a32 tx_busy;
    LEATI_OWN_LINE leati_a64 head;
    leati_a32 rx_busy;
    LEATI_OWN_LINE struct leati_side tx;
    LEATI_OWN_LINE struct leati_side rx;
};

LEATI_INLINE struct leati_bounded *leati_bounded(struct leat_chan *c)
{
    return leati_container_of(c, struct leati_bounded, c);
}

/* How elements lie in cells, in bytes. */
struct leati_layout {
    size_t size, stride, offset;
};

LEATI_INLINE struct leati_layout leati_bounded_layout(const struct leati_bounded *b)
{
    return (struct leati_layout){b->c.elem_size, b->stride, b->offset};
}

/* The commonest, that of channels with `eight`: what is compiled for it as a constant is
 * shorter. */
#define LEATI_EIGHT ((struct leati_layout){8, 16, 8})

LEATI_INLINE char *leati_bounded_cell(const struct leati_bounded *b, size_t stride,
                                      uint64_t w)
{
    return b->cells + (size_t)leati_lap_index(&b->lap, w) * stride;
}

/* One send. may: the flags that the caller may ignore; a newcomer 0, a pump H|C. Returns
 * 0, LEAT_ECLOSED, LEATI_QUEUE, LEAT_EAGAIN (full), LEAT_EBUSY. */
LEATI_INLINE int leati_bounded_push(struct leati_bounded *b, const void *v,
                                    struct leati_layout y, uint64_t may)
{
    for (;;) {
        /* relaxed: the CAS proves it current; flags are tested by the CAS as well. */
        uint64_t p = leati_load_rlx(&b->tail);
        if (leati_unlikely(p & (LEATI_C | LEATI_H) & ~may))
            return p & LEATI_C ? LEAT_ECLOSED : LEATI_QUEUE;
        uint64_t flags = p & may, w = p - flags;
        char *cell = leati_bounded_cell(b, y.stride, w);
        uint64_t next = leati_lap_next(&b->lap, w) | flags;
        leati_a32 *turn = (leati_a32 *)(void *)cell;
        uint32_t free = leati_lap_turn(&b->lap, w);
        /* acq: pairs with the release in pop, the value has been copied out. */
        int32_t d = (int32_t)(leati_load_acq(turn) - free);
        if (leati_likely(d == 0)) {
            /* sc: P1, ordered against W2 of a parking receiver. */
            if (leati_likely(leati_cas_sc(&b->tail, &p, next))) {
                leati_copy(cell + y.offset, v, y.size);
                leati_store_rel(turn, free + 1); /* rel: P2, pairs with the load in pop */
                return 0;
            }
        } else if (d < 0) {
            /* sc, after tail: full was true when head was read. */
            uint64_t h = leati_load_sc(&b->head) & ~LEATI_H;
            return h + b->lap.one_lap == w ? LEAT_EAGAIN : LEAT_EBUSY;
        }
        /* d > 0: p is stale. A failed CAS: somebody else got the ticket. */
    }
}

/* The tail word as an owned producer's channel has it: C and H are what they would be
 * on a shared side. */
uint64_t leati_owned_tail(struct leati_bounded *b);

/* sc: for the handshakes that read the peer's ticket. */
LEATI_INLINE uint64_t leati_bounded_tail(struct leati_bounded *b)
{
    if (leati_unlikely(leati_load_rlx(&b->owned) & LEATI_TX)) /* relaxed: constant */
        return leati_owned_tail(b);
    return leati_load_sc(&b->tail);
}

/* The cell of head ticket w is not full: why? t is the tail word, loaded (seq_cst) after
 * head: empty was true when it was read. */
LEATI_INLINE int leati_bounded_empty(uint64_t t, uint64_t w)
{
    if ((t & ~(LEATI_C | LEATI_H)) != w)
        return LEAT_EBUSY;
    if (leati_likely(!(t & LEATI_C)))
        return LEAT_EAGAIN;
    return t & LEATI_H ? LEATI_OWED : LEAT_ECLOSED;
}

/* Claims the ticket of one receive; the caller copies the element at *ret_cell +
 * offset out and calls leati_bounded_popped. shared: the caller knows that no producer
 * is declared. Results as push, LEAT_EAGAIN is empty, and LEATI_OWED. */
LEATI_INLINE int leati_bounded_pop_begin(struct leati_bounded *b, struct leati_layout y,
                                         uint64_t may, bool shared, char **ret_cell,
                                         uint32_t *ret_turn)
{
    for (;;) {
        uint64_t p = leati_load_rlx(&b->head); /* relaxed: as in push */
        if (leati_unlikely(p & LEATI_H & ~may))
            return LEATI_QUEUE;
        uint64_t flags = p & may, w = p - flags;
        char *cell = leati_bounded_cell(b, y.stride, w);
        uint64_t next = leati_lap_next(&b->lap, w) | flags;
        uint32_t full = leati_lap_turn(&b->lap, w) + 1;
        /* acq: pairs with P2. */
        int32_t d = (int32_t)(leati_load_acq((leati_a32 *)(void *)cell) - full);
        if (leati_likely(d == 0)) {
            if (leati_likely(leati_cas_sc(&b->head, &p, next))) { /* sc: P1 of receives */
                *ret_cell = cell;
                *ret_turn = full + 1;
                return 0;
            }
        } else if (d < 0) {
            uint64_t t = shared ? leati_load_sc(&b->tail) : leati_bounded_tail(b);
            return leati_bounded_empty(t, w);
        }
    }
}

/* The element has been copied out: the cell is free for the next lap. */
LEATI_INLINE void leati_bounded_popped(char *cell, uint32_t turn)
{
    leati_store_rel((leati_a32 *)(void *)cell, turn); /* P2 of receives, pairs with push */
}

LEATI_INLINE int leati_bounded_pop(struct leati_bounded *b, void *ret,
                                   struct leati_layout y, uint64_t may, bool shared)
{
    char *cell;
    uint32_t turn;
    int r = leati_bounded_pop_begin(b, y, may, shared, &cell, &turn);
    if (leati_likely(r == 0)) {
        if (leati_likely(ret != NULL))
            leati_copy(ret, cell + y.offset, y.size);
        leati_bounded_popped(cell, turn);
    }
    return r;
}

/* Loads only: chan.h's ready. */
LEATI_INLINE bool leati_bounded_ready(struct leati_bounded *b, unsigned dir,
                                      uint64_t *ticket)
{
    if (dir == LEAT_OP_RECV) {
        uint64_t h = leati_load_sc(&b->head) & ~LEATI_H;
        uint64_t t = leati_bounded_tail(b);
        *ticket = t;
        return (t & ~(LEATI_C | LEATI_H)) != h || (t & LEATI_C);
    }
    uint64_t t = leati_bounded_tail(b);
    uint64_t h = leati_load_sc(&b->head) & ~LEATI_H;
    *ticket = h | (t & LEATI_C);
    return h + b->lap.one_lap != (t & ~(LEATI_C | LEATI_H)) || (t & LEATI_C);
}

/* Serves the waiters of the sides in `which` (bit 1 << enum leat_op), and the other
 * side where that made room. Returns how the first pass over `which`, one bit only,
 * ended: 0 (nobody left), LEAT_EAGAIN, LEAT_EBUSY, LEAT_ECLOSED. */
int leati_bounded_pump(struct leati_bounded *b, unsigned which);
/* The same for waiters of one direction, at the end of a successful operation of the
 * other: returns 0. */
int leati_bounded_served(struct leati_bounded *b, unsigned dir);

/* Gives a value to the oldest parked receiver, if the ring is empty; shared sides. */
bool leati_bounded_hand(struct leati_bounded *b, const void *elem);

/* Takes out what is published and hands it to drop, outside every lock. */
void leati_bounded_drop_inside(struct leati_bounded *b);

#endif
