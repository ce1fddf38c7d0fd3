/* open.c - making, counting and freeing channels; the slab of headers.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/fork.h"
#include "base/misuse.h"
#include "chan/feed.h"
#include "chan/managed.h"
#include "park/call.h"

enum { HEADERS_PER_CHUNK = 64 };

/* Whoever parks beside an owned side pays a membarrier. In a small ring somebody parks
 * every few values and that costs more than the locked instructions it saves, so a
 * declared side is honoured from this capacity on; debug builds check it always. */
#ifdef LEATI_DEBUG
enum { OWNED_CAPACITY = 1 };
#else
enum { OWNED_CAPACITY = 1024 };
#endif

/* Headers of one kind. Chunks are never given back: a late look at a freed header
 * must find a header (see chan.h). */
struct slab {
    leati_a32 lock;
    struct leat_chan *free; /* linked through drop_arg */
    leati_aptr chunks;      /* struct chunk, newest first; walked by dumps */
};

struct chunk {
    struct chunk *next;
    size_t size; /* of a header */
    LEATI_OWN_LINE char headers[];
};

static struct slab slabs[LEATI_KINDS];

static struct leat_chan *header_at(struct chunk *k, size_t i)
{
    return (struct leat_chan *)(void *)(k->headers + i * k->size);
}

/* Under the lock. */
static bool slab_grow(struct slab *s, size_t size)
{
    size_t bytes = sizeof(struct chunk) + HEADERS_PER_CHUNK * size;
    bytes = (bytes + LEAT_CACHELINE - 1) / LEAT_CACHELINE * LEAT_CACHELINE;
    struct chunk *k = aligned_alloc(LEAT_CACHELINE, bytes);
    if (k == NULL)
        return false;
    memset(k, 0, bytes);
    k->size = size;
    for (size_t i = 0; i < HEADERS_PER_CHUNK; i++) {
        struct leat_chan *c = header_at(k, HEADERS_PER_CHUNK - 1 - i);
        c->drop_arg = s->free;
        s->free = c;
    }
    k->next = s->chunks.v;
    leati_store_rel(&s->chunks, (void *)k); /* pairs with the load in leati_chan_each */
    return true;
}

/* A fork finds the slabs at rest, so that the child can open channels. Nothing else is
 * locked while a slab is. */
static void before_fork(void)
{
    for (unsigned kind = 0; kind < LEATI_KINDS; kind++)
        leati_lock(&slabs[kind].lock);
}

static void after_fork(void)
{
    for (unsigned kind = 0; kind < LEATI_KINDS; kind++)
        leati_unlock(&slabs[kind].lock);
}

static LEATI_FORK_LEAF void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

struct leat_chan *leati_header_get(enum leati_kind kind, size_t size)
{
    struct slab *s = &slabs[kind];
    struct leat_chan *c = NULL;
    leati_lock(&s->lock);
    if (s->free || slab_grow(s, size)) {
        c = s->free;
        s->free = c->drop_arg;
    }
    leati_unlock(&s->lock);
    return c;
}

void leati_header_put(struct leat_chan *c, enum leati_kind kind)
{
    struct slab *s = &slabs[kind];
    leati_lock(&s->lock);
    c->drop_arg = s->free;
    s->free = c;
    leati_unlock(&s->lock);
}

/* A reference for the visit, unless the header is in the slab: a channel cannot be freed
 * while it is looked at. */
static bool visit(struct leat_chan *c)
{
    uint32_t refs = leati_load_rlx(&c->refs); /* relaxed: the CAS proves it */
    while (refs != 0)
        if (leati_cas_ar(&c->refs, &refs, refs + 1)) /* ar: pairs with leati_chan_opened */
            return true;
    return false;
}

void leati_chan_each(void (*fn)(struct leat_chan *c, void *arg), void *arg)
{
    for (unsigned kind = 0; kind < LEATI_KINDS; kind++) {
        struct chunk *k = leati_load_acq(&slabs[kind].chunks); /* pairs with slab_grow */
        for (; k; k = k->next)
            for (size_t i = 0; i < HEADERS_PER_CHUNK; i++) {
                struct leat_chan *c = header_at(k, i);
                if (visit(c)) {
                    fn(c, arg);
                    leat_chan_free(c);
                }
            }
    }
}

struct leat_chan *leati_chan_alloc(const struct leati_chan_ops *ops, enum leati_kind kind,
                                   const struct leat_chan_opts *o)
{
    struct leat_chan *c = leati_header_get(kind, ops->header);
    if (c == NULL)
        return NULL;
    c->kind = (uint8_t)kind;
    c->spin = (uint8_t)o->spin;
    c->flags = (uint16_t)o->flags;
    c->elem_size = (uint32_t)o->elem_size;
    c->eight = false;
    c->drop = o->drop;
    c->drop_arg = o->drop_arg;
    c->ops = ops;
    memset(c->name, 0, sizeof(c->name));
    if (o->name)
        memcpy(c->name, o->name, strnlen(o->name, sizeof(c->name) - 1));
    /* relaxed: nobody else knows the header yet */
    leati_store_rlx(&c->fed, (uint8_t)0);
    leati_store_rlx(&c->ntx, 0u);
    leati_store_rlx(&c->nrx, 0u);
    leati_store_rlx(&c->cancelled, (uint8_t)0);
    return c;
}

void leati_chan_opened(struct leat_chan *c)
{
    leati_store_rel(&c->refs, 1u); /* pairs with the CAS in visit */
}

void *leati_alloc(const struct leat_alloc *a, size_t size, size_t align)
{
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (size > SIZE_MAX - align)
        return NULL;
    if (a)
        return a->alloc(size, align, a->arg); /* the size that free will be told */
    size = (size + align - 1) / align * align;
    return aligned_alloc(align, size ? size : align);
}

void leati_free(const struct leat_alloc *a, void *p, size_t size)
{
    if (a)
        a->free(p, size, a->arg);
    else
        free(p);
}

size_t leati_elem_align(const struct leat_chan_opts *o)
{
    if (o->elem_align)
        return o->elem_align;
    size_t natural = o->elem_size & -o->elem_size;
    return natural == 0 ? 1 : natural > 16 ? 16 : natural;
}

static int check(const struct leat_chan_opts *o)
{
    const unsigned known =
        LEAT_FAIR | LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER | LEAT_COMPACT;
    if (o->size != sizeof(struct leat_chan_opts) || (o->flags & ~known) ||
        (unsigned)o->spin > LEAT_SPIN_BUSY || o->elem_align > 64 ||
        (o->elem_align & (o->elem_align - 1)) ||
        (o->alloc && (!o->alloc->alloc || !o->alloc->free)))
        return LEAT_EINVAL;
    if (o->elem_size > LEAT_ELEM_MAX ||
        (o->capacity > LEAT_CAP_MAX && o->capacity != LEAT_UNBOUNDED))
        return LEAT_EOVERFLOW;
    return 0;
}

int leat_chan_open(leat_chan **ret, const struct leat_chan_opts *opts)
{
    if (ret == NULL || opts == NULL)
        return LEAT_EINVAL;
    int r = check(opts);
    if (r != 0)
        return r;
    leatp_membarrier_init();
    leat_chan *c = NULL;
    if (opts->buffer)
        r = leati_managed_open(&c, opts);
    else if (opts->capacity == 0)
        r = leati_rendezvous_open(&c, opts);
    else if (opts->capacity == LEAT_UNBOUNDED)
        r = leati_unbounded_open(&c, opts);
    else if ((opts->flags & (LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER)) &&
             opts->capacity >= OWNED_CAPACITY && !leatp_no_membarrier)
        r = leati_owned_open(&c, opts);
    else
        r = leati_bounded_open(&c, opts);
    if (r != 0)
        return r;
    leati_chan_opened(c);
    *ret = c;
    return 0;
}

int leat_chan_new(leat_chan **ret, size_t elem_size, size_t capacity)
{
    const struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = elem_size, .capacity = capacity};
    return leat_chan_open(ret, &o);
}

leat_chan *leat_chan_ref(leat_chan *c)
{
    if (c)
        (void)leati_add_rlx(&c->refs, 1u); /* relaxed: the caller has a reference */
    return c;
}

leat_chan *leat_chan_free(leat_chan *c)
{
    if (c == NULL)
        return NULL;
    if (leati_unlikely(leati_load_rlx(&c->refs) == 0)) { /* relaxed: only a check */
        leati_misuse("leat_chan_free", "the channel has been freed");
        return NULL;
    }
    /* ar: what every holder did with the channel comes before the last one's fini. */
    if (leati_sub_ar(&c->refs, 1u) != 1)
        return NULL;
    enum leati_kind kind = (enum leati_kind)c->kind;
    c->ops->fini(c);
    c->kind = LEATI_NONE;
    c->eight = false;
    leati_header_put(c, kind);
    return NULL;
}

int leat_chan_close(leat_chan *c)
{
    leati_chan_check(c, "leat_chan_close");
    if (c == NULL)
        return LEAT_EINVAL;
    /* relaxed: who sees a value may free the channel, so this comes first */
    bool fed = leati_load_rlx(&c->fed) != 0;
    int r = c->ops->close(c);
    if (leati_unlikely(fed))
        leati_feed_closed(c);
    leati_calls_flush();
    return r;
}

int leat_chan_cancel(leat_chan *c)
{
    leati_chan_check(c, "leat_chan_cancel");
    if (c == NULL)
        return LEAT_EINVAL;
    if (leati_xchg_ar(&c->cancelled, (uint8_t)1)) /* ar: one canceller, see its work */
        return LEAT_EALREADY;
    bool fed = leati_load_rlx(&c->fed) != 0; /* relaxed: as in close */
    c->ops->cancel(c);
    if (leati_unlikely(fed))
        leati_feed_closed(c);
    leati_calls_flush();
    return 0;
}

/* The counted sides share the channel's pointer; the types differ for the compiler. */
leat_tx *leat_chan_tx(leat_chan *c)
{
    if (c)
        (void)leati_add_rlx(&leat_chan_ref(c)->ntx, 1u); /* relaxed: as ref */
    return (leat_tx *)(void *)c;
}

leat_chan *leat_tx_chan(leat_tx *t)
{
    return (leat_chan *)(void *)t;
}

leat_tx *leat_tx_ref(leat_tx *t)
{
    return leat_chan_tx(leat_tx_chan(t));
}

leat_tx *leat_tx_free(leat_tx *t)
{
    leat_chan *c = leat_tx_chan(t);
    if (c && leati_sub_ar(&c->ntx, 1u) == 1) /* ar: the others' sends come first */
        (void)leat_chan_close(c);
    leat_chan_free(c);
    return NULL;
}

leat_rx *leat_chan_rx(leat_chan *c)
{
    if (c)
        (void)leati_add_rlx(&leat_chan_ref(c)->nrx, 1u); /* relaxed: as ref */
    return (leat_rx *)(void *)c;
}

leat_chan *leat_rx_chan(leat_rx *r)
{
    return (leat_chan *)(void *)r;
}

leat_rx *leat_rx_ref(leat_rx *r)
{
    return leat_chan_rx(leat_rx_chan(r));
}

leat_rx *leat_rx_free(leat_rx *r)
{
    leat_chan *c = leat_rx_chan(r);
    if (c && leati_sub_ar(&c->nrx, 1u) == 1) /* ar: the others' receives come first */
        (void)leat_chan_cancel(c);
    leat_chan_free(c);
    return NULL;
}
