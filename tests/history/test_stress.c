/* test_stress.c - histories of real threads and fibers on every kind of channel.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=120 onecpu */
#include <stdlib.h>

#include "history.c"
#include "support/support.h"

enum { ACTORS = 4, LONG_OPS = 2000, SHORT_OPS = 6 };

struct shape {
    const char *name;
    size_t capacity;
    long checked;
    unsigned flags;
};

static const struct shape shapes[] = {
    {"rendezvous", 0, HISTORY_RENDEZVOUS, 0},
    {"one", 1, 1, 0},
    {"two, fair", 2, 2, LEAT_FAIR},
    {"three", 3, 3, 0},
    {"unbounded", LEAT_UNBOUNDED, HISTORY_ANY_CAPACITY, 0},
    {"one consumer", 1024, 1024, LEAT_SINGLE_CONSUMER},
};

struct run {
    leat_chan *chan;
    bool one_consumer;
    size_t ops;
    leati_a64 clock;
    struct history_event e[ACTORS][LONG_OPS + 1];
    size_t n[ACTORS];
};

static uint8_t result_of(int r)
{
    switch (r) {
    case 0:
        return HISTORY_DONE;
    case LEAT_EAGAIN:
        return HISTORY_NOTHING;
    case LEAT_ECLOSED:
        return HISTORY_CLOSED;
    default:
        return HISTORY_TIMEOUT; /* and busy: did nothing, says nothing */
    }
}

static uint64_t stamp(struct run *r)
{
    return leati_add_sc(&r->clock, (uint64_t)1) + 1; /* sc: the order that is checked */
}

/* Waits with a limit: with all on the same side nobody would come. */
static int operate(struct run *r, struct actor *a, struct history_event *e)
{
    struct leat_deadline until = support_below(&a->rng, 2)
                                     ? LEAT_NOW
                                     : leat_in_us(50 + support_below(&a->rng, 200));
    return e->op == HISTORY_SEND ? leat_chan_send_until(r->chan, &e->value, until)
                                 : leat_chan_recv_until(r->chan, &e->value, until);
}

static void act(struct actor *a)
{
    struct run *r = a->arg;
    for (size_t i = 0; i < r->ops; i++) {
        struct history_event *e = &r->e[a->index][i];
        bool receiver = r->one_consumer ? a->index == 0 : support_below(&a->rng, 2);
        e->op = receiver ? HISTORY_RECV : HISTORY_SEND;
        e->value = receiver ? 0 : (uint64_t)(a->index + 1) << 32 | (i + 1);
        e->from = stamp(r);
        e->result = result_of(operate(r, a, e));
        e->to = stamp(r);
        r->n[a->index]++;
    }
    if (a->index != ACTORS - 1)
        return;
    struct history_event *e = &r->e[a->index][r->ops];
    *e = (struct history_event){.op = HISTORY_CLOSE, .from = stamp(r)};
    e->result = result_of(leat_chan_close(r->chan));
    e->to = stamp(r);
    r->n[a->index]++;
}

static size_t gather(const struct run *r, struct history_event *all)
{
    size_t n = 0;
    for (unsigned i = 0; i < ACTORS; i++)
        for (size_t k = 0; k < r->n[i]; k++)
            all[n++] = r->e[i][k];
    return n;
}

static void record(struct run *r, const struct shape *s, enum crew_kind kind,
                   size_t ops)
{
    struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = 8, .capacity = s->capacity, .flags = s->flags};
    memset(r, 0, sizeof(*r));
    r->ops = ops;
    r->one_consumer = s->flags & LEAT_SINGLE_CONSUMER;
    assert_int_equal(leat_chan_open(&r->chan, &o), 0);
    support_about = s->name;
    crew_run(kind, ACTORS, act, r);
    leat_chan_free(r->chan);
}

static void each(void (*check)(struct run *r, const struct shape *s), size_t ops,
                 size_t rounds)
{
    struct run *r = malloc(sizeof(*r));
    assert_non_null(r);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
        for (unsigned kind = 0; kind < CREW_KINDS; kind++)
            for (size_t k = 0; k < rounds; k++) {
                record(r, &shapes[i], (enum crew_kind)kind, ops);
                check(r, &shapes[i]);
            }
    free(r);
}

static void check_exactly(struct run *r, const struct shape *s)
{
    struct history_event all[HISTORY_SHORT];
    size_t n = gather(r, all);
    if (!history_linear(all, n, s->checked))
        fail_msg("%s: no order of a queue explains this history", s->name);
}

static void check_patterns(struct run *r, const struct shape *s)
{
    struct history_event *all = malloc(sizeof(r->e));
    assert_non_null(all);
    size_t n = gather(r, all);
    const char *wrong = history_patterns(all, n, s->checked);
    free(all);
    if (wrong)
        fail_msg("%s: %s", s->name, wrong);
}

static void short_histories_are_those_of_a_queue(void **state)
{
    (void)state;
    each(check_exactly, SHORT_OPS, support_scale(60));
}

static void long_histories_show_no_fault(void **state)
{
    (void)state;
    each(check_patterns, LONG_OPS, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_histories_are_those_of_a_queue),
        cmocka_unit_test(long_histories_show_no_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
