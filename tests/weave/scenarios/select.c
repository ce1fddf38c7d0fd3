/* select.c - selects against each other, against plain operations, time and close.
 * SPDX-License-Identifier: MIT */
#include "common.h"

static leat_chan *a, *b;

static void pair_of(size_t cap)
{
    a = open_kind(cap, 0);
    b = open_kind(cap, 0);
}

static void rings(void)
{
    pair_of(1);
}

static void meetings(void)
{
    pair_of(0);
}

static void even(void)
{
    leat_chan *two[] = {a, b};
    for (int i = 0; i < 2; i++) {
        chan = two[i];
        at_rest(chan);
        while (take_until(chan, LEAT_NOW) == 0)
            ;
        leat_chan_free(chan);
    }
    weave_check(sent == got + dropped);
}


/* One receive case on each; exactly one value is taken. */
static int receive_either(struct leat_deadline until)
{
    uint64_t x = 0, y = 0;
    struct leat_case k[] = {LEAT_RECV(a, &x), LEAT_RECV(b, &y)};
    size_t which = 99;
    int r = leat_select(k, 2, until, 0, &which);
    weave_check(x == 0 || y == 0);
    if (r == 0 && k[which].err == 0)
        weave_check(which == 0 ? x != 0 : y != 0);
    else
        weave_check(x == 0 && y == 0);
    got += x + y;
    return r;
}

static int send_either(uint64_t v, struct leat_deadline until)
{
    struct leat_case k[] = {LEAT_SEND(a, &v), LEAT_SEND(b, &v)};
    size_t which = 99;
    int r = leat_select(k, 2, until, 0, &which);
    if (r == 0 && k[which].err == 0)
        sent += v;
    return r;
}

static void two_sources(unsigned i)
{
    if (i == 2) {
        weave_check(receive_either(LEAT_NEVER) == 0);
        weave_check(receive_either(LEAT_NEVER) == 0);
    } else {
        weave_check(put_until(i ? a : b, i + 1, LEAT_NEVER) == 0);
    }
}

/* Two senders come for one select: the late one finds it dead, and leaves it alone once it
 * may be gone. */
static void one_of_two_sources(unsigned i)
{
    if (i == 2)
        weave_check(receive_either(LEAT_NEVER) == 0);
    else
        (void)put_until(i ? a : b, i + 1, LEAT_NEVER);
}

static void select_meets_select(unsigned i)
{
    weave_check((i ? receive_either(LEAT_NEVER) : send_either(1, LEAT_NEVER)) == 0);
}

static void with_plain(unsigned i)
{
    if (i == 0)
        weave_check(receive_either(LEAT_NEVER) == 0);
    else if (i == 1)
        weave_check(take_until(a, LEAT_NEVER) == 0);
    else
        weave_check(put_until(a, 1, LEAT_NEVER) == 0 && put_until(a, 2, LEAT_NEVER) == 0);
}

static void out_of_time(unsigned i)
{
    if (i == 0)
        (void)receive_either(leat_in_us(20));
    else if (i == 1)
        (void)send_either(1, leat_in_us(20));
    else
        (void)put_until(b, 2, weave_choose(2) ? LEAT_NOW : leat_in_us(30));
}

static void closing(unsigned i)
{
    if (i == 0)
        (void)receive_either(LEAT_NEVER);
    else if (i == 1)
        (void)send_either(1, leat_in_us(20));
    else
        weave_check(leat_chan_close(a) == 0);
}

#define SHAPES(kind)                                                                     \
    WEAVE_SCENARIO(sources_##kind, .name = "select." #kind "_two_sources", .actors = 3,  \
                   .setup = kind, .actor = two_sources, .check = even, .bound = 2);      \
    WEAVE_SCENARIO(meets_##kind, .name = "select." #kind "_meets_select", .actors = 2,   \
                   .setup = kind, .actor = select_meets_select, .check = even);          \
    WEAVE_SCENARIO(plain_##kind, .name = "select." #kind "_beside_a_plain_receiver",     \
                   .actors = 3, .setup = kind, .actor = with_plain, .check = even,       \
                   .bound = 2);                                                          \
    WEAVE_SCENARIO(time_##kind, .name = "select." #kind "_deadlines_lose_nothing",       \
                   .actors = 3, .setup = kind, .actor = out_of_time, .check = even,      \
                   .bound = 2);                                                          \
    WEAVE_SCENARIO(close_##kind, .name = "select." #kind "_sees_a_close", .actors = 3,   \
                   .setup = kind, .actor = closing, .check = even, .bound = 2);
SHAPES(rings)
SHAPES(meetings)

WEAVE_SCENARIO(dead, .name = "select.rings_dead_when_the_second_comes", .actors = 3,
               .setup = rings, .actor = one_of_two_sources, .check = even, .bound = 2);

/* --- both directions on one channel: with another select, never with itself --- */

static void both_ways(unsigned i)
{
    uint64_t v = i + 1, r = 0;
    struct leat_case k[] = {LEAT_SEND(a, &v), LEAT_RECV(a, &r)};
    size_t which = 99;
    weave_check(leat_select(k, 2, LEAT_NEVER, 0, &which) == 0 && k[which].err == 0);
    weave_check(which == 0 || (r != 0 && r != v));
    if (which == 0)
        sent += v;
    got += r;
}

WEAVE_SCENARIO(both, .name = "select.meetings_both_ways_on_one_channel", .actors = 2,
               .setup = meetings, .actor = both_ways, .check = even);

/* Crosswise: each sends on one channel and receives on the other. */
static void crosswise(unsigned i)
{
    uint64_t v = i + 1, r = 0;
    struct leat_case k[] = {LEAT_SEND(i ? b : a, &v), LEAT_RECV(i ? a : b, &r)};
    size_t which = 99;
    weave_check(leat_select(k, 2, LEAT_NEVER, 0, &which) == 0 && k[which].err == 0);
    if (which == 0)
        sent += v;
    got += r;
}

WEAVE_SCENARIO(cross, .name = "select.meetings_crosswise", .actors = 2, .setup = meetings,
               .actor = crosswise, .check = even);

/* --- "nothing ready" is said only if at one instant nothing was --- */

static bool nothing;

/* The channel b has a value; another thread moves it to a, which is looked at first, and
 * never are both empty. */
static void one_is_ready(void)
{
    rings();
    weave_check(put_until(b, 1, LEAT_NOW) == 0);
}

static void look_while_it_moves(unsigned i)
{
    if (i == 0) {
        weave_check(put_until(a, 2, LEAT_NOW) == 0);
        (void)take_until(b, LEAT_NOW);
    } else {
        nothing = receive_either(LEAT_NOW) == LEAT_EAGAIN;
        weave_check(!nothing);
    }
}

WEAVE_SCENARIO(default_, .name = "select.rings_default_only_if_nothing_was_ready",
               .actors = 2, .setup = one_is_ready, .actor = look_while_it_moves,
               .check = even);

/* Two wait to send on a, and the lone one becomes one of two meanwhile. */
static void look_for_the_parked(unsigned i)
{
    unsigned waits[2];
    if (i < 2) {
        weave_check(put_until(a, i + 1, LEAT_NEVER) == 0);
        return;
    }
    a->ops->waiting(a, waits);
    nothing = receive_either(LEAT_NOW) == LEAT_EAGAIN;
    weave_check(waits[LEAT_OP_SEND] == 0 || !nothing);
    for (unsigned k = !nothing; k < 2; k++)
        weave_check(take_until(a, LEAT_NEVER) == 0);
}

WEAVE_SCENARIO(parked, .name = "select.meetings_default_finds_who_is_parked", .actors = 3,
               .setup = meetings, .actor = look_for_the_parked, .check = even,
               .bound = 2);

/* --- the ticket of "not ready" is another one after somebody came and went --- */

static struct leati_claim claim;
static struct leati_node kept, passing;
static unsigned long before, after; /* of coming and going */

/* A select that lists its receive on a, by which a's lists stay in use. */
static void lists_in_use(void)
{
    meetings();
    claim.st.v = LEATI_WAITING;
    claim.pend.v = 2;
    kept = (struct leati_node){.kind = LEATI_SELECT, .dir = LEAT_OP_RECV, .of.sel = &claim};
    passing = (struct leati_node){.kind = LEATI_SELECT, .dir = LEAT_OP_SEND, .of.sel = &claim};
    weave_check(a->ops->enlist(a, &kept) == LEATI_LISTED);
}

static void comes_and_goes(unsigned i)
{
    if (i == 0) {
        before = weave_step();
        weave_check(a->ops->enlist(a, &passing) == LEATI_LISTED);
        weave_check(a->ops->delist(a, &passing));
        after = weave_step();
        return;
    }
    struct leat_deadline never = LEAT_NEVER;
    uint64_t ticket[2];
    bool one = a->ops->ready(a, LEAT_OP_RECV, &ticket[0], &never);
    unsigned long looked = weave_step(), looks = weave_step();
    bool two = a->ops->ready(a, LEAT_OP_RECV, &ticket[1], &never);
    bool between = before > looked && after != 0 && after < looks;
    weave_check(one || two || !between || ticket[0] != ticket[1]);
}

static void taken_back(void)
{
    weave_check(a->ops->delist(a, &kept));
    even();
}

WEAVE_SCENARIO(tickets, .name = "select.meetings_tickets_do_not_come_back", .actors = 2,
               .setup = lists_in_use, .actor = comes_and_goes, .check = taken_back);
