/* feed.c - receivers that have a pipe give out what it holds back, beside others that rely
 * on them: what becomes complete while somebody sends is his to see before he leaves.
 * SPDX-License-Identifier: MIT */
#include "pipes.h"

static leat_sem sent_for, received;

/* Item 2 waits until the second receiver comes, item 3 until 1 and 2 have come out. */
static int waits(leat_stage *s, const void *item, size_t len)
{
    uint64_t v = *(const uint64_t *)item;
    (void)len;
    if (v == 2)
        weave_check(leat_sem_acquire(&sent_for, 1) == 0);
    if (v == 3)
        weave_check(leat_sem_acquire(&received, 2) == 0);
    return leat_emit(s, item);
}

/* Each wants one: who gives out 1 and gets it does not come again for 2. */
static void receive_one(unsigned i)
{
    uint64_t v = 0;
    if (i == 1)
        leat_sem_release(&sent_for, 1);
    weave_check(leat_chan_recv(out, &v) == 0 && (v == 1 || v == 2));
    got += v;
    leat_sem_release(&received, 1);
}

static void all_came(void)
{
    uint64_t v;
    weave_check(leat_chan_recv(out, &v) == 0 && v == 3 && got == 1 + 2);
    weave_check(leat_chan_recv(out, &v) == LEAT_ECLOSED);
    join(NULL, 0);
}

static void in_order(void)
{
    fill_in(3);
    start(waits, 1, 3, 0, 4);
}

static void by_lanes(void)
{
    fill_in(3);
    start(waits, 1, 3, LEAT_PIPE_UNORDERED, 4);
}

WEAVE_SCENARIO(ordered, .name = "feed.two_receivers_in_order", .actors = 2,
               .setup = in_order, .actor = receive_one, .check = all_came, .bound = 2);
WEAVE_SCENARIO(unordered, .name = "feed.two_receivers_unordered", .actors = 2,
               .setup = by_lanes, .actor = receive_one, .check = all_came, .bound = 2);
