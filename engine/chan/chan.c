/* chan.c - the calls of chan.h: fast paths by kind, one slow path, batches.
 * SPDX-License-Identifier: MIT */
#include "chan/owned.h"
#include "chan/rendezvous.h"

void leati_woken_run(struct leati_woken *w)
{
    struct leati_link *l = w->first;
    while (l) {
        struct leati_node *n = leati_container_of(l, struct leati_node, link);
        l = l->next; /* n is gone after its wake */
        leati_node_wake(n);
    }
    if (w->event)
        leati_wake(w->event, LEATI_WAKE_TAIL);
}

void leati_side_fire(struct leati_side *s, struct leati_node *n, struct leati_woken *out)
{
    struct leati_event *e = n->of.event;
    leati_side_unlink(s, n);
    struct leati_wait *w = e->fire(e);
    if (w == NULL)
        return;
    if (out->event)
        leati_wake(out->event, LEATI_WAKE_TAIL);
    out->event = w;
}

LEATI_NOINLINE int leati_chan_wait(struct leat_chan *c, unsigned dir, void *buf,
                                   struct leat_deadline until)
{
    struct leati_parked p;
    p.c = c;
    p.n.linked.v = 0;
    p.n.kind = LEATI_PLAIN;
    p.n.dir = (uint8_t)dir;
    p.n.lost = 0;
    p.n.buf = buf;
    p.n.of.wait = &p.w;
    p.w.ops = &c->ops->parked[dir];
    p.w.until = until;
    p.w.spin = c->spin;
    p.w.object = c;
    return leati_park(&p.w);
}

/* What the fast path could not decide: other kinds, closed, somebody half-done. */
LEATI_NOINLINE static int slow(struct leat_chan *c, unsigned dir, void *buf,
                               struct leat_deadline until)
{
    if (c == NULL || (buf == NULL && dir == LEAT_OP_SEND && c->elem_size != 0))
        return LEAT_EINVAL;
    if (leati_unlikely(c->kind == LEATI_NONE)) {
        leati_misuse(dir == LEAT_OP_SEND ? "leat_chan_send" : "leat_chan_recv",
                     "the channel has been freed");
        return LEAT_EINVAL;
    }
    for (;;) {
        int r = c->ops->attempt(c, dir, buf);
        if ((r != LEAT_EAGAIN && r != LEAT_EBUSY) || until.at_ns <= 0)
            return r;
        struct leat_deadline at = until;
        if (leati_unlikely(c->kind == LEATI_TIMER)) {
            uint64_t ticket;
            (void)c->ops->ready(c, dir, &ticket, &at);
        }
        r = leati_chan_wait(c, dir, buf, at);
        /* A timer channel became due before the caller's own deadline: again. */
        if (r != LEAT_ETIMEDOUT || at.at_ns >= until.at_ns)
            return r;
    }
}

/* One attempt of the common kinds without an indirect call. 0, LEAT_EAGAIN (exactly:
 * not ready at one moment), or anything else: ask slow(). */
LEATI_INLINE int fast(struct leat_chan *c, unsigned dir, void *buf)
{
    if (leati_unlikely(c == NULL || (dir == LEAT_OP_SEND && !buf && c->elem_size)))
        return LEAT_EINVAL;
    if (leati_likely(c->kind == LEATI_BOUNDED)) {
        struct leati_bounded *b = leati_bounded(c);
        struct leati_side *peers = dir == LEAT_OP_SEND ? &b->rx : &b->tx;
        int r = dir == LEAT_OP_SEND ? leati_bounded_push(b, buf, 0)
                                    : leati_bounded_pop(b, buf, 0);
        if (leati_likely(r == 0) && leati_unlikely(leati_load_sc(&peers->nwait))) /* P3 */
            leati_bounded_pump(b, 1u << !dir);
        return r;
    }
    if (leati_likely(c->kind == LEATI_RENDEZVOUS)) {
        struct leati_rendezvous *z = leati_rendezvous(c);
        if (leati_rendezvous_take_lone(z, dir, buf))
            return 0;
        /* acq: pairs with close. Nobody listed: parking meets or publishes. */
        return leati_load_acq(&z->top) & (LEATI_TOP_LISTS | LEATI_TOP_C) ? LEAT_EBUSY
                                                                       : LEAT_EAGAIN;
    }
    if (c->kind == LEATI_OWNED) {
        struct leati_bounded *b = leati_bounded(c);
        if (leati_likely(b->owned & (1u << dir)))
            return dir == LEAT_OP_SEND ? leati_owned_push(b, buf) : leati_owned_pop(b, buf);
    }
    return LEAT_EBUSY;
}

LEATI_INLINE int operate(struct leat_chan *c, unsigned dir, void *buf,
                         struct leat_deadline until)
{
    int r = fast(c, dir, buf);
    if (leati_likely(r == 0))
        return 0;
    if (r == LEAT_EAGAIN)
        return until.at_ns <= 0 ? r : leati_chan_wait(c, dir, buf, until);
    return slow(c, dir, buf, until);
}

int leat_chan_send(leat_chan *c, const void *elem)
{
    return operate(c, LEAT_OP_SEND, (void *)(uintptr_t)elem, LEAT_NEVER);
}

int leat_chan_send_until(leat_chan *c, const void *elem, struct leat_deadline until)
{
    return operate(c, LEAT_OP_SEND, (void *)(uintptr_t)elem, until);
}

int leat_chan_try_send(leat_chan *c, const void *elem)
{
    return operate(c, LEAT_OP_SEND, (void *)(uintptr_t)elem, LEAT_NOW);
}

int leat_chan_recv(leat_chan *c, void *ret)
{
    return operate(c, LEAT_OP_RECV, ret, LEAT_NEVER);
}

int leat_chan_recv_until(leat_chan *c, void *ret, struct leat_deadline until)
{
    return operate(c, LEAT_OP_RECV, ret, until);
}

int leat_chan_try_recv(leat_chan *c, void *ret)
{
    return operate(c, LEAT_OP_RECV, ret, LEAT_NOW);
}

static ptrdiff_t batch(struct leat_chan *c, unsigned dir, void *buf, size_t n,
                       struct leat_deadline until)
{
    if (c == NULL || (buf == NULL && dir == LEAT_OP_SEND && c->elem_size && n))
        return LEAT_EINVAL;
    if (n == 0)
        return 0;
    size_t done = 0;
    while (done < n) {
        char *at = buf ? (char *)buf + done * c->elem_size : NULL;
        ptrdiff_t r = c->ops->attempt_n(c, dir, at, n - done);
        if (r > 0) {
            done += (size_t)r;
            continue;
        }
        if (done > 0 || (r != LEAT_EAGAIN && r != LEAT_EBUSY))
            return done ? (ptrdiff_t)done : r;
        int one = slow(c, dir, at, until);
        if (one != 0)
            return one;
        done = 1;
    }
    return (ptrdiff_t)done;
}

ptrdiff_t leat_chan_send_n(leat_chan *c, const void *elems, size_t n,
                           struct leat_deadline until)
{
    return batch(c, LEAT_OP_SEND, (void *)(uintptr_t)elems, n, until);
}

ptrdiff_t leat_chan_recv_n(leat_chan *c, void *ret, size_t n, struct leat_deadline until)
{
    return batch(c, LEAT_OP_RECV, ret, n, until);
}

size_t leat_chan_len(const leat_chan *c)
{
    return c ? c->ops->len(c) : 0;
}

size_t leat_chan_cap(const leat_chan *c)
{
    return c ? c->ops->cap(c) : 0;
}

size_t leat_chan_elem_size(const leat_chan *c)
{
    return c ? c->elem_size : 0;
}

bool leat_chan_closed(const leat_chan *c)
{
    return c && c->ops->closed(c);
}

size_t leat_chan_bytes(const leat_chan *c)
{
    return c ? c->ops->header + c->ops->bytes(c) : 0;
}
