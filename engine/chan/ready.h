/* ready.h - polling a channel without an indirect call for the common kinds.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_READY_H
#define LEATI_CHAN_READY_H

#include "chan/bounded.h"
#include "chan/rendezvous.h"

/* chan.h's ready. */
LEATI_INLINE bool leati_chan_ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                                   struct leat_deadline *until)
{
    if (leati_likely(c->kind == LEATI_BOUNDED))
        return leati_bounded_ready(leati_bounded(c), dir, ticket);
    if (leati_likely(c->kind == LEATI_RENDEZVOUS))
        return leati_rendezvous_ready(leati_rendezvous(c), dir, ticket);
    return c->ops->ready(c, dir, ticket, until);
}

#endif
