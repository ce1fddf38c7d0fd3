/* callback.c - channel operations that call a function when they are over.
 *
 * Idea        A pending operation is a plain node like that of a parked thread, in the
 *             caller's memory, and its wait is a call (park/call.h). Everybody who
 *             serves, refuses or closes treats it as any waiter; only the wake differs.
 * Words       state (w.word)  IDLE, PENDING. Whether it is still to be had is not there
 *             but in the channel: `linked` of its node under the side's lock, or top.
 * Once        Between start and callback exactly one party owns the call: whoever took
 *             its node off (a peer, close), or took it back (cancel, the clock). An
 *             owner links it on its list, or, having cancelled it, makes it IDLE.
 * Life        Listing is the starter's last touch of the memory. The call's runner reads
 *             what it needs, stores IDLE (release) and calls: from then on the memory is
 *             the callback's. It takes the call out of the clock's heap before.
 * Ordering    IDLE (release) / the next start's load (acquire), for a start on another
 *             thread than the callback's.
 * Cost        One that is completed at once: the channel's own operation and the way
 *             through the list. One that waits: one lock to list it.
 * SPDX-License-Identifier: MIT */
#include "bridge/callback.h"
#include "bridge/clock.h"
#include "chan/feed.h"

static bool one_publish(struct leati_wait *w)
{
    struct leati_callback *k = leati_callback_of_wait(w);
    struct leat_chan *c = k->one.c;
    bool fed = k->one.n.dir == LEAT_OP_RECV && leati_fed(c);
    if (fed) {
        leati_hungry_enter();
        leati_feed(c);
    }
    bool parked = c->ops->enlist(c, &k->one.n) == LEATI_LISTED; /* it may be gone */
    if (fed)
        leati_hungry_leave();
    return parked;
}

static bool one_abort(struct leati_wait *w, int err)
{
    struct leati_callback *k = leati_callback_of_wait(w);
    if (!k->one.c->ops->delist(k->one.c, &k->one.n))
        return false;
    w->result = err;
    return true;
}

/* Lists it; over, if that is what comes of it. */
static int list_it(struct leati_callback *k)
{
    struct leat_chan *c = k->one.c;
    struct leat_deadline at = k->until;
    if (leati_unlikely(c->kind == LEATI_TIMER)) {
        uint64_t ticket;
        (void)c->ops->ready(c, k->one.n.dir, &ticket, &at);
    }
    int r = leati_callback_arm(k, at);
    if (r == 0 && !one_publish(&k->call.w))
        leati_callback_over(k, k->call.w.result);
    return r;
}

/* Tries, then lists it. */
LEATI_INLINE int begin(struct leati_callback *k, unsigned dir)
{
    int r = dir == LEAT_OP_SEND ? leat_chan_try_send(k->one.c, k->one.n.buf)
                                : leat_chan_try_recv(k->one.c, k->one.n.buf);
    if ((r == LEAT_EAGAIN || r == LEAT_EBUSY) && k->until.at_ns > 0)
        return list_it(k);
    leati_callback_over(k, r);
    return 0;
}

static bool one_settle(struct leati_call *c)
{
    struct leati_callback *k = leati_callback_of(c);
    if (leati_unlikely(c->w.result == LEATI_TURN))
        c->w.result = k->one.c->ops->turn(k->one.c, k->one.n.buf);
    if (leati_likely(!leati_callback_early(k)))
        return true;
    int r = begin(k, k->one.n.dir);
    if (r != 0)
        leati_callback_over(k, r);
    return false;
}

static void disarm(struct leati_call *c)
{
    leati_clock_disarm(c);
}

static const struct leati_call_ops recv_ops = {
    {one_publish, one_abort, "recv (callback)"}, disarm, one_settle, leati_callback_run};
static const struct leati_call_ops send_ops = {
    {one_publish, one_abort, "send (callback)"}, disarm, one_settle, leati_callback_run};

int leati_callback_start(struct leati_callback *k, const struct leati_call_ops *ops,
                         struct leat_deadline until)
{
    /* acq: pairs with the store in leati_callback_run */
    if (leati_unlikely(leati_load_acq(&k->call.w.word) != LEATI_CALLBACK_IDLE))
        return LEAT_EBUSY;
    leati_store_rlx(&k->call.w.word, (uint32_t)LEATI_CALLBACK_PENDING); /* listing releases */
    k->call.w.ops = &ops->wait;
    k->until = until;
    return 0;
}

int leati_callback_arm(struct leati_callback *k, struct leat_deadline at)
{
    k->call.w.until = at;
    return leati_likely(at.at_ns == INT64_MAX) ? 0 : leati_clock_arm(&k->call);
}

void leati_callback_over(struct leati_callback *k, int result)
{
    k->call.w.result = result;
    leati_calls_add(&k->call);
}

bool leati_callback_early(const struct leati_callback *k)
{
    return leati_unlikely(k->call.w.result == LEAT_ETIMEDOUT) &&
           k->call.w.until.at_ns < k->until.at_ns;
}

void leati_callback_run(struct leati_call *c)
{
    struct leati_callback *k = leati_callback_of(c);
    leat_call_fn *fn = k->fn;
    void *arg = k->arg;
    int result = c->w.result;
    c->w.spin &= LEATI_CALL_INLINE;
    leati_store_rel(&c->w.word, (uint32_t)LEATI_CALLBACK_IDLE); /* pairs with start */
    fn((struct leat_call *)(void *)k, result, arg);
}

LEATI_INLINE int one(struct leat_call *call, struct leat_chan *c, unsigned dir,
                     void *buf, struct leat_deadline until)
{
    struct leati_callback *k = leati_callback(call);
    if (k == NULL || c == NULL || (buf == NULL && dir == LEAT_OP_SEND && c->elem_size))
        return LEAT_EINVAL;
    leati_chan_check(c, dir == LEAT_OP_SEND ? "leat_call_send" : "leat_call_recv");
    int r = leati_callback_start(k, dir == LEAT_OP_SEND ? &send_ops : &recv_ops, until);
    if (r != 0)
        return r;
    struct leati_node *n = &k->one.n;
    n->linked.v = 0;
    n->kind = LEATI_PLAIN;
    n->dir = (uint8_t)dir;
    n->lost = 0;
    n->buf = buf;
    n->of.wait = &k->call.w;
    k->one.c = c;
    r = begin(k, dir);
    if (leati_unlikely(r != 0)) /* the clock's: it was not listed */
        leati_store_rlx(&k->call.w.word, (uint32_t)LEATI_CALLBACK_IDLE);
    leati_calls_run();
    return r;
}

void leat_call_init_flags(leat_call *call, leat_call_fn *fn, void *arg,
                          const struct leat_executor *exec, unsigned flags)
{
    struct leati_callback *k = leati_callback(call);
    leati_calls_use();
    k->call.exec = exec;
    k->call.w.party = &leati_call_party;
    k->call.w.object = NULL;
    k->call.w.word.v = LEATI_CALLBACK_IDLE;
    k->call.w.spin = flags & LEAT_CALL_INLINE ? LEATI_CALL_INLINE : 0;
    k->fn = fn;
    k->arg = arg;
}

void leat_call_init(leat_call *call, leat_call_fn *fn, void *arg,
                    const struct leat_executor *exec)
{
    leat_call_init_flags(call, fn, arg, exec, 0);
}

int leat_call_recv_until(leat_call *call, leat_chan *c, void *ret, struct leat_deadline until)
{
    return one(call, c, LEAT_OP_RECV, ret, until);
}

int leat_call_recv(leat_call *call, leat_chan *c, void *ret)
{
    return one(call, c, LEAT_OP_RECV, ret, LEAT_NEVER);
}

int leat_call_send_until(leat_call *call, leat_chan *c, const void *elem,
                         struct leat_deadline until)
{
    return one(call, c, LEAT_OP_SEND, (void *)(uintptr_t)elem, until);
}

int leat_call_send(leat_call *call, leat_chan *c, const void *elem)
{
    return one(call, c, LEAT_OP_SEND, (void *)(uintptr_t)elem, LEAT_NEVER);
}

int leat_call_cancel(leat_call *call)
{
    struct leati_callback *k = leati_callback(call);
    if (k == NULL)
        return LEAT_EINVAL;
    /* acq: with the starter's stores, when the caller was told of the start otherwise */
    if (leati_load_acq(&k->call.w.word) != LEATI_CALLBACK_PENDING ||
        !k->call.w.ops->abort(&k->call.w, LEAT_ECANCELED)) {
        leati_calls_flush();
        return LEAT_EALREADY;
    }
    if (k->call.w.spin & LEATI_CALL_TIMED)
        leati_clock_disarm(&k->call);
    (void)leati_call_ops(&k->call)->settle(&k->call);
    k->call.w.spin &= LEATI_CALL_INLINE;
    leati_store_rel(&k->call.w.word, (uint32_t)LEATI_CALLBACK_IDLE); /* pairs with start */
    leati_calls_flush();
    return 0;
}
