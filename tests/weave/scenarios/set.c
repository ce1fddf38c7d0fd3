/* set.c - leat_set: events against senders, plain receivers, close and removal.
 * SPDX-License-Identifier: MIT */
#include "common.h"

static leat_chan *a, *b;
static leat_set *set;

static void with(size_t cap_a, size_t cap_b)
{
    a = open_kind(cap_a, 0);
    b = open_kind(cap_b, 0);
    weave_check(leat_set_new(&set) == 0);
    weave_check(leat_set_add(set, a, &a) == 0);
    weave_check(leat_set_add(set, b, &b) == 0);
}

static void rings(void)
{
    with(1, 1);
}

static void mixed(void)
{
    with(0, LEAT_UNBOUNDED);
}

static int wait_for_one(struct leat_deadline until)
{
    uint64_t v = 0;
    leat_chan *from = NULL;
    void *user = NULL;
    int r = leat_set_wait(set, &v, &from, &user, until);
    weave_check((r == 0) == (v != 0));
    weave_check(r != 0 || (from == a && user == &a) || (from == b && user == &b));
    got += v;
    return r;
}

static void even(void)
{
    leat_set_free(set);
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

static void two_sources(unsigned i)
{
    if (i < 2) {
        weave_check(put_until(i ? a : b, i + 1, LEAT_NEVER) == 0);
    } else {
        weave_check(wait_for_one(LEAT_NEVER) == 0);
        weave_check(wait_for_one(LEAT_NEVER) == 0);
    }
}

static void beside_a_plain_receiver(unsigned i)
{
    if (i == 0)
        weave_check(wait_for_one(LEAT_NEVER) == 0);
    else if (i == 1)
        weave_check(take_until(a, LEAT_NEVER) == 0);
    else
        weave_check(put_until(a, 1, LEAT_NEVER) == 0 && put_until(a, 2, LEAT_NEVER) == 0);
}

static void removed_while_it_fires(unsigned i)
{
    if (i == 1) {
        (void)put_until(a, 1, leat_in_us(40));
        return;
    }
    (void)wait_for_one(leat_in_us(10));
    weave_check(leat_set_del(set, a) == 0);
    weave_check(wait_for_one(LEAT_NOW) != 0);
}

static void closed_once(unsigned i)
{
    if (i == 0)
        weave_check(put_until(b, 1, LEAT_NEVER) == 0);
    else if (i == 1)
        weave_check(leat_chan_close(a) == 0);
    else
        for (unsigned ended = 0; ended == 0 || got == 0;) {
            int r = wait_for_one(LEAT_NEVER);
            weave_check(r == 0 || (r == LEAT_ECLOSED && ended++ == 0));
        }
}

static void a_select_beside_it(unsigned i)
{
    if (i == 0) {
        weave_check(wait_for_one(LEAT_NEVER) == 0);
        return;
    }
    uint64_t v = 1;
    struct leat_case k[] = {LEAT_SEND(a, &v), LEAT_SEND(b, &v)};
    size_t which = 9;
    weave_check(leat_select(k, 2, LEAT_NEVER, 0, &which) == 0 && k[which].err == 0);
    sent += v;
}

#define SHAPES(kind)                                                                     \
    WEAVE_SCENARIO(sources_##kind, .name = "set." #kind "_two_sources", .actors = 3,     \
                   .setup = kind, .actor = two_sources, .check = even, .bound = 1);      \
    WEAVE_SCENARIO(plain_##kind, .name = "set." #kind "_beside_a_plain_receiver",        \
                   .actors = 3, .setup = kind, .actor = beside_a_plain_receiver,         \
                   .check = even, .bound = 1);                                           \
    WEAVE_SCENARIO(removed_##kind, .name = "set." #kind "_removed_while_it_fires",       \
                   .actors = 2, .setup = kind, .actor = removed_while_it_fires,          \
                   .check = even, .bound = 2);                                           \
    WEAVE_SCENARIO(closed_##kind, .name = "set." #kind "_a_close_is_said_once",          \
                   .actors = 3, .setup = kind, .actor = closed_once, .check = even,      \
                   .bound = 1);                                                          \
    WEAVE_SCENARIO(select_##kind, .name = "set." #kind "_meets_a_select", .actors = 2,   \
                   .setup = kind, .actor = a_select_beside_it, .check = even,            \
                   .bound = 2);
SHAPES(rings)
SHAPES(mixed)
