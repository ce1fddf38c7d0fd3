/* history.c - what three actors do with a channel could have been done with a queue.
 * SPDX-License-Identifier: MIT */
#include "common.h"
#include "history/history.c"

enum { ACTORS = 3, OPS = 2 };

static struct history_event events[ACTORS * OPS + 1];
static unsigned recorded;

static void record(enum history_op op, uint64_t value, struct leat_deadline until)
{
    struct history_event e = {.op = (uint8_t)op, .value = value, .from = weave_step()};
    int r = op == HISTORY_CLOSE  ? leat_chan_close(chan)
            : op == HISTORY_SEND ? leat_chan_send_until(chan, &e.value, until)
                                 : leat_chan_recv_until(chan, &e.value, until);
    e.to = weave_step();
    e.result = r == 0                                     ? HISTORY_DONE
               : r == LEAT_EAGAIN                         ? HISTORY_NOTHING
               : r == LEAT_ECLOSED || op == HISTORY_CLOSE ? HISTORY_CLOSED
                                                          : HISTORY_TIMEOUT;
    events[recorded++] = e;
}

static void tries(unsigned i)
{
    for (unsigned k = 0; k < OPS; k++)
        if (weave_choose(2))
            record(HISTORY_SEND, 1 + i * OPS + k, LEAT_NOW);
        else
            record(HISTORY_RECV, 0, LEAT_NOW);
}

static void waits(unsigned i)
{
    for (unsigned k = 0; k < OPS; k++)
        if (i == 0)
            record(HISTORY_SEND, 1 + k, leat_in_us(20));
        else
            record(HISTORY_RECV, 0, i == 1 && k ? LEAT_NOW : leat_in_us(20));
}

static void closes(unsigned i)
{
    if (i == 2) {
        record(HISTORY_CLOSE, 0, LEAT_NOW);
        record(HISTORY_RECV, 0, LEAT_NOW);
        return;
    }
    for (unsigned k = 0; k < OPS; k++)
        if (i == 0)
            record(HISTORY_SEND, 1 + k, leat_in_us(20));
        else
            record(HISTORY_RECV, 0, LEAT_NEVER);
}

static void judge(long capacity)
{
    weave_check(history_linear(events, recorded, capacity));
    at_rest(chan);
    chan = leat_chan_free(chan);
}

#define JUDGED(kind, cap, flags)                                                      \
    static void judge_##kind(void)                                                    \
    {                                                                                 \
        judge((size_t)(cap) == LEAT_UNBOUNDED ? HISTORY_ANY_CAPACITY : (long)(cap));  \
    }                                                                                 \
    WEAVE_SCENARIO(try_##kind, .name = "history." #kind "_tries", .actors = ACTORS,   \
                   .setup = open_##kind, .actor = tries, .check = judge_##kind,       \
                   .bound = 2);                                                       \
    WEAVE_SCENARIO(wait_##kind, .name = "history." #kind "_waits", .actors = ACTORS,  \
                   .setup = open_##kind, .actor = waits, .check = judge_##kind,       \
                   .bound = 2);                                                       \
    WEAVE_SCENARIO(close_##kind, .name = "history." #kind "_close", .actors = ACTORS, \
                   .setup = open_##kind, .actor = closes, .check = judge_##kind,      \
                   .bound = 2);
EACH_KIND(JUDGED)
