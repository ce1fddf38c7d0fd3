/* close.c - close, cancel and free against everything else.
 * SPDX-License-Identifier: MIT */
#include "common.h"

static bool refused; /* a send was told that the channel is closed */

static void close_it(void)
{
    weave_check(leat_chan_close(chan) == 0);
    weave_check(leat_chan_close(chan) != 0);
}

/* Who waits is told; what was sent before is delivered. */
static void send_receive_close(unsigned i)
{
    if (i == 0) {
        refused = put_until(chan, 1, LEAT_NEVER) == LEAT_ECLOSED;
    } else if (i == 1) {
        while (take_until(chan, LEAT_NEVER) == 0)
            ;
    } else {
        close_it();
    }
}

static void all_told(void)
{
    weave_check(refused || got == 1);
    settle();
}

/* A sender that waits when the channel is closed is served. */
static void parked_close(unsigned i)
{
    if (i == 0)
        refused = put_until(chan, 1, LEAT_NEVER) == LEAT_ECLOSED;
    else if (i == 1)
        close_it();
    else
        while (take_until(chan, LEAT_NEVER) == 0)
            ;
}

static void full(void)
{
    open_one();
    put(4);
}

static void full_told(void)
{
    weave_check(got == (refused ? 4u : 5u));
    settle();
}

static void cancel_it(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, LEAT_NEVER);
    else if (i == 1)
        (void)take_until(chan, LEAT_NEVER);
    else
        weave_check(leat_chan_cancel(chan) == 0);
}

static void timed_close(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, leat_in_us(20));
    else if (i == 1)
        close_it();
    else
        (void)take_until(chan, leat_in_us(30));
}

#define CLOSE(kind, cap, flags)                                                          \
    WEAVE_SCENARIO(close_##kind, .name = "close." #kind "_tells_all_loses_nothing",      \
                   .actors = 3, .setup = open_##kind, .actor = send_receive_close,       \
                   .check = all_told, .bound = 2);                                       \
    WEAVE_SCENARIO(cancel_##kind, .name = "close." #kind "_cancel_drops_what_is_inside", \
                   .actors = 3, .setup = open_##kind, .actor = cancel_it,                \
                   .check = settle, .bound = 2);                                         \
    WEAVE_SCENARIO(timed_##kind, .name = "close." #kind "_against_deadlines",            \
                   .actors = 3, .setup = open_##kind, .actor = timed_close,              \
                   .check = settle, .bound = 2);
EACH_KIND(CLOSE)

WEAVE_SCENARIO(graceful, .name = "close.serves_a_parked_sender", .actors = 3,
               .setup = full, .actor = parked_close, .check = full_told, .bound = 2);
WEAVE_SCENARIO(full_timed, .name = "close.full_against_deadlines", .actors = 3,
               .setup = full, .actor = timed_close, .check = settle, .bound = 2);
WEAVE_SCENARIO(full_cancel, .name = "close.full_cancel", .actors = 3, .setup = full,
               .actor = cancel_it, .check = settle, .bound = 2);

/* One who waits to send leaves at its deadline, and the channel is closed then. Of two
 * receivers the one that found nothing, since the other is half-way, learns of it. */
static void leaving_sender(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, leat_in_us(20));
    else if (i == 1)
        close_it();
    else
        (void)take_until(chan, LEAT_NEVER);
}

WEAVE_SCENARIO(leaving, .name = "close.a_leaving_sender_was_the_last", .actors = 4,
               .setup = full, .actor = leaving_sender, .check = settle, .bound = 2);

/* --- freed right after the last value; the header comes back for another channel, on
 *     which the late sender may still look for somebody to serve --- */

static void last_value(unsigned i)
{
    if (i == 0) {
        put(1);
        return;
    }
    take();
    leat_chan_free(chan);
    leat_chan *next = open_kind(1, 0);
    uint64_t v = 9;
    weave_check(leat_chan_send(next, &v) == 0);
    weave_check(leat_chan_recv(next, &v) == 0 && v == 9);
    leat_chan_free(next);
}

static void even(void)
{
    weave_check(sent == got + dropped);
}

#define LAST(kind, cap, flags)                                                           \
    WEAVE_SCENARIO(last_##kind, .name = "close." #kind "_freed_after_the_last_value",    \
                   .actors = 2, .setup = open_##kind, .actor = last_value, .check = even);
EACH_KIND(LAST)

/* --- counted handles: the last sender's end closes --- */

static leat_tx *tx[2];

static void two_handles(void)
{
    open_two();
    tx[0] = leat_chan_tx(chan);
    tx[1] = leat_tx_ref(tx[0]);
}

static void hand_in(unsigned i)
{
    if (i < 2) {
        put(i + 1);
        leat_tx_free(tx[i]);
    } else {
        while (take_until(chan, LEAT_NEVER) == 0)
            ;
    }
}

static void all_got(void)
{
    weave_check(got == 3 && closed == 1);
    settle();
}

WEAVE_SCENARIO(handles, .name = "close.last_sender_closes", .actors = 3,
               .setup = two_handles, .actor = hand_in, .check = all_got, .bound = 2);
