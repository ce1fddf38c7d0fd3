/* record.c - fiber records: slabs that only grow until the pool ends, free lists.
 *
 * Idea        A worker keeps up to two chains of CHAIN free records, linked by qnext;
 *             a third one goes to the pool, in one piece: its first record's `arg`
 *             links the chains. Threads that are no worker use a list of single ones.
 * Walk        Dumps walk all slabs: they are linked before their records are handed out
 *             and freed only after the pool is off the registry and a grace period.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arch/os.h"
#include "pool/mill.h"

enum {
    CHAIN = 256,
    SLAB_BYTES = 64 << 10,
};

struct leati_slab {
    struct leati_slab *next;
    size_t n;
    LEATI_OWN_LINE struct leat_fiber f[];
};
#if !defined(LEATP_TSAN) && !defined(LEATP_ASAN)
_Static_assert(sizeof(struct leat_fiber) == 128, "two cache lines, aligned as the slab");
_Static_assert(offsetof(struct leat_fiber, waiting) == 64, "see mill.h");
#endif

/* Pool lock held. A chain of fresh records. */
static struct leat_fiber *grow(leat_pool *p)
{
    size_t n = (SLAB_BYTES - sizeof(struct leati_slab)) / sizeof(struct leat_fiber);
    if (p->records > UINT32_MAX / 2 || !leati_timers_reserve(p, p->records + (uint32_t)n))
        return NULL;
    struct leati_slab *s = leati_pool_alloc(p, SLAB_BYTES, LEAT_CACHELINE);
    if (!s)
        return NULL;
    memset(s, 0, SLAB_BYTES);
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        s->f[i].party.ops = &leati_fiber_ops;
        s->f[i].pool = p;
        s->f[i].qnext = i + 1 < n ? &s->f[i + 1] : NULL;
    }
    s->next = leati_load_rlx(&p->slabs);   /* written under the lock only */
    leati_store_rel(&p->slabs, (void *)s); /* pairs with leati_record_walk */
    p->records += (uint32_t)n;
    return &s->f[0];
}

static LEATI_NOINLINE bool refill(leat_pool *p, struct leati_worker *w)
{
    if (w->spare) {
        w->free = w->spare;
        w->nfree = CHAIN;
        w->spare = NULL;
        return true;
    }
    leati_lock(&p->lock);
    struct leat_fiber *f = p->free_chains;
    if (f)
        p->free_chains = f->arg;
    else
        f = grow(p);
    leati_unlock(&p->lock);
    w->free = f;
    w->nfree = 0; /* a slab's chain is not of the size that moves on */
    return f != NULL;
}

static struct leat_fiber *get_foreign(leat_pool *p)
{
    leati_lock(&p->lock);
    struct leat_fiber *f = p->free_single;
    if (!f) {
        f = p->free_chains;
        if (f)
            p->free_chains = f->arg;
        else
            f = grow(p);
    }
    if (f)
        p->free_single = f->qnext;
    leati_unlock(&p->lock);
    return f;
}

struct leat_fiber *leati_record_get(leat_pool *p, struct leati_worker *w)
{
    struct leat_fiber *f;
    if (leati_likely(w != NULL)) {
        if (leati_unlikely(!w->free) && !refill(p, w))
            return NULL;
        f = w->free;
        w->free = f->qnext;
        __builtin_prefetch(f->stack, 1);
        w->nfree -= w->nfree > 0;
    } else if (!(f = get_foreign(p))) {
        return NULL;
    }
    leati_store_rlx(&f->attn, (uint8_t)0);
    f->traits = 0;
    f->pin = 0;
    leati_store_rlx(&f->gen, (uint8_t)(leati_load_rlx(&f->gen) + 1)); /* odd: alive */
    return f;
}

void leati_record_put(struct leat_fiber *f, struct leati_worker *w)
{
    leat_pool *p = f->pool;
    leati_store_rlx(&f->state, (uint8_t)LEATI_FIBER_FREE);
    /* rel: pairs with dumps */
    leati_store_rel(&f->gen, (uint8_t)(leati_load_rlx(&f->gen) + 1));
    if (leati_unlikely(!w || w->pool != p)) {
        leati_lock(&p->lock);
        f->qnext = p->free_single;
        p->free_single = f;
        leati_unlock(&p->lock);
        return;
    }
    if (leati_unlikely(w->nfree == CHAIN)) {
        if (w->spare) {
            leati_lock(&p->lock);
            w->spare->arg = p->free_chains;
            p->free_chains = w->spare;
            leati_unlock(&p->lock);
        }
        w->spare = w->free;
        w->free = NULL;
        w->nfree = 0;
    }
    f->qnext = w->free;
    f->stack = (char *)w->freed[w->nfree % LEATI_AHEAD];
    w->freed[w->nfree % LEATI_AHEAD] = f;
    w->free = f;
    w->nfree++;
}

void leati_record_unref(struct leat_fiber *f, struct leati_worker *w)
{
    /* acq, ar: pair with each other; the last one sees all that others did with f */
    if (leati_load_acq(&f->refs) != 1 && leati_sub_ar(&f->refs, (uint8_t)1) != 1)
        return;
    leati_record_put(f, w);
}

void leati_record_walk(leat_pool *p, void (*fn)(struct leat_fiber *, void *), void *arg)
{
    struct leati_slab *s = leati_load_acq(&p->slabs); /* pairs with grow() */
    for (; s; s = s->next)
        for (size_t i = 0; i < s->n; i++)
            if (leati_load_acq(&s->f[i].gen) & 1)
                fn(&s->f[i], arg);
}

void leati_records_fini(leat_pool *p)
{
    struct leati_slab *s = leati_load_rlx(&p->slabs), *next; /* nobody else is left */
    for (; s; s = next) {
        next = s->next;
        leati_pool_dealloc(p, s, SLAB_BYTES);
    }
}
