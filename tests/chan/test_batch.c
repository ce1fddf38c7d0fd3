/* test_batch.c - send_n and recv_n: at least one, as many as fit, how many is told.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { N = 1600 };

static void count_up(uint64_t *v, uint64_t first)
{
    for (uint64_t i = 0; i < N; i++)
        v[i] = first + i;
}

static void alone(const struct kind *k)
{
    if (k->cap == 0)
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t in[N], out[N + 1], sent = 0, got = 0;
    size_t room = kind_bounded(k) ? k->cap : N;
    for (unsigned round = 0; round < 5; round++) {
        count_up(in, sent);
        /* as many as fit, no more, although more is offered */
        ptrdiff_t r = leat_chan_send_n(c, in, N, LEAT_NEVER);
        expect_eq(r, room < N ? room : N);
        sent += (uint64_t)r;
        expect_eq(leat_chan_len(c), r);
        if (kind_bounded(k)) {
            expect_eq(leat_chan_send_n(c, in, 1, LEAT_NOW), LEAT_EAGAIN);
            expect_eq(leat_chan_send_n(c, in, N, leat_in_us(300)), LEAT_ETIMEDOUT);
        }
        /* fewer than there are */
        size_t part = (size_t)r / 2;
        expect_eq(leat_chan_recv_n(c, out, part, LEAT_NOW), part);
        memset(&out[part], 0xEE, sizeof(out[0]));
        ptrdiff_t rest = leat_chan_recv_n(c, out + part, N - part, LEAT_NEVER);
        expect_eq(rest, r - (ptrdiff_t)part);
        for (ptrdiff_t i = 0; i < r; i++)
            expect_eq(out[i], got++);
        expect_eq(leat_chan_recv_n(c, out, N, LEAT_NOW), LEAT_EAGAIN);
        expect_eq(leat_chan_recv_n(c, out, N, leat_in_us(300)), LEAT_ETIMEDOUT);
        /* the next round begins at another cell */
        if (k->cap > 1) {
            expect_eq(leat_chan_send_n(c, &sent, 1, LEAT_NEVER), 1);
            expect_eq(leat_chan_recv_n(c, NULL, 1, LEAT_NEVER), 1);
            got = ++sent;
        }
    }
    leat_chan_free(c);
}

static void as_many_as_fit(void **state)
{
    (void)state;
    each_kind(alone);
}

static void closed(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t v[N], inside = fill(c, k, 0);
    count_up(v, 0);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(leat_chan_send_n(c, v, N, LEAT_NEVER), LEAT_ECLOSED);
    if (inside) {
        memset(v, 0, sizeof(v));
        expect_eq(leat_chan_recv_n(c, v, N, LEAT_NEVER), inside < N ? inside : N);
        for (uint64_t i = 0; i < inside; i++)
            expect_eq(v[i], i);
    }
    expect_eq(leat_chan_recv_n(c, v, N, LEAT_NEVER), LEAT_ECLOSED);
    expect_eq(leat_chan_recv_n(c, v, N, LEAT_NOW), LEAT_ECLOSED);
    expect_eq(leat_chan_recv_n(c, v, 0, LEAT_NEVER), 0);
    leat_chan_free(c);
}

static void a_batch_reports_the_rest_then_the_close(void **state)
{
    (void)state;
    each_kind(closed);
}

/* A batch that must wait is woken by the first value, and takes what is there. */
struct batch {
    struct lone actor;
    leat_chan *c;
    unsigned dir;
    uint64_t v[N];
};

static int batch_main(void *arg)
{
    struct batch *b = (struct batch *)arg;
    return (int)(b->dir == LEAT_OP_SEND ? leat_chan_send_n(b->c, b->v, N, LEAT_NEVER)
                                        : leat_chan_recv_n(b->c, b->v, N, LEAT_NEVER));
}

static void waiting(const struct kind *k, enum crew_kind crew)
{
    static struct batch b;
    b.c = kind_open(k, sizeof(uint64_t));
    b.dir = LEAT_OP_RECV;
    uint64_t v = 77, got = 0;
    lone_start(&b.actor, crew, 1, batch_main, &b);
    until_parked(b.c, LEAT_OP_RECV, 1);
    expect_eq(leat_chan_send(b.c, &v), 0);
    expect_eq(lone_join(&b.actor), 1);
    expect_eq(b.v[0], 77);
    if (kind_bounded(k)) {
        uint64_t inside = fill(b.c, k, 0);
        b.dir = LEAT_OP_SEND;
        count_up(b.v, inside);
        lone_start(&b.actor, crew, 1, batch_main, &b);
        until_parked(b.c, LEAT_OP_SEND, 1);
        expect_eq(leat_chan_recv(b.c, &got), 0);
        int sent = lone_join(&b.actor);
        expect(sent >= 1);
        for (uint64_t i = k->cap ? 1 : 2; i < inside + (uint64_t)sent; i++) {
            expect_eq(leat_chan_recv(b.c, &got), 0);
            expect_eq(got, i);
        }
        expect_eq(leat_chan_try_recv(b.c, &got), LEAT_EAGAIN);
    }
    leat_chan_free(b.c);
}

static void a_batch_waits_for_one(void **state)
{
    (void)state;
    each_kind_and_crew(waiting);
}

/* A batch serves every waiter it has values for, each with one. */
static void serves(const struct kind *k, enum crew_kind crew)
{
    enum { WAITERS = 4 };
    if (!kind_allows(k, 1, 2) || k->cap == 0)
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    struct op o[WAITERS];
    uint64_t v[N];
    ptrdiff_t sent = 0;
    count_up(v, 0);
    for (unsigned i = 0; i < WAITERS; i++)
        op_park(&o[i], crew, i, c, LEAT_OP_RECV, 0, i + 1);
    while (sent < WAITERS) {
        ptrdiff_t r = leat_chan_send_n(c, v + sent, (size_t)(WAITERS - sent), LEAT_NEVER);
        if (!expect(r >= 1))
            break;
        sent += r;
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        expect_eq(op_join(&o[i]), 0);
        expect_eq(o[i].value, i);
    }
    leat_chan_free(c);
}

static void a_batch_completes_the_waiters_in_order(void **state)
{
    (void)state;
    each_kind_and_crew(serves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_fit),
        cmocka_unit_test(a_batch_reports_the_rest_then_the_close),
        cmocka_unit_test(a_batch_waits_for_one),
        cmocka_unit_test(a_batch_completes_the_waiters_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
