/* clock.c - the thread that ends calls at their deadlines: against completion, cancel,
 * close and start, and while it sleeps. The memory of a call goes as soon as it is its
 * caller's again. SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "arch/futex.h"
#include "common.h"

enum { CALLS = 2 };

struct one {
    leat_call call;
    uint64_t value;
    unsigned i;
};

static struct one *one[CALLS];
static int result[CALLS];
static unsigned times[CALLS], cancelled;
static leat_sem told;
static leat_tx *tx; /* of the channel; its last one closes it */
static struct leat_deadline instant;
static leati_a32 never;

static void called(leat_call *call, int r, void *arg)
{
    struct one *o = arg;
    (void)call;
    times[o->i]++;
    result[o->i] = r;
    got += r == 0 ? o->value : 0;
    free(o);
    leat_sem_release(&told, 1);
}

/* Who cancels may not have the memory gone. */
static void called_and_kept(leat_call *call, int r, void *arg)
{
    struct one *o = arg;
    (void)call;
    times[o->i]++;
    result[o->i] = r;
    leat_sem_release(&told, 1);
}

static void start(unsigned i, leat_call_fn *fn, struct leat_deadline until)
{
    one[i] = calloc(1, sizeof(*one[i]));
    weave_check(one[i] != NULL);
    one[i]->i = i;
    leat_call_init(&one[i]->call, fn, one[i], NULL);
    weave_check(leat_call_recv_until(&one[i]->call, chan, &one[i]->value, until) == 0);
}

static void wait_until_told(void)
{
    weave_check(leat_sem_acquire(&told, 1) == 0);
}

/* The thread is there, has nothing to mind and sleeps without limit. */
static void idle_clock(void)
{
    open_one();
    start(0, called, leat_in_us(10));
    wait_until_told();
    weave_check(times[0] == 1 && result[0] == LEAT_ETIMEDOUT);
    times[0] = 0;
    (void)leatp_futex_wait(&never, 0, leat_in_us(1000));
}

static void armed(leat_call_fn *fn)
{
    idle_clock();
    instant = leat_in_us(100);
    start(0, fn, instant);
}

static void armed_once(void)
{
    armed(called);
}

static void armed_and_kept(void)
{
    armed(called_and_kept);
}

static void armed_twice(void)
{
    armed(called);
    start(1, called, instant);
}

/* Now the clock's thread may run as well. */
static void sleep_until_then(void)
{
    (void)leatp_futex_wait(&never, 0, instant);
}

static void over(void)
{
    settle();
    weave_exit();
}

/* --- against completion --- */

static void send_then(unsigned i)
{
    (void)i;
    sleep_until_then();
    weave_check(put_until(chan, 5, LEAT_NOW) == 0);
}

static void one_told(void)
{
    wait_until_told();
    weave_check(times[0] == 1 && result[0] == (got ? 0 : LEAT_ETIMEDOUT));
    over();
}

static void two_told(void)
{
    wait_until_told();
    wait_until_told();
    weave_check(times[0] == 1 && times[1] == 1 && (result[0] != 0 || result[1] != 0));
    over();
}

WEAVE_SCENARIO(send, .name = "clock.deadline_against_send", .actors = 1,
               .setup = armed_once, .actor = send_then, .check = one_told);
WEAVE_SCENARIO(two, .name = "clock.two_deadlines_one_value", .actors = 1,
               .setup = armed_twice, .actor = send_then, .check = two_told);

/* --- against cancel --- */

static void cancel_then(unsigned i)
{
    (void)i;
    sleep_until_then();
    cancelled = leat_call_cancel(&one[0]->call) == 0;
    if (!cancelled)
        wait_until_told();
    free(one[0]);
}

static void cancelled_or_told(void)
{
    weave_check(times[0] + cancelled == 1);
    over();
}

WEAVE_SCENARIO(cancel, .name = "clock.deadline_against_cancel", .actors = 1,
               .setup = armed_and_kept, .actor = cancel_then,
               .check = cancelled_or_told);

/* --- against the end of the channel: its last sender goes --- */

static void armed_by_a_handle(void)
{
    armed_once();
    tx = leat_chan_tx(chan);
}

static void leave_then(unsigned i)
{
    (void)i;
    sleep_until_then();
    tx = leat_tx_free(tx);
}

static void told_of_either(void)
{
    wait_until_told();
    weave_check(times[0] == 1 &&
                (result[0] == LEAT_ECLOSED || result[0] == LEAT_ETIMEDOUT));
    over();
}

WEAVE_SCENARIO(handle, .name = "clock.deadline_against_the_last_handle", .actors = 1,
               .setup = armed_by_a_handle, .actor = leave_then,
               .check = told_of_either);

/* --- a start while the clock sleeps; its thread may come before the call is listed --- */

static void start_one(unsigned i)
{
    (void)i;
    start(0, called, leat_in_ns(weave_choose(2) ? 100000 : 1));
    wait_until_told();
    weave_check(times[0] == 1 && result[0] == LEAT_ETIMEDOUT);
}

WEAVE_SCENARIO(heard, .name = "clock.a_start_is_heard", .actors = 1,
               .setup = idle_clock, .actor = start_one, .check = over);

static int64_t far;

static void far_one(void)
{
    idle_clock();
    far = leat_now() + INT64_C(3600000000000);
    start(1, called_and_kept, leat_at(far));
}

static void start_nearer(unsigned i)
{
    (void)i;
    start(0, called, leat_in_us(100));
}

/* Unless the time has come for both by chance, the clock does not sleep until the second. */
static void nearer_heard(void)
{
    bool early = leat_now() < far;
    (void)leatp_futex_wait(&never, 0, leat_in_us(2000));
    weave_check(times[0] == 1 && (!early || times[1] == 0));
    weave_check(leat_call_cancel(&one[1]->call) == (early ? 0 : LEAT_EALREADY));
    free(one[1]);
    over();
}

WEAVE_SCENARIO(nearer, .name = "clock.a_nearer_deadline_is_heard", .actors = 1,
               .setup = far_one, .actor = start_nearer, .check = nearer_heard);

/* --- the first deadlines start the thread, the end of the process ends it --- */

static void first_ones(unsigned i)
{
    start(i, called, leat_in_us(100));
}

static void both_timed_out(void)
{
    wait_until_told();
    wait_until_told();
    weave_check(times[0] == 1 && times[1] == 1);
    over();
}

WEAVE_SCENARIO(first, .name = "clock.two_first_deadlines", .actors = 2,
               .setup = open_one, .actor = first_ones, .check = both_timed_out);

static void start_or_exit(unsigned i)
{
    if (i == 0)
        start(0, called_and_kept, leat_in_us(100));
    else
        weave_exit();
}

/* Whoever has outlived the clock is still to be cancelled. */
static void cancelled_at_last(void)
{
    cancelled = leat_call_cancel(&one[0]->call) == 0;
    weave_check(times[0] + cancelled == 1);
    free(one[0]);
    over();
}

WEAVE_SCENARIO(exit, .name = "clock.exit_beside_a_start", .actors = 2,
               .setup = idle_clock, .actor = start_or_exit, .check = cancelled_at_last);

/* --- a channel that delivers the time: the alarm before the call's own deadline --- */

static void one_alarm(void)
{
    idle_clock();
    leat_chan_free(chan);
    instant = leat_in_us(100);
    weave_check(leat_after(&chan, instant) == 0);
    start(0, called, LEAT_NEVER);
}

static void close_then(unsigned i)
{
    (void)i;
    sleep_until_then();
    int r = leat_chan_close(chan);
    weave_check(r == 0 ||
                r == LEAT_EALREADY); /* it was received and nothing will come */
}

static void rung_or_closed(void)
{
    wait_until_told();
    weave_check(times[0] == 1 && result[0] == (got ? 0 : LEAT_ECLOSED));
    chan = leat_chan_free(chan);
    weave_exit();
}

WEAVE_SCENARIO(alarm, .name = "clock.alarm_against_close", .actors = 1,
               .setup = one_alarm, .actor = close_then, .check = rung_or_closed);
