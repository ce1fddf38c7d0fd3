/* bounded.c - buffered channel: pump, parking, close. The protocol is in bounded.h.
 * SPDX-License-Identifier: MIT */
#include "chan/bounded_run.h"
#include "chan/owned.h"
#include "chan/open.h"
#include "park/call.h"

/* A newcomer may pass the same waiter this many times. */
enum { OVERTAKES = 4 };
/* Looks at a half-done operation of another thread before a try gives up. */
enum { TRY_LOOKS = 128 };
/* Pauses for an unpublished cell before the membarrier. */
enum { PARK_PAUSES = 64 };

static struct leati_side *side_of(struct leati_bounded *b, unsigned dir)
{
    return dir == LEAT_OP_SEND ? &b->tx : &b->rx;
}

static leati_a64 *ticket_of(struct leati_bounded *b, unsigned dir)
{
    return dir == LEAT_OP_SEND ? &b->tail : &b->head;
}

static bool owned(const struct leati_bounded *b, unsigned dir)
{
    /* relaxed: a late peer may read it of a header that is being made anew */
    return leati_unlikely(leati_load_rlx(&b->owned) & (1u << dir));
}

/* The ring operation for a listed and held waiter. */
LEATI_INLINE int serve(struct leati_bounded *b, unsigned dir, void *buf)
{
    if (owned(b, dir))
        return dir == LEAT_OP_SEND ? leati_owned_put(b, buf, b->c.elem_size, LEATI_C)
                                   : leati_owned_take(b, buf, b->c.elem_size);
    return dir == LEAT_OP_SEND
               ? leati_bounded_push(b, buf, leati_bounded_layout(b), LEATI_H | LEATI_C)
               : leati_bounded_pop(b, buf, leati_bounded_layout(b), LEATI_H, false);
}

/* H may go when nobody is left, or, but in fair mode and after close, when the one for
 * whom it was set has been served. Returns true when it was cleared. */
static bool lower_h(struct leati_bounded *b, unsigned dir, bool starving_served)
{
    leati_a64 *ticket = ticket_of(b, dir);
    if (owned(b, dir))
        return side_of(b, dir)->q.first == NULL;
    uint64_t t = leati_load_rlx(ticket); /* relaxed: H is written under our lock */
    if (!(t & LEATI_H))
        return false;
    bool empty = side_of(b, dir)->q.first == NULL;
    if (!empty && (!starving_served || (b->c.flags & LEAT_FAIR) || (t & LEATI_C)))
        return false;
    (void)leati_and_sc(ticket, ~LEATI_H);
    return true;
}

/* One side, under its lock. *did: something changed for the other side. */
LEATI_INLINE int pump_locked(struct leati_bounded *b, unsigned dir,
                             struct leati_woken *woken, bool *did)
{
    struct leati_side *s = side_of(b, dir);
    struct leati_node *n;
    bool starving_served = false;
    int end = 0;
    while ((n = leati_side_first(s)) != NULL) {
        if (n->kind == LEATI_EVENT) {
            leati_side_fire(s, n, woken);
            continue;
        }
        if (!leati_node_hold(n)) {
            leati_side_unlink(s, n);
            continue;
        }
        int r = serve(b, dir, n->buf);
        if (r != 0 && r != LEAT_ECLOSED) {
            end = r;
            if (n->lost < OVERTAKES && ++n->lost == OVERTAKES && !owned(b, dir))
                (void)leati_or_sc(ticket_of(b, dir), LEATI_H);
            leati_node_unhold(n);
            break;
        }
        if (r == 0) {
            *did = true;
            starving_served |= n->lost >= OVERTAKES;
        }
        leati_node_settle(n, r);
        leati_side_unlink(s, n);
        leati_woken_add(woken, n);
    }
    *did |= lower_h(b, dir, starving_served);
    return end;
}

/* dir: a constant, there are two of it. */
LEATI_INLINE int pump_side(struct leati_bounded *b, unsigned dir, bool *did)
{
    struct leati_side *s = side_of(b, dir);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    *did = false;
    leati_side_lock(s);
    int end = pump_locked(b, dir, &woken, did);
    leati_side_unlock(s);
    leati_woken_run(&woken);
    return end;
}

LEATI_NOINLINE int leati_bounded_pump(struct leati_bounded *b, unsigned which)
{
    int end = 0;
    bool first = true, did;
    while (which) {
        unsigned dir = which & LEATI_RX ? LEAT_OP_RECV : LEAT_OP_SEND;
        which &= ~(1u << dir);
        int r = dir == LEAT_OP_RECV ? pump_side(b, LEAT_OP_RECV, &did)
                                    : pump_side(b, LEAT_OP_SEND, &did);
        if (first)
            end = r;
        first = false;
        /* sc: the tickets just taken for waiters are P1 of the other side. */
        if (did && leati_load_sc(&side_of(b, !dir)->word))
            which |= 1u << !dir;
    }
    return end;
}

int leati_bounded_served(struct leati_bounded *b, unsigned dir)
{
    (void)leati_bounded_pump(b, 1u << dir);
    leati_calls_flush();
    return 0;
}

/* A value for somebody who is parked because the ring is empty need not go through the
 * ring: under rx's lock it is given to the oldest one. Empty is judged there, head loaded
 * before tail, and that is where the send takes effect: a value that is pushed later
 * comes later. One locked instruction instead of three. */
bool leati_bounded_hand(struct leati_bounded *b, const void *elem)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    struct leati_node *n;
    leati_side_lock(&b->rx);
    uint64_t h = leati_load_sc(&b->head) & ~LEATI_H;
    bool empty = leati_load_sc(&b->tail) == h; /* and not closed, no sender parked */
    while (empty && (n = leati_side_first(&b->rx)) != NULL && n->kind != LEATI_EVENT) {
        if (!leati_node_hold(n)) {
            leati_side_unlink(&b->rx, n);
            (void)lower_h(b, LEAT_OP_RECV, false);
            continue;
        }
        if (n->buf)
            leati_copy(n->buf, elem, b->c.elem_size);
        leati_node_settle(n, 0);
        leati_side_unlink(&b->rx, n);
        leati_woken_add(&woken, n);
        (void)lower_h(b, LEAT_OP_RECV, n->lost >= OVERTAKES);
        break;
    }
    leati_side_unlock(&b->rx);
    leati_woken_run(&woken);
    return woken.first != NULL;
}

/* An operation succeeded: the other side's waiters may be served now. */
static void after(struct leati_bounded *b, unsigned dir)
{
    if (leati_load_sc(&side_of(b, !dir)->word)) /* P3 */
        leati_bounded_pump(b, 1u << !dir);
}

static int owned_once(struct leati_bounded *b, unsigned dir, void *buf)
{
    bool look;
    int r = dir == LEAT_OP_SEND ? leati_owned_push(b, buf, b->c.elem_size, &look)
                                : leati_owned_pop(b, buf, b->c.elem_size, &look);
    if (look)
        leati_bounded_pump(b, 1u << !dir);
    if (dir == LEAT_OP_RECV && leati_load_rlx(&b->c.cancelled)) {
        leati_bounded_drop_inside(b);
        return r == 0 ? 0 : LEAT_ECLOSED;
    }
    return r;
}

static int once(struct leati_bounded *b, unsigned dir, void *buf)
{
    if (owned(b, dir))
        return owned_once(b, dir, buf);
    struct leati_layout y = leati_bounded_layout(b);
    int r = dir == LEAT_OP_SEND ? leati_bounded_push(b, buf, y, 0)
                                : leati_bounded_pop(b, buf, y, 0, false);
    if (r == 0)
        after(b, dir);
    return r;
}

static int attempt(struct leat_chan *c, unsigned dir, void *buf)
{
    struct leati_bounded *b = leati_bounded(c);
    for (unsigned look = 0; look < TRY_LOOKS; look++) {
        int r = once(b, dir, buf);
        if (r == 0)
            return 0;
        if (r == LEAT_ECLOSED || r == LEAT_EAGAIN)
            return r;
        if (r == LEATI_QUEUE && leati_bounded_pump(b, 1u << dir) == LEAT_EAGAIN)
            return LEAT_EAGAIN;
        if (r == LEATI_OWED)
            leati_bounded_pump(b, LEATI_TX);
        leatp_pause();
    }
    return LEAT_EBUSY;
}

/* An owned side has no claim to save: one after the other. */
static ptrdiff_t owned_n(struct leati_bounded *b, unsigned dir, char *elem, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int r = attempt(&b->c, dir, elem);
        if (r != 0)
            return i ? (ptrdiff_t)i : r;
        if (elem)
            elem += b->c.elem_size;
    }
    return (ptrdiff_t)n;
}

static ptrdiff_t attempt_n(struct leat_chan *c, unsigned dir, void *buf, size_t n)
{
    struct leati_bounded *b = leati_bounded(c);
    size_t done;
    if (owned(b, dir))
        return owned_n(b, dir, buf, n);
    if (!c->eight || !buf)
        done = leati_bounded_run(b, dir, buf, n);
    else if (dir == LEAT_OP_SEND)
        done = leati_bounded_run_eight(b, LEAT_OP_SEND, buf, n);
    else
        done = leati_bounded_run_eight(b, LEAT_OP_RECV, buf, n);
    if (done == 0) { /* not ready, or flags: the exact answer */
        int r = attempt(c, dir, buf);
        return r == 0 ? 1 : r;
    }
    after(b, dir);
    return (ptrdiff_t)done;
}

/* Do the tickets say that a parked operation in that direction could be served? one_lap
 * is b's: what is not atomic may not be read once the header could be used again. */
static bool tickets_ready(struct leati_bounded *b, unsigned dir, uint64_t one_lap)
{
    if (dir == LEAT_OP_RECV) {
        uint64_t h = leati_load_sc(&b->head) & ~LEATI_H;
        uint64_t t = leati_bounded_tail(b); /* W2 */
        return (t & ~(LEATI_C | LEATI_H)) != h || ((t & LEATI_C) && !(t & LEATI_H));
    }
    uint64_t t = leati_bounded_tail(b) & ~(LEATI_C | LEATI_H);
    uint64_t h = leati_load_sc(&b->head) & ~LEATI_H; /* W2 */
    return h + one_lap != t;
}

/* After a node was listed: it may sleep when the tickets have not moved, or when a pump
 * ended without a half-done operation. Does not touch the node; the channel may have
 * been freed and its header taken by another one, where a pump does no harm. */
static void look_again(struct leati_bounded *b, unsigned dir, uint64_t one_lap)
{
    unsigned step = 0;
    while (tickets_ready(b, dir, one_lap)) {
        if (leati_bounded_pump(b, 1u << dir) != LEAT_EBUSY)
            return;
        if (step >= PARK_PAUSES && !leatp_no_membarrier) {
            leatp_membarrier();
            leati_bounded_pump(b, 1u << dir);
            return; /* still unpublished: the publisher's P3 is to come and sees us */
        }
        leatp_relax(&step);
    }
}

static bool closed(const struct leat_chan *c)
{
    const struct leati_bounded *b = (const struct leati_bounded *)(const void *)c;
    /* acq: pairs with the stores in close */
    if (owned(b, LEAT_OP_SEND))
        return leati_load_acq(&b->shut) != LEATI_OPEN;
    return leati_load_acq(&b->tail) & LEATI_C;
}

static enum leati_listing enlist(struct leat_chan *c, struct leati_node *n)
{
    struct leati_bounded *b = leati_bounded(c);
    unsigned dir = n->dir;
    struct leati_side *s = side_of(b, dir);
    leati_side_lock(s);
    /* close sets C under this lock: a sender is listed before it, or refused. */
    if (dir == LEAT_OP_SEND && closed(c)) {
        leati_side_unlock(s);
        if (owned(b, dir)) /* our lock looked like a parked sender: leati_owned_tail */
            after(b, dir);
        if (!leati_node_hold(n))
            return LEATI_DEAD;
        leati_node_settle(n, LEAT_ECLOSED);
        return LEATI_SETTLED;
    }
    uint64_t one_lap = b->lap.one_lap;
    leati_side_append(s, n);
    if ((b->c.flags & LEAT_FAIR) && n->kind != LEATI_EVENT && !owned(b, dir))
        (void)leati_or_sc(ticket_of(b, dir), LEATI_H);
    if (owned(b, !dir)) {
        leati_side_unlock(s);
        leati_heavy_fence(); /* W1, then W2: an owner has no seq_cst ticket */
    } else if (!tickets_ready(b, dir, one_lap)) { /* W2 */
        leati_side_unlock(s);
        return LEATI_LISTED;
    } else {
        leati_side_unlock(s);
    }
    look_again(b, dir, one_lap);
    return LEATI_LISTED;
}

static bool delist(struct leat_chan *c, struct leati_node *n)
{
    struct leati_bounded *b = leati_bounded(c);
    struct leati_side *s = side_of(b, n->dir);
    unsigned dir = n->dir;
    leati_side_lock(s);
    bool listed = leati_node_listed(n), lowered = false;
    if (listed)
        leati_side_unlink(s, n);
    if (listed || owned(b, dir)) /* owned: our lock looked like a parked sender */
        lowered = s->q.first == NULL && lower_h(b, dir, false);
    leati_side_unlock(s);
    /* The last parked sender of a closed channel has left: receivers may be told. */
    if (lowered)
        after(b, dir);
    return listed;
}

static bool ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until)
{
    (void)until;
    return leati_bounded_ready(leati_bounded(c), dir, ticket);
}

uint64_t leati_owned_tail(struct leati_bounded *b)
{
    uint64_t t = leati_load_sc(&b->tail);
    /* acq, in this order: CLOSED, no sender parked, none under way: then tail is final. */
    if (leati_load_acq(&b->shut) != LEATI_CLOSED)
        return t;
    if (leati_load_acq(&b->tx.word))
        return t | LEATI_C | LEATI_H;
    if (leati_load_acq(&b->tx_busy))
        return (leati_load_sc(&b->tail) ^ LEATI_HALF_DONE) | LEATI_C;
    return leati_load_sc(&b->tail) | LEATI_C;
}

/* Under tx's lock: no sender is listed from here on. Returns false when closed before. */
static bool shut_senders(struct leati_bounded *b)
{
    if (!owned(b, LEAT_OP_SEND))
        return !(leati_or_sc(&b->tail, LEATI_C | (b->tx.q.first ? LEATI_H : 0)) & LEATI_C);
    if (leati_load_rlx(&b->shut) != LEATI_OPEN) /* relaxed: written under tx's lock */
        return false;
    leati_store_rel(&b->shut, (uint32_t)LEATI_CLOSING); /* pairs with closed */
    return true;
}

/* After the unlock: the second step of closing an owned producer's channel. */
static void shut_done(struct leati_bounded *b)
{
    if (owned(b, LEAT_OP_SEND)) {
        leati_heavy_fence(); /* CLOSING, then busy; see owned.h */
        leati_store_sc(&b->shut, (uint32_t)LEATI_CLOSED); /* P1 of close */
    }
    after(b, LEAT_OP_SEND); /* empty: receivers get ECLOSED, else they get values */
}

static int close_it(struct leat_chan *c)
{
    struct leati_bounded *b = leati_bounded(c);
    leati_side_lock(&b->tx);
    bool first = shut_senders(b);
    leati_side_unlock(&b->tx);
    if (!first)
        return LEAT_EALREADY;
    shut_done(b);
    return 0;
}

/* Parked senders are refused and H is lowered, so that drained can become true. */
static void refuse_senders(struct leati_bounded *b)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    struct leati_node *n;
    leati_side_lock(&b->tx);
    (void)shut_senders(b);
    while ((n = leati_side_first(&b->tx)) != NULL) {
        bool held = leati_node_hold(n);
        if (held)
            leati_node_settle(n, LEAT_ECLOSED);
        leati_side_unlink(&b->tx, n);
        if (held)
            leati_woken_add(&woken, n);
    }
    if (!owned(b, LEAT_OP_SEND))
        (void)leati_and_sc(&b->tail, ~LEATI_H);
    leati_side_unlock(&b->tx);
    leati_woken_run(&woken);
}

/* Takes out what is published and hands it to drop, outside every lock. */
void leati_bounded_drop_inside(struct leati_bounded *b)
{
    char *cell;
    uint32_t turn;
    struct leati_layout y = leati_bounded_layout(b);
    while (leati_bounded_pop_begin(b, y, LEATI_H, false, &cell, &turn) == 0) {
        if (b->c.drop)
            b->c.drop(cell + b->offset, b->c.drop_arg);
        leati_bounded_popped(cell, turn);
    }
}

static void cancel(struct leat_chan *c)
{
    struct leati_bounded *b = leati_bounded(c);
    refuse_senders(b);
    shut_done(b);
    if (owned(b, LEAT_OP_RECV))
        return; /* the values are the owner's: its next receive drops them, or free */
    leati_bounded_drop_inside(b);
    after(b, LEAT_OP_SEND);
}

static size_t len(const struct leat_chan *c)
{
    const struct leati_bounded *b = (const struct leati_bounded *)(const void *)c;
    uint64_t h = leati_load_acq(&b->head) & ~LEATI_H; /* head first: never negative */
    uint64_t t = leati_load_acq(&b->tail) & ~(LEATI_C | LEATI_H);
    uint64_t n = leati_lap_position(&b->lap, t) - leati_lap_position(&b->lap, h);
    return n > b->lap.cap ? b->lap.cap : (size_t)n;
}

static size_t cap(const struct leat_chan *c)
{
    return ((const struct leati_bounded *)(const void *)c)->lap.cap;
}

static size_t bytes(const struct leat_chan *c)
{
    const struct leati_bounded *b = (const struct leati_bounded *)(const void *)c;
    return (size_t)b->lap.cap * b->stride;
}

static void waiting(const struct leat_chan *c, unsigned ret[2])
{
    const struct leati_bounded *b = (const struct leati_bounded *)(const void *)c;
    ret[LEAT_OP_RECV] = leati_side_count(&b->rx);
    ret[LEAT_OP_SEND] = leati_side_count(&b->tx);
}

static const struct leat_alloc *allocator(const struct leati_bounded *b)
{
    return b->own_alloc ? &b->alloc : NULL;
}

static void fini(struct leat_chan *c)
{
    struct leati_bounded *b = leati_bounded(c);
    leati_bounded_drop_inside(b);
    leati_free(allocator(b), b->cells, bytes(c));
    b->cells = NULL;
}

LEATI_PARKED_OPS(parked);

static const struct leati_chan_ops leati_bounded_ops = {
    .what = "bounded",
    .header = sizeof(struct leati_bounded),
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

/* A recycled header's sides are left alone: a late peer may be looking at them, and
 * they are as a new channel's must be. */
static int open_kind(leat_chan **ret, const struct leat_chan_opts *o, enum leati_kind kind,
                     unsigned own)
{
    size_t align = leati_elem_align(o);
    size_t stride = leati_cell_stride(o->elem_size, align), size;
    if (__builtin_mul_overflow(stride, o->capacity, &size) || stride > UINT32_MAX)
        return LEAT_EOVERFLOW;
    struct leat_chan *c = leati_chan_alloc(&leati_bounded_ops, kind, o);
    if (c == NULL)
        return LEAT_ENOMEM;
    struct leati_bounded *b = leati_bounded(c);
    b->own_alloc = o->alloc != NULL;
    if (o->alloc)
        b->alloc = *o->alloc;
    b->cells = leati_alloc(o->alloc, size, LEAT_CACHELINE);
    if (b->cells == NULL) {
        leati_header_put(c, kind);
        return LEAT_ENOMEM;
    }
    leati_lap_init(&b->lap, (uint32_t)o->capacity);
    b->stride = (uint32_t)stride;
    b->offset = (uint32_t)leati_cell_offset(align);
    c->eight = kind == LEATI_BOUNDED && o->elem_size == LEATI_EIGHT.size &&
               stride == LEATI_EIGHT.stride;
    leati_store_rlx(&b->owned, (uint8_t)own); /* relaxed: see owned() */
    /* relaxed: all of it is published with the pointer */
    for (size_t i = 0; i < o->capacity; i++)
        leati_store_rlx((leati_a32 *)(void *)(b->cells + i * stride), 0u);
    leati_store_rlx(&b->shut, (uint32_t)LEATI_OPEN);
    leati_store_rlx(&b->head, (uint64_t)0);
    leati_store_rlx(&b->tail, (uint64_t)0);
    *ret = c;
    return 0;
}

int leati_bounded_open(leat_chan **ret, const struct leat_chan_opts *o)
{
    return open_kind(ret, o, LEATI_BOUNDED, 0);
}

int leati_owned_open(leat_chan **ret, const struct leat_chan_opts *o)
{
    return open_kind(ret, o, LEATI_OWNED,
                     (o->flags & LEAT_SINGLE_PRODUCER ? LEATI_TX : 0) |
                         (o->flags & LEAT_SINGLE_CONSUMER ? LEATI_RX : 0));
}
