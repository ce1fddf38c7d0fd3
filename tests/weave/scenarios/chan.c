/* chan.c - sends and receives that meet, for every kind of channel.
 * SPDX-License-Identifier: MIT */
#include "common.h"

/* --- one each --- */

static void one_each(unsigned i)
{
    if (i == 0)
        put(1);
    else
        take();
}

#define PAIR(kind, cap, flags)                                                           \
    WEAVE_SCENARIO(pair_##kind, .name = "chan." #kind "_one_value_arrives", .actors = 2, \
                   .setup = open_##kind, .actor = one_each, .check = settle);
EACH_KIND(PAIR)

/* --- two and one --- */

static void two_send(unsigned i)
{
    if (i < 2) {
        put(i + 1);
    } else {
        take();
        take();
    }
}

static void two_receive(unsigned i)
{
    if (i < 2) {
        take();
    } else {
        put(1);
        put(2);
    }
}

#define TWO(kind, cap, flags)                                                            \
    WEAVE_SCENARIO(two_send_##kind, .name = "chan." #kind "_two_senders", .actors = 3,   \
                   .setup = open_##kind, .actor = two_send, .check = settle, .bound = 2);\
    WEAVE_SCENARIO(two_recv_##kind, .name = "chan." #kind "_two_receivers", .actors = 3, \
                   .setup = open_##kind, .actor = two_receive, .check = settle,          \
                   .bound = 2);
EACH_KIND(TWO)

/* --- who is parked is found by a try --- */

/* 0 and 1 wait, 2 tries: when somebody waits for it, with success. */
static void try_meets(unsigned i, unsigned dir)
{
    unsigned waits[2];
    if (i < 2) {
        if (dir == LEAT_OP_SEND)
            put(i + 1);
        else
            take();
        return;
    }
    chan->ops->waiting(chan, waits);
    int r = dir == LEAT_OP_SEND ? take_until(chan, LEAT_NOW) : put_until(chan, 4, LEAT_NOW);
    weave_check(waits[dir] == 0 || r == 0);
    for (unsigned k = r == 0; k < 2; k++) {
        if (dir == LEAT_OP_SEND)
            take();
        else
            put(4);
    }
}

static void try_receive(unsigned i)
{
    try_meets(i, LEAT_OP_SEND);
}

static void try_send(unsigned i)
{
    try_meets(i, LEAT_OP_RECV);
}

WEAVE_SCENARIO(try_recv, .name = "chan.rendezvous_a_try_finds_a_parked_sender",
               .actors = 3, .setup = open_rendezvous, .actor = try_receive,
               .check = settle, .bound = 2);
WEAVE_SCENARIO(try_send, .name = "chan.rendezvous_a_try_finds_a_parked_receiver",
               .actors = 3, .setup = open_rendezvous, .actor = try_send,
               .check = settle, .bound = 2);

/* --- order --- */

static uint64_t last;

static void in_order(unsigned i)
{
    for (uint64_t v = 1; v <= 3; v++) {
        if (i == 0) {
            put(v);
            continue;
        }
        uint64_t r = 0;
        weave_check(leat_chan_recv(chan, &r) == 0);
        weave_check(r == last + 1);
        last = r;
        got += r;
    }
}

#define ORDER(kind, cap, flags)                                                          \
    WEAVE_SCENARIO(order_##kind, .name = "chan." #kind "_values_keep_their_order",       \
                   .actors = 2, .setup = open_##kind, .actor = in_order,                 \
                   .check = settle);
EACH_KIND(ORDER)

/* --- a full channel: parked senders, two receivers (a pump that goes round) --- */

static void full_one(void)
{
    open_one();
    put(4);
}

static void full_fair(void)
{
    open_fair();
    put(4);
}

static void one_parked(unsigned i)
{
    if (i == 0)
        put(1);
    else
        take();
}

static void two_parked(unsigned i)
{
    if (i < 2) {
        put(i + 1);
        return;
    }
    take();
    take();
    take();
}

WEAVE_SCENARIO(cascade, .name = "chan.one_full_two_receivers", .actors = 3,
               .setup = full_one, .actor = one_parked, .check = settle, .bound = 2);
WEAVE_SCENARIO(cascade_fair, .name = "chan.fair_full_two_receivers", .actors = 3,
               .setup = full_fair, .actor = one_parked, .check = settle, .bound = 2);
WEAVE_SCENARIO(parked, .name = "chan.one_full_two_senders_park", .actors = 3,
               .setup = full_one, .actor = two_parked, .check = settle, .bound = 2);
WEAVE_SCENARIO(parked_fair, .name = "chan.fair_full_two_senders_park", .actors = 3,
               .setup = full_fair, .actor = two_parked, .check = settle, .bound = 2);

/* --- time --- */

static void one_is_short_of_time(unsigned i)
{
    struct leat_deadline soon = leat_in_us(1 + 20 * (int)weave_choose(3));
    int r = i == 0 ? put_until(chan, 1, weave_choose(2) ? soon : LEAT_NOW)
                   : take_until(chan, soon);
    weave_check(r == 0 || r == LEAT_ETIMEDOUT || r == LEAT_EAGAIN);
}

static void two_are_short_of_time(unsigned i)
{
    if (i < 2)
        one_is_short_of_time(i);
    else
        (void)take_until(chan, leat_in_us(30));
}

#define TIME(kind, cap, flags)                                                           \
    WEAVE_SCENARIO(time_##kind, .name = "chan." #kind "_deadlines_lose_nothing",         \
                   .actors = 2, .setup = open_##kind, .actor = one_is_short_of_time,     \
                   .check = settle, .bound = 2);                                         \
    WEAVE_SCENARIO(times_##kind, .name = "chan." #kind "_two_deadlines_lose_nothing",    \
                   .actors = 3, .setup = open_##kind, .actor = two_are_short_of_time,    \
                   .check = settle, .bound = 2);
EACH_KIND(TIME)

/* --- batches --- */

static void batches(unsigned i)
{
    static const uint64_t v[3] = {1, 2, 4};
    uint64_t r[3];
    for (size_t n = 0; n < 3;) {
        ptrdiff_t k = i == 0 ? leat_chan_send_n(chan, v + n, 3 - n, LEAT_NEVER)
                             : leat_chan_recv_n(chan, r + n, 3 - n, LEAT_NEVER);
        weave_check(k >= 1 && (size_t)k <= 3 - n);
        n += (size_t)k;
    }
    for (size_t n = 0; n < 3; n++) {
        if (i == 0)
            sent += v[n];
        else
            got += r[n];
        weave_check(i == 0 || r[n] == v[n]);
    }
}


#define BATCH(kind, cap, flags)                                                          \
    WEAVE_SCENARIO(batch_##kind, .name = "chan." #kind "_batches_keep_their_order",      \
                   .actors = 2, .setup = open_##kind, .actor = batches,                  \
                   .check = settle, .bound = 2);
EACH_KIND(BATCH)

/* --- counters just below their wrap --- */

static void late_one(void)
{
    open_one();
    struct leati_bounded *b = leati_bounded(chan);
    uint64_t lap = ((uint64_t)1 << 31) - 1; /* the turn wraps in the next lap */
    leati_store_rlx(&b->head, lap << b->lap.shift);
    leati_store_rlx(&b->tail, lap << b->lap.shift);
    char *cell = leati_bounded_cell(b, b->stride, lap << b->lap.shift);
    leati_a32 *turn = (leati_a32 *)(void *)cell;
    leati_store_rlx(turn, leati_lap_turn(&b->lap, lap << b->lap.shift));
}

WEAVE_SCENARIO(wrap, .name = "chan.one_turns_wrap", .actors = 2, .setup = late_one,
               .actor = in_order, .check = settle);
