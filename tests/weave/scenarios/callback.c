/* callback.c - operations with callbacks: completion against cancel and start, selects
 * with two completers, calls that start themselves anew. SPDX-License-Identifier: MIT */
#include "common.h"

#define SOME_KINDS(X)                                                                    \
    X(rendezvous, 0, 0)                                                                  \
    X(one, 1, 0)                                                                         \
    X(fair, 1, LEAT_FAIR)                                                                \
    X(unbounded, LEAT_UNBOUNDED, 0)

enum { CALLS = 3 };

struct one {
    leat_call call;
    uint64_t value;
    int result;
    unsigned times; /* called */
    leat_chan *again; /* starts itself anew there */
};

static struct one one[CALLS];
static unsigned cancelled, inside[8]; /* by thread */
static leat_chan *other;

static void called(leat_call *call, int result, void *arg)
{
    struct one *o = arg;
    unsigned me = weave_self() % 8;
    weave_check(inside[me]++ == 0);
    o->result = result;
    o->times++;
    if (result == 0)
        got += o->value;
    closed += result == LEAT_ECLOSED;
    if (o->again && result == 0)
        weave_check(leat_call_recv(call, o->again, &o->value) == 0);
    inside[me]--;
}

static void init(unsigned i)
{
    leat_call_init(&one[i].call, called, &one[i], NULL);
}

static void start(unsigned i)
{
    init(i);
    weave_check(leat_call_recv(&one[i].call, chan, &one[i].value) == 0);
}

static void try_put(uint64_t v)
{
    int r = put_until(chan, v, LEAT_NOW);
    weave_check(r == 0 || r == LEAT_EAGAIN);
}

/* --- completion against cancel --- */

#define PENDING(name, cap, flags)                                                        \
    static void pending_##name(void)                                                     \
    {                                                                                    \
        open_##name();                                                                   \
        start(0);                                                                        \
    }
SOME_KINDS(PENDING)

static void complete_or_cancel(unsigned i)
{
    if (i == 0)
        try_put(5);
    else
        cancelled += leat_call_cancel(&one[0].call) == 0;
}

static void either(void)
{
    weave_check(one[0].times + cancelled == 1);
    settle();
}

/* --- a start beside a send: listed, or served --- */

static void start_and_send(unsigned i)
{
    if (i == 0)
        start(0);
    else
        put(7);
}

static void served(void)
{
    weave_check(one[0].times == 1 && one[0].result == 0);
    settle();
}

/* --- served by one who parks: it calls back before it sleeps --- */

static void served_by_a_parker(unsigned i)
{
    if (i == 0) {
        put(1);
        put(2);
    } else {
        take();
    }
}

/* --- two calls that start themselves anew, two senders, a close --- */

static void open_again(void)
{
    init(0);
    one[0].again = chan;
    weave_check(leat_call_recv(&one[0].call, chan, &one[0].value) == 0);
}

#define AGAIN(name, cap, flags)                                                          \
    static void again_##name(void)                                                       \
    {                                                                                    \
        open_##name();                                                                   \
        open_again();                                                                    \
    }
SOME_KINDS(AGAIN)

static void send_to_it(unsigned i)
{
    put(i + 1);
}

static void all_received(void)
{
    weave_check(leat_chan_close(chan) == 0);
    weave_check(one[0].times == 3 && one[0].result == LEAT_ECLOSED);
    settle();
}

/* --- a close beside the start of two --- */

static void close_and_start(unsigned i)
{
    if (i == 0)
        weave_check(leat_chan_close(chan) == 0);
    else
        start(i);
}

static void both_told(void)
{
    weave_check(one[1].times == 1 && one[1].result == LEAT_ECLOSED);
    weave_check(one[2].times == 1 && one[2].result == LEAT_ECLOSED);
    settle();
}

/* --- selects --- */

static struct leat_case cases[2];

static void start_select(void)
{
    init(0);
    cases[0] = (struct leat_case)LEAT_RECV(chan, &one[0].value);
    cases[1] = (struct leat_case)LEAT_RECV(other, &one[0].value);
    weave_check(leat_call_select(&one[0].call, cases, 2, LEAT_NEVER, 0) == 0);
}

#define SELECTING(name, cap, flags)                                                      \
    static void two_##name(void)                                                         \
    {                                                                                    \
        open_##name();                                                                   \
        other = open_kind(cap, flags);                                                   \
    }                                                                                    \
    static void selecting_##name(void)                                                   \
    {                                                                                    \
        two_##name();                                                                    \
        start_select();                                                                  \
    }
SOME_KINDS(SELECTING)

static void two_completers(unsigned i)
{
    (void)put_until(i ? other : chan, i + 1, LEAT_NOW);
}

static void two_completers_and_start(unsigned i)
{
    if (i == 2)
        start_select();
    else
        two_completers(i);
}

static void complete_or_cancel_select(unsigned i)
{
    if (i == 0)
        two_completers(weave_choose(2));
    else
        cancelled += leat_call_cancel(&one[0].call) == 0;
}

/* One of the two may have found nobody. */
static void one_case(void)
{
    weave_check(one[0].times + cancelled <= 1);
    if (one[0].times == 0 && !cancelled) /* no sender met it */
        weave_check(leat_call_cancel(&one[0].call) == 0);
    at_rest(other);
    while (take_until(other, LEAT_NOW) == 0)
        ;
    leat_chan_free(other);
    settle();
}

static void exactly_one_case(void)
{
    weave_check(one[0].times + cancelled == 1);
    one_case();
}

#define SCENARIOS(kind, cap, flags)                                                      \
    WEAVE_SCENARIO(cancel_##kind, .name = "callback.cancel_" #kind, .actors = 2,         \
                   .setup = pending_##kind, .actor = complete_or_cancel, .check = either);\
    WEAVE_SCENARIO(start_##kind, .name = "callback.start_" #kind, .actors = 2,           \
                   .setup = open_##kind, .actor = start_and_send, .check = served);      \
    WEAVE_SCENARIO(parker_##kind, .name = "callback.served_by_a_parker_" #kind,          \
                   .actors = 2, .setup = pending_##kind, .actor = served_by_a_parker,    \
                   .check = served);                                                     \
    WEAVE_SCENARIO(again_##kind, .name = "callback.again_" #kind, .actors = 2,           \
                   .setup = again_##kind, .actor = send_to_it, .check = all_received);   \
    WEAVE_SCENARIO(close_##kind, .name = "callback.close_" #kind, .actors = 3,           \
                   .setup = open_##kind, .actor = close_and_start, .check = both_told);  \
    WEAVE_SCENARIO(select_##kind, .name = "callback.select_" #kind, .actors = 2,         \
                   .setup = selecting_##kind, .actor = two_completers,                   \
                   .check = exactly_one_case);                                           \
    WEAVE_SCENARIO(select_start_##kind, .name = "callback.select_start_" #kind,          \
                   .actors = 3, .setup = two_##kind, .actor = two_completers_and_start,  \
                   .check = one_case);                                                   \
    WEAVE_SCENARIO(select_cancel_##kind, .name = "callback.select_cancel_" #kind,        \
                   .actors = 2, .setup = selecting_##kind,                               \
                   .actor = complete_or_cancel_select, .check = exactly_one_case);
SOME_KINDS(SCENARIOS)
