/* test_buffers_custom.c - buffers of the caller's own: last in first out, the newest of
 * each key; errors of theirs; bad input; memory.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "support/buffers.h"

/* Last in, first out, in memory of its own. */
struct stack_node {
    struct stack_node *below;
    uint64_t v;
};

struct stack {
    struct stack_node *top;
    size_t n, room;
    unsigned refuse; /* adds that find no memory from now on */
    unsigned destroyed;
};

static bool stack_can_add(const void *buf)
{
    const struct stack *s = (const struct stack *)buf;
    return s->n < s->room;
}

static bool stack_can_take(const void *buf)
{
    return ((const struct stack *)buf)->top != NULL;
}

static int stack_add(void *buf, const void *elem, void *lost)
{
    struct stack *s = (struct stack *)buf;
    struct stack_node *n =
        s->refuse ? (s->refuse--, NULL) : (struct stack_node *)malloc(sizeof(*n));
    expect(lost == NULL && s->n < s->room);
    if (n == NULL)
        return LEAT_ENOMEM;
    n->v = *(const uint64_t *)elem;
    n->below = s->top;
    s->top = n;
    s->n++;
    return 0;
}

static void stack_take(void *buf, void *ret)
{
    struct stack *s = (struct stack *)buf;
    struct stack_node *n = s->top;
    if (ret)
        *(uint64_t *)ret = n->v;
    s->top = n->below;
    s->n--;
    free(n);
}

static size_t stack_len(const void *buf)
{
    return ((const struct stack *)buf)->n;
}

static void stack_destroy(void *buf)
{
    struct stack *s = (struct stack *)buf;
    while (s->top)
        stack_take(s, NULL);
    s->destroyed++;
}

static const struct leat_buffer_ops stack_ops = {.size = sizeof(stack_ops),
                                                 .can_add = stack_can_add,
                                                 .can_take = stack_can_take,
                                                 .add = stack_add,
                                                 .take = stack_take,
                                                 .len = stack_len,
                                                 .destroy = stack_destroy};

static leat_chan *stack_open(struct stack *s, struct dropped *d)
{
    const struct leat_buffer b = {
        .kind = LEAT_BUFFER_CUSTOM, .ops = &stack_ops, .arg = s};
    return buffer_open(&b, s->room, d);
}

static void last_in_first_out(void **state)
{
    (void)state;
    for (int dropping = 0; dropping < 2; dropping++) {
        struct stack s = {.room = 4};
        struct dropped d = {0};
        leat_chan *c = stack_open(&s, dropping ? &d : NULL);
        uint64_t v[5] = {1, 2, 3, 4, 5};
        expect_eq(leat_chan_cap(c), 4);
        expect_eq(leat_chan_send_n(c, v, 5, LEAT_NEVER), 4);
        expect_eq(leat_chan_try_send(c, &v[4]), LEAT_EAGAIN);
        expect_eq(got(c), 4);
        give(c, 9);
        expect_eq(got(c), 9);
        expect_eq(leat_chan_recv_n(c, v, 2, LEAT_NEVER), 2);
        expect(v[0] == 3 && v[1] == 2);
        leat_chan_free(c);
        expect_eq(d.count, dropping);
        expect_eq(s.destroyed, 1);
        verdict();
    }
}

/* Those who wait are served first come, first served, by a stack too. */
static void waiting_on_a_stack(enum crew_kind crew)
{
    struct stack s = {.room = 1};
    struct op o[3];
    leat_chan *c = stack_open(&s, NULL);
    for (unsigned k = 0; k < 3; k++)
        op_park(&o[k], crew, k, c, LEAT_OP_RECV, 0, k + 1);
    for (uint64_t v = 1; v <= 4; v++)
        give(c, v);
    for (unsigned k = 0; k < 3; k++) {
        expect_eq(op_join(&o[k]), 0);
        expect_eq(o[k].value, k + 1);
    }
    for (unsigned k = 0; k < 3; k++)
        op_park(&o[k], crew, k, c, LEAT_OP_SEND, 5 + k, k + 1);
    for (uint64_t v = 4; v <= 7; v++)
        expect_eq(got(c), v);
    for (unsigned k = 0; k < 3; k++)
        expect_eq(op_join(&o[k]), 0);
    leat_chan_free(c);
    verdict();
}

static void parties_wait_for_it_as_for_any_other(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        waiting_on_a_stack((enum crew_kind)crew);
}

static void its_errors_reach_the_sender_and_lose_nothing(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct stack s = {.room = 2, .refuse = 4};
        struct op o[2];
        leat_chan *c = stack_open(&s, NULL);
        uint64_t v[3] = {1, 2, 3};
        size_t which = 9;
        struct leat_case cs[] = {LEAT_SEND(c, &v[0])};
        expect_eq(leat_chan_send(c, &v[0]), LEAT_ENOMEM);
        expect_eq(leat_chan_try_send(c, &v[0]), LEAT_ENOMEM);
        expect_eq(leat_chan_send_n(c, v, 3, LEAT_NEVER), LEAT_ENOMEM);
        expect_eq(leat_select(cs, 1, LEAT_NEVER, 0, &which), 0);
        expect(which == 0 && cs[0].err == LEAT_ENOMEM);
        expect_eq(leat_chan_len(c), 0);
        expect_eq(leat_chan_send_n(c, v, 3, LEAT_NEVER), 2);
        for (unsigned k = 0; k < 2; k++)
            op_park(&o[k], (enum crew_kind)crew, k, c, LEAT_OP_SEND, 10 + k, k + 1);
        s.refuse = 1; /* the first of the two who wait */
        expect_eq(got(c), 2);
        expect_eq(op_join(&o[0]), LEAT_ENOMEM);
        expect_eq(op_join(&o[1]), 0);
        expect_eq(got(c), 11);
        expect_eq(got(c), 1);
        expect_eq(got(c), OP_UNTOUCHED);
        leat_chan_free(c);
        verdict();
    }
}

/* A gate that nothing passes: both sides wait. After close receivers wait for the sender
 * that was there before, and learn of the end when it leaves. */
static bool gate_no(const void *buf)
{
    (void)buf;
    return false;
}

static size_t gate_len(const void *buf)
{
    (void)buf;
    return 0;
}

struct either {
    struct lone actor;
    leat_chan *gate, *other;
};

static int send_or_leave(void *arg)
{
    struct either *e = (struct either *)arg;
    uint64_t v = 1;
    size_t which = 9;
    struct leat_case cs[] = {LEAT_SEND(e->gate, &v), LEAT_RECV(e->other, NULL)};
    return leat_select(cs, 2, LEAT_NEVER, 0, &which) == 0 ? (int)which : -1;
}

static void a_sender_that_leaves_was_the_last_hope(void **state)
{
    (void)state;
    struct leat_buffer_ops gate = stack_ops;
    gate.can_add = gate.can_take = gate_no;
    gate.len = gate_len;
    gate.destroy = NULL;
    const struct leat_buffer b = {.kind = LEAT_BUFFER_CUSTOM, .ops = &gate};
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        leat_chan *c = buffer_open(&b, 0, NULL);
        struct either e = {.gate = c};
        struct op o[2];
        uint64_t v = 1;
        expect_eq(leat_chan_new(&e.other, 0, 1), 0);
        lone_start(&e.actor, (enum crew_kind)crew, 0, send_or_leave, &e);
        for (unsigned k = 0; k < 2; k++)
            op_park(&o[k], (enum crew_kind)crew, k, c, LEAT_OP_RECV, 0, k + 1);
        until_parked(c, LEAT_OP_SEND, 1);
        expect_eq(leat_chan_close(c), 0);
        expect_eq(leat_chan_try_recv(c, &v), LEAT_EAGAIN);
        expect_eq(leat_chan_send(e.other, NULL), 0);
        expect_eq(lone_join(&e.actor), 1);
        for (unsigned k = 0; k < 2; k++)
            expect_eq(op_join(&o[k]), LEAT_ECLOSED);
        expect_eq(leat_chan_try_recv(c, &v), LEAT_ECLOSED);
        leat_chan_free(e.other);
        leat_chan_free(c);
        verdict();
    }
}

/* The newest value of each key 0 .. 3 (v % 4), keys in order: it loses, and never waits. */
struct newest {
    uint64_t v[4];
    bool some[4];
};

static bool newest_can_take(const void *buf)
{
    const struct newest *n = (const struct newest *)buf;
    return n->some[0] || n->some[1] || n->some[2] || n->some[3];
}

static int newest_add(void *buf, const void *elem, void *lost)
{
    struct newest *n = (struct newest *)buf;
    uint64_t v = *(const uint64_t *)elem, old = n->v[v % 4];
    bool loses = n->some[v % 4];
    n->v[v % 4] = v;
    n->some[v % 4] = true;
    if (loses && lost)
        *(uint64_t *)lost = old;
    return loses ? LEAT_BUFFER_LOST : 0;
}

static void newest_take(void *buf, void *ret)
{
    struct newest *n = (struct newest *)buf;
    unsigned k = 0;
    while (!n->some[k])
        k++;
    if (ret)
        *(uint64_t *)ret = n->v[k];
    n->some[k] = false;
}

static size_t newest_len(const void *buf)
{
    const struct newest *n = (const struct newest *)buf;
    return (size_t)n->some[0] + n->some[1] + n->some[2] + n->some[3];
}

static const struct leat_buffer_ops newest_ops = {.size = sizeof(newest_ops),
                                                  .flags = LEAT_BUFFER_LOSES,
                                                  .can_take = newest_can_take,
                                                  .add = newest_add,
                                                  .take = newest_take,
                                                  .len = newest_len};

static void one_that_loses_gives_what_it_lost_to_drop(void **state)
{
    (void)state;
    struct newest n = {{0}, {0}};
    struct dropped d = {0};
    const struct leat_buffer b = {
        .kind = LEAT_BUFFER_CUSTOM, .ops = &newest_ops, .arg = &n};
    leat_chan *c = buffer_open(&b, 4, &d);
    for (uint64_t v = 1; v <= 10; v++)
        give(c, v);
    expect_eq(leat_chan_len(c), 4);
    expect_eq(d.count, 6);
    expect_eq(d.sum, 1 + 2 + 3 + 4 + 5 + 6);
    expect_eq(got(c), 8);
    leat_chan_free(c);
    expect_eq(d.count, 9);
    expect_eq(d.sum, 21 + 9 + 10 + 7);
    verdict();
}

static int busy_add(void *buf, const void *elem, void *lost)
{
    (void)buf, (void)elem, (void)lost;
    return LEAT_EAGAIN;
}

static void a_result_that_is_none_is_refused(void **state)
{
    (void)state;
    struct stack s = {.room = 1};
    struct leat_buffer_ops ops = stack_ops;
    const struct leat_buffer b = {.kind = LEAT_BUFFER_CUSTOM, .ops = &ops, .arg = &s};
    uint64_t v = 1;
    ops.add = busy_add;
    leat_chan *c = buffer_open(&b, 1, NULL);
    expect_eq(leat_chan_send(c, &v), LEAT_EINVAL);
    leat_chan_free(c);
    verdict();
}

static int opened(const struct leat_buffer *b, size_t cap)
{
    struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = 8, .capacity = cap, .buffer = b};
    leat_chan *c = NULL;
    int r = leat_chan_open(&c, &o);
    expect((r == 0) == (c != NULL));
    leat_chan_free(c);
    return r;
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    struct stack s = {.room = 1};
    struct leat_buffer b = {0};
    expect_eq(opened(&b, 1), LEAT_EINVAL);
    for (int k = LEAT_BUFFER_DROPPING; k <= LEAT_BUFFER_PRIORITY; k++) {
        b = (struct leat_buffer){
            .kind = (enum leat_buffer_kind)k, .levels = 3, .level = buffer_digit};
        expect_eq(opened(&b, 1), 0);
        expect_eq(opened(&b, LEAT_UNBOUNDED), LEAT_EINVAL);
        expect_eq(opened(&b, LEAT_CAP_MAX + 1), LEAT_EOVERFLOW);
        expect_eq(opened(&b, 0), k == LEAT_BUFFER_PROMISE ? 0 : LEAT_EINVAL);
    }
    for (unsigned levels = 0; levels < 70; levels += 13) {
        b.levels = levels;
        expect_eq(opened(&b, 1), levels && levels <= 64 ? 0 : LEAT_EINVAL);
    }
    b.levels = 3;
    b.level = NULL;
    expect_eq(opened(&b, 1), LEAT_EINVAL);
    b.kind = LEAT_BUFFER_CUSTOM;
    expect_eq(opened(&b, 1), LEAT_EINVAL);
    for (unsigned i = 0; i < 8; i++) {
        struct leat_buffer_ops ops = stack_ops;
        b.ops = &ops;
        b.arg = &s;
        ops.size -= i == 0;
        ops.flags = i == 1 ? 4u : 0;
        ops.can_add = i == 2 ? NULL : ops.can_add;
        ops.can_take = i == 3 ? NULL : ops.can_take;
        ops.add = i == 4 ? NULL : ops.add;
        ops.take = i == 5 ? NULL : ops.take;
        ops.len = i == 6 ? NULL : ops.len;
        expect_eq(opened(&b, 1), i == 7 ? 0 : LEAT_EINVAL);
    }
    b.kind = (enum leat_buffer_kind)6;
    expect_eq(opened(&b, 1), LEAT_EINVAL);
    expect_eq(s.destroyed, 1);
    verdict();
}

/* Every allocation fails once; what is lost while there is no memory is not lost. */
static void without_memory_nothing_is_lost_or_half_made(void **state)
{
    (void)state;
    const struct leat_buffer *bs[] = {&buffer_dropping, &buffer_sliding,
                                      &buffer_promise, &buffer_digits};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned fail = 1; fail <= 3; fail++) {
            struct support_bytes bytes = {.fail_at = fail};
            struct leat_alloc alloc = support_alloc(&bytes);
            struct dropped d = {0};
            struct leat_chan_opts o = {.size = sizeof(o),
                                       .elem_size = 8,
                                       .capacity = 1,
                                       .buffer = bs[i],
                                       .drop = dropped_add,
                                       .drop_arg = &d,
                                       .alloc = &alloc};
            leat_chan *c = NULL;
            expect_eq(leat_chan_open(&c, &o), fail <= 2 ? LEAT_ENOMEM : 0);
            if (fail > 2) {
                expect(leat_chan_bytes(c) > bytes.live);
                for (uint64_t v = 1; v <= 5 && i < 3; v++)
                    give(c, v); /* the cell for what is lost is there and used again */
                expect_eq(bytes.calls, 2);
                leat_chan_free(c);
                expect_eq(d.count, i == 3 ? 0 : 5);
            }
            expect_eq(bytes.live, 0);
            verdict();
        }
}

/* While one value is being dropped there is no second cell, and no memory for one. */
struct scarce {
    leat_chan *chan;
    struct support_bytes bytes;
    unsigned count;
};

static void send_within(void *elem, void *arg)
{
    struct scarce *s = (struct scarce *)arg;
    uint64_t v = 9;
    (void)elem;
    if (s->count++ == 0)
        expect_eq(leat_chan_send(s->chan, &v), LEAT_ENOMEM);
}

static void a_send_without_memory_for_what_it_loses_sends_nothing(void **state)
{
    (void)state;
    struct scarce s = {.bytes = {.fail_at = 3}};
    struct leat_alloc alloc = support_alloc(&s.bytes);
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = 8,
                               .capacity = 1,
                               .buffer = &buffer_sliding,
                               .drop = send_within,
                               .drop_arg = &s,
                               .alloc = &alloc};
    expect_eq(leat_chan_open(&s.chan, &o), 0);
    give(s.chan, 1);
    give(s.chan, 2);
    expect_eq(s.count, 1);
    expect_eq(got(s.chan), 2);
    leat_chan_free(s.chan);
    expect_eq(s.bytes.live, 0);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_in_first_out),
        cmocka_unit_test(parties_wait_for_it_as_for_any_other),
        cmocka_unit_test(its_errors_reach_the_sender_and_lose_nothing),
        cmocka_unit_test(a_sender_that_leaves_was_the_last_hope),
        cmocka_unit_test(one_that_loses_gives_what_it_lost_to_drop),
        cmocka_unit_test(a_result_that_is_none_is_refused),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(without_memory_nothing_is_lost_or_half_made),
        cmocka_unit_test(a_send_without_memory_for_what_it_loses_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
