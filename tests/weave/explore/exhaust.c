/* exhaust.c - every schedule with at most `bound` deviations, depth first.
 *
 * A deviation is: to leave a thread that could go on (a preemption), to let a store wait
 * in its buffer, to let time pass while somebody runs. Free are: who runs when the
 * running thread cannot, or spins without news; whether the stores of a thread that is
 * left become visible then; choices of the scenario. A store that waits becomes visible
 * with the thread's next locked instruction, system call or pause, or when it is left.
 * Each execution repeats the choices of the former one but for the last that has another
 * option. SPDX-License-Identifier: MIT */
#include "explore.h"

void weave_exhaust_begin(unsigned bound)
{
    explorer->bound = bound;
    explorer->known = explorer->depth = 0;
    explorer->spent = 0;
    explorer->cut = false;
}

bool weave_exhaust_next(void)
{
    struct weave_explorer *e = explorer;
    unsigned n = e->depth;
    while (n > 0 && e->chosen[n - 1] + 1 >= e->options[n - 1])
        n--;
    if (n == 0)
        return false;
    e->chosen[n - 1]++;
    e->known = n;
    e->depth = e->spent = 0;
    return true;
}

/* One of n, the 0th first. */
static unsigned option(unsigned n)
{
    struct weave_explorer *e = explorer;
    if (n == 1)
        return 0;
    if (e->depth == CHOICES)
        weave_fail("more than %d choices", CHOICES);
    if (e->depth >= e->known)
        e->chosen[e->depth] = 0;
    e->options[e->depth] = (uint16_t)n;
    unsigned i = e->chosen[e->depth++];
    return i < n ? i : 0;
}

/* To thread t; a thread with stores in its buffer may have them seen or not. */
static struct weave_action leave_for(unsigned t)
{
    struct weave_thread *me = weave_me;
    if (t != weave->current && me->stores && option(2) == 1) {
        weave_mix(5);
        weave_drain(me);
    }
    return (struct weave_action){WEAVE_RUN, t};
}

/* All that can follow was seen already, with as many deviations left at least. */
static bool known(bool leave)
{
    enum { LEFT = 15 };
    struct weave_explorer *e = explorer;
    uint64_t left = e->bound - e->spent + 1;
    uint64_t h = (weave_state() + weave->current * 2 + leave) * 0x9E3779B97F4A7C15u;
    h = (h ^ h >> 32) & ~(uint64_t)LEFT;
    uint64_t *slot = weave_set_find(&e->states, h, LEFT);
    if ((*slot & LEFT) >= left)
        return true;
    e->states.used += *slot == 0;
    *slot = h | left;
    return false;
}

/* No deviation is left: was there one to be made? */
static bool could_deviate(void)
{
    int64_t at;
    for (unsigned i = 0; i < weave->threads; i++)
        if (i != weave->current && weave_runnable(i) && !weave_spinning(i))
            return true;
    return weave_timer(&at);
}

static struct weave_action pick(bool leave)
{
    struct weave_explorer *e = explorer;
    unsigned to[WEAVE_THREADS + 1], n = 0;
    int64_t at;
    if (!weave->active)
        return weave_calm(leave);
    if (weave->states && e->depth >= e->known && known(leave)) {
        e->known_state = true;
        weave_give_up();
    }
    if (e->spent == e->bound && !e->cut)
        e->cut = leave ? weave_timer(&at) : could_deviate();
    if (!leave) {
        if (e->spent == e->bound)
            return (struct weave_action){WEAVE_RUN, weave->current};
        to[n++] = weave->current;
    }
    for (unsigned i = 0; i < weave->threads; i++)
        if ((leave || i != weave->current) && weave_runnable(i) && !weave_spinning(i))
            to[n++] = i;
    if (n == 0)
        to[n++] = weave_longest_waiting();
    bool time = e->spent < e->bound && weave_timer(&at);
    unsigned k = option(n + time);
    if (k == n) {
        e->spent++;
        return (struct weave_action){WEAVE_TIME, 0};
    }
    if (!leave && k > 0)
        e->spent++;
    return leave_for(to[k]);
}

static bool hold(void)
{
    struct weave_explorer *e = explorer;
    if (!weave->active)
        return false;
    e->cut |= e->spent == e->bound;
    if (e->spent == e->bound || option(2) == 0)
        return false;
    e->spent++;
    weave_mix(3);
    return true;
}

static unsigned choose(unsigned n)
{
    unsigned i = option(n);
    weave_mix(i);
    return i;
}

static bool spurious(void)
{
    return false;
}

const struct weave_policy weave_exhaust = {pick, hold, choose, spurious};
