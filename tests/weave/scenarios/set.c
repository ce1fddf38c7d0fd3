/* set.c - sets beside plain receivers, close, deadlines. SPDX-License-Identifier: MIT
 */
#include "common.h"

static leat_chan *a, *b;
static leat_set *set;
static unsigned reported; /* channels whose end the set told */

static void open_set(size_t cap)
{
    a = open_kind(cap, 0);
    b = open_kind(cap, 0);
    weave_check(leat_set_new(&set) == 0);
    weave_check(leat_set_add(set, a, NULL) == 0 && leat_set_add(set, b, NULL) == 0);
}

static void rings(void)
{
    open_set(1);
}

static void meetings(void)
{
    open_set(0);
}

static void lists(void)
{
    open_set(LEAT_UNBOUNDED);
}

static int wait_set(struct leat_deadline until)
{
    uint64_t v = 0;
    leat_chan *from = NULL;
    int r = leat_set_wait(set, &v, &from, NULL, until);
    weave_check((r == 0) == (v != 0));
    got += v;
    reported += r == LEAT_ECLOSED;
    return r;
}

static void even(void)
{
    leat_chan *two[] = {a, b};
    set = leat_set_free(set);
    for (int i = 0; i < 2; i++) {
        at_rest(two[i]);
        while (take_until(two[i], LEAT_NOW) == 0)
            ;
        leat_chan_free(two[i]);
    }
    weave_check(sent == got + dropped);
}

static void two_senders(unsigned i)
{
    if (i == 2) {
        weave_check(wait_set(LEAT_NEVER) == 0);
        weave_check(wait_set(LEAT_NEVER) == 0);
    } else {
        weave_check(put_until(i ? a : b, i + 1, LEAT_NEVER) == 0);
    }
}

/* Two values on one channel: the entry is armed again in between. */
static void again(unsigned i)
{
    for (uint64_t v = 1; v <= 2; v++)
        weave_check((i ? wait_set(LEAT_NEVER) : put_until(a, v, LEAT_NEVER)) == 0);
}

/* A plain receiver beside the entry: neither leaves a value to nobody. */
static void beside_a_receiver(unsigned i)
{
    if (i == 0)
        weave_check(put_until(a, 1, LEAT_NEVER) == 0 &&
                    put_until(a, 2, LEAT_NEVER) == 0);
    else
        weave_check((i == 1 ? wait_set(LEAT_NEVER) : take_until(a, LEAT_NEVER)) == 0);
}

/* Two of them: each value goes to one, whoever the entry gives way to. */
static void beside_two(unsigned i)
{
    if (i == 0) {
        for (uint64_t v = 1; v <= 3; v++)
            weave_check(put_until(a, v, LEAT_NEVER) == 0);
        return;
    }
    weave_check((i == 1 ? wait_set(LEAT_NEVER) : take_until(a, LEAT_NEVER)) == 0);
}

static void out_of_time(unsigned i)
{
    if (i == 0)
        (void)put_until(a, 1, leat_in_us(20));
    else
        (void)wait_set(weave_choose(2) ? LEAT_NOW : leat_in_us(20));
}

static void closing(unsigned i)
{
    if (i == 0) {
        (void)put_until(a, 1, leat_in_us(20));
        weave_check(leat_chan_close(a) == 0);
    } else {
        while (wait_set(LEAT_NEVER) != LEAT_ECLOSED)
            ;
        weave_check(leat_set_len(set) == 1);
    }
}

/* Taken out while a sender may be about to fire it. */
static void taken_out(unsigned i)
{
    if (i == 0) {
        (void)put_until(a, 1, leat_in_us(20));
    } else {
        (void)wait_set(LEAT_NOW);
        weave_check(leat_set_del(set, a) == 0);
        (void)take_until(a, leat_in_us(30));
    }
}

#define SHAPES(kind)                                                                  \
    WEAVE_SCENARIO(senders_##kind, .name = "set." #kind "_two_channels", .actors = 3, \
                   .setup = kind, .actor = two_senders, .check = even, .bound = 2);   \
    WEAVE_SCENARIO(again_##kind, .name = "set." #kind "_armed_again", .actors = 2,    \
                   .setup = kind, .actor = again, .check = even);                     \
    WEAVE_SCENARIO(beside_##kind, .name = "set." #kind "_beside_a_receiver",          \
                   .actors = 3, .setup = kind, .actor = beside_a_receiver,            \
                   .check = even, .bound = 2);                                        \
    WEAVE_SCENARIO(two_##kind, .name = "set." #kind "_beside_two_receivers",          \
                   .actors = 4, .setup = kind, .actor = beside_two, .check = even,    \
                   .bound = 1);                                                       \
    WEAVE_SCENARIO(time_##kind, .name = "set." #kind "_deadlines_lose_nothing",       \
                   .actors = 2, .setup = kind, .actor = out_of_time, .check = even,   \
                   .bound = 2);                                                       \
    WEAVE_SCENARIO(close_##kind, .name = "set." #kind "_tells_the_end_once",          \
                   .actors = 2, .setup = kind, .actor = closing, .check = even,       \
                   .bound = 2);                                                       \
    WEAVE_SCENARIO(del_##kind, .name = "set." #kind "_taken_out", .actors = 2,        \
                   .setup = kind, .actor = taken_out, .check = even, .bound = 2);
SHAPES(rings)
SHAPES(meetings)
SHAPES(lists)
