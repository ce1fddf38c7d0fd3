/* broadcast.c - every value to every tap.
 *
 * Idea        One fiber offers a value to all taps at once; to those that wait and are
 *             full it sends by a select over what is left, with one more case: the set of
 *             taps has changed. So a tap that leaves is never waited for.
 * Words       taps, gone, ended  under lock
 *             refs               of a tap: the list's, the delivery's
 *             now, cases         the fiber's: the taps of the value in delivery
 *             changed            channel of capacity 1: the set changed since the last
 *                                look
 * Ordering    whoever changes the set does so under the lock and then fills `changed`;
 *             the fiber, woken by it, looks at the taps under the lock.
 * Lock        never held across an operation on a tap's channel: that may run callbacks,
 *             which may add and remove taps.
 * SPDX-License-Identifier: MIT */
#include "flow/broadcast.h"

#include <stdlib.h>

#include <leat/select.h>
#include <leat/sync.h>
#include "base/list.h"
#include "flow/flow.h"

struct tap {
    struct leati_link link;
    leat_chan *out;
    enum leat_tap_mode mode;
    unsigned flags;
    leati_a32 refs;
    bool gone; /* not in the list any more */
};

struct leat_broadcast {
    struct leati_sink s;
    struct leat_flow_opts opts;
    leat_flow *flow;
    leat_wg running; /* until broadcast_end */
    size_t elem_size;
    leat_mutex lock;
    struct leati_list taps;
    size_t n;
    bool ended, later; /* later: taps are closed by leati_broadcast_close_taps */
    leati_a64 missed;
    leat_chan *changed;
    struct tap **now; /* those of the value in delivery; the owed ones come first */
    struct leat_case *cases;
    size_t room; /* of both */
};

static struct tap *tap_of(struct leati_link *l)
{
    return leati_container_of(l, struct tap, link);
}

static struct tap *find(struct leat_broadcast *b, const leat_chan *out)
{
    for (struct leati_link *l = b->taps.first; l; l = l->next)
        if (tap_of(l)->out == out)
            return tap_of(l);
    return NULL;
}

static void tap_unref(struct tap *t)
{
    /* ar: what the other holders did with the channel is behind us when we free it. */
    if (leati_sub_ar(&t->refs, 1u) == 1) {
        leat_chan_free(t->out);
        free(t);
    }
}

/* Under the lock: out of the list. The caller then gives the list's reference back,
 * after the unlock, since that may free the channel. */
static void leave(struct leat_broadcast *b, struct tap *t)
{
    leati_list_remove(&b->taps, &t->link);
    b->n--;
    t->gone = true;
}

/* ---- Delivery ---- */

int leati_tap_offer(leat_chan *c, enum leat_tap_mode mode, const void *v,
                    uint64_t *missed)
{
    int r = leat_chan_try_send(c, v);
    /* Others send too, so the room that is made may go to somebody else: not for ever.
     */
    for (unsigned i = 0; i < 64 && r == LEAT_EAGAIN && mode == LEAT_TAP_SLIDE; i++) {
        if (leat_chan_try_recv(c, NULL) == 0)
            ++*missed;
        r = leat_chan_try_send(c, v);
    }
    if (r == LEAT_EBUSY)
        r = LEAT_EAGAIN;
    if (r == LEAT_EAGAIN && mode != LEAT_TAP_WAIT) {
        ++*missed;
        r = LEATI_TAP_MISSED;
    }
    return r;
}

/* Room for n taps and one more case. */
static bool make_room(struct leat_broadcast *b, size_t n)
{
    if (b->room > n)
        return true;
    free(b->now);
    free(b->cases);
    b->room = (n + 1) * 2;
    b->now = malloc(b->room * sizeof(struct tap *));
    b->cases = malloc(b->room * sizeof(struct leat_case));
    if (b->now == NULL || b->cases == NULL)
        b->room = 0;
    return b->room > 0;
}

/* Under the lock: now = all taps, each with a reference. Returns how many, or an error.
 */
static ptrdiff_t snapshot(struct leat_broadcast *b)
{
    size_t n = 0;
    if (!make_room(b, b->n))
        return LEAT_ENOMEM;
    for (struct leati_link *l = b->taps.first; l; l = l->next) {
        b->now[n++] = tap_of(l);
        (void)leati_add_rlx(&tap_of(l)->refs, 1u); /* relaxed: the lock guards it */
    }
    return (ptrdiff_t)n;
}

/* The i-th of the owed ones is done with: it changes places with the last of them. */
static void settle(struct leat_broadcast *b, size_t i, size_t *owed)
{
    struct tap *t = b->now[i];
    b->now[i] = b->now[--*owed];
    b->now[*owed] = t;
}

static void tap_closed(struct leat_broadcast *b, struct tap *t)
{
    leati_flow_lock(&b->lock);
    bool mine = !t->gone;
    if (mine)
        leave(b, t);
    leat_mutex_unlock(&b->lock);
    if (mine)
        tap_unref(t);
}

/* Offers v to all; returns how many have to be waited for. *got: how many have it. */
static size_t offer_all(struct leat_broadcast *b, const void *v, size_t n, size_t *got)
{
    uint64_t missed = 0;
    size_t owed = n;
    for (size_t i = n; i-- > 0;) {
        int r = leati_tap_offer(b->now[i]->out, b->now[i]->mode, v, &missed);
        if (r == LEAT_ECLOSED)
            tap_closed(b, b->now[i]);
        if (r != LEAT_EAGAIN)
            settle(b, i, &owed);
        *got += r == 0;
    }
    if (missed)
        (void)leati_add_rlx(&b->missed, missed); /* relaxed: a statistic */
    return owed;
}

/* Waits for one of the owed, or a change of the set. */
static int wait_for_one(struct leat_broadcast *b, const void *v, size_t *owed,
                        size_t *got)
{
    size_t which;
    leati_flow_lock(&b->lock);
    for (size_t i = *owed; i-- > 0;)
        if (b->now[i]->gone)
            settle(b, i, owed);
    leat_mutex_unlock(&b->lock);
    for (size_t i = 0; i < *owed; i++)
        b->cases[i] = (struct leat_case)LEAT_SEND(b->now[i]->out, v);
    b->cases[*owed] = (struct leat_case)LEAT_RECV(b->changed, NULL);
    if (*owed == 0)
        return 0;
    int r = leat_select(b->cases, *owed + 1, LEAT_NEVER, 0, &which);
    if (r != 0 || which == *owed)
        return r;
    if (b->cases[which].err == LEAT_ECLOSED)
        tap_closed(b, b->now[which]);
    else
        ++*got;
    settle(b, which, owed);
    return 0;
}

static int broadcast_put(struct leati_sink *s, const void *v)
{
    struct leat_broadcast *b = leati_container_of(s, struct leat_broadcast, s);
    leati_flow_lock(&b->lock);
    ptrdiff_t n = snapshot(b);
    leat_mutex_unlock(&b->lock);
    if (n < 0)
        return (int)n;
    int r = 0;
    size_t got = 0, owed = offer_all(b, v, (size_t)n, &got);
    while (owed > 0 && r == 0)
        r = wait_for_one(b, v, &owed, &got);
    if (got == 0 && r == 0) /* else the flow itself hands it out */
        leati_flow_leave_out(&b->opts, (void *)(uintptr_t)v);
    for (ptrdiff_t i = 0; i < n; i++)
        tap_unref(b->now[i]);
    return r;
}

void leati_broadcast_close_taps(leat_broadcast *b)
{
    for (;;) {
        leati_flow_lock(&b->lock);
        struct tap *t = b->taps.first ? tap_of(b->taps.first) : NULL;
        if (t)
            leave(b, t);
        leat_mutex_unlock(&b->lock);
        if (t == NULL)
            return;
        if (!(t->flags & LEAT_TAP_KEEP_OPEN))
            (void)leat_chan_close(t->out);
        tap_unref(t);
    }
}

/* The end of the flow. The object lives on until leat_broadcast_free. */
static void broadcast_end(struct leati_sink *s, int result, bool keep_open)
{
    struct leat_broadcast *b = leati_container_of(s, struct leat_broadcast, s);
    leati_flow_lock(&b->lock);
    b->ended = true;
    leat_mutex_unlock(&b->lock);
    if (result != LEAT_ECANCELED && !keep_open && !b->later)
        leati_broadcast_close_taps(b);
    leat_wg_done(&b->running);
}

/* ---- The object ---- */

static int broadcast_new(leat_broadcast **ret, leat_chan *in,
                         const struct leat_flow_opts *opts, bool later)
{
    static const struct leati_sink_ops ops = {broadcast_put, broadcast_end};
    if (ret == NULL || in == NULL || !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    struct leat_broadcast *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return LEAT_ENOMEM;
    b->s.ops = &ops;
    b->later = later;
    if (opts)
        b->opts = *opts;
    leat_wg_add(&b->running, 1);
    const struct leati_flow_parts p = {.source = leati_chan_source(in),
                                       .sink = &b->s,
                                       .item_size = leat_chan_elem_size(in),
                                       .out_size = leat_chan_elem_size(in)};
    int r = leat_chan_new(&b->changed, 0, 1);
    if (r == 0)
        r = leati_flow_launch(&b->flow, &p, opts);
    else if (p.source)
        p.source->ops->free(p.source, NULL, false);
    if (r != 0) {
        leat_chan_free(b->changed);
        free(b);
        return r;
    }
    b->elem_size = p.item_size;
    *ret = b;
    return 0;
}

int leat_broadcast_new(leat_broadcast **ret, leat_chan *in,
                       const struct leat_flow_opts *opts)
{
    return broadcast_new(ret, in, opts, false);
}

int leati_broadcast_new(leat_broadcast **ret, leat_chan *in,
                        const struct leat_flow_opts *opts)
{
    return broadcast_new(ret, in, opts, true);
}

leat_broadcast *leat_broadcast_free(leat_broadcast *b)
{
    if (b == NULL)
        return NULL;
    bool was = leat_fiber_mask(true);
    leat_flow_cancel(b->flow);
    (void)!leat_flow_join(b->flow, NULL);
    (void)leat_fiber_mask(was);
    (void)leat_broadcast_untap_all(b);
    leat_chan_free(b->changed);
    free(b->now);
    free(b->cases);
    free(b);
    return NULL;
}

int leat_broadcast_wait(leat_broadcast *b, struct leat_deadline until)
{
    return b ? leat_wg_wait_until(&b->running, until) : LEAT_EINVAL;
}

static void note_change(struct leat_broadcast *b)
{
    (void)!leat_chan_try_send(b->changed, NULL); /* full: it is noted already */
}

/* Under the lock: adds or changes a tap. */
static int put_tap(struct leat_broadcast *b, struct tap *fresh)
{
    struct tap *t = find(b, fresh->out);
    if (b->ended)
        return LEAT_ECLOSED;
    if (t) {
        t->mode = fresh->mode;
        t->flags = fresh->flags;
        return LEAT_EALREADY;
    }
    leati_list_append(&b->taps, &fresh->link);
    b->n++;
    return 0;
}

int leat_broadcast_tap(leat_broadcast *b, leat_chan *out, enum leat_tap_mode mode,
                       unsigned flags)
{
    if (b == NULL || out == NULL || leat_chan_elem_size(out) != b->elem_size ||
        (unsigned)mode > LEAT_TAP_SLIDE || (flags & ~(unsigned)LEAT_TAP_KEEP_OPEN))
        return LEAT_EINVAL;
    struct tap *t = malloc(sizeof(*t));
    if (t == NULL)
        return LEAT_ENOMEM;
    *t = (struct tap){
        .out = leat_chan_ref(out), .mode = mode, .flags = flags, .refs = {1}};
    leati_flow_lock(&b->lock);
    int r = put_tap(b, t);
    leat_mutex_unlock(&b->lock);
    if (r != 0)
        tap_unref(t);
    if (r == LEAT_ECLOSED && !(flags & LEAT_TAP_KEEP_OPEN))
        (void)leat_chan_close(out);
    note_change(b);
    return r == LEAT_EALREADY ? 0 : r;
}

int leat_broadcast_untap(leat_broadcast *b, leat_chan *out)
{
    if (b == NULL || out == NULL)
        return LEAT_EINVAL;
    leati_flow_lock(&b->lock);
    struct tap *t = find(b, out);
    if (t)
        leave(b, t);
    leat_mutex_unlock(&b->lock);
    if (t)
        tap_unref(t);
    note_change(b);
    return 0;
}

int leat_broadcast_untap_all(leat_broadcast *b)
{
    if (b == NULL)
        return LEAT_EINVAL;
    for (bool any = true; any;) {
        leati_flow_lock(&b->lock);
        struct tap *t = b->taps.first ? tap_of(b->taps.first) : NULL;
        if (t)
            leave(b, t);
        leat_mutex_unlock(&b->lock);
        if ((any = t != NULL))
            tap_unref(t);
    }
    note_change(b);
    return 0;
}

uint64_t leat_broadcast_missed(leat_broadcast *b)
{
    return b ? leati_load_rlx(&b->missed) : 0; /* relaxed: a statistic */
}

size_t leati_broadcast_len(leat_broadcast *b)
{
    leati_flow_lock(&b->lock);
    size_t n = b->n;
    leat_mutex_unlock(&b->lock);
    return n;
}
