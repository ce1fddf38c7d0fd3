/* detail/ring.h - the ring of cells behind leat_mpmc, leat_mpsc and leat_spmc.
 *
 * Idea        After Vyukov's bounded queue: a ticket word per side says whose turn it
 *             is, each cell's turn says whether it may be filled or emptied. A shared
 *             side claims its cell, or a run of cells, by one compare-and-swap on its
 *             ticket; a single side owns its ticket and just stores it. Tickets are
 *             lap and index (cell.h), so any capacity is exact, 1 included.
 * Words       tail   lap<<S | index of the next push. Written by producers.
 *             head   the same of the next pop. Written by consumers.
 *             turn   of a cell: 2*lap free for that lap, 2*lap+1 full. 32 bits that
 *                    may wrap: a CAS that succeeds proves that the 64-bit ticket did
 *                    not move since it was loaded, and an owned ticket moves by its
 *                    owner only, so the turn read between is at most one lap off.
 *             tail and head lie LEAT_CACHELINE apart from each other and from the
 *             read-only rest.
 * Invariants  I1  0 <= tail - head <= cap, in positions, with nobody inside.
 *             I2  a ticket moves past w only while the turn of w's cell is the one
 *                 that side waits for: tail stands at w while w's cell is not free,
 *                 head stands at w while it is not full.
 * Callers     see the table in ring.h.
 * Linearizes  A push by a shared producer side at its CAS on tail, by a single one at
 *             its store of the turn; a pop likewise. So a *single* peer is never half
 *             done: a cell that is not free (full) when the turn is loaded means full
 *             (empty), by I2. A *shared* peer may have claimed the very cell and not
 *             yet published it; then its ticket, loaded after ours, has moved on:
 *             BUSY. If it has not moved, then by I2 ours has not either: full (empty)
 *             at the moment of that load.
 * Ordering    turn: release in push / acquire in pop    the element is written
 *             turn: release in pop / acquire in push    the element has been copied out
 *             own ticket: acquire, before the peer's    the verdict's order of loads;
 *             CAS acquire-release                       tickets seen are not older
 *                                                       than those that led to them
 *             Nothing here orders a store before a later load of another word: the
 *             elements are handed over by turns alone, and a failed operation promises
 *             a moment during the call, not one after all other threads have seen it.
 *             Who wants to sleep on the verdict needs more; channels have it.
 * Progress    lock-free; a claimer that is stopped delays only who needs its cell, and
 *             a push or pop returns BUSY after LOOKS looks at it. A single side is
 *             wait-free. A batch is one claim of a run of cells that are all ready.
 * Not         exact length while others are inside; fairness among the callers of one
 *             side; safety in a signal handler over the same side of the same ring.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_DETAIL_RING_H
#define LEAT_DETAIL_RING_H

#include <leat/err.h>
#include <leat/detail/cell.h>

#define LEATI_RING_INLINE static inline __attribute__((always_inline))

/* Looks at a cell that a peer has claimed and not published. */
#define LEATI_RING_LOOKS 128

#define LEATI_RING_MAX ((size_t)1 << 30)

/* Is this side called by one thread at a time? Always a constant. */
enum leati_ring_side { LEATI_SHARED, LEATI_SINGLE };

struct leati_ring {
    char *cells; /* read-only after init, as all down to the padding */
    struct leati_lap lap;
    uint32_t stride, offset;
    uint32_t elem_size;
    char pad0[LEAT_CACHELINE];
    leati_a64 tail; /* w: producers, r: all */
    char pad1[LEAT_CACHELINE - sizeof(leati_a64)];
    leati_a64 head; /* w: consumers, r: all */
    char pad2[LEAT_CACHELINE - sizeof(leati_a64)];
};

/* ---- memory ---- */

/* The natural alignment of an element, at most 8: they are copied, never pointed to. */
static inline size_t leati_ring_natural(size_t elem_size)
{
    size_t low = elem_size & (~elem_size + 1);
    return low == 0 ? 1 : low > 8 ? 8 : low;
}

/* 0 or why a ring of that shape is not possible. */
static inline int leati_ring_shape(size_t elem_size, size_t capacity)
{
    if (capacity == 0)
        return LEAT_EINVAL;
    return elem_size > LEATI_RING_MAX || capacity > LEATI_RING_MAX ? LEAT_EOVERFLOW : 0;
}

static inline size_t leati_ring_align(size_t elem_size)
{
    return leati_cell_offset(leati_ring_natural(elem_size));
}

/* Bytes of all cells; 0 when there can be no such ring. */
static inline size_t leati_ring_footprint(size_t elem_size, size_t capacity)
{
    size_t bytes;
    if (leati_ring_shape(elem_size, capacity) != 0)
        return 0;
    size_t stride = leati_cell_stride(elem_size, leati_ring_natural(elem_size));
    return __builtin_mul_overflow(stride, capacity, &bytes) ? 0 : bytes;
}

/* What all kinds ask of the memory at init. */
static inline int leati_ring_usable(const void *r, const void *mem, size_t mem_size,
                                    size_t align, size_t footprint, int shape)
{
    if (shape != 0)
        return shape;
    if (footprint == 0)
        return LEAT_EOVERFLOW;
    if (r == NULL || mem == NULL || (uintptr_t)mem % align != 0 || mem_size < footprint)
        return LEAT_EINVAL;
    return 0;
}

static inline leati_a32 *leati_ring_cell(const struct leati_ring *r, uint64_t w)
{
    return (leati_a32 *)(void *)(r->cells +
                                 (size_t)leati_lap_index(&r->lap, w) * r->stride);
}

/* Empty, at the beginning of that lap. */
static inline void leati_ring_start(struct leati_ring *r, uint64_t lap)
{
    uint64_t w = lap << r->lap.shift;
    for (uint32_t i = 0; i < r->lap.cap; i++) /* relaxed: nobody else is there yet */
        leati_store_rlx(leati_ring_cell(r, w + i), leati_lap_turn(&r->lap, w));
    leati_store_rlx(&r->tail, w);
    leati_store_rlx(&r->head, w);
}

static inline int leati_ring_init(struct leati_ring *r, void *mem, size_t mem_size,
                                  size_t elem_size, size_t capacity)
{
    size_t natural = leati_ring_natural(elem_size);
    int err = leati_ring_usable(r, mem, mem_size, leati_ring_align(elem_size),
                                leati_ring_footprint(elem_size, capacity),
                                leati_ring_shape(elem_size, capacity));
    if (err != 0)
        return err;
    r->cells = (char *)mem;
    leati_lap_init(&r->lap, (uint32_t)capacity);
    r->stride = (uint32_t)leati_cell_stride(elem_size, natural);
    r->offset = (uint32_t)leati_cell_offset(natural);
    r->elem_size = (uint32_t)elem_size;
    leati_ring_start(r, 0);
    return 0;
}

/* Tickets from head to tail; right across the wrap of the lap. */
static inline size_t leati_ring_between(const struct leati_lap *l, uint64_t head,
                                        uint64_t tail)
{
    uint64_t laps = ((tail & ~l->idx_mask) - (head & ~l->idx_mask)) >> l->shift;
    if ((int64_t)(laps << l->shift) < 0) /* tail was read too early */
        return 0;
    uint64_t to = laps * l->cap + leati_lap_index(l, tail);
    uint64_t from = leati_lap_index(l, head);
    if (to < from)
        return 0;
    return to - from < l->cap ? (size_t)(to - from) : l->cap;
}

static inline size_t leati_ring_len(const struct leati_ring *r)
{
    uint64_t head = leati_load_acq(&r->head); /* acq: before tail, so rarely below 0 */
    return leati_ring_between(&r->lap, head, leati_load_rlx(&r->tail));
}

/* ---- operations ---- */

/* May size bytes be copied there? Only ever false where inlining showed the compiler an
 * object of another size, so that it would warn about the branch not taken. */
#define LEATI_RING_FITS(to, from, size) \
    (__builtin_object_size(to, 0) >= (size) && __builtin_object_size(from, 0) >= (size))

/* leati_copy for where the caller's object may be in sight. */
LEATI_RING_INLINE void leati_ring_copy(void *to, const void *from, size_t size)
{
    if (size == 8 && LEATI_RING_FITS(to, from, 8))
        memcpy(to, from, 8);
    else if (size == 4 && LEATI_RING_FITS(to, from, 4))
        memcpy(to, from, 4);
    else if (size == 16 && LEATI_RING_FITS(to, from, 16))
        memcpy(to, from, 16);
    else if (size != 0)
        memcpy(to, from, size);
}

/* Cell w is not free. What that means to the producer: see Linearizes. */
LEATI_RING_INLINE int leati_ring_full(struct leati_ring *r, uint64_t w,
                                      enum leati_ring_side consumers)
{
    if (consumers == LEATI_SINGLE)
        return LEAT_EAGAIN;
    /* acq: after tail and the turn. */
    return leati_load_acq(&r->head) + r->lap.one_lap == w ? LEAT_EAGAIN : LEAT_EBUSY;
}

LEATI_RING_INLINE int leati_ring_empty(struct leati_ring *r, uint64_t w,
                                       enum leati_ring_side producers)
{
    if (producers == LEATI_SINGLE)
        return LEAT_EAGAIN;
    /* acq: after head and the turn. */
    return leati_load_acq(&r->tail) == w ? LEAT_EAGAIN : LEAT_EBUSY;
}

/* How many cells from ticket w on have the turn that this side waits for (plus: 0 to
 * push, 1 to pop), at most n; *ret_end is the ticket after them. Once ready they stay
 * so until this side moves its ticket. */
LEATI_RING_INLINE size_t leati_ring_run(const struct leati_ring *r, uint64_t w,
                                        uint32_t plus, size_t n, uint64_t *ret_end)
{
    size_t k = 0;
    while (k < n) {
        /* acq: pairs with the release of the other side's last store of it. */
        if (leati_load_acq(leati_ring_cell(r, w)) != leati_lap_turn(&r->lap, w) + plus)
            break;
        w = leati_lap_next(&r->lap, w);
        k++;
    }
    *ret_end = w;
    return k;
}

/* Claims up to n cells for a side whose ticket word is `ticket`. Returns how many and
 * the first one's ticket, or LEAT_EAGAIN, LEAT_EBUSY. A single side's ticket stays
 * where it is until the cells are published: leati_ring_done. */
LEATI_RING_INLINE ptrdiff_t leati_ring_claim(struct leati_ring *r, uint32_t plus,
                                             size_t n, enum leati_ring_side mine,
                                             enum leati_ring_side peer,
                                             uint64_t *ret_first, uint64_t *ret_end)
{
    leati_a64 *ticket = plus == 0 ? &r->tail : &r->head;
    unsigned looks = 0;
    for (;;) {
        /* acq: before the peer's ticket. relaxed when it is our own word. */
        uint64_t w =
            mine == LEATI_SINGLE ? leati_load_rlx(ticket) : leati_load_acq(ticket);
        size_t k = leati_ring_run(r, w, plus, n, ret_end);
        if (__builtin_expect(k != 0, 1)) {
            *ret_first = w;
            /* On failure somebody else of this side got on. */
            if (mine == LEATI_SINGLE || leati_cas_ar(ticket, &w, *ret_end))
                return (ptrdiff_t)k;
            continue;
        }
        /* acq: as in leati_ring_run. Ahead of us: w is stale, again. */
        uint32_t turn = leati_load_acq(leati_ring_cell(r, w));
        if ((int32_t)(turn - leati_lap_turn(&r->lap, w) - plus) >= 0)
            continue;
        int err =
            plus == 0 ? leati_ring_full(r, w, peer) : leati_ring_empty(r, w, peer);
        if (err == LEAT_EAGAIN || ++looks == LEATI_RING_LOOKS)
            return err;
    }
}

/* A single side moves its ticket after the cells are published: relaxed, since its only
 * other reader is leati_ring_len; verdicts about a single side rest on the turn. */
LEATI_RING_INLINE void leati_ring_done(leati_a64 *ticket, uint64_t end,
                                       enum leati_ring_side mine)
{
    if (mine == LEATI_SINGLE)
        leati_store_rlx(ticket, end);
}

LEATI_RING_INLINE ptrdiff_t leati_ring_push_n(struct leati_ring *r, const void *elems,
                                              size_t n, enum leati_ring_side producers,
                                              enum leati_ring_side consumers)
{
    uint64_t w, end;
    const char *from = (const char *)elems;
    if (n == 0)
        return 0;
    ptrdiff_t k = leati_ring_claim(r, 0, n, producers, consumers, &w, &end);
    if (k < 0)
        return k;
    for (ptrdiff_t i = 0; i < k; i++) {
        leati_a32 *cell = leati_ring_cell(r, w);
        if (r->elem_size != 0)
            leati_ring_copy((char *)cell + r->offset, from + (size_t)i * r->elem_size,
                            r->elem_size);
        leati_store_rel(cell, leati_lap_turn(&r->lap, w) + 1); /* pairs with pop */
        w = leati_lap_next(&r->lap, w);
    }
    leati_ring_done(&r->tail, end, producers);
    return k;
}

LEATI_RING_INLINE ptrdiff_t leati_ring_pop_n(struct leati_ring *r, void *ret, size_t n,
                                             enum leati_ring_side producers,
                                             enum leati_ring_side consumers)
{
    uint64_t w, end;
    char *to = (char *)ret;
    if (n == 0)
        return 0;
    ptrdiff_t k = leati_ring_claim(r, 1, n, consumers, producers, &w, &end);
    if (k < 0)
        return k;
    for (ptrdiff_t i = 0; i < k; i++) {
        leati_a32 *cell = leati_ring_cell(r, w);
        if (to != NULL)
            leati_ring_copy(to + (size_t)i * r->elem_size, (char *)cell + r->offset,
                            r->elem_size);
        leati_store_rel(cell, leati_lap_turn(&r->lap, w) + 2); /* pairs with push */
        w = leati_lap_next(&r->lap, w);
    }
    leati_ring_done(&r->head, end, consumers);
    return k;
}

/* One element: the run has length 1 and the loops are gone. */
LEATI_RING_INLINE int leati_ring_push(struct leati_ring *r, const void *elem,
                                      enum leati_ring_side producers,
                                      enum leati_ring_side consumers)
{
    ptrdiff_t k = leati_ring_push_n(r, elem, 1, producers, consumers);
    return k < 0 ? (int)k : 0;
}

LEATI_RING_INLINE int leati_ring_pop(struct leati_ring *r, void *ret,
                                     enum leati_ring_side producers,
                                     enum leati_ring_side consumers)
{
    ptrdiff_t k = leati_ring_pop_n(r, ret, 1, producers, consumers);
    return k < 0 ? (int)k : 0;
}

#endif
