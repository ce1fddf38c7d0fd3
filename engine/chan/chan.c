/* chan.c - the calls of chan.h: fast paths by kind, one slow path, batches.
 * SPDX-License-Identifier: MIT */
#include "chan/feed.h"
#include "chan/owned.h"
#include "chan/rendezvous.h"
#include "park/call.h"

void leati_woken_run(struct leati_woken *w)
{
    enum leati_wake_place place = LEATI_WAKE_NEXT;
    struct leati_link *l = w->first;
    while (l) {
        struct leati_node *n = leati_container_of(l, struct leati_node, link);
        l = l->next; /* n is gone after its wake */
        leati_node_wake(n, place);
        place = LEATI_WAKE_TAIL; /* the others keep their order */
    }
    if (w->event)
        leati_wake(w->event, LEATI_WAKE_TAIL);
}

void leati_side_lock_slow(struct leati_side *s)
{
    unsigned step = 0;
    do {
        while (leati_load_rlx(&s->word) & LEATI_SIDE_LOCK)
            leatp_relax(&step);
    } while (leati_or_sc(&s->word, (uint32_t)LEATI_SIDE_LOCK) & LEATI_SIDE_LOCK);
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
    if (dir == LEAT_OP_RECV && leati_fed(c))
        return leati_feed_park(c, buf, until);
    return leati_chan_park(c, &c->ops->parked[dir], dir, buf, until);
}

/* A try that found the channel empty or full. */
LEATI_INLINE int tried(struct leat_chan *c, unsigned dir, void *buf)
{
    return dir == LEAT_OP_RECV && leati_fed(c) ? leati_feed_recv(c, buf) : LEAT_EAGAIN;
}

/* A parked receive of a stream was given the turn. */
static int turn(struct leat_chan *c, void *buf)
{
    int r = c->ops->turn(c, buf);
    leati_calls_flush();
    return r;
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
        leati_calls_flush();
        if (r == LEAT_EAGAIN && until.at_ns <= 0)
            return tried(c, dir, buf);
        if ((r != LEAT_EAGAIN && r != LEAT_EBUSY) || until.at_ns <= 0)
            return r;
        struct leat_deadline at = until;
        if (leati_unlikely(c->kind == LEATI_TIMER)) {
            uint64_t ticket;
            (void)c->ops->ready(c, dir, &ticket, &at);
        }
        r = leati_chan_wait(c, dir, buf, at);
        if (leati_unlikely(r == LEATI_TURN))
            return turn(c, buf);
        /* A timer channel became due before the caller's own deadline: again. */
        if (r != LEAT_ETIMEDOUT || at.at_ns >= until.at_ns)
            return r;
    }
}

/* A bounded channel with elements of any size, and with receivers parked. */
LEATI_NOINLINE static int ring(struct leat_chan *c, unsigned dir, void *buf,
                               struct leat_deadline until)
{
    struct leati_bounded *b = leati_bounded(c);
    struct leati_layout y = leati_bounded_layout(b);
    if (dir == LEAT_OP_SEND && leati_load_rlx(&b->rx.word) && leati_bounded_hand(b, buf)) {
        leati_calls_flush();
        return 0;
    }
    int r = dir == LEAT_OP_SEND ? leati_bounded_push(b, buf, y, 0)
                                : leati_bounded_pop(b, buf, y, 0, true);
    if (r == 0 && leati_load_sc(dir == LEAT_OP_SEND ? &b->rx.word : &b->tx.word))
        return leati_bounded_served(b, !dir); /* P3 */
    if (r == LEAT_EAGAIN)
        return until.at_ns > 0 ? leati_chan_wait(c, dir, buf, until) : tried(c, dir, buf);
    return r == 0 ? r : slow(c, dir, buf, until);
}

/* A declared side with elements of 8 bytes; other sizes and the shared side of such a
 * channel take the long way. Calls are tail calls. */
LEATI_NOINLINE static int declared(struct leat_chan *c, unsigned dir, void *buf,
                                   struct leat_deadline until)
{
    struct leati_bounded *b = leati_bounded(c);
    bool look;
    if (leati_unlikely(!(leati_load_rlx(&b->owned) & (1u << dir)) || c->elem_size != 8))
        return slow(c, dir, buf, until);
    int r = dir == LEAT_OP_SEND ? leati_owned_push(b, buf, 8, &look)
                                : leati_owned_pop(b, buf, 8, &look);
    if (leati_likely(r == 0))
        return leati_unlikely(look) ? leati_bounded_served(b, !dir) : 0;
    return slow(c, dir, buf, until);
}

/* The commonest case without a stack frame: every call in it is a tail call. */
LEATI_INLINE int operate(struct leat_chan *c, unsigned dir, void *buf,
                         struct leat_deadline until)
{
    leati_chan_check(c, dir == LEAT_OP_SEND ? "leat_chan_send" : "leat_chan_recv");
    if (leati_likely(c != NULL && buf != NULL && c->eight)) {
        struct leati_bounded *b = leati_bounded(c);
        /* relaxed: who parks later is seen by P3 */
        if (dir == LEAT_OP_SEND && leati_unlikely(leati_load_rlx(&b->rx.word)))
            return ring(c, dir, buf, until);
        int r = dir == LEAT_OP_SEND ? leati_bounded_push(b, buf, LEATI_EIGHT, 0)
                                    : leati_bounded_pop(b, buf, LEATI_EIGHT, 0, true);
        if (leati_likely(r == 0)) {
            leati_a32 *peers = dir == LEAT_OP_SEND ? &b->rx.word : &b->tx.word;
            if (leati_likely(leati_load_sc(peers) == 0)) /* P3, see bounded.h */
                return 0;
            return leati_bounded_served(b, !dir);
        }
        if (r != LEAT_EAGAIN)
            return slow(c, dir, buf, until);
        return until.at_ns <= 0 ? tried(c, dir, buf) : leati_chan_wait(c, dir, buf, until);
    }
    if (leati_unlikely(c == NULL || (buf == NULL && c->elem_size)))
        return slow(c, dir, buf, until);
    if (leati_likely(c->kind == LEATI_RENDEZVOUS)) {
        /* acq: pairs with close. A try that finds nobody needs no more than this. */
        if (until.at_ns <= 0 && !(leati_load_acq(&leati_rendezvous(c)->top) &
                                  (leati_top_bit(!dir) | LEATI_TOP_LISTS | LEATI_TOP_C)))
            return LEAT_EAGAIN;
        return leati_rendezvous_operate(c, dir, buf, until);
    }
    if (c->kind == LEATI_BOUNDED)
        return ring(c, dir, buf, until);
    if (c->kind == LEATI_OWNED)
        return declared(c, dir, buf, until);
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
    leati_chan_check(c, dir == LEAT_OP_SEND ? "leat_chan_send_n" : "leat_chan_recv_n");
    if (c == NULL || (buf == NULL && dir == LEAT_OP_SEND && c->elem_size && n))
        return LEAT_EINVAL;
    if (n == 0)
        return 0;
    size_t done = 0;
    while (done < n) {
        char *at = buf ? (char *)buf + done * c->elem_size : NULL;
        ptrdiff_t r = c->ops->attempt_n(c, dir, at, n - done);
        leati_calls_flush();
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
