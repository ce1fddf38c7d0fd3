/* unbounded.c - channel whose sends never wait; memory goes back after a burst.
 *
 * Idea        A two-lock queue (after Michael and Scott) of segments: senders append
 *             under one lock, receivers take under the other, which is also the lock of
 *             the parked receivers. A receiver parks in the same critical section in
 *             which it found the queue empty, so nobody passes a parked one.
 * Words       tail  C<<63 | number of values ever sent; written under tx_lock
 *             head  number ever taken; written under rx's lock
 *             spare one drained segment kept for the next sender
 * Invariants  At rest: rx list not empty => head == tail and not C.
 * Linearizes  send at its store of tail, receive at its store of head, close at its
 *             store of C.
 * Ordering    R1 lock rx.word (seq_cst), list    S1 tail+1 (seq_cst)
 *             R2 load tail: unmoved, sleep       S2 load rx.word: serve
 *             tail's store / its load by a receiver: value and segment links.
 * Progress    blocking only while a lock holder is stopped in a few lines; a send costs
 *             2 locked instructions, a receive 1.
 * Not         lock-free: a segment may be freed by its receiver at once, with no grace
 *             period and no second locked instruction per value, because nobody looks
 *             into a segment without a lock.
 * SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include "chan/open.h"

#define C_BIT ((uint64_t)1 << 63)

enum { SEGMENT_BYTES = 4096, SEGMENT_ELEMS = 512 };

struct segment {
    struct segment *next;
    char cells[] __attribute__((aligned(64)));
};

struct unbounded {
    struct leat_chan c;
    struct leat_alloc alloc;
    bool own_alloc;
    uint32_t per_segment;
    size_t stride;
    leati_aptr spare;
    leati_a64 segments; /* allocated now */
    LEATI_OWN_LINE leati_a32 tx_lock;
    leati_a64 tail;
    struct segment *tail_segment; /* tx_lock */
    uint32_t tail_index;
    LEATI_OWN_LINE struct leati_side rx;
    leati_a64 head;
    struct segment *head_segment; /* rx's lock */
    uint32_t head_index;
};

static struct unbounded *unbounded(struct leat_chan *c)
{
    return leati_container_of(c, struct unbounded, c);
}

static const struct leat_alloc *allocator(const struct unbounded *u)
{
    return u->own_alloc ? &u->alloc : NULL;
}

static size_t segment_bytes(const struct unbounded *u)
{
    return sizeof(struct segment) + u->stride * u->per_segment;
}

static struct segment *segment_new(struct unbounded *u)
{
    /* acq: pairs with the release in segment_drop, its last reader has left. */
    struct segment *g = leati_load_rlx(&u->spare) ? leati_xchg_acq(&u->spare, NULL) : NULL;
    if (g == NULL && (g = leati_alloc(allocator(u), segment_bytes(u), 64)) != NULL)
        (void)leati_add_rlx(&u->segments, (uint64_t)1); /* relaxed: a statistic */
    if (g)
        g->next = NULL;
    return g;
}

static void segment_free(struct unbounded *u, struct segment *g)
{
    if (g) {
        leati_free(allocator(u), g, segment_bytes(u));
        (void)leati_add_rlx(&u->segments, ~(uint64_t)0);
    }
}

/* Keeps one for the next sender, gives the others back. */
static void segment_drop(struct unbounded *u, struct segment *g)
{
    segment_free(u, leati_xchg_ar(&u->spare, (void *)g)); /* ar: as segment_new */
}

/* Under tx_lock, with a segment that has room. */
static void put(struct unbounded *u, const void *v)
{
    leati_copy(u->tail_segment->cells + u->tail_index * u->stride, v, u->c.elem_size);
    u->tail_index++;
    leati_store_sc(&u->tail, leati_load_rlx(&u->tail) + 1); /* S1 */
}

/* Under rx's lock, with a value inside: *ret_drained is a segment to be given back. */
static char *take(struct unbounded *u, struct segment **ret_drained)
{
    *ret_drained = NULL;
    if (u->head_index == u->per_segment) {
        *ret_drained = u->head_segment;
        u->head_segment = u->head_segment->next;
        u->head_index = 0;
    }
    return u->head_segment->cells + u->head_index++ * u->stride;
}

static int push(struct unbounded *u, const void *v)
{
    struct segment *fresh = NULL;
    for (;;) {
        leati_lock(&u->tx_lock);
        if (leati_load_rlx(&u->tail) & C_BIT) {
            leati_unlock(&u->tx_lock);
            segment_free(u, fresh);
            return LEAT_ECLOSED;
        }
        if (u->tail_index == u->per_segment && fresh) {
            u->tail_segment->next = fresh;
            u->tail_segment = fresh;
            u->tail_index = 0;
            fresh = NULL;
        }
        if (u->tail_index < u->per_segment)
            break;
        /* No allocation under the lock. */
        leati_unlock(&u->tx_lock);
        if ((fresh = segment_new(u)) == NULL)
            return LEAT_ENOMEM;
    }
    put(u, v);
    leati_unlock(&u->tx_lock);
    if (fresh)
        segment_drop(u, fresh);
    return 0;
}

/* Under rx's lock. 0, LEAT_EAGAIN or LEAT_ECLOSED. */
static int pop(struct unbounded *u, void *ret, struct segment **ret_drained)
{
    uint64_t t = leati_load_sc(&u->tail), h = leati_load_rlx(&u->head); /* R2 */
    *ret_drained = NULL;
    if ((t & ~C_BIT) == h)
        return t & C_BIT ? LEAT_ECLOSED : LEAT_EAGAIN;
    char *cell = take(u, ret_drained);
    if (ret)
        leati_copy(ret, cell, u->c.elem_size);
    leati_store_rel(&u->head, h + 1); /* pairs with len */
    return 0;
}

/* Under rx's lock: serves the parked receivers while it can. At most one segment is
 * drained per value served, and it is given back at once. */
static void serve(struct unbounded *u, struct leati_woken *woken)
{
    struct leati_node *n;
    struct segment *drained;
    while ((n = leati_side_first(&u->rx)) != NULL) {
        if (n->kind == LEATI_EVENT) {
            leati_side_fire(&u->rx, n, woken);
            continue;
        }
        if (!leati_node_hold(n)) {
            leati_side_unlink(&u->rx, n);
            continue;
        }
        int r = pop(u, n->buf, &drained);
        if (drained)
            segment_drop(u, drained);
        if (r == LEAT_EAGAIN) {
            leati_node_unhold(n);
            return;
        }
        leati_node_settle(n, r);
        leati_side_unlink(&u->rx, n);
        leati_woken_add(woken, n);
    }
}

static void pump(struct unbounded *u)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    leati_side_lock(&u->rx);
    serve(u, &woken);
    leati_side_unlock(&u->rx);
    leati_woken_run(&woken);
}

static int receive(struct unbounded *u, void *ret)
{
    struct segment *drained;
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    /* Exact without the lock: tail read after head. A failed try costs loads only. */
    uint64_t h = leati_load_sc(&u->head), t = leati_load_sc(&u->tail);
    if (t == h)
        return LEAT_EAGAIN;
    leati_side_lock(&u->rx);
    if (u->rx.q.first) /* the parked ones first */
        serve(u, &woken);
    int r = pop(u, ret, &drained);
    leati_side_unlock(&u->rx);
    if (drained)
        segment_drop(u, drained);
    leati_woken_run(&woken);
    return r;
}

static int attempt(struct leat_chan *c, unsigned dir, void *buf)
{
    struct unbounded *u = unbounded(c);
    if (dir == LEAT_OP_RECV)
        return receive(u, buf);
    int r = push(u, buf);
    if (r == 0 && leati_load_sc(&u->rx.word)) /* S2 */
        pump(u);
    return r;
}

static ptrdiff_t attempt_n(struct leat_chan *c, unsigned dir, void *buf, size_t n)
{
    char *elem = buf;
    for (size_t i = 0; i < n; i++) {
        int r = attempt(c, dir, elem);
        if (r != 0)
            return i ? (ptrdiff_t)i : r;
        if (elem)
            elem += c->elem_size;
    }
    return (ptrdiff_t)n;
}

/* Only receivers wait. */
static enum leati_listing enlist(struct leat_chan *c, struct leati_node *n)
{
    struct unbounded *u = unbounded(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    if (n->dir == LEAT_OP_SEND) {
        if (!leati_node_hold(n))
            return LEATI_DEAD;
        leati_node_settle(n, attempt(c, LEAT_OP_SEND, n->buf));
        return LEATI_SETTLED;
    }
    leati_side_lock(&u->rx);
    leati_side_append(&u->rx, n);
    uint64_t t = leati_load_sc(&u->tail); /* R2 */
    if (t != leati_load_rlx(&u->head))
        serve(u, &woken);
    leati_side_unlock(&u->rx);
    leati_woken_run(&woken);
    return LEATI_LISTED;
}

static bool delist(struct leat_chan *c, struct leati_node *n)
{
    struct unbounded *u = unbounded(c);
    leati_side_lock(&u->rx);
    bool listed = leati_node_listed(n);
    if (listed)
        leati_side_unlink(&u->rx, n);
    leati_side_unlock(&u->rx);
    return listed;
}

static bool ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until)
{
    struct unbounded *u = unbounded(c);
    (void)until;
    if (dir == LEAT_OP_SEND)
        return true;
    uint64_t h = leati_load_sc(&u->head), t = leati_load_sc(&u->tail);
    *ticket = t;
    return t != h;
}

static int close_it(struct leat_chan *c)
{
    struct unbounded *u = unbounded(c);
    leati_lock(&u->tx_lock);
    uint64_t t = leati_load_rlx(&u->tail);
    leati_store_sc(&u->tail, t | C_BIT); /* S1: close is one more change of tail */
    leati_unlock(&u->tx_lock);
    if (t & C_BIT)
        return LEAT_EALREADY;
    if (leati_load_sc(&u->rx.word)) /* S2 */
        pump(u);
    return 0;
}

/* Takes all that is inside at once and hands it to drop outside the locks. Called when
 * no more sends can come, so the last segment stays until fini. */
static void drop_inside(struct unbounded *u)
{
    leati_lock(&u->tx_lock); /* the last put has finished */
    leati_side_lock(&u->rx);
    struct segment *g = u->head_segment, *last = u->tail_segment;
    uint32_t i = u->head_index;
    uint64_t h = leati_load_rlx(&u->head), t = leati_load_rlx(&u->tail) & ~C_BIT;
    u->head_segment = last;
    u->head_index = u->tail_index;
    leati_store_rel(&u->head, t); /* pairs with len */
    leati_side_unlock(&u->rx);
    leati_unlock(&u->tx_lock);
    for (;; i++) {
        if (i == u->per_segment && g != last) {
            struct segment *drained = g;
            g = g->next;
            i = 0;
            segment_free(u, drained);
        }
        if (h++ == t)
            return;
        if (u->c.drop)
            u->c.drop(g->cells + i * u->stride, u->c.drop_arg);
    }
}

static void cancel(struct leat_chan *c)
{
    (void)close_it(c);
    drop_inside(unbounded(c));
}

static bool closed(const struct leat_chan *c)
{
    const struct unbounded *u = (const struct unbounded *)(const void *)c;
    return leati_load_acq(&u->tail) & C_BIT; /* pairs with the store in close */
}

static size_t len(const struct leat_chan *c)
{
    const struct unbounded *u = (const struct unbounded *)(const void *)c;
    uint64_t h = leati_load_acq(&u->head); /* head first: never negative */
    return (size_t)((leati_load_acq(&u->tail) & ~C_BIT) - h);
}

static size_t cap(const struct leat_chan *c)
{
    (void)c;
    return LEAT_UNBOUNDED;
}

static size_t bytes(const struct leat_chan *c)
{
    const struct unbounded *u = (const struct unbounded *)(const void *)c;
    return (size_t)leati_load_rlx(&u->segments) * segment_bytes(u);
}

static void waiting(const struct leat_chan *c, unsigned ret[2])
{
    const struct unbounded *u = (const struct unbounded *)(const void *)c;
    ret[LEAT_OP_SEND] = 0;
    ret[LEAT_OP_RECV] = leati_side_count(&u->rx);
}

static void fini(struct leat_chan *c)
{
    struct unbounded *u = unbounded(c);
    drop_inside(u);
    segment_free(u, u->head_segment);
    segment_free(u, leati_xchg_acq(&u->spare, NULL)); /* acq: as segment_new */
}

LEATI_PARKED_OPS(parked);

static const struct leati_chan_ops leati_unbounded_ops = {
    .what = "unbounded",
    .header = sizeof(struct unbounded),
    .parked = parked,
    .attempt = attempt,
    .attempt_n = attempt_n,
    .enlist = enlist,
    .delist = delist,
    .ready = ready,
    .close = close_it,
    .cancel = cancel,
    .closed = closed,
    .len = len,
    .cap = cap,
    .bytes = bytes,
    .waiting = waiting,
    .fini = fini,
};

int leati_unbounded_open(leat_chan **ret, const struct leat_chan_opts *o)
{
    struct leat_chan *c = leati_chan_alloc(&leati_unbounded_ops, LEATI_UNBOUNDED, o);
    if (c == NULL)
        return LEAT_ENOMEM;
    struct unbounded *u = unbounded(c);
    size_t align = leati_elem_align(o);
    u->own_alloc = o->alloc != NULL;
    if (o->alloc)
        u->alloc = *o->alloc;
    u->stride = (o->elem_size + align - 1) / align * align;
    size_t fit = u->stride ? SEGMENT_BYTES / u->stride : SEGMENT_ELEMS;
    u->per_segment = fit < 1 ? 1 : fit > SEGMENT_ELEMS ? SEGMENT_ELEMS : (uint32_t)fit;
    struct segment *g = segment_new(u);
    if (g == NULL) {
        leati_header_put(c, LEATI_UNBOUNDED);
        return LEAT_ENOMEM;
    }
    u->head_segment = u->tail_segment = g;
    u->head_index = u->tail_index = 0;
    leati_store_rlx(&u->head, (uint64_t)0); /* relaxed: published with the pointer */
    leati_store_rlx(&u->tail, (uint64_t)0);
    *ret = c;
    return 0;
}
