/* timer.c - channels that deliver the time. No thread: a receiver that must wait takes
 * the instant as its deadline and tries again.
 *
 * Words       next  the instant of the next value; NO_MORE once an `after` has been
 *                   taken. Claimed by compare-and-swap, by receivers only.
 *             shut  closed by the user; under rx's lock, read by all.
 *             rx    parked receivers, for close only: nobody else wakes them.
 * Ordering    a receiver lists itself and reads `shut` under rx's lock, close writes it
 *             there: one of the two sees the other.
 * SPDX-License-Identifier: MIT */
#include <leat/timer.h>
#include "chan/open.h"

#define NO_MORE ((uint64_t)INT64_MAX)

struct timer {
    struct leat_chan c;
    int64_t period; /* 0: after */
    leati_a64 next;
    leati_a32 shut;
    struct leati_side rx;
} __attribute__((aligned(64)));

static struct timer *timer(struct leat_chan *c)
{
    return leati_container_of(c, struct timer, c);
}

static bool closed(const struct leat_chan *c)
{
    const struct timer *t = (const struct timer *)(const void *)c;
    /* acq: pairs with the store in close_it and the CAS in attempt */
    return leati_load_acq(&t->shut) ||
           (t->period == 0 && leati_load_acq(&t->next) == NO_MORE);
}

static int attempt(struct leat_chan *c, unsigned dir, void *buf)
{
    struct timer *t = timer(c);
    if (dir == LEAT_OP_SEND)
        return LEAT_ENOTSUP;
    for (;;) {
        uint64_t next = leati_load_acq(&t->next); /* acq: as in closed */
        if (closed(c))
            return LEAT_ECLOSED;
        int64_t now = leat_now(), due = (int64_t)next;
        if (now < due)
            return LEAT_EAGAIN;
        uint64_t then = NO_MORE;
        if (t->period) { /* the newest tick that is due; the ones before are dropped */
            due += (now - due) / t->period * t->period;
            then = due > INT64_MAX - t->period ? NO_MORE : (uint64_t)(due + t->period);
        }
        if (leati_cas_ar(&t->next, &next, then)) {
            if (buf)
                *(int64_t *)buf = due;
            return 0;
        }
    }
}

static ptrdiff_t attempt_n(struct leat_chan *c, unsigned dir, void *buf, size_t n)
{
    (void)n; /* never more than one is due */
    int r = attempt(c, dir, buf);
    return r == 0 ? 1 : r;
}

static bool ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until)
{
    struct timer *t = timer(c);
    uint64_t next = leati_load_acq(&t->next); /* acq: as in closed */
    *ticket = next;
    if (dir == LEAT_OP_SEND || closed(c))
        return true;
    /* When it is due, too: one who goes on to wait all the same, since it was not yet
     * due at his last attempt or another was faster, must look again at once. */
    if ((int64_t)next < until->at_ns && until->at_ns > 0)
        until->at_ns = (int64_t)next;
    return leat_now() >= (int64_t)next;
}

static enum leati_listing enlist(struct leat_chan *c, struct leati_node *n)
{
    struct timer *t = timer(c);
    leati_side_lock(&t->rx);
    bool listed = !closed(c) && n->dir == LEAT_OP_RECV;
    if (listed) {
        leati_side_append(&t->rx, n);
    }
    leati_side_unlock(&t->rx);
    if (listed)
        return LEATI_LISTED;
    if (n->kind == LEATI_EVENT)
        return LEATI_SETTLED;
    if (!leati_node_hold(n))
        return LEATI_DEAD;
    leati_node_settle(n, n->dir == LEAT_OP_RECV ? LEAT_ECLOSED : LEAT_ENOTSUP);
    return LEATI_SETTLED;
}

static bool delist(struct leat_chan *c, struct leati_node *n)
{
    struct timer *t = timer(c);
    leati_side_lock(&t->rx);
    bool listed = leati_node_listed(n);
    if (listed)
        leati_side_unlink(&t->rx, n);
    leati_side_unlock(&t->rx);
    return listed;
}

static int close_it(struct leat_chan *c)
{
    struct timer *t = timer(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    struct leati_node *n;
    leati_side_lock(&t->rx);
    bool already = closed(c);
    leati_store_rel(&t->shut, 1u); /* pairs with closed */
    while ((n = leati_side_first(&t->rx)) != NULL) {
        if (n->kind == LEATI_EVENT) {
            leati_side_fire(&t->rx, n, &woken);
            continue;
        }
        bool held = leati_node_hold(n);
        if (held)
            leati_node_settle(n, LEAT_ECLOSED);
        leati_side_unlink(&t->rx, n);
        if (held)
            leati_woken_add(&woken, n);
    }
    leati_side_unlock(&t->rx);
    leati_woken_run(&woken);
    return already ? LEAT_EALREADY : 0;
}

static void cancel(struct leat_chan *c)
{
    (void)close_it(c);
}

static size_t none(const struct leat_chan *c)
{
    (void)c;
    return 0;
}

static void waiting(const struct leat_chan *c, unsigned ret[2])
{
    const struct timer *t = (const struct timer *)(const void *)c;
    ret[LEAT_OP_SEND] = 0;
    ret[LEAT_OP_RECV] = leati_side_count(&t->rx);
}

static void fini(struct leat_chan *c)
{
    (void)c;
}

LEATI_PARKED_OPS(parked);

static const struct leati_chan_ops leati_timer_ops = {
    .what = "timer",
    .header = sizeof(struct timer),
    .parked = parked,
    .attempt = attempt,
    .attempt_n = attempt_n,
    .enlist = enlist,
    .delist = delist,
    .ready = ready,
    .close = close_it,
    .cancel = cancel,
    .closed = closed,
    .len = none,
    .cap = none,
    .bytes = none,
    .waiting = waiting,
    .fini = fini,
};

static int timer_open(leat_chan **ret, int64_t first, int64_t period)
{
    const struct leat_chan_opts o = {.size = sizeof(o), .elem_size = sizeof(int64_t)};
    struct leat_chan *c = leati_chan_alloc(&leati_timer_ops, LEATI_TIMER, &o);
    if (c == NULL)
        return LEAT_ENOMEM;
    struct timer *t = timer(c);
    t->period = period;
    leati_store_rlx(&t->next, (uint64_t)first); /* relaxed: published with the pointer */
    leati_store_rlx(&t->shut, 0u);
    leati_chan_opened(c);
    *ret = c;
    return 0;
}

int leat_after(leat_chan **ret, struct leat_deadline at)
{
    if (ret == NULL)
        return LEAT_EINVAL;
    /* NEVER is an instant like any other that does not come. */
    int64_t first = at.at_ns < 0 ? 0 : at.at_ns == INT64_MAX ? INT64_MAX - 1 : at.at_ns;
    return timer_open(ret, first, 0);
}

int leat_tick(leat_chan **ret, int64_t period_ns)
{
    int64_t first;
    if (ret == NULL || period_ns <= 0)
        return LEAT_EINVAL;
    if (__builtin_add_overflow(leat_now(), period_ns, &first))
        first = INT64_MAX - 1;
    return timer_open(ret, first, period_ns);
}
