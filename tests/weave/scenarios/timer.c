/* timer.c - channels that deliver the time: receivers against each other, against time,
 * close, select and sets. SPDX-License-Identifier: MIT */
#include "common.h"

enum { PERIOD = 10000, TICKS = 4 };

static leat_chan *clock_, *ring;
static leat_set *set;
static int64_t begin, at, tick[TICKS];
static unsigned ticks, ends, messages;

static void alarm_(void)
{
    begin = leat_now();
    at = begin + 2 * PERIOD;
    weave_check(leat_after(&clock_, leat_at(at)) == 0);
}

static void ticking(void)
{
    weave_check(leat_tick(&clock_, PERIOD) == 0);
    begin = leat_now();
}

static void free_clock(void)
{
    unsigned n[2];
    clock_->ops->waiting(clock_, n);
    weave_check(n[0] == 0 && n[1] == 0);
    clock_ = leat_chan_free(clock_);
}

/* --- one instant, one receiver --- */

static void wait_for_alarm(struct leat_deadline until)
{
    int64_t v = 0;
    int r = leat_chan_recv_until(clock_, &v, until);
    if (r == 0) {
        weave_check(v == at && leat_now() >= at);
        ticks++;
        return;
    }
    weave_check(r == LEAT_ECLOSED || r == LEAT_ETIMEDOUT);
    ends += r == LEAT_ECLOSED;
}

static void both_wait(unsigned i)
{
    (void)i;
    wait_for_alarm(LEAT_NEVER);
}

static void rung_once(void)
{
    weave_check(ticks == 1 && ends == 1);
    free_clock();
}

WEAVE_SCENARIO(after, .name = "timer.after_is_received_once", .actors = 2,
               .setup = alarm_, .actor = both_wait, .check = rung_once);

/* One leaves just before or just after: the other has what the first did not take. */
static void one_leaves(unsigned i)
{
    wait_for_alarm(i ? LEAT_NEVER : leat_at(at - 500 + 1000 * (int)weave_choose(2)));
}

static void rung_for_one(void)
{
    weave_check(ticks == 1);
    free_clock();
}

WEAVE_SCENARIO(leaves, .name = "timer.who_leaves_takes_no_value_along", .actors = 2,
               .setup = alarm_, .actor = one_leaves, .check = rung_for_one);

/* --- closed while somebody waits --- */

static int was;

static void close_alarm(unsigned i)
{
    if (i == 0)
        wait_for_alarm(LEAT_NEVER);
    else
        was = leat_chan_close(clock_);
}

/* Who is told of the end was not told the time; a close that was the first was in time. */
static void rung_or_closed(void)
{
    weave_check(ticks + ends == 1);
    weave_check(was == 0 || (was == LEAT_EALREADY && ticks == 1));
    free_clock();
}

WEAVE_SCENARIO(close, .name = "timer.close_wakes_who_waits_for_the_instant",
               .actors = 2, .setup = alarm_, .actor = close_alarm,
               .check = rung_or_closed);

/* --- ticks --- */

static void two_ticks(unsigned i)
{
    (void)i;
    for (int k = 0; k < 2; k++) {
        int64_t v = 0;
        weave_check(leat_chan_recv(clock_, &v) == 0 && v <= leat_now());
        tick[ticks++] = v;
    }
}

/* All different, all in step, none before its time. */
static void in_step(void)
{
    for (unsigned i = 0; i < ticks; i++) {
        weave_check(tick[i] > begin && (tick[i] - tick[0]) % PERIOD == 0);
        for (unsigned k = 0; k < i; k++)
            weave_check(tick[i] != tick[k]);
    }
    weave_check(ticks == TICKS);
    free_clock();
}

WEAVE_SCENARIO(ticks, .name = "timer.each_tick_is_received_once", .actors = 2,
               .setup = ticking, .actor = two_ticks, .check = in_step);

/* --- select and set: the time and a message, both come --- */

static void alarm_and_ring(void)
{
    alarm_();
    ring = open_kind(1, 0);
}

static void select_both(void)
{
    while (ticks == 0 || messages == 0) {
        int64_t t = 0;
        uint64_t v = 0;
        struct leat_case k[] = {LEAT_RECV(messages ? NULL : ring, &v),
                                LEAT_RECV(ticks ? NULL : clock_, &t)};
        size_t which = 9;
        weave_check(leat_select(k, 2, LEAT_NEVER, 0, &which) == 0);
        weave_check(k[which].err == 0 && (which == 0 ? v == 1 : t == at));
        messages += which == 0;
        ticks += which == 1;
    }
}

static void selects(unsigned i)
{
    if (i == 0)
        select_both();
    else
        weave_check(put_until(ring, 1, LEAT_NEVER) == 0);
}

static void came_once(void)
{
    weave_check(ticks == 1 && messages == 1);
    set = leat_set_free(set);
    at_rest(ring);
    ring = leat_chan_free(ring);
    free_clock();
}

WEAVE_SCENARIO(select, .name = "timer.select_loses_neither_time_nor_message",
               .actors = 2, .setup = alarm_and_ring, .actor = selects,
               .check = came_once);

static void alarm_and_ring_in_a_set(void)
{
    alarm_and_ring();
    weave_check(leat_set_new(&set) == 0);
    weave_check(leat_set_add(set, clock_, NULL) == 0);
    weave_check(leat_set_add(set, ring, NULL) == 0);
}

static void waits_for_set(unsigned i)
{
    if (i == 1) {
        weave_check(put_until(ring, 1, LEAT_NEVER) == 0);
        return;
    }
    while (ticks == 0 || messages == 0 || ends == 0) {
        uint64_t v = 0;
        leat_chan *from = NULL;
        int r = leat_set_wait(set, &v, &from, NULL, LEAT_NEVER);
        weave_check(r == 0 || (r == LEAT_ECLOSED && from == clock_ && ticks == 1));
        ends += r == LEAT_ECLOSED;
        messages += r == 0 && from == ring;
        ticks += r == 0 && from == clock_;
    }
}

WEAVE_SCENARIO(set, .name = "timer.set_loses_neither_time_nor_message", .actors = 2,
               .setup = alarm_and_ring_in_a_set, .actor = waits_for_set,
               .check = came_once);
