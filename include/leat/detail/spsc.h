/* detail/spsc.h - the ring of one producer and one consumer behind leat_spsc.
 *
 * Idea        After Lamport's queue: each side owns its ticket, and elements lie close
 *             together without turns. Each side keeps a copy of the peer's ticket and
 *             looks again only when that copy says full (empty), so the peer's line
 *             moves once per ring's worth of elements and not once per element.
 * Words       tail   lap<<S | index of the next push (cell.h). Written by the producer.
 *             head   the same of the next pop. Written by the consumer.
 *             seen   beside each ticket: the peer's ticket when last looked at. Its
 *                    owner's alone, so no shared word.
 *             tail and head lie LEAT_CACHELINE apart from each other and from the
 *             read-only rest.
 * Invariants  I1  0 <= tail - head <= cap, in positions.
 *             I2  tail's copy of head is at most one lap behind tail; head's copy of
 *                 tail is not behind head. Hence full is head + one_lap == tail and
 *                 empty is head == tail, for the copies as for the words.
 * Callers     see the table in ring.h.
 * Linearizes  push at its store of tail, pop at its store of head; full at the
 *             producer's load of head, empty at the consumer's load of tail.
 * Ordering    tail: release in push / acquire in pop    the elements are written
 *             head: release in pop / acquire in push    the elements are copied out
 *             Nothing orders a store before a later load of another word.
 * Progress    wait-free; never BUSY.
 * Not         exact length while the peer is inside; safety in a signal handler over
 *             the same side of the same ring.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_DETAIL_SPSC_H
#define LEAT_DETAIL_SPSC_H

#include <leat/detail/ring.h>

struct leati_spsc {
    char *elems; /* read-only after init, as all down to the padding */
    struct leati_lap lap;
    uint32_t elem_size;
    char pad0[LEAT_CACHELINE];
    leati_a64 tail;     /* w: producer, r: both */
    uint64_t seen_head; /* producer */
    char pad1[LEAT_CACHELINE - sizeof(leati_a64) - sizeof(uint64_t)];
    leati_a64 head;     /* w: consumer, r: both */
    uint64_t seen_tail; /* consumer */
    char pad2[LEAT_CACHELINE - sizeof(leati_a64) - sizeof(uint64_t)];
};

/* Bytes of all elements, at least 1; 0 when there can be no such ring. */
static inline size_t leati_spsc_footprint(size_t elem_size, size_t capacity)
{
    size_t bytes;
    if (leati_ring_shape(elem_size, capacity) != 0 ||
        __builtin_mul_overflow(elem_size, capacity, &bytes))
        return 0;
    return bytes ? bytes : 1;
}

static inline void leati_spsc_start(struct leati_spsc *r, uint64_t lap)
{
    uint64_t w = lap << r->lap.shift;
    leati_store_rlx(&r->tail, w); /* relaxed: nobody else is there yet */
    leati_store_rlx(&r->head, w);
    r->seen_head = r->seen_tail = w;
}

static inline int leati_spsc_init(struct leati_spsc *r, void *mem, size_t mem_size,
                                  size_t elem_size, size_t capacity)
{
    int err = leati_ring_usable(r, mem, mem_size, leati_ring_natural(elem_size),
                                leati_spsc_footprint(elem_size, capacity),
                                leati_ring_shape(elem_size, capacity));
    if (err != 0)
        return err;
    r->elems = (char *)mem;
    leati_lap_init(&r->lap, (uint32_t)capacity);
    r->elem_size = (uint32_t)elem_size;
    leati_spsc_start(r, 0);
    return 0;
}

static inline size_t leati_spsc_len(const struct leati_spsc *r)
{
    uint64_t head = leati_load_acq(&r->head); /* acq: before tail, so never below 0 */
    return leati_ring_between(&r->lap, head, leati_load_acq(&r->tail));
}

static inline char *leati_spsc_at(const struct leati_spsc *r, uint64_t w)
{
    return r->elems + (size_t)leati_lap_index(&r->lap, w) * r->elem_size;
}

/* The ticket k <= cap places on. */
static inline uint64_t leati_spsc_on(const struct leati_lap *l, uint64_t w, size_t k)
{
    size_t left = l->cap - leati_lap_index(l, w);
    return k < left ? w + k : (w & ~l->idx_mask) + l->one_lap + (k - left);
}

LEATI_RING_INLINE int leati_spsc_push(struct leati_spsc *r, const void *elem)
{
    uint64_t t = leati_load_rlx(&r->tail); /* relaxed: our own word */
    if (__builtin_expect(r->seen_head + r->lap.one_lap == t, 0)) {
        r->seen_head = leati_load_acq(&r->head); /* pairs with pop */
        if (r->seen_head + r->lap.one_lap == t)
            return LEAT_EAGAIN;
    }
    if (r->elem_size != 0)
        leati_ring_copy(leati_spsc_at(r, t), elem, r->elem_size);
    leati_store_rel(&r->tail, leati_lap_next(&r->lap, t)); /* pairs with pop */
    return 0;
}

LEATI_RING_INLINE int leati_spsc_pop(struct leati_spsc *r, void *ret)
{
    uint64_t h = leati_load_rlx(&r->head); /* relaxed: our own word */
    if (__builtin_expect(r->seen_tail == h, 0)) {
        r->seen_tail = leati_load_acq(&r->tail); /* pairs with push */
        if (r->seen_tail == h)
            return LEAT_EAGAIN;
    }
    if (ret != NULL)
        leati_ring_copy(ret, leati_spsc_at(r, h), r->elem_size);
    leati_store_rel(&r->head, leati_lap_next(&r->lap, h)); /* pairs with push */
    return 0;
}

/* Bytes from ticket w to the end of the memory, at most k elements. */
static inline size_t leati_spsc_straight(const struct leati_spsc *r, uint64_t w,
                                         size_t k)
{
    size_t left = r->lap.cap - leati_lap_index(&r->lap, w);
    return (k < left ? k : left) * r->elem_size;
}

static inline ptrdiff_t leati_spsc_push_n(struct leati_spsc *r, const void *elems,
                                          size_t n)
{
    uint64_t t = leati_load_rlx(&r->tail); /* relaxed: our own word */
    size_t room = r->lap.cap - leati_ring_between(&r->lap, r->seen_head, t);
    if (n == 0)
        return 0;
    if (room < n) {
        r->seen_head = leati_load_acq(&r->head); /* pairs with pop */
        room = r->lap.cap - leati_ring_between(&r->lap, r->seen_head, t);
        if (room == 0)
            return LEAT_EAGAIN;
    }
    size_t k = n < room ? n : room;
    size_t bytes = k * r->elem_size, straight = leati_spsc_straight(r, t, k);
    if (bytes != 0) {
        memcpy(leati_spsc_at(r, t), elems, straight);
        memcpy(r->elems, (const char *)elems + straight, bytes - straight);
    }
    leati_store_rel(&r->tail, leati_spsc_on(&r->lap, t, k)); /* pairs with pop */
    return (ptrdiff_t)k;
}

static inline ptrdiff_t leati_spsc_pop_n(struct leati_spsc *r, void *ret, size_t n)
{
    uint64_t h = leati_load_rlx(&r->head); /* relaxed: our own word */
    size_t there = leati_ring_between(&r->lap, h, r->seen_tail);
    if (n == 0)
        return 0;
    if (there < n) {
        r->seen_tail = leati_load_acq(&r->tail); /* pairs with push */
        there = leati_ring_between(&r->lap, h, r->seen_tail);
        if (there == 0)
            return LEAT_EAGAIN;
    }
    size_t k = n < there ? n : there;
    size_t bytes = k * r->elem_size, straight = leati_spsc_straight(r, h, k);
    if (ret != NULL && bytes != 0) {
        memcpy(ret, leati_spsc_at(r, h), straight);
        memcpy((char *)ret + straight, r->elems, bytes - straight);
    }
    leati_store_rel(&r->head, leati_spsc_on(&r->lap, h, k)); /* pairs with push */
    return (ptrdiff_t)k;
}

#endif
