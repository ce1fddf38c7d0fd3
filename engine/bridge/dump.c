/* dump.c - everything that is open, parked or alive, to find a deadlock.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <leat/stat.h>
#include "chan/open.h"
#include "pool/dump.h"

static void dump_chan(struct leat_chan *c, void *arg)
{
    unsigned parked[2];
    char cap[24] = "unbounded";
    c->ops->waiting(c, parked);
    if (c->ops->cap(c) != LEAT_UNBOUNDED)
        snprintf(cap, sizeof(cap), "%zu", c->ops->cap(c));
    dprintf(*(int *)arg,
            "channel %p %s%s%s: %s, element %u, capacity %s, length %zu, "
            "parked senders %u, parked receivers %u%s\n",
            (void *)c, c->name[0] ? "\"" : "-", c->name, c->name[0] ? "\"" : "",
            c->ops->what, c->elem_size, cap, c->ops->len(c), parked[LEAT_OP_SEND],
            parked[LEAT_OP_RECV], c->ops->closed(c) ? ", closed" : "");
}

void leat_dump(int fd)
{
    leati_chan_each(dump_chan, &fd);
    leati_pool_dump(fd);
}
