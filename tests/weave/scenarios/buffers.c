/* buffers.c - channels that lose values, keep one, or are made by a function.
 * SPDX-License-Identifier: MIT */
#include "common.h"

static leat_chan *open_buffer(enum leat_buffer_kind kind, size_t cap)
{
    const struct leat_buffer b = {.kind = kind};
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = 8,
                               .capacity = cap,
                               .spin = LEAT_SPIN_NEVER,
                               .drop = on_drop,
                               .buffer = &b};
    leat_chan *c = NULL;
    weave_check(leat_chan_open(&c, &o) == 0);
    return c;
}

static void sliding(void)
{
    chan = open_buffer(LEAT_BUFFER_SLIDING, 1);
}

static void dropping(void)
{
    chan = open_buffer(LEAT_BUFFER_DROPPING, 1);
}

static void promise(void)
{
    chan = open_buffer(LEAT_BUFFER_PROMISE, 1);
}

/* --- what was sent was received or dropped, once --- */

static void two_senders_one_receiver(unsigned i)
{
    if (i < 2)
        put(1u << i);
    else
        take();
}

static void ended(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, LEAT_NEVER);
    else if (i == 1)
        (void)take_until(chan, LEAT_NEVER);
    else
        weave_check(leat_chan_cancel(chan) == 0);
}

static void timed(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, LEAT_NEVER);
    else
        (void)take_until(chan, i == 1 ? leat_in_us(20) : LEAT_NEVER);
    if (i == 1)
        weave_check(leat_chan_close(chan) == 0);
}

#define LOSING(kind)                                                                 \
    WEAVE_SCENARIO(kind##_two, .name = "buffers." #kind "_loses_what_it_drops",      \
                   .actors = 3, .setup = kind, .actor = two_senders_one_receiver,    \
                   .check = settle, .bound = 2);                                     \
    WEAVE_SCENARIO(kind##_ended, .name = "buffers." #kind "_cancelled", .actors = 3, \
                   .setup = kind, .actor = ended, .check = settle, .bound = 2);      \
    WEAVE_SCENARIO(kind##_timed, .name = "buffers." #kind "_against_deadlines",      \
                   .actors = 3, .setup = kind, .actor = timed, .check = settle,      \
                   .bound = 2)
LOSING(sliding);
LOSING(dropping);

/* --- freed right after the last value, while an older one is being dropped; the header
 *     comes back for another channel --- */

static void full(void)
{
    sliding();
    put(4);
}

static void slide_and_free(unsigned i)
{
    if (i == 0) {
        put(1);
        return;
    }
    uint64_t v;
    do {
        weave_check(leat_chan_recv(chan, &v) == 0);
        got += v;
    } while (v != 1);
    leat_chan_free(chan);
    leat_chan *next = open_buffer(LEAT_BUFFER_SLIDING, 1);
    v = 9;
    weave_check(leat_chan_send(next, &v) == 0);
    v = 0;
    weave_check(leat_chan_try_recv(next, &v) == 0 && v == 9);
    weave_check(leat_chan_len(next) == 0);
    leat_chan_free(next);
}

static void even(void)
{
    weave_check(sent == got + dropped);
}

WEAVE_SCENARIO(slide_free, .name = "buffers.freed_while_a_value_is_dropped",
               .actors = 2, .setup = full, .actor = slide_and_free, .check = even);

/* --- a promise: one value for all --- */

static uint64_t seen[4];

static void promised(unsigned i)
{
    if (i < 2) {
        put(1u << i);
        return;
    }
    weave_check(leat_chan_recv(chan, &seen[i]) == 0 && seen[i] != 0);
}

static void one_for_all(void)
{
    at_rest(chan);
    uint64_t v = 0;
    weave_check(leat_chan_recv(chan, &v) == 0);
    weave_check(seen[2] == v && seen[3] == v && dropped == 3 - v);
    chan = leat_chan_free(chan);
    weave_check(dropped == 3);
}

WEAVE_SCENARIO(promise_all, .name = "buffers.a_promise_is_the_same_for_all",
               .actors = 4, .setup = promise, .actor = promised, .check = one_for_all,
               .bound = 2);

static void promised_or_closed(unsigned i)
{
    if (i == 0)
        (void)put_until(chan, 1, LEAT_NEVER);
    else if (i == 1)
        for (unsigned k = 0; k < 2; k++)
            weave_check((leat_chan_recv(chan, &seen[k]) == 0) == (seen[k] != 0));
    else
        weave_check(leat_chan_close(chan) == 0);
}

static void given_or_closed(void)
{
    at_rest(chan);
    weave_check(seen[1] == sent && (seen[0] == 0 || seen[0] == sent));
    chan = leat_chan_free(chan);
    weave_check(dropped == sent);
}

WEAVE_SCENARIO(promise_close, .name = "buffers.a_promise_or_its_close", .actors = 3,
               .setup = promise, .actor = promised_or_closed, .check = given_or_closed,
               .bound = 2);

/* --- a stream made by a function --- */

static unsigned inside, made, freed;

static int next(void *arg, void *ret)
{
    (void)arg;
    weave_check(inside++ == 0);
    (void)weave_step(); /* others may come */
    *(uint64_t *)ret = 1u << made;
    (void)weave_step();
    inside--;
    return made == 2 ? LEAT_ECLOSED : (made++, 0);
}

static void done(void *arg)
{
    (void)arg;
    freed++;
}

static void stream(void)
{
    const struct leat_source_opts o = {
        .size = sizeof(o), .elem_size = 8, .next = next, .done = done};
    weave_check(leat_source_new(&chan, &o) == 0);
    chan->spin = LEAT_SPIN_NEVER;
}

static void two_made(void)
{
    at_rest(chan);
    uint64_t v = 0;
    weave_check(leat_chan_try_recv(chan, &v) == LEAT_ECLOSED && v == 0);
    weave_check(made == 2 && got == 3 + sent && inside == 0);
    chan = leat_chan_free(chan);
    weave_check(freed == 1);
}

static void take_all(unsigned i)
{
    (void)i;
    while (take_until(chan, LEAT_NEVER) == 0)
        continue;
}

WEAVE_SCENARIO(stream_all, .name = "buffers.a_function_is_called_by_one_at_a_time",
               .actors = 3, .setup = stream, .actor = take_all, .check = two_made,
               .bound = 2);

/* As many values as receivers: nobody comes later and sees to those who wait. */
static void take_one(unsigned i)
{
    (void)i;
    take();
}

WEAVE_SCENARIO(stream_turn, .name = "buffers.the_turn_goes_to_who_waits", .actors = 2,
               .setup = stream, .actor = take_one, .check = two_made, .bound = 3);

static void take_impatiently(unsigned i)
{
    while (i == 0 ? take_until(chan, LEAT_NEVER) == 0
                  : take_until(chan, i == 1 ? leat_in_us(20) : LEAT_NOW) == 0)
        continue;
}

WEAVE_SCENARIO(stream_timed, .name = "buffers.who_leaves_takes_no_turn_along",
               .actors = 3, .setup = stream, .actor = take_impatiently,
               .check = two_made, .bound = 2);

static leat_chan *plain;

static void stream_beside(void)
{
    stream();
    plain = open_kind(0, 0);
}

static int take_either(void)
{
    uint64_t x = 0, y = 0;
    struct leat_case k[] = {LEAT_RECV(plain, &x), LEAT_RECV(chan, &y)};
    size_t which = 9;
    weave_check(leat_select(k, 2, LEAT_NEVER, 0, &which) == 0);
    weave_check(x == 0 || y == 0);
    weave_check((which == 0 ? x != 0 : y != 0) == (k[which].err == 0));
    got += x + y;
    return k[which].err;
}

static void select_turns(unsigned i)
{
    if (i == 2)
        (void)put_until(plain, 4, leat_in_us(20));
    else
        while (take_either() == 0)
            continue;
}

static void three_made(void)
{
    at_rest(plain);
    plain = leat_chan_free(plain);
    two_made();
}

WEAVE_SCENARIO(stream_select, .name = "buffers.a_select_wins_the_turn", .actors = 3,
               .setup = stream_beside, .actor = select_turns, .check = three_made,
               .bound = 2);

static void cancel_stream(unsigned i)
{
    if (i < 2)
        take_all(i);
    else
        weave_check(leat_chan_cancel(chan) == 0);
}

static void made_is_got(void)
{
    at_rest(chan);
    uint64_t v = 0;
    weave_check(leat_chan_recv(chan, &v) == LEAT_ECLOSED && inside == 0);
    weave_check(got == (1u << made) - 1);
    chan = leat_chan_free(chan);
    weave_check(freed == 1);
}

WEAVE_SCENARIO(stream_cancel, .name = "buffers.a_cancelled_stream_ends_for_all",
               .actors = 3, .setup = stream, .actor = cancel_stream,
               .check = made_is_got, .bound = 2);
