/* detail/cell.h - tickets and cells of bounded rings of exact capacity.
 *
 * A ticket is lap<<S | index, S the bits of the capacity's next power of two: lap and
 * index need no division for any capacity. The two top bits are left to the user. A
 * cell is a turn and an element: turn 2*lap, free for that lap; 2*lap+1, full. Doubling
 * the lap keeps 'full' and 'free for the next lap' apart even at capacity 1.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_DETAIL_CELL_H
#define LEAT_DETAIL_CELL_H

#include <string.h>
#include <leat/detail/atomic.h>

struct leati_lap {
    uint64_t one_lap;  /* 1 << S */
    uint64_t idx_mask; /* one_lap - 1 */
    uint32_t cap;
    uint32_t shift; /* S */
};

static inline void leati_lap_init(struct leati_lap *l, uint32_t cap)
{
    l->shift = 0;
    while (((uint64_t)1 << l->shift) < cap)
        l->shift++;
    l->one_lap = (uint64_t)1 << l->shift;
    l->idx_mask = l->one_lap - 1;
    l->cap = cap;
}

static inline uint32_t leati_lap_index(const struct leati_lap *l, uint64_t w)
{
    return (uint32_t)(w & l->idx_mask);
}

static inline uint64_t leati_lap_next(const struct leati_lap *l, uint64_t w)
{
    bool last = leati_lap_index(l, w) + 1 >= l->cap;
    return __builtin_expect(last, 0) ? (w & ~l->idx_mask) + l->one_lap : w + 1;
}

/* The turn of a cell that is free for w's lap; one more: full. Wraps. */
static inline uint32_t leati_lap_turn(const struct leati_lap *l, uint64_t w)
{
    return (uint32_t)(w >> l->shift << 1);
}

/* How many tickets came before w. */
static inline uint64_t leati_lap_position(const struct leati_lap *l, uint64_t w)
{
    return (w >> l->shift) * l->cap + leati_lap_index(l, w);
}

/* Where the element lies in a cell, and from cell to cell, in bytes. elem_align is a
 * power of two. */
static inline size_t leati_cell_offset(size_t elem_align)
{
    return elem_align > sizeof(uint32_t) ? elem_align : sizeof(uint32_t);
}

static inline size_t leati_cell_stride(size_t elem_size, size_t elem_align)
{
    size_t offset = leati_cell_offset(elem_align);
    return (offset + elem_size + offset - 1) / offset * offset;
}

/* Copies an element; the common sizes without a call. */
static inline void leati_copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else if (size == 16)
        memcpy(to, from, 16);
    else if (size != 0)
        memcpy(to, from, size);
}

#endif
