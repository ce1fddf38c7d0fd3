/* test_buffers.c - dropping, sliding, promise and priority channels, one call after the
 * other and with parties that wait. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/buffers.h"

static const size_t caps[] = {1, 2, 3, 7, 128};
enum { CAPS = sizeof(caps) / sizeof(caps[0]) };

static void a_full_dropping_channel_drops_the_new_value(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAPS; i++) {
        struct dropped d = {0};
        leat_chan *c = buffer_open(&buffer_dropping, caps[i], &d);
        assert_int_equal(leat_chan_cap(c), caps[i]);
        for (uint64_t v = 1; v <= caps[i] + 3; v++) {
            give(c, v);
            expect_eq(leat_chan_len(c), v < caps[i] ? v : caps[i]);
            expect_eq(d.count, v > caps[i] ? v - caps[i] : 0);
            expect(d.count == 0 || d.last == v);
        }
        for (uint64_t v = 1; v <= caps[i]; v++)
            expect_eq(got(c), v);
        expect_eq(got(c), OP_UNTOUCHED);
        leat_chan_free(c);
        expect_eq(d.count, 3);
        verdict();
    }
}

static void a_full_sliding_channel_drops_the_oldest_value(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAPS; i++) {
        struct dropped d = {0};
        leat_chan *c = buffer_open(&buffer_sliding, caps[i], &d);
        for (uint64_t v = 1; v <= caps[i] + 3; v++) {
            give(c, v);
            expect_eq(leat_chan_len(c), v < caps[i] ? v : caps[i]);
            expect_eq(d.last, v > caps[i] ? v - caps[i] : 0);
        }
        for (uint64_t v = 4; v <= caps[i] + 3; v++)
            expect_eq(got(c), v);
        expect_eq(got(c), OP_UNTOUCHED);
        leat_chan_free(c);
        expect_eq(d.count, 3);
        expect(!d.disorder);
        verdict();
    }
}

/* In every form of the operation, with nobody there and no time. */
static void sends_to_them_never_wait(void **state)
{
    (void)state;
    const struct leat_buffer *bs[] = {&buffer_dropping, &buffer_sliding,
                                      &buffer_promise};
    for (unsigned i = 0; i < 3; i++) {
        struct dropped d = {0};
        leat_chan *c = buffer_open(bs[i], 1, &d);
        uint64_t v[4] = {1, 2, 3, 4};
        size_t which = 9;
        give(c, v[0]);
        expect_eq(leat_chan_try_send(c, &v[1]), 0);
        expect_eq(leat_chan_send_until(c, &v[2], LEAT_NEVER), 0);
        expect_eq(leat_chan_send_n(c, v, 4, LEAT_NOW), 4);
        struct leat_case cs[] = {LEAT_SEND(c, &v[3])};
        expect_eq(leat_select(cs, 1, LEAT_NOW, 0, &which), 0);
        expect_eq(cs[0].err, 0);
        expect_eq(d.count, 7);
        expect_eq(got(c), bs[i] == &buffer_sliding ? 4 : 1);
        expect_eq(leat_chan_close(c), 0);
        expect_eq(leat_chan_send(c, &v[0]), LEAT_ECLOSED);
        expect_eq(leat_chan_send_n(c, v, 4, LEAT_NOW), LEAT_ECLOSED);
        expect_eq(d.count, 7);
        leat_chan_free(c);
        verdict();
    }
}

/* A batch serves those who wait, oldest first, before one value pushes out another. */
static void who_waits_is_served_before_a_value_is_lost(enum crew_kind crew)
{
    const struct leat_buffer *bs[] = {&buffer_dropping, &buffer_sliding};
    for (unsigned i = 0; i < 2; i++) {
        struct dropped d = {0};
        struct op o[3];
        leat_chan *c = buffer_open(bs[i], 1, &d);
        for (unsigned k = 0; k < 3; k++)
            op_park(&o[k], crew, k, c, LEAT_OP_RECV, 0, k + 1);
        uint64_t v[] = {1, 2, 3, 4, 5};
        expect_eq(leat_chan_send_n(c, v, 5, LEAT_NOW), 5);
        for (unsigned k = 0; k < 3; k++) {
            expect_eq(op_join(&o[k]), 0);
            expect_eq(o[k].value, k + 1);
        }
        expect_eq(d.count, 1);
        expect_eq(got(c), i ? 5 : 4);
        leat_chan_free(c);
        verdict();
    }
}

static void waiting_receivers_are_served_first(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        who_waits_is_served_before_a_value_is_lost((enum crew_kind)crew);
}

static void every_receiver_gets_the_promise(enum crew_kind crew)
{
    struct dropped d = {0};
    struct op o[4];
    leat_chan *c = buffer_open(&buffer_promise, 0, &d);
    uint64_t v[3] = {9, 9, 9};
    expect_eq(leat_chan_cap(c), 1);
    expect_eq(leat_chan_try_recv(c, v), LEAT_EAGAIN);
    for (unsigned k = 0; k < 4; k++)
        op_park(&o[k], crew, k, c, LEAT_OP_RECV, 0, k + 1);
    give(c, 0); /* as good a value as any */
    give(c, 7);
    for (unsigned k = 0; k < 4; k++) {
        expect_eq(op_join(&o[k]), 0);
        expect_eq(o[k].value, 0);
    }
    for (int end = 0; end < 2; end++) {
        expect_eq(got(c), 0);
        expect_eq(leat_chan_recv_n(c, v, 3, LEAT_NOW), 3);
        expect_eq(v[0] | v[1] | v[2], 0);
        expect_eq(leat_chan_len(c), 1);
        expect_eq(leat_chan_close(c), end ? LEAT_EALREADY : 0);
    }
    expect_eq(d.count, 1);
    expect_eq(d.last, 7);
    expect_eq(leat_chan_cancel(c), 0);
    expect_eq(leat_chan_recv(c, v), LEAT_ECLOSED);
    expect_eq(leat_chan_len(c), 0);
    expect_eq(d.count, 1);
    leat_chan_free(c);
    expect_eq(d.count, 2); /* the value itself goes at the end, once */
    expect_eq(d.last, 0);
    verdict();
}

static void a_promise_gives_its_value_to_everybody_for_ever(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        every_receiver_gets_the_promise((enum crew_kind)crew);
}

static void an_empty_promise_that_is_closed_tells_those_who_wait(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct op o[2];
        leat_chan *c = NULL;
        uint64_t v = 3;
        assert_int_equal(leat_chan_new_promise(&c, sizeof(v)), 0);
        for (unsigned k = 0; k < 2; k++)
            op_park(&o[k], (enum crew_kind)crew, k, c, LEAT_OP_RECV, 0, k + 1);
        expect_eq(leat_chan_close(c), 0);
        for (unsigned k = 0; k < 2; k++)
            expect_eq(op_join(&o[k]), LEAT_ECLOSED);
        expect_eq(leat_chan_send(c, &v), LEAT_ECLOSED);
        expect_eq(leat_chan_recv(c, &v), LEAT_ECLOSED);
        leat_chan_free(c);
        verdict();
    }
}

static void levels_in_order_and_fifo_within_one(void **state)
{
    (void)state;
    leat_chan *c = buffer_open(&buffer_digits, 8, NULL);
    const uint64_t in[] = {13, 22, 33, 12, 8, 20, 43, 30},
                   out[] = {20, 30, 22, 12, 13, 33, 43, 8};
    uint64_t v = 50;
    for (unsigned i = 0; i < 8; i++)
        give(c, in[i]);
    expect_eq(leat_chan_try_send(c, &v), LEAT_EAGAIN); /* exact, whatever the level */
    expect_eq(leat_chan_len(c), 8);
    for (unsigned i = 0; i < 4; i++)
        expect_eq(got(c), out[i]);
    give(c, 60);
    give(c, 63);
    expect_eq(got(c), 60);
    for (unsigned i = 4; i < 7; i++)
        expect_eq(got(c), out[i]);
    expect_eq(got(c), 63);
    expect_eq(got(c), 8);
    expect_eq(got(c), OP_UNTOUCHED);
    leat_chan_free(c);
    verdict();
}

/* Waiting senders come in as they came, and a level that is not there is refused. */
static void senders_wait_for_room_in_turn(enum crew_kind crew)
{
    leat_chan *c = buffer_open(&buffer_digits, 2, NULL);
    struct op o[4];
    uint64_t bad = 19;
    const uint64_t vs[] = {35, 19, 44, 31};
    bool refused = expect_eq(leat_chan_try_send(c, &bad), LEAT_EINVAL);
    expect_eq(leat_chan_len(c), 0);
    if (!refused) {
        leat_chan_free(c);
        return;
    }
    give(c, 17);
    give(c, 18);
    for (unsigned k = 0; k < 4; k++)
        op_park(&o[k], crew, k, c, LEAT_OP_SEND, vs[k], k + 1);
    expect_eq(got(c), 17); /* then 35 comes in */
    expect_eq(op_join(&o[0]), 0);
    expect_eq(parked(c, LEAT_OP_SEND), 3);
    expect_eq(got(c), 35); /* 19 is refused, 44 comes in */
    expect_eq(op_join(&o[1]), LEAT_EINVAL);
    expect_eq(op_join(&o[2]), 0);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(got(c), 44);
    expect_eq(op_join(&o[3]), 0);
    expect_eq(got(c), 31);
    expect_eq(got(c), 18);
    expect_eq(leat_chan_recv(c, &bad), LEAT_ECLOSED);
    leat_chan_free(c);
    verdict();
}

static void senders_of_every_level_wait_first_come_first_served(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        senders_wait_for_room_in_turn((enum crew_kind)crew);
}

static void cancel_drops_what_is_inside_and_free_what_is_left(void **state)
{
    (void)state;
    const struct leat_buffer *bs[] = {&buffer_dropping, &buffer_sliding,
                                      &buffer_digits};
    for (unsigned i = 0; i < 3; i++)
        for (int cancel = 0; cancel < 2; cancel++) {
            struct dropped d = {0};
            leat_chan *c = buffer_open(bs[i], 5, &d);
            for (uint64_t v = 10; v < 15; v++)
                give(c, v);
            expect_eq(got(c), 10);
            if (cancel)
                expect_eq(leat_chan_cancel(c), 0);
            expect_eq(d.count, cancel ? 4 : 0);
            expect_eq(leat_chan_len(c), cancel ? 0 : 4);
            leat_chan_free(c);
            expect_eq(d.count, 4);
            expect_eq(d.sum, 11 + 12 + 13 + 14);
            expect(!d.disorder);
            verdict();
        }
}

static void counted_handles_close_and_cancel_them(void **state)
{
    (void)state;
    struct dropped d = {0};
    leat_chan *c = buffer_open(&buffer_sliding, 2, &d);
    leat_tx *t = leat_chan_tx(c);
    leat_rx *r = leat_chan_rx(c);
    uint64_t v = 5;
    give(c, v);
    leat_tx_free(t);
    expect_eq(leat_chan_send(c, &v), LEAT_ECLOSED);
    leat_rx_free(r);
    expect_eq(d.count, 1);
    expect_eq(leat_chan_recv(c, &v), LEAT_ECLOSED);
    leat_chan_free(c);
    verdict();
}

static void any_size_of_element(void **state)
{
    (void)state;
    const struct leat_buffer *bs[] = {&buffer_dropping, &buffer_sliding,
                                      &buffer_promise};
    for (size_t size = 0; size < 200; size += size < 20 ? 1 : 13)
        for (unsigned i = 0; i < 3; i++) {
            struct leat_chan_opts o = {.size = sizeof(o),
                                       .elem_size = size,
                                       .capacity = 1,
                                       .buffer = bs[i],
                                       .elem_align = size > 64 ? 64 : 0};
            unsigned char a[200], b[200], r[200];
            leat_chan *c = NULL;
            memset(a, 0xA5, sizeof(a));
            memset(b, 0x5A, sizeof(b));
            memset(r, 0, sizeof(r));
            expect_eq(leat_chan_open(&c, &o), 0);
            expect_eq(leat_chan_send(c, a), 0);
            expect_eq(leat_chan_send(c, b), 0);
            expect_eq(leat_chan_recv(c, r), 0);
            expect(memcmp(r, bs[i] == &buffer_sliding ? b : a, size) == 0);
            expect(r[size] == 0);
            expect_eq(leat_chan_send(c, a), 0);
            expect_eq(leat_chan_recv(c, NULL), 0); /* forgets it */
            leat_chan_free(c);
            verdict();
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_dropping_channel_drops_the_new_value),
        cmocka_unit_test(a_full_sliding_channel_drops_the_oldest_value),
        cmocka_unit_test(sends_to_them_never_wait),
        cmocka_unit_test(waiting_receivers_are_served_first),
        cmocka_unit_test(a_promise_gives_its_value_to_everybody_for_ever),
        cmocka_unit_test(an_empty_promise_that_is_closed_tells_those_who_wait),
        cmocka_unit_test(levels_in_order_and_fifo_within_one),
        cmocka_unit_test(senders_of_every_level_wait_first_come_first_served),
        cmocka_unit_test(cancel_drops_what_is_inside_and_free_what_is_left),
        cmocka_unit_test(counted_handles_close_and_cancel_them),
        cmocka_unit_test(any_size_of_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
