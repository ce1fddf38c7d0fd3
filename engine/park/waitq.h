/* waitq.h - the waiters of a mutex, semaphore, wait group or once.
 *
 * Idea        One FIFO of nodes per object, each node on its waiter's stack. The lock is
 *             not in the object but in a fixed table, chosen by the object's address:
 *             an abort that comes too late, and the release that made a waiter go on,
 *             touch only the table after the object may be gone.
 * Words       Each object has one word with a WAIT bit: set while nodes are listed,
 *             changed only under the lock. What the word means otherwise is the
 *             object's affair.
 * Life        A node belongs to whoever takes it off the queue; leati_waitq_wake() is
 *             the last touch. The object's word is the last thing an operation changes
 *             before it unlocks: whoever sees the change may free the object.
 * Lock order  Never two locks of the table, nothing else while one is held.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PARK_WAITQ_H
#define LEATI_PARK_WAITQ_H

#include <leat/sync.h>
#include "base/list.h"
#include "base/lock.h"
#include "park/wait.h"

struct leati_qnode {
    struct leati_wait w;
    struct leati_link link;
    bool listed; /* under the lock */
};

LEATI_INLINE struct leati_qnode *leati_qnode(struct leati_wait *w)
{
    return leati_container_of(w, struct leati_qnode, w);
}

/* Makes n ready for its first leati_park. */
LEATI_INLINE void leati_qnode_init(struct leati_qnode *n, const struct leati_wait_ops *ops,
                                   const void *object, struct leat_deadline until)
{
    n->w.ops = ops;
    n->w.until = until;
    n->w.spin = LEAT_SPIN_ADAPTIVE;
    n->w.object = object;
    n->listed = false;
}

/* Locks q and returns the lock, to be given back with leati_unlock. */
leati_a32 *leati_waitq_lock(const struct leat_waitq__ *q);

/* All of these under the lock. */
struct leati_qnode *leati_waitq_first(const struct leat_waitq__ *q);
void leati_waitq_append(struct leat_waitq__ *q, struct leati_qnode *n);
void leati_waitq_prepend(struct leat_waitq__ *q, struct leati_qnode *n);
void leati_waitq_remove(struct leat_waitq__ *q, struct leati_qnode *n);

/* Nodes that were taken off, to be woken after the unlock in the order of leaving.
 * Zeroed memory is an empty one. */
struct leati_qwoken {
    struct leati_list nodes;
};

/* Under the lock: takes n off q, gives it its result and notes it. */
void leati_waitq_complete(struct leat_waitq__ *q, struct leati_qnode *n, int result,
                          struct leati_qwoken *out);

/* All of q, for an object that may be gone once its word has changed; and back again
 * when the word could not be changed. */
void leati_waitq_complete_all(struct leat_waitq__ *q, int result, struct leati_qwoken *out);
void leati_waitq_restore(struct leat_waitq__ *q, struct leati_qwoken *all);

/* Wakes them, the first to run next; no lock may be held. */
void leati_waitq_wake(struct leati_qwoken *out);

#endif
