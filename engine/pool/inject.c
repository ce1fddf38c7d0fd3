/* inject.c - see inject.h; the only file that names liburcu's queue. Only the forms that
 * never block are used: the others sleep on a half-linked node.
 * SPDX-License-Identifier: MIT */
#include <urcu/wfcqueue.h>

#include "base/lock.h"
#include "pool/mill.h"

_Static_assert(sizeof(struct leati_inject_node) == sizeof(struct cds_wfcq_node), "node");
_Static_assert(sizeof(void *) == sizeof(struct cds_wfcq_tail), "tail");

LEATI_INLINE struct __cds_wfcq_head *head_of(struct leati_inject *q)
{
    return (struct __cds_wfcq_head *)(void *)&q->head;
}

LEATI_INLINE struct cds_wfcq_tail *tail_of(struct leati_inject *q)
{
    return (struct cds_wfcq_tail *)(void *)&q->tail;
}

void leati_inject_init(struct leati_inject *q)
{
    q->lock.v = 0;
    q->rest.v = NULL;
    __cds_wfcq_init(head_of(q), tail_of(q));
}

void leati_inject_put(struct leati_inject *q, struct leat_fiber *f)
{
    struct cds_wfcq_node *node = (struct cds_wfcq_node *)(void *)&f->in;
    cds_wfcq_node_init(node);
    leatp_san_release(f); /* the library's exchange is not visible to TSan */
    (void)cds_wfcq_enqueue(head_of(q), tail_of(q), node);
}

/* The oldest batch, or NULL. Lock held. */
static struct leat_fiber *next_batch(struct leati_inject *q)
{
    struct cds_wfcq_node *node = __cds_wfcq_dequeue_nonblocking(head_of(q), tail_of(q));
    if (!node || node == CDS_WFCQ_WOULDBLOCK)
        return NULL;
    struct leat_fiber *f =
        leati_container_of((void *)node, struct leat_fiber, in);
    leatp_san_acquire(f);
    return f;
}

struct leat_fiber *leati_inject_take(struct leati_inject *q, unsigned n)
{
    if (!leati_try_lock(&q->lock))
        return NULL; /* the holder is awake and runs the wake rule for what it leaves */
    struct leat_fiber *first = NULL, **end = &first;
    struct leat_fiber *rest = leati_load_rlx(&q->rest); /* written under the lock */
    for (; n > 0; n--) {
        if (!rest && !(rest = next_batch(q)))
            break;
        if (!rest->sp)
            __builtin_prefetch(rest->stack, 1);
        *end = rest;
        end = &rest->qnext;
        rest = rest->qnext;
    }
    *end = NULL;
    leati_store_rlx(&q->rest, (void *)rest);
    leati_unlock(&q->lock);
    return first;
}

bool leati_inject_empty(struct leati_inject *q)
{
    /* A taken lock: the holder may put something into `rest`. */
    return leati_load_rlx(&q->rest) == NULL && leati_load_rlx(&q->lock) == 0 &&
           cds_wfcq_empty(head_of(q), tail_of(q));
}
