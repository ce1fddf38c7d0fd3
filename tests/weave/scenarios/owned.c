/* owned.c - declared single sides, in a ring smaller than leat_chan_open would give
 * one. SPDX-License-Identifier: MIT */
#include "common.h"
#include "arch/futex.h"
#include "chan/open.h"

static void open_owned(unsigned flags)
{
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = 8,
                               .capacity = 1,
                               .flags = flags,
                               .spin = LEAT_SPIN_NEVER,
                               .drop = on_drop};
    weave_check(leati_owned_open(&chan, &o) == 0);
    leati_chan_opened(chan);
}

static void producer(void)
{
    open_owned(LEAT_SINGLE_PRODUCER);
}

static void consumer(void)
{
    open_owned(LEAT_SINGLE_CONSUMER);
}

static void both(void)
{
    open_owned(LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER);
}

static uint64_t last;

static void in_order(unsigned i)
{
    for (uint64_t v = 1; v <= 2; v++) {
        if (i == 0) {
            put(v);
            continue;
        }
        take();
        weave_check(got == last + v);
        last = got;
    }
}

/* One value fills it, so the sender must wait for the receiver. */
static void one_each(unsigned i)
{
    if (i == 0)
        put(1);
    else
        take();
}

static bool refused; /* the send was told that the channel is closed */

/* Who is told of the end has received all that was sent. */
static void close_after(unsigned i)
{
    if (i == 0) {
        refused = put_until(chan, 1, LEAT_NEVER) == LEAT_ECLOSED;
    } else if (i == 1) {
        while (take_until(chan, LEAT_NEVER) == 0)
            ;
    } else {
        weave_check(leat_chan_close(chan) == 0);
    }
}

static void out_of_time(unsigned i)
{
    if (i == 0) {
        (void)put_until(chan, 1, weave_choose(2) ? LEAT_NOW : leat_in_us(20));
        (void)put_until(chan, 2, leat_in_us(20));
    } else {
        (void)take_until(chan, weave_choose(2) ? LEAT_NOW : leat_in_us(20));
    }
}

static void cancelled(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, LEAT_NEVER);
    else if (i == 1)
        (void)take_until(chan, LEAT_NEVER);
    else
        weave_check(leat_chan_cancel(chan) == 0);
}

static void even(void)
{
    unsigned n[2];
    chan->ops->waiting(chan, n);
    weave_check(n[0] == 0 && n[1] == 0);
    while (take_until(chan, LEAT_NOW) == 0)
        ;
    chan = leat_chan_free(chan);
    weave_check(sent == got + dropped);
}

static void all_told(void)
{
    weave_check(refused || got == 1);
    even();
}

#define SHAPES(kind)                                                                   \
    WEAVE_SCENARIO(one_##kind, .name = "owned." #kind "_one_value_arrives",            \
                   .actors = 2, .setup = kind, .actor = one_each, .check = even);      \
    WEAVE_SCENARIO(order_##kind, .name = "owned." #kind "_values_keep_their_order",    \
                   .actors = 2, .setup = kind, .actor = in_order, .check = even);      \
    WEAVE_SCENARIO(close_##kind, .name = "owned." #kind "_close_tells_the_receiver",   \
                   .actors = 3, .setup = kind, .actor = close_after,                   \
                   .check = all_told,                                                  \
                   .bound = 2);                                                        \
    WEAVE_SCENARIO(time_##kind, .name = "owned." #kind "_deadlines_lose_nothing",      \
                   .actors = 2, .setup = kind, .actor = out_of_time, .check = even,    \
                   .bound = 2);                                                        \
    WEAVE_SCENARIO(cancel_##kind,                                                      \
                   .name = "owned." #kind "_cancel_drops_what_is_inside", .actors = 3, \
                   .setup = kind, .actor = cancelled, .check = even, .bound = 2);
SHAPES(producer)
SHAPES(consumer)
SHAPES(both)

/* --- the lock of a producer that wants to park, which is no parked producer --- */

static void full_of_one(void)
{
    producer();
    put(1);
}

static void refused_in_the_lock(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 2, LEAT_NEVER);
    else
        close_after(i);
}

WEAVE_SCENARIO(lock_producer, .name = "owned.producer_refused_was_not_parked", .actors = 3,
               .setup = full_of_one, .actor = refused_in_the_lock, .check = even,
               .bound = 2);

/* A producer that was served at the very instant at which it gives up, while the channel
 * is closed. Its receiver has slept until then, too. */
static struct leat_deadline instant;
static leati_a32 never;

static void full_until(void)
{
    full_of_one();
    instant = leat_in_us(100);
}

static void served_too_late(unsigned i)
{
    if (i == 0) {
        (void)put_until(chan, 2, instant);
        return;
    }
    (void)leatp_futex_wait(&never, 0, instant);
    close_after(i);
}

WEAVE_SCENARIO(late_producer, .name = "owned.producer_served_was_not_parked", .actors = 3,
               .setup = full_until, .actor = served_too_late, .check = even, .bound = 2);
