/* waitq.c - see waitq.h. SPDX-License-Identifier: MIT */
#include "base/fork.h"
#include "park/waitq.h"

enum { LOCK_BITS = 6 };

static struct {
    LEATI_OWN_LINE leati_a32 word;
} leati_waitq_locks[1 << LOCK_BITS];

leati_a32 *leati_waitq_lock(const struct leat_waitq__ *q)
{
    /* Fibonacci hashing: neighbours and equal strides fall on different locks. */
    uint64_t h = (uint64_t)(uintptr_t)q * 0x9E3779B97F4A7C15ull;
    leati_a32 *l = &leati_waitq_locks[h >> (64 - LOCK_BITS)].word;
    leati_lock(l);
    return l;
}

/* A fork finds the table unlocked: objects that share a lock with one that another
 * thread was at can be used in the child. Whoever holds one wants no other. */
static void before_fork(void)
{
    for (unsigned i = 0; i < 1u << LOCK_BITS; i++)
        leati_lock(&leati_waitq_locks[i].word);
}

static void after_fork(void)
{
    for (unsigned i = 0; i < 1u << LOCK_BITS; i++)
        leati_unlock(&leati_waitq_locks[i].word);
}

static LEATI_FORK_LEAF void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

static struct leati_qnode *leati_qnode_of(struct leati_link *l)
{
    return l ? leati_container_of(l, struct leati_qnode, link) : NULL;
}

/* The public header knows no list: copied in and out. */
static struct leati_list leati_waitq_load(const struct leat_waitq__ *q)
{
    return (struct leati_list){q->first, q->last};
}

static void leati_waitq_store(struct leat_waitq__ *q, const struct leati_list *l)
{
    q->first = l->first;
    q->last = l->last;
}

struct leati_qnode *leati_waitq_first(const struct leat_waitq__ *q)
{
    return leati_qnode_of(q->first);
}

void leati_waitq_append(struct leat_waitq__ *q, struct leati_qnode *n)
{
    struct leati_list l = leati_waitq_load(q);
    leati_list_append(&l, &n->link);
    leati_waitq_store(q, &l);
    n->listed = true;
}

void leati_waitq_prepend(struct leat_waitq__ *q, struct leati_qnode *n)
{
    struct leati_list l = leati_waitq_load(q);
    leati_list_prepend(&l, &n->link);
    leati_waitq_store(q, &l);
    n->listed = true;
}

void leati_waitq_remove(struct leat_waitq__ *q, struct leati_qnode *n)
{
    struct leati_list l = leati_waitq_load(q);
    leati_list_remove(&l, &n->link);
    leati_waitq_store(q, &l);
    n->listed = false;
}

void leati_waitq_complete(struct leat_waitq__ *q, struct leati_qnode *n, int result,
                          struct leati_qwoken *out)
{
    leati_waitq_remove(q, n);
    n->w.result = result;
    leati_list_append(&out->nodes, &n->link);
}

void leati_waitq_complete_all(struct leat_waitq__ *q, int result, struct leati_qwoken *out)
{
    struct leati_qnode *n;
    out->nodes = (struct leati_list){NULL, NULL};
    while ((n = leati_waitq_first(q)) != NULL)
        leati_waitq_complete(q, n, result, out);
}

void leati_waitq_restore(struct leat_waitq__ *q, struct leati_qwoken *all)
{
    leati_waitq_store(q, &all->nodes);
    for (struct leati_link *l = all->nodes.first; l; l = l->next)
        leati_qnode_of(l)->listed = true;
}

void leati_waitq_wake(struct leati_qwoken *out)
{
    struct leati_link *l = out->nodes.first;
    enum leati_wake_place place = LEATI_WAKE_NEXT;
    while (l) {
        struct leati_link *next = l->next; /* the node is gone after its wake */
        leati_wake(&leati_qnode_of(l)->w, place);
        place = LEATI_WAKE_TAIL; /* behind the first: the order stays */
        l = next;
    }
}
