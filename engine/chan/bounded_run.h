/* bounded_run.h - many elements of a bounded channel at once.
 *
 * Idea        Cells that follow each other in memory and are ready are claimed by one
 *             compare-and-swap on the ticket, then moved one by one. All else is as for
 *             one element, see bounded.h.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_BOUNDED_RUN_H
#define LEATI_CHAN_BOUNDED_RUN_H

#include "chan/bounded.h"

struct leati_run {
    char *cell;
    size_t n;
    uint32_t turn; /* of a cell free for this lap */
};

/* The run that begins at ticket w, of at most n cells. */
LEATI_INLINE struct leati_run leati_run_at(const struct leati_bounded *b, size_t stride,
                                           uint64_t w, size_t n)
{
    size_t left = b->lap.cap - leati_lap_index(&b->lap, w);
    return (struct leati_run){leati_bounded_cell(b, stride, w), n < left ? n : left,
                              leati_lap_turn(&b->lap, w)};
}

LEATI_INLINE uint64_t leati_run_end(const struct leati_bounded *b, uint64_t w, size_t n)
{
    return n < b->lap.cap - leati_lap_index(&b->lap, w)
               ? w + n
               : (w & ~b->lap.idx_mask) + b->lap.one_lap;
}

/* How many of n cells are ready, from the first one on. */
LEATI_INLINE size_t leati_run_ready(const char *cell, size_t n, uint32_t want,
                                    size_t stride)
{
    size_t k = 0;
#pragma GCC unroll 4
    for (; k < n; k++) /* acq: as in push */
        if (leati_load_acq((const leati_a32 *)(const void *)(cell + k * stride)) != want)
            break;
    return k;
}

/* Claims the ready cells, up to n, of one run with one CAS. False: none, or a flag. */
LEATI_INLINE bool leati_run_claim(struct leati_bounded *b, unsigned dir, size_t n,
                                  size_t stride, struct leati_run *r)
{
    leati_a64 *ticket = dir == LEAT_OP_SEND ? &b->tail : &b->head;
    for (;;) {
        uint64_t w = leati_load_rlx(ticket); /* relaxed: as in push */
        if (w & (LEATI_C | LEATI_H))
            return false;
        *r = leati_run_at(b, stride, w, n);
        r->n = leati_run_ready(r->cell, r->n, r->turn + (dir == LEAT_OP_RECV), stride);
        if (r->n == 0)
            return false;
        /* sc: P1 for all of them */
        if (leati_cas_sc(ticket, &w, leati_run_end(b, w, r->n)))
            return true;
    }
}

/* Copies one element and publishes its cell. */
LEATI_INLINE void leati_run_move_one(unsigned dir, char *cell, char *elem,
                                     struct leati_layout y, uint32_t done)
{
    if (dir == LEAT_OP_SEND)
        leati_copy(cell + y.offset, elem, y.size);
    else if (elem)
        leati_copy(elem, cell + y.offset, y.size);
    leati_store_rel((leati_a32 *)(void *)cell, done); /* P2 */
}

LEATI_INLINE uint32_t leati_run_done(const struct leati_run *r, unsigned dir)
{
    return r->turn + (dir == LEAT_OP_SEND ? 1 : 2);
}

/* Up to n elements from or to `elem`; for a receive it may be NULL. Returns how many: 0
 * also because of a flag. */
LEATI_INLINE size_t leati_bounded_run(struct leati_bounded *b, unsigned dir, char *elem,
                                      size_t n)
{
    struct leati_layout y = leati_bounded_layout(b);
    struct leati_run r;
    if (!leati_run_claim(b, dir, n, y.stride, &r))
        return 0;
    uint32_t done = leati_run_done(&r, dir);
    for (size_t i = 0; i < r.n; i++)
        leati_run_move_one(dir, r.cell + i * y.stride, elem ? elem + i * y.size : NULL, y,
                           done);
    return r.n;
}

/* The same for a channel with `eight`. dir is a constant too, and the loops have hardly
 * more than the copies. */
LEATI_INLINE size_t leati_bounded_run_eight(struct leati_bounded *b, unsigned dir,
                                            char *elem, size_t n)
{
    const struct leati_layout y = LEATI_EIGHT;
    struct leati_run r;
    if (!leati_run_claim(b, dir, n, y.stride, &r))
        return 0;
    uint32_t done = leati_run_done(&r, dir);
#pragma GCC unroll 4
    for (size_t i = 0; i < r.n; i++)
        leati_run_move_one(dir, r.cell + i * y.stride, elem + i * y.size, y, done);
    return r.n;
}

#endif
