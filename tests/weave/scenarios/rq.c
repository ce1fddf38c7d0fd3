/* rq.c - a run queue between its owner and a thief: everybody gets what nobody else
 * gets. SPDX-License-Identifier: MIT */
#include "pool/rq.h"
#include "weave.h"

enum { ITEMS = 4 };

static struct leati_rq q;
static int item[ITEMS], taken[ITEMS];

static struct leat_fiber *fiber(int i)
{
    return (struct leat_fiber *)(void *)&item[i];
}

static void count(struct leat_fiber *f)
{
    weave_check(taken[(int *)(void *)f - item]++ == 0);
}

static void pop(void)
{
    struct leat_fiber *f = leati_rq_pop(&q);
    if (f)
        count(f);
}

static void take_next(void)
{
    struct leat_fiber *f = leati_rq_take_next(&q);
    if (f)
        count(f);
}

static void steal(void)
{
    struct leat_fiber *got[LEATI_RQ_STEAL];
    unsigned n = leati_rq_steal(&q, got);
    for (unsigned i = 0; i < n; i++)
        count(got[i]);
}

static void two_in_the_ring(void)
{
    weave_check(leati_rq_push(&q, fiber(0)) && leati_rq_push(&q, fiber(1)));
}

static void pops(unsigned i)
{
    if (i == 1) {
        steal();
        return;
    }
    pop();
    pop();
}

/* The ring goes round: what is pushed lies where something was popped or stolen. */
static void pops_and_pushes(unsigned i)
{
    if (i == 1) {
        steal();
        steal();
        return;
    }
    pop();
    weave_check(leati_rq_push(&q, fiber(2)));
    pop();
    weave_check(leati_rq_push(&q, fiber(3)));
    pop();
}

static void one_is_next(void)
{
    weave_check(leati_rq_put_next(&q, fiber(0)) == NULL);
}

static void takes_next(unsigned i)
{
    if (i == 1) {
        steal();
        return;
    }
    take_next();
    struct leat_fiber *former = leati_rq_put_next(&q, fiber(1));
    weave_check(former == NULL);
}

static void drained(int items)
{
    take_next();
    for (int i = 0; i < items; i++)
        pop();
    for (int i = 0; i < items; i++)
        weave_check(taken[i] == 1);
    weave_check(leati_rq_empty(&q));
}

static void two_drained(void)
{
    drained(2);
}

static void four_drained(void)
{
    drained(4);
}

WEAVE_SCENARIO(pops, .name = "rq.pop_against_theft", .actors = 2,
               .setup = two_in_the_ring, .actor = pops, .check = two_drained);
WEAVE_SCENARIO(round, .name = "rq.push_and_pop_against_thefts", .actors = 2,
               .setup = two_in_the_ring, .actor = pops_and_pushes,
               .check = four_drained);
WEAVE_SCENARIO(next, .name = "rq.next_against_theft", .actors = 2, .setup = one_is_next,
               .actor = takes_next, .check = two_drained);
