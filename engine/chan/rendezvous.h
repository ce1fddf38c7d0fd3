/* rendezvous.h - the words of an unbuffered channel; the protocol is in rendezvous.c.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_RENDEZVOUS_H
#define LEATI_CHAN_RENDEZVOUS_H

#include <leat/detail/cell.h>
#include "chan/chan.h"

#define LEATI_TOP_S     ((uint64_t)1) /* a lone sender is on top        */
#define LEATI_TOP_R     ((uint64_t)2) /* a lone receiver is on top      */
#define LEATI_TOP_LISTS ((uint64_t)4) /* the lists are in use: lock     */
#define LEATI_TOP_C     ((uint64_t)8) /* closed                         */

/* Two cache lines: the header, and what the parties write. */
struct leati_rendezvous {
    struct leat_chan c;
    leati_a64 top;
    struct leati_side side[2]; /* by enum leat_op; the lock of side[0] guards both */
    leati_a32 events[2];       /* listed ones of sets, which the sides do not count */
} __attribute__((aligned(64)));

LEATI_INLINE struct leati_rendezvous *leati_rendezvous(struct leat_chan *c)
{
    return leati_container_of(c, struct leati_rendezvous, c);
}

LEATI_INLINE const struct leati_rendezvous *leati_rendezvous_const(const struct leat_chan *c)
{
    return (const struct leati_rendezvous *)(const void *)c;
}

#define LEATI_TOP_VERSION ((uint64_t)1 << 48)
#define LEATI_TOP_NODE    (LEATI_TOP_VERSION - 1 - (uint64_t)15)
#define LEATI_TOP_BITS    ((uint64_t)15)

LEATI_INLINE uint64_t leati_top_bit(unsigned dir)
{
    return dir == LEAT_OP_SEND ? LEATI_TOP_S : LEATI_TOP_R;
}

/* Copies between the two ends of a meeting. NULL discards. */
LEATI_INLINE void leati_rendezvous_copy(struct leati_rendezvous *z, unsigned dir,
                                        void *mine, void *other)
{
    void *from = dir == LEAT_OP_SEND ? mine : other;
    void *to = dir == LEAT_OP_SEND ? other : mine;
    if (leati_likely(to != NULL))
        leati_copy(to, from, z->c.elem_size);
}

/* Meets the lone counterpart of an operation in direction dir, if one is on top. */
LEATI_INLINE bool leati_rendezvous_take_lone(struct leati_rendezvous *z, unsigned dir,
                                             void *buf)
{
    uint64_t t = leati_load_rlx(&z->top); /* relaxed: the CAS proves it current */
    if (!(t & leati_top_bit(!dir)))
        return false;
    struct leati_node *m = (struct leati_node *)(uintptr_t)(t & LEATI_TOP_NODE);
    /* acq: pairs with the release of its publish. */
    if (!leati_cas_acq(&z->top, &t, t & ~(LEATI_TOP_VERSION - 1)))
        return false;
    leati_rendezvous_copy(z, dir, buf, m->buf);
    m->of.wait->result = 0;
    leati_wake(m->of.wait, LEATI_WAKE_NEXT);
    return true;
}

/* Loads only: chan.h's ready. sc: the two passes of select's default. */
LEATI_INLINE bool leati_rendezvous_ready(struct leati_rendezvous *z, unsigned dir,
                                         uint64_t *ticket)
{
    uint64_t t = leati_load_sc(&z->top);
    *ticket = t;
    bool yes = (t & (leati_top_bit(!dir) | LEATI_TOP_C)) != 0; /* no branch on it */
    if (leati_unlikely(t & LEATI_TOP_LISTS))
        yes |= leati_side_count(&z->side[!dir]) != 0;
    return yes;
}

int leati_rendezvous_attempt(struct leat_chan *c, unsigned dir, void *buf);

/* A whole send or receive. */
int leati_rendezvous_operate(struct leat_chan *c, unsigned dir, void *buf,
                             struct leat_deadline until);

/* Under the lock: refuses everybody on that side, receivers only when no sender waits. */
void leati_rendezvous_refuse(struct leati_rendezvous *z, unsigned dir,
                             struct leati_woken *woken);

#endif
