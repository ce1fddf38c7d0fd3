/* owned.c - declared sides: plain publishing against parkers that pay the fence.
 * SPDX-License-Identifier: MIT */
#include "common.h"

#define BOTH (LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER)

static void both(void)
{
    chan = open_kind(1024, BOTH);
}

static void producer(void)
{
    chan = open_kind(1024, LEAT_SINGLE_PRODUCER);
}

static void consumer(void)
{
    chan = open_kind(1024, LEAT_SINGLE_CONSUMER);
}

static void two_values(unsigned i)
{
    for (uint64_t v = 1; v <= 2; v++) {
        uint64_t r = 0;
        if (i == 0) {
            put(v);
            continue;
        }
        weave_check(leat_chan_recv(chan, &r) == 0 && r == v);
        got += r;
    }
}

/* The last place is free: the producer waits at its second value. */
static void fill(void)
{
    struct leati_bounded *b = leati_bounded(chan);
    uint64_t v = 64;
    for (size_t i = 0; i < leat_chan_cap(chan) - 1; i++) {
        weave_check(leat_chan_send(chan, &v) == 0);
        sent += v;
    }
    weave_check(b->c.kind == LEATI_OWNED);
}

static void full(void)
{
    both();
    fill();
}

static void over_the_brim(unsigned i)
{
    for (uint64_t v = 1; v <= 2; v++)
        if (i == 0)
            put(v);
        else
            take();
}

static void closes(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, LEAT_NEVER);
    else if (i == 1)
        while (take_until(chan, LEAT_NEVER) == 0)
            ;
    else
        weave_check(leat_chan_close(chan) == 0);
}

static void deadlines(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, weave_choose(2) ? LEAT_NOW : leat_in_us(20));
    else
        (void)take_until(chan, leat_in_us(1 + 20 * (int)weave_choose(2)));
}

#define SIDES(kind)                                                                      \
    WEAVE_SCENARIO(order_##kind, .name = "owned." #kind "_values_arrive_in_order",       \
                   .actors = 2, .setup = kind, .actor = two_values, .check = settle);    \
    WEAVE_SCENARIO(close_##kind, .name = "owned." #kind "_close_tells_all",              \
                   .actors = 3, .setup = kind, .actor = closes, .check = settle,         \
                   .bound = 2);                                                          \
    WEAVE_SCENARIO(time_##kind, .name = "owned." #kind "_deadlines_lose_nothing",        \
                   .actors = 2, .setup = kind, .actor = deadlines, .check = settle,      \
                   .bound = 2);
SIDES(both)
SIDES(producer)
SIDES(consumer)

WEAVE_SCENARIO(full, .name = "owned.full_the_producer_waits", .actors = 2, .setup = full,
               .actor = over_the_brim, .check = settle, .bound = 1);
