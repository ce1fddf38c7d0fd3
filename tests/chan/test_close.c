/* test_close.c - close, cancel, drop, free and counted handles.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { PARKED = 4 };

/* How many actors may be parked on one side of such a channel. */
static unsigned many(const struct kind *k, unsigned dir)
{
    unsigned single = dir == LEAT_OP_SEND ? LEAT_SINGLE_PRODUCER : LEAT_SINGLE_CONSUMER;
    return k->flags & single ? 1 : PARKED;
}

static void drain(leat_chan *c, uint64_t first, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t v = OP_UNTOUCHED;
        expect_eq(leat_chan_recv(c, &v), 0);
        expect_eq(v, first + i);
    }
}

static void nothing_more(leat_chan *c)
{
    uint64_t v = OP_UNTOUCHED;
    for (unsigned i = 0; i < 2; i++) {
        expect_eq(leat_chan_recv(c, &v), LEAT_ECLOSED);
        expect_eq(leat_chan_try_recv(c, &v), LEAT_ECLOSED);
        expect_eq(leat_chan_recv_until(c, &v, leat_in_s(100)), LEAT_ECLOSED);
        expect_eq(leat_chan_recv_n(c, &v, 1, LEAT_NEVER), LEAT_ECLOSED);
    }
    expect_eq(v, OP_UNTOUCHED);
    expect_eq(leat_chan_send(c, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_try_send(c, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_send_until(c, &v, leat_in_s(100)), LEAT_ECLOSED);
    expect_eq(leat_chan_send_n(c, &v, 1, LEAT_NEVER), LEAT_ECLOSED);
    expect_eq(leat_chan_len(c), 0);
    expect(leat_chan_closed(c));
    expect_eq(leat_chan_close(c), LEAT_EALREADY);
}

static void close_alone(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t v = 1;
    expect(!leat_chan_closed(c));
    uint64_t n = fill(c, k, 10);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(leat_chan_close(c), LEAT_EALREADY);
    expect(leat_chan_closed(c));
    expect_eq(leat_chan_send(c, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_try_send(c, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_len(c), n);
    drain(c, 10, n);
    nothing_more(c);
    leat_chan_free(c);
}

static void values_inside_are_delivered_then_closed(void **state)
{
    (void)state;
    each_kind(close_alone);
}

static void close_receivers(const struct kind *k, enum crew_kind crew)
{
    for (int cancel = 0; cancel < 2; cancel++) {
        leat_chan *c = kind_open(k, sizeof(uint64_t));
        struct op o[PARKED];
        unsigned n = many(k, LEAT_OP_RECV);
        for (unsigned i = 0; i < n; i++)
            op_park(&o[i], crew, i, c, LEAT_OP_RECV, 0, i + 1);
        expect_eq(cancel ? leat_chan_cancel(c) : leat_chan_close(c), 0);
        for (unsigned i = 0; i < n; i++) {
            expect_eq(op_join(&o[i]), LEAT_ECLOSED);
            expect_eq(o[i].value, OP_UNTOUCHED);
        }
        nothing_more(c);
        leat_chan_free(c);
    }
}

static void close_and_cancel_wake_every_receiver(void **state)
{
    (void)state;
    each_kind_and_crew(close_receivers);
}

static void close_senders(const struct kind *k, enum crew_kind crew)
{
    if (!kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    struct op o[PARKED];
    unsigned n = many(k, LEAT_OP_SEND);
    uint64_t inside = fill(c, k, 0);
    for (unsigned i = 0; i < n; i++)
        op_park(&o[i], crew, i, c, LEAT_OP_SEND, inside + i, i + 1);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(parked(c, LEAT_OP_SEND), n);
    expect_eq(leat_chan_len(c), inside); /* parked ones are not counted */
    uint64_t late = 999;
    expect_eq(leat_chan_try_send(c, &late), LEAT_ECLOSED);
    drain(c, 0, inside + n);
    for (unsigned i = 0; i < n; i++)
        expect_eq(op_join(&o[i]), 0);
    nothing_more(c);
    leat_chan_free(c);
}

static void senders_waiting_at_close_are_delivered(void **state)
{
    (void)state;
    each_kind_and_crew(close_senders);
}

/* Closed, a sender still parked: receivers wait for its value, until it gives up. */
static void close_timeout(const struct kind *k, enum crew_kind crew)
{
    if (!kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    struct op o;
    uint64_t inside = fill(c, k, 0);
    bool seen = false;
    for (int64_t ms = 10; !seen; ms *= 2) { /* on a busy machine once more */
        struct leat_deadline until = leat_in_ms(ms);
        op_start(&o, crew, 1, c, LEAT_OP_SEND, 77, until);
        while (!seen && leat_now() < until.at_ns) {
            leat_yield();
            seen = parked(c, LEAT_OP_SEND) == 1;
        }
        if (!seen)
            expect_eq(op_join(&o), LEAT_ETIMEDOUT);
    }
    expect_eq(leat_chan_close(c), 0);
    expect_eq(op_join(&o), LEAT_ETIMEDOUT);
    drain(c, 0, inside);
    nothing_more(c);
    leat_chan_free(c);
}

static void a_sender_that_gives_up_after_close_leaves_it_drained(void **state)
{
    (void)state;
    each_kind_and_crew(close_timeout);
}

static void cancel_all(const struct kind *k, enum crew_kind crew)
{
    struct dropped d = {0};
    leat_chan *c = kind_open_dropping(k, &d);
    struct op o[PARKED];
    unsigned n = kind_bounded(k) ? many(k, LEAT_OP_SEND) : 0;
    uint64_t inside = fill(c, k, 0);
    for (unsigned i = 0; i < n; i++)
        op_park(&o[i], crew, i, c, LEAT_OP_SEND, inside + i, i + 1);
    expect_eq(leat_chan_cancel(c), 0);
    expect_eq(leat_chan_cancel(c), LEAT_EALREADY);
    for (unsigned i = 0; i < n; i++)
        expect_eq(op_join(&o[i]), LEAT_ECLOSED);
    nothing_more(c);
    leat_chan_free(c);
    /* a refused sender keeps its value, so it is not dropped */
    expect_eq(d.count, inside);
    expect_eq(d.sum, inside * (inside - 1) / 2 * (inside > 0));
    expect(!d.disorder);
}

static void cancel_refuses_senders_and_drops_what_is_inside(void **state)
{
    (void)state;
    each_kind_and_crew(cancel_all);
}

static void cancel_after_close(const struct kind *k)
{
    struct dropped d = {0};
    leat_chan *c = kind_open_dropping(k, &d);
    uint64_t inside = fill(c, k, 0);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(leat_chan_cancel(c), 0);
    expect_eq(leat_chan_cancel(c), LEAT_EALREADY);
    expect_eq(leat_chan_close(c), LEAT_EALREADY);
    nothing_more(c);
    leat_chan_free(c);
    expect_eq(d.count, inside);
}

static void cancel_after_close_drops_the_rest(void **state)
{
    (void)state;
    each_kind(cancel_after_close);
}

static void free_inside(const struct kind *k)
{
    struct dropped d = {0};
    leat_chan *c = kind_open_dropping(k, &d);
    uint64_t inside = fill(c, k, 1), v;
    uint64_t taken = inside / 3;
    for (uint64_t i = 0; i < taken; i++)
        expect_eq(leat_chan_recv(c, &v), 0);
    expect(leat_chan_ref(c) == c);
    expect(leat_chan_free(c) == NULL);
    expect_eq(d.count, 0); /* one reference is left */
    expect_eq(leat_chan_len(c), inside - taken);
    expect(leat_chan_free(c) == NULL);
    expect_eq(d.count, inside - taken);
    expect(!d.disorder);
}

static void free_drops_each_value_inside_once(void **state)
{
    (void)state;
    each_kind(free_inside);
}

static void sender_handles(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    leat_tx *a = leat_chan_tx(c), *b = leat_tx_ref(a);
    expect(leat_tx_chan(a) == c);
    uint64_t inside = fill(leat_tx_chan(b), k, 5);
    expect(leat_tx_free(a) == NULL);
    expect(!leat_chan_closed(c));
    expect(leat_tx_free(b) == NULL);
    expect(leat_chan_closed(c));
    drain(c, 5, inside);
    nothing_more(c);
    leat_chan_free(c);
}

static void the_last_sender_handle_closes(void **state)
{
    (void)state;
    each_kind(sender_handles);
}

static void receiver_handles(const struct kind *k)
{
    struct dropped d = {0};
    leat_chan *c = kind_open_dropping(k, &d);
    leat_rx *a = leat_chan_rx(c), *b = leat_rx_ref(a);
    expect(leat_rx_chan(a) == c);
    uint64_t inside = fill(c, k, 5), v = 1;
    expect(leat_rx_free(b) == NULL);
    expect(!leat_chan_closed(c));
    expect(leat_rx_free(a) == NULL);
    expect_eq(leat_chan_send(c, &v), LEAT_ECLOSED);
    nothing_more(c);
    leat_chan_free(c);
    expect_eq(d.count, inside);
}

static void the_last_receiver_handle_cancels(void **state)
{
    (void)state;
    each_kind(receiver_handles);
}

/* Handles hold references of their own: they alone keep the channel. */
static void handles_only(const struct kind *k)
{
    struct dropped d = {0};
    leat_chan *c = kind_open_dropping(k, &d);
    leat_tx *t = leat_chan_tx(c);
    leat_rx *r = leat_chan_rx(c);
    leat_chan_free(c);
    uint64_t inside = fill(leat_tx_chan(t), k, 0), v;
    leat_tx_free(t);
    if (inside) {
        expect_eq(leat_chan_recv(leat_rx_chan(r), &v), 0);
        expect_eq(v, 0);
    } else {
        expect_eq(leat_chan_recv(leat_rx_chan(r), &v), LEAT_ECLOSED);
    }
    leat_rx_free(r);
    expect_eq(d.count, inside ? inside - 1 : 0);
}

static void handles_keep_the_channel_alive(void **state)
{
    (void)state;
    each_kind(handles_only);
}

/* The drop of a value uses the very channel that drops it, and others that are full. */
struct reentry {
    leat_chan *self, *full;
    unsigned calls;
};

static void drop_and_use(void *elem, void *arg)
{
    struct reentry *r = (struct reentry *)arg;
    uint64_t v = 3;
    (void)elem;
    r->calls++;
    expect_eq(leat_chan_try_send(r->full, &v), LEAT_EAGAIN);
    expect_eq(leat_chan_send(r->self, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_cancel(r->self), LEAT_EALREADY);
    expect(leat_chan_closed(r->self));
}

static void reenter(const struct kind *k)
{
    if (!k->cap || k->flags & LEAT_SINGLE_CONSUMER)
        return; /* there the values are dropped by the owner's next call, or by free */
    struct leat_chan_opts o = kind_opts(k, 8);
    struct reentry r = {0};
    uint64_t v = 1;
    o.drop = drop_and_use;
    o.drop_arg = &r;
    expect_eq(leat_chan_open(&r.self, &o), 0);
    expect_eq(leat_chan_new(&r.full, 8, 1), 0);
    expect_eq(leat_chan_send(r.full, &v), 0);
    uint64_t n = fill(r.self, k, 0);
    expect_eq(leat_chan_cancel(r.self), 0);
    expect_eq(r.calls, n);
    leat_chan_free(r.self);
    leat_chan_free(r.full);
}

static void a_drop_may_use_the_channel_that_drops(void **state)
{
    (void)state;
    each_kind(reenter);
}

/* Nothing reopens a channel: not what is sent, received, freed or cancelled later. */
static void for_ever(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    uint64_t v = 2, many[2] = {0};
    leat_tx *t = leat_chan_tx(c);
    leat_rx *r = leat_chan_rx(c);
    expect_eq(leat_chan_close(c), 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_eq(leat_chan_send_n(c, many, 2, LEAT_NEVER), LEAT_ECLOSED);
        expect_eq(leat_chan_recv_n(c, many, 2, LEAT_NEVER), LEAT_ECLOSED);
        expect_eq(leat_chan_recv(c, &v), LEAT_ECLOSED);
        expect_eq(leat_chan_try_send(c, &v), LEAT_ECLOSED);
        expect(leat_chan_closed(c));
        if (i == 0) {
            leat_tx *again = leat_tx_ref(t);
            leat_tx_free(t);
            leat_tx_free(again);
        } else if (i == 1) {
            leat_rx_free(r);
        }
    }
    leat_chan_free(c);
}

static void closed_is_for_ever(void **state)
{
    (void)state;
    each_kind(for_ever);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_inside_are_delivered_then_closed),
        cmocka_unit_test(close_and_cancel_wake_every_receiver),
        cmocka_unit_test(senders_waiting_at_close_are_delivered),
        cmocka_unit_test(a_sender_that_gives_up_after_close_leaves_it_drained),
        cmocka_unit_test(cancel_refuses_senders_and_drops_what_is_inside),
        cmocka_unit_test(cancel_after_close_drops_the_rest),
        cmocka_unit_test(free_drops_each_value_inside_once),
        cmocka_unit_test(the_last_sender_handle_closes),
        cmocka_unit_test(the_last_receiver_handle_cancels),
        cmocka_unit_test(handles_keep_the_channel_alive),
        cmocka_unit_test(a_drop_may_use_the_channel_that_drops),
        cmocka_unit_test(closed_is_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
