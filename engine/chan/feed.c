/* feed.c - the table of feeders; the protocol is in feed.h.
 * SPDX-License-Identifier: MIT */
#include "chan/feed.h"
#include "park/call.h"

leati_a32 leati_hungry, leati_feeders;

/* Few channels are fed: one list, looked at only when a receiver would wait. */
static struct {
    leati_a32 lock;
    struct leati_list feeders;
} table;

static struct leati_feeder *feeder_of(struct leati_link *l)
{
    return l ? leati_container_of(l, struct leati_feeder, link) : NULL;
}

static uint8_t bits_of(const struct leati_feeder *f)
{
    return (uint8_t)(LEATI_FED_CLOSE | (f->drain ? LEATI_FED_DRAIN : 0));
}

void leati_feeder_add(struct leati_feeder *f)
{
    f->pins = 0;
    f->removed = false;
    leati_lock(&table.lock);
    leati_list_append(&table.feeders, &f->link);
    leati_store_rlx(&leati_feeders, leati_load_rlx(&leati_feeders) + 1);
    uint8_t fed =
        leati_load_rlx(&f->chan->fed) | bits_of(f); /* relaxed: under the lock */
    leati_store_rlx(&f->chan->fed, fed);
    leati_unlock(&table.lock);
}

void leati_feeder_remove(struct leati_feeder *f)
{
    unsigned step = 0;
    leati_lock(&table.lock);
    f->removed = true;
    while (f->pins > 0) {
        leati_unlock(&table.lock);
        leatp_relax(&step);
        leati_lock(&table.lock);
    }
    leati_list_remove(&table.feeders, &f->link);
    leati_store_rlx(&leati_feeders, leati_load_rlx(&leati_feeders) - 1);
    uint8_t fed = 0;
    for (struct leati_feeder *g = feeder_of(table.feeders.first); g;
         g = feeder_of(g->link.next))
        if (g->chan == f->chan)
            fed |= bits_of(g);
    leati_store_rlx(&f->chan->fed, fed);
    leati_unlock(&table.lock);
}

/* The first feeder of c from `f` on, pinned; under the lock. */
static struct leati_feeder *pin_from(struct leati_feeder *f, const struct leat_chan *c)
{
    while (f && (f->chan != c || f->removed))
        f = feeder_of(f->link.next);
    if (f)
        f->pins++;
    return f;
}

/* Calls `drain` or `closed` of all feeders of c. */
static void each(struct leat_chan *c, bool drain)
{
    leati_lock(&table.lock);
    struct leati_feeder *f = pin_from(feeder_of(table.feeders.first), c);
    while (f) {
        leati_unlock(&table.lock);
        if (!drain)
            f->closed(f);
        else if (f->drain)
            f->drain(f);
        leati_lock(&table.lock);
        struct leati_feeder *next =
            feeder_of(f->link.next); /* f is listed while pinned */
        f->pins--;
        f = pin_from(next, c);
    }
    leati_unlock(&table.lock);
}

static bool any_plain(const struct leat_chan *c)
{
    bool plain = false;
    leati_lock(&table.lock);
    for (struct leati_feeder *f = feeder_of(table.feeders.first); f;
         f = feeder_of(f->link.next)) {
        if (f->chan != c || leati_load_sc(&f->plain) == 0) /* sc: see Ordering */
            continue;
        leati_store_rlx(&f->asked, 1u); /* relaxed: a hint */
        plain = true;
    }
    leati_unlock(&table.lock);
    return plain;
}

void leati_feed(struct leat_chan *c)
{
    if (any_plain(c))
        leati_heavy_fence(); /* pairs with the light one of the feeder's part */
    each(c, true);
}

int leati_feed_recv(struct leat_chan *c, void *ret)
{
    each(c, true); /* what can be seen without the fence, mostly enough */
    int r = c->ops->attempt(c, LEAT_OP_RECV, ret);
    leati_calls_flush();
    if (r != LEAT_EAGAIN)
        return r;
    leati_hungry_enter();
    leati_feed(c);
    r = c->ops->attempt(c, LEAT_OP_RECV, ret);
    leati_hungry_leave();
    leati_calls_flush();
    return r;
}

struct hungry {
    struct leati_parked p;
    leati_a32 listed; /* hungry has been left */
};

static struct hungry *hungry_of(struct leati_wait *w)
{
    return leati_container_of(w, struct hungry, p.w);
}

static bool publish(struct leati_wait *w)
{
    struct leat_chan *c = hungry_of(w)->p.c;
    leati_store_rlx(&hungry_of(w)->listed, 1u); /* relaxed: the wake orders it */
    bool parked = c->ops->parked[LEAT_OP_RECV].publish(w); /* w may be gone */
    leati_hungry_leave();
    return parked;
}

static bool withdraw(struct leati_wait *w, int err)
{
    return hungry_of(w)->p.c->ops->parked[LEAT_OP_RECV].abort(w, err);
}

static const struct leati_wait_ops hungry_ops = {publish, withdraw, "recv"};

int leati_feed_park(struct leat_chan *c, void *ret, struct leat_deadline until)
{
    struct hungry h;
    each(c, true);
    int r = c->ops->attempt(c, LEAT_OP_RECV, ret);
    leati_calls_flush();
    if (r != LEAT_EAGAIN && r != LEAT_EBUSY)
        return r;
    leati_hungry_enter();
    leati_feed(c);
    h.listed.v = 0;
    leati_parked_init(&h.p, c, &hungry_ops, LEAT_OP_RECV, ret, until);
    r = leati_park(&h.p.w);
    if (leati_load_rlx(&h.listed) == 0) /* refused before it was published */
        leati_hungry_leave();
    return r;
}

void leati_feed_closed(struct leat_chan *c)
{
    each(c, false);
}
