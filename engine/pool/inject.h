/* inject.h - queue of fibers readied by threads that are no worker of their pool, of
 * what overflows a run queue, and of pinned fibers readied elsewhere.
 *
 * Idea        A wait-free queue (one exchange to enqueue). Its element is a batch: a
 *             fiber and those chained behind it, so that half a run queue moves for the
 *             price of one. Whoever takes holds the queue's lock and keeps what it does
 *             not want of the last batch in `rest`.
 * Order       First in, first out, inside a batch too.
 * Ordering    An enqueue is a full barrier before the fibers become visible; the
 *             enqueuer then reads the idle word, the sleeper pays the heavy fence
 *             between marking itself and looking here (idle.c).
 * Half-linked An enqueuer stopped between its exchange and its link hides what came
 *             behind: taking returns what is visible, and the queue does not count as
 *             empty, so a sleeper does not go to sleep for good.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_INJECT_H
#define LEATI_POOL_INJECT_H

#include "arch/atomic.h"

struct leat_fiber;

/* As the queue library's node. */
struct leati_inject_node {
    struct leati_inject_node *next;
};

struct leati_inject {
    LEATI_OWN_LINE leati_a32 lock;
    leati_aptr rest;             /* fibers of a batch already taken off; w: lock holder */
    struct leati_inject_node head; /* the library's head; consumers */
    LEATI_OWN_LINE void *tail;   /* the library's tail; enqueuers */
};

void leati_inject_init(struct leati_inject *q);

/* f and what follows it by qnext, as one batch. From anywhere. */
void leati_inject_put(struct leati_inject *q, struct leat_fiber *f);

/* Up to n fibers, oldest first, chained by qnext; NULL: nothing visible, or somebody else
 * is taking. */
struct leat_fiber *leati_inject_take(struct leati_inject *q, unsigned n);

/* Nothing in it, not even half-linked? */
bool leati_inject_empty(struct leati_inject *q);

#endif
