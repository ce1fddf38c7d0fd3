/* rings.h - the four kinds of ring behind one table, so that each property is tested on
 * all of them. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_RINGS_H
#define LEAT_TESTS_RINGS_H

#include <stdlib.h>
#include "support/support.h"

/* Room for any kind. */
union ring_any {
    struct leat_spsc spsc;
    struct leat_mpsc mpsc;
    struct leat_spmc spmc;
    struct leat_mpmc mpmc;
};

struct ring_kind {
    const char *name;
    bool one_producer, one_consumer;
    size_t (*footprint)(size_t elem_size, size_t capacity);
    size_t (*align)(size_t elem_size);
    int (*init)(union ring_any *r, void *mem, size_t mem_size, size_t elem_size,
                size_t capacity);
    void (*start)(union ring_any *r, uint64_t lap);
    int (*push)(union ring_any *r, const void *elem);
    int (*pop)(union ring_any *r, void *ret);
    ptrdiff_t (*push_n)(union ring_any *r, const void *elems, size_t n);
    ptrdiff_t (*pop_n)(union ring_any *r, void *ret, size_t n);
    size_t (*len)(const union ring_any *r);
    size_t (*cap)(const union ring_any *r);
    unsigned (*shift)(const union ring_any *r);
};

#define RING_FUNCTIONS(k, start_core)                                                 \
    static int k##_init(union ring_any *r, void *mem, size_t mem_size,                \
                        size_t elem_size, size_t capacity)                            \
    {                                                                                 \
        return leat_##k##_init(r ? &r->k : NULL, mem, mem_size, elem_size, capacity); \
    }                                                                                 \
    static void k##_start(union ring_any *r, uint64_t lap)                            \
    {                                                                                 \
        start_core(&r->k.r, lap);                                                     \
    }                                                                                 \
    static int k##_push(union ring_any *r, const void *elem)                          \
    {                                                                                 \
        return leat_##k##_push(&r->k, elem);                                          \
    }                                                                                 \
    static int k##_pop(union ring_any *r, void *ret)                                  \
    {                                                                                 \
        return leat_##k##_pop(&r->k, ret);                                            \
    }                                                                                 \
    static ptrdiff_t k##_push_n(union ring_any *r, const void *elems, size_t n)       \
    {                                                                                 \
        return leat_##k##_push_n(&r->k, elems, n);                                    \
    }                                                                                 \
    static ptrdiff_t k##_pop_n(union ring_any *r, void *ret, size_t n)                \
    {                                                                                 \
        return leat_##k##_pop_n(&r->k, ret, n);                                       \
    }                                                                                 \
    static size_t k##_len(const union ring_any *r)                                    \
    {                                                                                 \
        return leat_##k##_len(&r->k);                                                 \
    }                                                                                 \
    static size_t k##_cap(const union ring_any *r)                                    \
    {                                                                                 \
        return leat_##k##_cap(&r->k);                                                 \
    }                                                                                 \
    static unsigned k##_shift(const union ring_any *r)                                \
    {                                                                                 \
        return r->k.r.lap.shift;                                                      \
    }

RING_FUNCTIONS(spsc, leati_spsc_start)
RING_FUNCTIONS(mpsc, leati_ring_start)
RING_FUNCTIONS(spmc, leati_ring_start)
RING_FUNCTIONS(mpmc, leati_ring_start)

#define RING_KIND(k, one_producer, one_consumer) \
    {#k,                                         \
     one_producer,                               \
     one_consumer,                               \
     leat_##k##_footprint,                       \
     leat_##k##_align,                           \
     k##_init,                                   \
     k##_start,                                  \
     k##_push,                                   \
     k##_pop,                                    \
     k##_push_n,                                 \
     k##_pop_n,                                  \
     k##_len,                                    \
     k##_cap,                                    \
     k##_shift}

static const struct ring_kind rings[] = {
    RING_KIND(spsc, true, true),
    RING_KIND(mpsc, false, true),
    RING_KIND(spmc, true, false),
    RING_KIND(mpmc, false, false),
};

enum { RINGS = sizeof(rings) / sizeof(rings[0]) };

/* A ring in memory of exactly its footprint, so that sanitizers see a step beyond. */
struct ring_box {
    const struct ring_kind *k;
    void *mem;
    union ring_any r;
};

static inline void ring_box_open(struct ring_box *b, const struct ring_kind *k,
                                 size_t elem_size, size_t capacity)
{
    size_t bytes = k->footprint(elem_size, capacity);
    assert_true(bytes > 0);
    b->k = k;
    b->mem = malloc(bytes);
    assert_non_null(b->mem);
    assert_int_equal(k->init(&b->r, b->mem, bytes, elem_size, capacity), 0);
    support_about = k->name;
}

static inline void ring_box_close(struct ring_box *b)
{
    free(b->mem);
    support_about = NULL;
}

#endif
