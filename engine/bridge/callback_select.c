/* callback_select.c - a select that calls a function when it is over.
 *
 * Idea        The steps of select/select.c without the park: try, register a node per
 *             case, count `pend` down; the second of registrar and completer owns the
 *             call. The losers are taken back by the owner, before the callback is run or
 *             posted: a quiet channel keeps no dead node.
 * Words       the claim of chan/node.h. DONE also while nothing is registered, so that
 *             a cancel finds nothing to take.
 * SPDX-License-Identifier: MIT */
#include "bridge/callback.h"
#include "bridge/clock.h"

/* Who waits for a timer channel must look again when it is due. */
static struct leat_deadline first_due(const struct leati_callback *k)
{
    struct leat_deadline at = k->until;
    for (size_t i = 0; i < k->sel.s.n; i++) {
        struct leat_case *cs = &k->sel.s.cases[i];
        uint64_t ticket;
        if (cs->chan && cs->chan->kind == LEATI_TIMER)
            (void)cs->chan->ops->ready(cs->chan, cs->op, &ticket, &at);
    }
    return at;
}

/* Tries, then registers; over, if that is what comes of it. */
static int begin(struct leati_callback *k)
{
    struct leati_select *s = &k->sel.s;
    unsigned flags = k->call.w.spin & LEATI_CALLBACK_PRIORITY ? LEAT_PRIORITY : 0;
    int r = leat_select(s->cases, s->n, LEAT_NOW, flags, &k->sel.which);
    if (r == LEAT_EINVAL)
        return r;
    if ((r != LEAT_EAGAIN && r != LEAT_EBUSY) || k->until.at_ns <= 0) {
        leati_callback_over(k, r);
        return 0;
    }
    k->call.w.result = 0;
    leati_select_begin(s, s->cases, s->n);
    r = leati_callback_arm(k, first_due(k)); /* from here on it may be ended */
    if (r != 0)
        return r;
    s->hungry = leati_select_feed(s->cases, s->n);
    if (!leati_select_publish(&k->call.w))
        leati_callback_over(k, k->call.w.result);
    return 0;
}

static void disarm(struct leati_call *c)
{
    leati_clock_disarm(c);
}

static bool settle(struct leati_call *c)
{
    struct leati_callback *k = leati_callback_of(c);
    struct leati_select *s = &k->sel.s;
    leati_select_leave(s);
    s->listed = 0;
    if (s->claim.won) {
        k->sel.which = leati_select_won(s);
        s->claim.won = NULL;
        c->w.result = 0;
    } else if (leati_callback_early(k)) {
        int r = begin(k);
        if (r != 0)
            leati_callback_over(k, r);
        return false;
    }
    return true;
}

static const struct leati_call_ops select_ops = {
    {leati_select_publish, leati_select_abort, "select (callback)"},
    disarm,
    settle,
    leati_callback_run};

int leat_call_select(leat_call *call, struct leat_case *cases, size_t n,
                     struct leat_deadline until, unsigned flags)
{
    struct leati_callback *k = leati_callback(call);
    if (k == NULL || (cases == NULL && n > 0) || (flags & ~(unsigned)LEAT_PRIORITY))
        return LEAT_EINVAL;
    int r = leati_callback_start(k, &select_ops, until);
    if (r != 0)
        return r;
    struct leati_select *s = &k->sel.s;
    s->cases = cases;
    s->n = n;
    s->listed = 0;
    s->claim.won = NULL;
    leati_store_rlx(&s->claim.st, (uint32_t)LEATI_DONE); /* relaxed: no node leads here */
    if (flags & LEAT_PRIORITY)
        k->call.w.spin |= LEATI_CALLBACK_PRIORITY;
    r = begin(k);
    if (r != 0)
        leati_store_rlx(&k->call.w.word, (uint32_t)LEATI_CALLBACK_IDLE);
    leati_calls_run();
    return r;
}

size_t leat_call_which(const leat_call *call)
{
    return ((const struct leati_callback *)(const void *)call)->sel.which;
}
