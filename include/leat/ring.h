/* ring.h - bounded queues of copied elements in the caller's memory, by value.
 *
 * For who wants a queue and nothing else: no waiting, no close, no allocation, no
 * library to link. (Channels wait; see chan.h.) Four kinds, by how many threads use
 * each side at the same time:
 *
 *              producers   consumers   a push or pop costs
 *   leat_spsc  one         one         no locked instruction
 *   leat_mpsc  many        one         push: one; pop: none
 *   leat_spmc  one         many        push: none; pop: one
 *   leat_mpmc  many        many        one
 *
 *     struct leat_mpmc q;
 *     size_t bytes = leat_mpmc_footprint(sizeof(struct job), 100);
 *     void *mem = aligned_alloc(64, (bytes + 63) / 64 * 64);
 *     if (leat_mpmc_init(&q, mem, bytes, sizeof(struct job), 100) == 0) ...
 *     leat_mpmc_push(&q, &job);        from any thread
 *     leat_mpmc_pop(&q, &job);         from any thread
 *
 * Who may call what while another call runs on the same ring
 *
 *               push, push_n         pop, pop_n           len      cap    init
 *   push(_n)    mpsc, mpmc           all kinds            yes      yes    no
 *   pop(_n)     all kinds            spmc, mpmc           yes      yes    no
 *
 *   On a single side the caller may change from thread to thread when each hands over
 *   to the next by something that orders memory (a lock, a join, a message).
 *   Two at once on a single side is undefined: values are lost or doubled.
 *
 * Common to all kinds
 *   capacity   1 .. LEAT_RING_CAP_MAX, exact, powers of two are not special.
 *   elem_size  0 .. LEAT_RING_ELEM_MAX. A push copies elem_size bytes from elem, a pop
 *              copies them to ret; ret NULL discards. With elem_size 0 elem is ignored.
 *   order      Elements leave in the order in which their pushes took effect: a
 *              producer's elements keep its order, and a batch stays together. What
 *              was written before a push is seen after the pop of its element.
 *   results    0; LEAT_EAGAIN: full (push) or empty (pop) at one moment of the call, as
 *              far as can be known by what happened before it; LEAT_EBUSY: full or
 *              empty could not be told, since another thread stayed in the middle of an
 *              operation on the very cell for all of 128 looks; never on leat_spsc, nor
 *              when the other side is a single one. On both nothing was done. A failed
 *              call costs loads only.
 *   batches    push_n and pop_n move as many as they can at once, up to n, in one
 *              claim: the count (>= 1; 0 only for n == 0) or one of the above. elems
 *              and ret are arrays of elements of elem_size bytes each.
 *   progress   No call waits. A thread stopped inside one delays on its own side nobody
 *              (others pass it), on the other side only those who reach its cell.
 *   signals    A call is safe in a handler only over a ring, or the side of one, that
 *              the interrupted thread does not use.
 *   memory     _footprint gives the bytes for init (0: impossible shape), _align their
 *              alignment, never more than 8; aligned to 64 is faster. The struct needs
 *              no alignment of its own. Both must stay in place and be the ring's until
 *              its last call has returned; there is nothing to free.
 *   init       returns 0; LEAT_EINVAL: r or mem NULL, mem misaligned or mem_size below
 *              the footprint, capacity 0; LEAT_EOVERFLOW: too large. On an error the
 *              ring is untouched.
 *   len        Elements inside; exact when nobody is pushing or popping, else a
 *              snapshot in 0 .. capacity. cap is what init was given.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_RING_H
#define LEAT_RING_H

#include <leat/base.h>
#include <leat/err.h>
#include <leat/detail/ring.h>
#include <leat/detail/spsc.h>

#define LEAT_RING_CAP_MAX  LEATI_RING_MAX
#define LEAT_RING_ELEM_MAX LEATI_RING_MAX

/* ---- one producer, one consumer ---- */

struct leat_spsc {
    struct leati_spsc r;
};

static inline size_t leat_spsc_footprint(size_t elem_size, size_t capacity)
{
    return leati_spsc_footprint(elem_size, capacity);
}

static inline size_t leat_spsc_align(size_t elem_size)
{
    return leati_ring_natural(elem_size);
}

static inline LEAT_NODISCARD int leat_spsc_init(struct leat_spsc *r, void *mem,
                                                size_t mem_size, size_t elem_size,
                                                size_t capacity)
{
    return leati_spsc_init(r ? &r->r : NULL, mem, mem_size, elem_size, capacity);
}

static inline LEAT_NODISCARD int leat_spsc_push(struct leat_spsc *r, const void *elem)
{
    return leati_spsc_push(&r->r, elem);
}

static inline LEAT_NODISCARD int leat_spsc_pop(struct leat_spsc *r, void *ret)
{
    return leati_spsc_pop(&r->r, ret);
}

static inline LEAT_NODISCARD ptrdiff_t leat_spsc_push_n(struct leat_spsc *r,
                                                        const void *elems, size_t n)
{
    return leati_spsc_push_n(&r->r, elems, n);
}

static inline LEAT_NODISCARD ptrdiff_t leat_spsc_pop_n(struct leat_spsc *r, void *ret,
                                                       size_t n)
{
    return leati_spsc_pop_n(&r->r, ret, n);
}

static inline size_t leat_spsc_len(const struct leat_spsc *r)
{
    return leati_spsc_len(&r->r);
}

static inline size_t leat_spsc_cap(const struct leat_spsc *r)
{
    return r->r.lap.cap;
}

/* ---- many producers, one consumer ---- */

struct leat_mpsc {
    struct leati_ring r;
};

static inline size_t leat_mpsc_footprint(size_t elem_size, size_t capacity)
{
    return leati_ring_footprint(elem_size, capacity);
}

static inline size_t leat_mpsc_align(size_t elem_size)
{
    return leati_ring_align(elem_size);
}

static inline LEAT_NODISCARD int leat_mpsc_init(struct leat_mpsc *r, void *mem,
                                                size_t mem_size, size_t elem_size,
                                                size_t capacity)
{
    return leati_ring_init(r ? &r->r : NULL, mem, mem_size, elem_size, capacity);
}

static inline LEAT_NODISCARD int leat_mpsc_push(struct leat_mpsc *r, const void *elem)
{
    return leati_ring_push(&r->r, elem, LEATI_SHARED, LEATI_SINGLE);
}

static inline LEAT_NODISCARD int leat_mpsc_pop(struct leat_mpsc *r, void *ret)
{
    return leati_ring_pop(&r->r, ret, LEATI_SHARED, LEATI_SINGLE);
}

static inline LEAT_NODISCARD ptrdiff_t leat_mpsc_push_n(struct leat_mpsc *r,
                                                        const void *elems, size_t n)
{
    return leati_ring_push_n(&r->r, elems, n, LEATI_SHARED, LEATI_SINGLE);
}

static inline LEAT_NODISCARD ptrdiff_t leat_mpsc_pop_n(struct leat_mpsc *r, void *ret,
                                                       size_t n)
{
    return leati_ring_pop_n(&r->r, ret, n, LEATI_SHARED, LEATI_SINGLE);
}

static inline size_t leat_mpsc_len(const struct leat_mpsc *r)
{
    return leati_ring_len(&r->r);
}

static inline size_t leat_mpsc_cap(const struct leat_mpsc *r)
{
    return r->r.lap.cap;
}

/* ---- one producer, many consumers ---- */

struct leat_spmc {
    struct leati_ring r;
};

static inline size_t leat_spmc_footprint(size_t elem_size, size_t capacity)
{
    return leati_ring_footprint(elem_size, capacity);
}

static inline size_t leat_spmc_align(size_t elem_size)
{
    return leati_ring_align(elem_size);
}

static inline LEAT_NODISCARD int leat_spmc_init(struct leat_spmc *r, void *mem,
                                                size_t mem_size, size_t elem_size,
                                                size_t capacity)
{
    return leati_ring_init(r ? &r->r : NULL, mem, mem_size, elem_size, capacity);
}

static inline LEAT_NODISCARD int leat_spmc_push(struct leat_spmc *r, const void *elem)
{
    return leati_ring_push(&r->r, elem, LEATI_SINGLE, LEATI_SHARED);
}

static inline LEAT_NODISCARD int leat_spmc_pop(struct leat_spmc *r, void *ret)
{
    return leati_ring_pop(&r->r, ret, LEATI_SINGLE, LEATI_SHARED);
}

static inline LEAT_NODISCARD ptrdiff_t leat_spmc_push_n(struct leat_spmc *r,
                                                        const void *elems, size_t n)
{
    return leati_ring_push_n(&r->r, elems, n, LEATI_SINGLE, LEATI_SHARED);
}

static inline LEAT_NODISCARD ptrdiff_t leat_spmc_pop_n(struct leat_spmc *r, void *ret,
                                                       size_t n)
{
    return leati_ring_pop_n(&r->r, ret, n, LEATI_SINGLE, LEATI_SHARED);
}

static inline size_t leat_spmc_len(const struct leat_spmc *r)
{
    return leati_ring_len(&r->r);
}

static inline size_t leat_spmc_cap(const struct leat_spmc *r)
{
    return r->r.lap.cap;
}

/* ---- many producers, many consumers ---- */

struct leat_mpmc {
    struct leati_ring r;
};

static inline size_t leat_mpmc_footprint(size_t elem_size, size_t capacity)
{
    return leati_ring_footprint(elem_size, capacity);
}

static inline size_t leat_mpmc_align(size_t elem_size)
{
    return leati_ring_align(elem_size);
}

static inline LEAT_NODISCARD int leat_mpmc_init(struct leat_mpmc *r, void *mem,
                                                size_t mem_size, size_t elem_size,
                                                size_t capacity)
{
    return leati_ring_init(r ? &r->r : NULL, mem, mem_size, elem_size, capacity);
}

static inline LEAT_NODISCARD int leat_mpmc_push(struct leat_mpmc *r, const void *elem)
{
    return leati_ring_push(&r->r, elem, LEATI_SHARED, LEATI_SHARED);
}

static inline LEAT_NODISCARD int leat_mpmc_pop(struct leat_mpmc *r, void *ret)
{
    return leati_ring_pop(&r->r, ret, LEATI_SHARED, LEATI_SHARED);
}

static inline LEAT_NODISCARD ptrdiff_t leat_mpmc_push_n(struct leat_mpmc *r,
                                                        const void *elems, size_t n)
{
    return leati_ring_push_n(&r->r, elems, n, LEATI_SHARED, LEATI_SHARED);
}

static inline LEAT_NODISCARD ptrdiff_t leat_mpmc_pop_n(struct leat_mpmc *r, void *ret,
                                                       size_t n)
{
    return leati_ring_pop_n(&r->r, ret, n, LEATI_SHARED, LEATI_SHARED);
}

static inline size_t leat_mpmc_len(const struct leat_mpmc *r)
{
    return leati_ring_len(&r->r);
}

static inline size_t leat_mpmc_cap(const struct leat_mpmc *r)
{
    return r->r.lap.cap;
}

#endif
