/* op.h - one blocking channel operation by an actor of its own, and a drop that counts.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_OP_H
#define LEAT_TESTS_OP_H

#include "support/kinds.h"
#include "support/lone.h"

struct op {
    struct lone actor;
    leat_chan *chan;
    unsigned dir;
    struct leat_deadline until;
    uint64_t value;
};

#define OP_UNTOUCHED UINT64_C(0xDEADDEADDEADDEAD)

static int op_main(void *arg)
{
    struct op *o = (struct op *)arg;
    if (o->dir == LEAT_OP_SEND)
        return leat_chan_send_until(o->chan, &o->value, o->until);
    return leat_chan_recv_until(o->chan, &o->value, o->until);
}

/* Starts the i-th operation of a test. A send sends `value`. */
static inline void op_start(struct op *o, enum crew_kind kind, unsigned i, leat_chan *c,
                            unsigned dir, uint64_t value, struct leat_deadline until)
{
    o->chan = c;
    o->dir = dir;
    o->until = until;
    o->value = dir == LEAT_OP_SEND ? value : OP_UNTOUCHED;
    lone_start(&o->actor, kind, i, op_main, o);
}

/* The same, and waits until it is parked as the n-th of its side. */
static inline void op_park(struct op *o, enum crew_kind kind, unsigned i, leat_chan *c,
                           unsigned dir, uint64_t value, unsigned n)
{
    op_start(o, kind, i, c, dir, value, LEAT_NEVER);
    until_parked(c, dir, n);
}

static inline int op_join(struct op *o)
{
    return lone_join(&o->actor);
}

/* For leat_chan_opts.drop with 8-byte elements: counts, sums, checks the order. */
struct dropped {
    uint64_t count, sum, last;
    bool disorder;
};

static inline void dropped_add(void *elem, void *arg)
{
    struct dropped *d = (struct dropped *)arg;
    uint64_t v = *(uint64_t *)elem;
    d->disorder |= d->count && v <= d->last;
    d->last = v;
    d->sum += v;
    d->count++;
}

static inline leat_chan *kind_open_dropping(const struct kind *k, struct dropped *d)
{
    struct leat_chan_opts o = kind_opts(k, sizeof(uint64_t));
    leat_chan *c = NULL;
    o.drop = dropped_add;
    o.drop_arg = d;
    expect_eq(leat_chan_open(&c, &o), 0);
    return c;
}

/* Fills a bounded channel with first, first + 1, ...; an unbounded one with 100. */
static inline uint64_t fill(leat_chan *c, const struct kind *k, uint64_t first)
{
    uint64_t n = kind_bounded(k) ? k->cap : 100;
    for (uint64_t v = first; v < first + n; v++)
        expect_eq(leat_chan_try_send(c, &v), 0);
    return n;
}

/* Runs fn(k, crew) for every kind of channel and of actors. */
static inline void each_kind_and_crew(void (*fn)(const struct kind *, enum crew_kind))
{
    for (unsigned i = 0; i < KINDS; i++)
        for (int crew = 0; crew < CREW_KINDS; crew++) {
            char about[100];
            snprintf(about, sizeof(about), "%s, %s", kinds[i].name, crew_kind_name[crew]);
            support_about = about;
            fn(&kinds[i], (enum crew_kind)crew);
            verdict();
            support_about = NULL;
        }
}

#endif
