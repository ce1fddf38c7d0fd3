/* managed.c - a channel over a buffer of any kind: one lock for the buffer and for the
 * waiters of both sides.
 *
 * Idea        Whoever has the lock does its own operation and then serves the waiting
 *             ones of either side until neither can go on, so that at rest a listed
 *             sender means "no room" and a listed receiver "no value": newcomers need
 *             no other rule to stay behind those who wait.
 * Words       state  version<<4 | O | C | A | T, written under the lock at the end of a
 *                    section that changed something: T a receive, A a send is worth an
 *                    attempt, C closed, O closed and drained. Versions are never used
 *                    twice, so two equal loads mean that nothing happened between
 *                    (select's default).
 *             len    values inside, as the buffer said at that moment
 *             cells  where lost values lie while they are handed to drop
 * Invariants  At rest: T without C => no receiver listed; A without C => no sender
 *             listed; C and no sender listed and nothing to take => nobody listed.
 * Linearizes  under the lock; a failed try at its load of state.
 * Lost wake   impossible by construction: looking and listing are one section.
 * Ordering    state: seq_cst, for tries that need no lock (see leave); all else by it.
 * Life        A sender whose value can be received must not touch the channel after the
 *             unlock: the receiver may free it. One that still has a value to drop takes
 *             a reference within the section.
 * Lost values A buffer that loses values has room always, so its senders never wait and
 *             the loss is found by the sender itself, on its own stack: nothing is ever
 *             dropped by one who serves or parks.
 * SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include "chan/managed.h"

#define TAKE    ((uint64_t)1)
#define ADD     ((uint64_t)2)
#define SHUT    ((uint64_t)4)
#define OVER    ((uint64_t)8)
#define VERSION ((uint64_t)16)

enum { BATCH = 32 }; /* most operations in one section */

struct cell {
    struct cell *next;
    char value[] __attribute__((aligned(64))); /* any elem_align */
};

struct managed {
    struct leat_chan c;
    struct leati_buffer b;
    struct leat_buffer_ops ops; /* a copy: the caller's may go */
    struct leat_alloc alloc;
    bool own_alloc;
    leati_a64 ncells;
    LEATI_OWN_LINE struct leati_side
        side[2]; /* side[0]'s lock guards all that follows */
    leati_a64 state;
    leati_a64 len;
    struct cell *cells; /* not in use */
    bool changed;       /* since state was written */
    bool dead;          /* cancelled: nothing can be taken */
};

static struct managed *managed(struct leat_chan *c)
{
    return leati_container_of(c, struct managed, c);
}

static const struct managed *managed_const(const struct leat_chan *c)
{
    return (const struct managed *)(const void *)c;
}

static const struct leat_alloc *allocator(const struct managed *m)
{
    return m->own_alloc ? &m->alloc : NULL;
}

static bool is_shut(const struct managed *m)
{
    return leati_load_rlx(&m->state) & SHUT; /* relaxed: under the lock */
}

static bool can_add(const struct managed *m)
{
    return (m->ops.flags & LEAT_BUFFER_LOSES) || m->ops.can_add(m->b.buf);
}

static bool can_take(const struct managed *m)
{
    return !m->dead && m->ops.can_take(m->b.buf);
}

/* Nothing to take and nothing to come. */
static bool drained(const struct managed *m)
{
    return is_shut(m) && m->side[LEAT_OP_SEND].q.first == NULL && !can_take(m);
}

/* ---- cells for lost values ---- */

static size_t cell_bytes(const struct managed *m)
{
    return sizeof(struct cell) + m->c.elem_size;
}

static struct cell *cell_new(struct managed *m)
{
    struct cell *k = leati_alloc(allocator(m), cell_bytes(m), 64);
    if (k)
        (void)leati_add_rlx(&m->ncells, (uint64_t)1); /* relaxed: a statistic */
    return k;
}

static struct cell *cell_pop(struct managed *m)
{
    struct cell *k = m->cells;
    if (k)
        m->cells = k->next;
    return k;
}

static void cell_push(struct managed *m, struct cell *k)
{
    k->next = m->cells;
    m->cells = k;
}

static bool wants_cells(const struct managed *m)
{
    return (m->ops.flags & LEAT_BUFFER_LOSES) && m->c.drop;
}

/* ---- under the lock ---- */

static int add(struct managed *m, const void *elem, void *lost)
{
    int r = m->ops.add(m->b.buf, elem, lost);
    if (r == LEAT_BUFFER_LOST && (m->ops.flags & LEAT_BUFFER_LOSES)) {
        m->changed = true;
        return r;
    }
    if (r > 0 || r == LEAT_EAGAIN || r == LEAT_EBUSY)
        r = LEAT_EINVAL;
    m->changed |= r == 0;
    return r;
}

static void take(struct managed *m, void *ret)
{
    m->ops.take(m->b.buf, ret);
    m->changed |= !(m->ops.flags & LEAT_BUFFER_KEEPS);
}

static void settle(struct managed *m, struct leati_node *n, int r,
                   struct leati_woken *woken)
{
    leati_node_settle(n, r);
    leati_side_unlink(&m->side[n->dir], n);
    leati_woken_add(woken, n);
}

/* Serves, fires or passes over the first of one side. False: nobody, or not yet. */
static bool serve_one(struct managed *m, unsigned dir, struct leati_woken *woken)
{
    struct leati_node *n = leati_side_first(&m->side[dir]);
    if (n == NULL || !(dir == LEAT_OP_SEND ? can_add(m) : can_take(m) || drained(m)))
        return false;
    m->changed = true;
    if (n->kind == LEATI_EVENT) {
        leati_side_fire(&m->side[dir], n, woken);
    } else if (!leati_node_hold(n)) {
        leati_side_unlink(&m->side[dir], n);
    } else if (dir == LEAT_OP_SEND) {
        settle(m, n, add(m, n->buf, NULL), woken);
    } else if (can_take(m)) {
        take(m, n->buf);
        settle(m, n, 0, woken);
    } else {
        settle(m, n, LEAT_ECLOSED, woken);
    }
    return true;
}

static void serve(struct managed *m, struct leati_woken *woken)
{
    while (serve_one(m, LEAT_OP_RECV, woken) || serve_one(m, LEAT_OP_SEND, woken))
        continue;
}

static void enter(struct managed *m)
{
    leati_side_lock(&m->side[0]);
}

/* The end of every section. */
static void leave(struct managed *m, struct leati_woken *woken)
{
    serve(m, woken);
    if (m->changed) {
        uint64_t s = leati_load_rlx(&m->state); /* relaxed: the lock */
        s = (s & ~(VERSION - 1)) + VERSION;
        s |= is_shut(m) ? SHUT | ADD : can_add(m) ? ADD : 0;
        s |= drained(m) ? OVER | TAKE : can_take(m) ? TAKE : 0;
        leati_store_rlx(&m->len, (uint64_t)(m->dead ? 0 : m->ops.len(m->b.buf)));
        /* sc: pairs with the loads in attempt_n and ready. A try that begins when this
         * operation has returned must not find the channel as it was before. */
        leati_store_sc(&m->state, s);
        m->changed = false;
    }
    leati_side_unlock(&m->side[0]);
    leati_woken_run(woken);
}

/* One operation. `lost`: where a lost value goes. As attempt, and LEAT_BUFFER_LOST. */
static int operate(struct managed *m, unsigned dir, void *buf, struct cell *lost)
{
    if (dir == LEAT_OP_SEND) {
        if (is_shut(m))
            return LEAT_ECLOSED;
        return can_add(m) ? add(m, buf, lost ? lost->value : NULL) : LEAT_EAGAIN;
    }
    if (can_take(m)) {
        take(m, buf);
        return 0;
    }
    return drained(m) ? LEAT_ECLOSED : LEAT_EAGAIN;
}

/* ---- attempts ---- */

/* Enters with a cell for a value that may be lost. False: there is no memory, and the
 * lock is not held. */
static bool enter_with_cell(struct managed *m, struct cell **ret)
{
    *ret = NULL;
    enter(m);
    if (!wants_cells(m) || (*ret = cell_pop(m)) != NULL)
        return true;
    leati_side_unlock(&m->side[0]);
    if ((*ret = cell_new(m)) == NULL) /* no allocation under the lock */
        return false;
    enter(m);
    return true;
}

/* Outside the lock, with a reference taken inside. */
static void drop_lost(struct managed *m, struct cell *k)
{
    m->c.drop(k->value, m->c.drop_arg);
    enter(m);
    cell_push(m, k);
    leati_side_unlock(&m->side[0]);
    leat_chan_free(&m->c);
}

/* Sends up to n values into a buffer that may lose some: ends at the first lost one. */
static ptrdiff_t send_losing(struct managed *m, char *elem, size_t n)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    struct cell *k;
    size_t done = 0;
    int r = 0;
    if (!enter_with_cell(m, &k))
        return LEAT_ENOMEM;
    while (r == 0 && done < n) {
        r = operate(m, LEAT_OP_SEND, elem, k);
        done += r >= 0;
        elem = elem ? elem + m->c.elem_size : NULL;
        serve(m, &woken); /* who waits gets it before the next one pushes it out */
    }
    bool lost = r == LEAT_BUFFER_LOST && k;
    if (lost)
        leat_chan_ref(&m->c);
    else if (k)
        cell_push(m, k);
    leave(m, &woken);
    if (lost)
        drop_lost(m, k);
    return done ? (ptrdiff_t)done : r;
}

static ptrdiff_t attempt_n(struct leat_chan *c, unsigned dir, void *buf, size_t n)
{
    struct managed *m = managed(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    char *elem = buf;
    size_t done = 0;
    int r = 0;
    uint64_t s = leati_load_acq(&m->state); /* acq: pairs with leave and shut */
    if (s & (dir == LEAT_OP_SEND ? SHUT : OVER))
        return LEAT_ECLOSED;
    if (!(s & (dir == LEAT_OP_SEND ? ADD : TAKE)))
        return LEAT_EAGAIN;
    n = n < BATCH ? n : BATCH;
    if (dir == LEAT_OP_SEND && (m->ops.flags & LEAT_BUFFER_LOSES))
        return send_losing(m, elem, n);
    enter(m);
    while (done < n && (r = operate(m, dir, elem, NULL)) == 0) {
        done++;
        elem = elem ? elem + c->elem_size : NULL;
        serve(m, &woken);
    }
    leave(m, &woken);
    return done ? (ptrdiff_t)done : r;
}

static int attempt(struct leat_chan *c, unsigned dir, void *buf)
{
    ptrdiff_t r = attempt_n(c, dir, buf, 1);
    return r > 0 ? 0 : (int)r;
}

/* ---- waiting ---- */

static enum leati_listing enlist(struct leat_chan *c, struct leati_node *n)
{
    struct managed *m = managed(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    unsigned dir = n->dir;
    bool loses = dir == LEAT_OP_SEND && (m->ops.flags & LEAT_BUFFER_LOSES);
    if (!loses) {
        enter(m);
        bool listed = dir == LEAT_OP_RECV || !is_shut(m);
        if (listed)
            leati_side_append(&m->side[dir], n);
        leave(m, &woken);
        if (listed)
            return LEATI_LISTED;
    }
    if (!leati_node_hold(n))
        return LEATI_DEAD;
    /* A buffer that loses has always room: who tries first does not come here. */
    leati_node_settle(n, loses ? attempt(c, dir, n->buf) : LEAT_ECLOSED);
    return LEATI_SETTLED;
}

static bool delist(struct leat_chan *c, struct leati_node *n)
{
    struct managed *m = managed(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    enter(m);
    bool listed = leati_node_listed(n);
    if (listed) {
        leati_side_unlink(&m->side[n->dir], n);
        m->changed = true; /* the last sender of a closed channel: it is drained now */
    }
    leave(m, &woken);
    return listed;
}

static bool ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until)
{
    (void)until;
    uint64_t s = leati_load_sc(&managed(c)->state); /* sc: the two passes of select */
    *ticket = s;
    return s & (dir == LEAT_OP_SEND ? ADD : TAKE);
}

/* ---- the end ---- */

/* Under the lock: returns LEAT_EALREADY when it was closed. */
static int shut(struct managed *m)
{
    uint64_t s = leati_load_rlx(&m->state); /* relaxed: the lock */
    if (s & SHUT)
        return LEAT_EALREADY;
    leati_store_rel(&m->state, s | SHUT | ADD); /* pairs with closed, attempt_n */
    m->changed = true;
    return 0;
}

static int close_it(struct leat_chan *c)
{
    struct managed *m = managed(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    enter(m);
    int r = shut(m);
    leave(m, &woken);
    return r;
}

/* Takes what is inside, value by value, and hands it to drop outside the lock. What
 * there is no cell for stays for the last free. */
static void drain(struct managed *m)
{
    if (m->c.drop == NULL || (m->ops.flags & LEAT_BUFFER_KEEPS))
        return;
    enter(m);
    struct cell *k = cell_pop(m);
    leati_side_unlock(&m->side[0]);
    if (k == NULL && (k = cell_new(m)) == NULL)
        return;
    for (;;) {
        enter(m);
        bool some = m->ops.can_take(m->b.buf);
        if (some)
            m->ops.take(m->b.buf, k->value);
        else
            cell_push(m, k);
        leati_side_unlock(&m->side[0]);
        if (!some)
            return;
        m->c.drop(k->value, m->c.drop_arg);
    }
}

static void cancel(struct leat_chan *c)
{
    struct managed *m = managed(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    struct leati_node *n;
    enter(m);
    (void)shut(m);
    m->dead = m->changed = true;
    while ((n = leati_side_first(&m->side[LEAT_OP_SEND])) != NULL) {
        if (leati_node_hold(n))
            settle(m, n, LEAT_ECLOSED, &woken);
        else
            leati_side_unlink(&m->side[LEAT_OP_SEND], n);
    }
    leave(m, &woken);
    drain(m);
}

static bool closed(const struct leat_chan *c)
{
    return leati_load_acq(&managed_const(c)->state) & SHUT; /* acq: pairs with shut */
}

static size_t len(const struct leat_chan *c)
{
    return (size_t)leati_load_rlx(&managed_const(c)->len); /* relaxed: a snapshot */
}

static size_t cap(const struct leat_chan *c)
{
    return managed_const(c)->b.capacity;
}

static size_t bytes(const struct leat_chan *c)
{
    const struct managed *m = managed_const(c);
    return m->b.bytes + (size_t)leati_load_rlx(&m->ncells) * cell_bytes(m);
}

static void waiting(const struct leat_chan *c, unsigned ret[2])
{
    for (unsigned dir = 0; dir < 2; dir++)
        ret[dir] = leati_side_count(&managed_const(c)->side[dir]);
}

static void buffer_free(const struct leati_buffer *b, const struct leat_alloc *a)
{
    if (b->ops->destroy)
        b->ops->destroy(b->buf);
    if (b->own)
        leati_free(a, b->buf, b->bytes);
}

static void fini(struct leat_chan *c)
{
    struct managed *m = managed(c);
    struct cell *k =
        m->cells; /* all are here, and one at least where there is a drop */
    while (c->drop && m->ops.can_take(m->b.buf)) {
        m->ops.take(m->b.buf, k->value);
        c->drop(k->value, c->drop_arg);
        if (m->ops.flags & LEAT_BUFFER_KEEPS)
            break;
    }
    while ((k = cell_pop(m)) != NULL)
        leati_free(allocator(m), k, cell_bytes(m));
    m->b.ops = &m->ops;
    buffer_free(&m->b, allocator(m));
}

LEATI_PARKED_OPS(parked);

static const struct leati_chan_ops leati_managed_ops = {
    .what = "managed",
    .header = sizeof(struct managed),
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

int leati_managed_make(leat_chan **ret, const struct leat_chan_opts *o,
                       const struct leati_buffer *b, bool born_shut)
{
    struct leat_chan *c = leati_chan_alloc(&leati_managed_ops, LEATI_MANAGED, o);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    if (c == NULL)
        return LEAT_ENOMEM;
    struct managed *m = managed(c);
    m->b = *b;
    m->ops = *b->ops;
    m->own_alloc = o->alloc != NULL;
    if (o->alloc)
        m->alloc = *o->alloc;
    m->dead = false;
    m->cells = NULL;
    leati_store_rlx(&m->ncells, (uint64_t)0); /* relaxed: published with the pointer */
    if (o->drop) {
        struct cell *k = cell_new(m);
        if (k == NULL) {
            leati_header_put(c, LEATI_MANAGED);
            return LEAT_ENOMEM;
        }
        cell_push(m, k);
    }
    enter(m);
    leati_store_rlx(&m->state,
                    leati_load_rlx(&m->state) & ~(VERSION - 1)); /* the lock */
    m->changed = true;
    if (born_shut)
        (void)shut(m);
    leave(m, &woken);
    *ret = c;
    return 0;
}

static int custom(struct leati_buffer *ret, const struct leat_chan_opts *o,
                  const struct leat_buffer *b)
{
    const struct leat_buffer_ops *ops = b->ops;
    const unsigned known = LEAT_BUFFER_LOSES | LEAT_BUFFER_KEEPS;
    if (ops == NULL || ops->size != sizeof(*ops) || (ops->flags & ~known) ||
        !ops->can_take || !ops->add || !ops->take || !ops->len ||
        (!ops->can_add && !(ops->flags & LEAT_BUFFER_LOSES)))
        return LEAT_EINVAL;
    *ret = (struct leati_buffer){
        .ops = ops, .buf = b->arg, .bytes = 0, .capacity = o->capacity, .own = false};
    return 0;
}

int leati_managed_open(leat_chan **ret, const struct leat_chan_opts *o)
{
    const struct leat_buffer b = *o->buffer;
    struct leati_buffer made;
    int r = LEAT_EINVAL;
    if (b.kind == LEAT_BUFFER_DROPPING || b.kind == LEAT_BUFFER_SLIDING)
        r = leati_buffer_ring(&made, o, &b);
    else if (b.kind == LEAT_BUFFER_PROMISE)
        r = leati_buffer_promise(&made, o, &b);
    else if (b.kind == LEAT_BUFFER_PRIORITY)
        r = leati_buffer_priority(&made, o, &b);
    else if (b.kind == LEAT_BUFFER_CUSTOM)
        r = custom(&made, o, &b);
    if (r == 0 && (r = leati_managed_make(ret, o, &made, false)) != 0 && made.own)
        buffer_free(&made, o->alloc);
    return r;
}

static int new_with(leat_chan **ret, enum leat_buffer_kind kind, size_t elem_size,
                    size_t capacity)
{
    const struct leat_buffer b = {.kind = kind};
    const struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = elem_size, .capacity = capacity, .buffer = &b};
    return leat_chan_open(ret, &o);
}

int leat_chan_new_dropping(leat_chan **ret, size_t elem_size, size_t capacity)
{
    return new_with(ret, LEAT_BUFFER_DROPPING, elem_size, capacity);
}

int leat_chan_new_sliding(leat_chan **ret, size_t elem_size, size_t capacity)
{
    return new_with(ret, LEAT_BUFFER_SLIDING, elem_size, capacity);
}

int leat_chan_new_promise(leat_chan **ret, size_t elem_size)
{
    return new_with(ret, LEAT_BUFFER_PROMISE, elem_size, 1);
}
