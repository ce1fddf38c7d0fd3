/* queue.h - looking into a queue of waiters. SPDX-License-Identifier: MIT */
#ifndef TESTS_PARK_QUEUE_H
#define TESTS_PARK_QUEUE_H


#include "park/waitq.h"
#include "support/lone.h"

enum { MAX_ACTORS = 64 };

/* How many actors a stress test has. */
static inline unsigned actors(void)
{
    unsigned n = support_actors(4);
    return n < MAX_ACTORS ? n : MAX_ACTORS;
}

static inline unsigned queue_length(const struct leat_waitq__ *q)
{
    unsigned n = 0;
    leati_a32 *lock = leati_waitq_lock(q);
    for (const struct leati_link *l = q->first; l; l = l->next)
        n++;
    leati_unlock(lock);
    return n;
}

struct queue_goal {
    const struct leat_waitq__ *q;
    unsigned n;
};

static inline bool queue_reached(void *arg)
{
    const struct queue_goal *g = arg;
    return queue_length(g->q) == g->n;
}

/* Waits until exactly n are parked in q. */
static inline void await_parked(const struct leat_waitq__ *q, unsigned n)
{
    struct queue_goal g = {q, n};
    assert_true(support_until(queue_reached, &g));
}

#endif
