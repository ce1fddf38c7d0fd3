/* kinds.h - every kind of channel, for tests that run the same property on all of them.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_KINDS_H
#define LEAT_TESTS_KINDS_H

#include "chan/chan.h"
#include "support/support.h"

struct kind {
    const char *name;
    size_t cap;
    unsigned flags; /* enum leat_chan_flags, KIND_MANAGED */
};

/* Behind one lock, with the buffer of a channel with priorities, of one level: and yet a
 * bounded queue like any other. */
#define KIND_MANAGED (1u << 31)

static inline unsigned kind_level(const void *elem, void *arg)
{
    (void)elem, (void)arg;
    return 0;
}

static const struct leat_buffer kind_managed = {
    .kind = LEAT_BUFFER_PRIORITY, .levels = 1, .level = kind_level};

/* Declared sides get the ring of their own from 1024 cells on. */
static const struct kind kinds[] = {
    {"rendezvous", 0, 0},
    {"rendezvous, compact", 0, LEAT_COMPACT},
    {"capacity 1", 1, 0},
    {"capacity 2", 2, 0},
    {"capacity 3", 3, 0},
    {"capacity 7", 7, 0},
    {"capacity 128", 128, 0},
    {"capacity 1, fair", 1, LEAT_FAIR},
    {"capacity 7, fair", 7, LEAT_FAIR},
    {"capacity 3, compact", 3, LEAT_COMPACT},
    {"capacity 1024, single producer", 1024, LEAT_SINGLE_PRODUCER},
    {"capacity 1024, single consumer", 1024, LEAT_SINGLE_CONSUMER},
    {"capacity 2, single both", 2, LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER},
    {"capacity 1024, single both", 1024, LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER},
    {"capacity 1500, single both, fair", 1500,
     LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER | LEAT_FAIR},
    {"managed, capacity 1", 1, KIND_MANAGED},
    {"managed, capacity 3, fair", 3, KIND_MANAGED | LEAT_FAIR},
    {"managed, capacity 128", 128, KIND_MANAGED},
    {"unbounded", LEAT_UNBOUNDED, 0},
    {"unbounded, fair", LEAT_UNBOUNDED, LEAT_FAIR},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static inline bool kind_bounded(const struct kind *k)
{
    return k->cap != LEAT_UNBOUNDED;
}

/* Allowed to have that many senders and receivers at once? */
static inline bool kind_allows(const struct kind *k, unsigned senders, unsigned receivers)
{
    return !(senders > 1 && (k->flags & LEAT_SINGLE_PRODUCER)) &&
           !(receivers > 1 && (k->flags & LEAT_SINGLE_CONSUMER));
}

static inline struct leat_chan_opts kind_opts(const struct kind *k, size_t elem_size)
{
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = elem_size,
                               .capacity = k->cap,
                               .flags = k->flags & ~KIND_MANAGED,
                               .buffer = k->flags & KIND_MANAGED ? &kind_managed : NULL,
                               .name = "test"};
    return o;
}

/* An open channel of that kind, or NULL. */
static inline leat_chan *kind_open(const struct kind *k, size_t elem_size)
{
    struct leat_chan_opts o = kind_opts(k, elem_size);
    leat_chan *c = NULL;
    expect_eq(leat_chan_open(&c, &o), 0);
    return c;
}

/* How many are parked in that direction (enum leat_op). */
static inline unsigned parked(const leat_chan *c, unsigned dir)
{
    unsigned n[2];
    c->ops->waiting(c, n);
    return n[dir];
}

struct parked_goal {
    const leat_chan *c;
    unsigned dir, n;
};

static inline bool parked_reached(void *arg)
{
    const struct parked_goal *g = (const struct parked_goal *)arg;
    return parked(g->c, g->dir) == g->n;
}

/* Waits until exactly n are parked there. */
static inline bool until_parked(const leat_chan *c, unsigned dir, unsigned n)
{
    struct parked_goal g = {c, dir, n};
    return expect(support_until(parked_reached, &g));
}

/* Runs fn(k) on the test thread, or in an actor, for every kind. */
static inline void each_kind(void (*fn)(const struct kind *k))
{
    for (unsigned i = 0; i < KINDS; i++) {
        support_about = kinds[i].name;
        fn(&kinds[i]);
        verdict();
    }
    support_about = NULL;
}

#endif
