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
} __attribute__((aligned(64)));

LEATI_INLINE struct leati_rendezvous *leati_rendezvous(struct leat_chan *c)
{
    return leati_container_of(c, struct leati_rendezvous, c);
}

LEATI_INLINE const struct leati_rendezvous *leati_rendezvous_const(const struct leat_chan *c)
{
    return (const struct leati_rendezvous *)(const void *)c;
}

int leati_rendezvous_attempt(struct leat_chan *c, unsigned dir, void *buf);

/* Under the lock: refuses everybody on that side, receivers only when no sender waits. */
void leati_rendezvous_refuse(struct leati_rendezvous *z, unsigned dir,
                             struct leati_woken *woken);

#endif
