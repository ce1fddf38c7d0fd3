/* common.h - channels of every kind, and the account that each scenario keeps: what was
 * sent is what was received, dropped or is still inside. SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_COMMON_H
#define LEAT_WEAVE_COMMON_H

#include <leat/leat.h>
#include "chan/bounded.h"
#include "weave.h"

/* name, capacity, flags */
#define EACH_KIND(X)                                                                     \
    X(rendezvous, 0, 0)                                                                  \
    X(one, 1, 0)                                                                         \
    X(two, 2, 0)                                                                         \
    X(fair, 1, LEAT_FAIR)                                                                \
    X(unbounded, LEAT_UNBOUNDED, 0)                                                      \
    X(managed, 1, MANAGED)

/* Not a flag of the engine: behind one lock, with the buffer of a channel with levels. */
#define MANAGED (1u << 31)

static leat_chan *chan;
static uint64_t sent, got, dropped; /* sums of values; nobody is interrupted in a += */
static unsigned closed;             /* operations that were told LEAT_ECLOSED */

static inline void on_drop(void *elem, void *arg)
{
    (void)arg;
    dropped += *(uint64_t *)elem;
}

static inline unsigned only_level(const void *elem, void *arg)
{
    (void)elem, (void)arg;
    return 0;
}

static inline leat_chan *open_kind(size_t cap, unsigned flags)
{
    leat_chan *c = NULL;
    const struct leat_buffer one = {
        .kind = LEAT_BUFFER_PRIORITY, .levels = 1, .level = only_level};
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = 8,
                               .capacity = cap,
                               .flags = flags & ~MANAGED,
                               .buffer = flags & MANAGED ? &one : NULL,
                               .spin = LEAT_SPIN_NEVER,
                               .drop = on_drop};
    weave_check(leat_chan_open(&c, &o) == 0);
    return c;
}

/* Returns the operation's result; its value is in the account. */
static inline int put_until(leat_chan *c, uint64_t v, struct leat_deadline until)
{
    int r = leat_chan_send_until(c, &v, until);
    sent += r == 0 ? v : 0;
    closed += r == LEAT_ECLOSED;
    return r;
}

static inline int take_until(leat_chan *c, struct leat_deadline until)
{
    uint64_t v = 0;
    int r = leat_chan_recv_until(c, &v, until);
    weave_check((r == 0) == (v != 0));
    got += v;
    closed += r == LEAT_ECLOSED;
    return r;
}

static inline void put(uint64_t v)
{
    weave_check(put_until(chan, v, LEAT_NEVER) == 0);
}

static inline void take(void)
{
    weave_check(take_until(chan, LEAT_NEVER) == 0);
}

/* Nobody waits, no flag is left over. */
static inline void at_rest(leat_chan *c)
{
    unsigned n[2];
    c->ops->waiting(c, n);
    weave_check(n[0] == 0 && n[1] == 0);
    if (c->kind == LEATI_BOUNDED) {
        struct leati_bounded *b = leati_bounded(c);
        weave_check(!(leati_load_rlx(&b->head) & LEATI_H));
        weave_check(!(leati_load_rlx(&b->tail) & LEATI_H));
        weave_check(leati_load_rlx(&b->tx.word) == 0 && leati_load_rlx(&b->rx.word) == 0);
    }
}

/* What is inside comes out, the account is even, the channel goes. */
static inline void settle(void)
{
    at_rest(chan);
    while (take_until(chan, LEAT_NOW) == 0)
        ;
    weave_check(leat_chan_len(chan) == 0);
    chan = leat_chan_free(chan);
    weave_check(sent == got + dropped);
}

/* open_<kind>() for each */
#define OPEN_KIND(name, cap, flags)                                                      \
    static void open_##name(void)                                                        \
    {                                                                                    \
        chan = open_kind(cap, flags);                                                    \
    }
EACH_KIND(OPEN_KIND)

#endif
