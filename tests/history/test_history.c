/* test_history.c - the history checker rejects every way in which a queue goes wrong
 * and accepts what queues do. SPDX-License-Identifier: MIT */
#include "history.c" /* one program has it; the others link no more than they need */

#include "support/support.h"

#define SEND(v, from, to)                             \
    {                                                 \
        HISTORY_SEND, HISTORY_DONE, (v), (from), (to) \
    }
#define RECV(v, from, to)                             \
    {                                                 \
        HISTORY_RECV, HISTORY_DONE, (v), (from), (to) \
    }
#define CLOSE(from, to)                              \
    {                                                \
        HISTORY_CLOSE, HISTORY_DONE, 0, (from), (to) \
    }
#define EMPTY(from, to)                                \
    {                                                  \
        HISTORY_RECV, HISTORY_NOTHING, 0, (from), (to) \
    }
#define FULL(from, to)                                 \
    {                                                  \
        HISTORY_SEND, HISTORY_NOTHING, 0, (from), (to) \
    }
#define REFUSED(from, to)                             \
    {                                                 \
        HISTORY_SEND, HISTORY_CLOSED, 0, (from), (to) \
    }
#define DRAINED(from, to)                             \
    {                                                 \
        HISTORY_RECV, HISTORY_CLOSED, 0, (from), (to) \
    }
#define TIMEOUT(op, from, to)                  \
    {                                          \
        (op), HISTORY_TIMEOUT, 0, (from), (to) \
    }

#define LONG HISTORY_ANY_CAPACITY

/* How the two judge: the exact one and the one for any length. */
#define JUDGE(capacity, linear, clean, ...)                                \
    do {                                                                   \
        struct history_event h[] = {__VA_ARGS__};                          \
        size_t n = sizeof(h) / sizeof(*h);                                 \
        assert_int_equal(history_linear(h, n, capacity), linear);          \
        assert_int_equal(history_patterns(h, n, capacity) == NULL, clean); \
    } while (0)
#define RIGHT(capacity, ...) JUDGE(capacity, true, true, __VA_ARGS__)
#define WRONG(capacity, ...) JUDGE(capacity, false, false, __VA_ARGS__)

static void accepts_values_in_order(void **state)
{
    (void)state;
    RIGHT(LONG, SEND(1, 1, 2), SEND(2, 3, 4), RECV(1, 5, 6), RECV(2, 7, 8));
    RIGHT(1, SEND(1, 1, 2), RECV(1, 3, 4), SEND(2, 5, 6), RECV(2, 7, 8));
    RIGHT(2, SEND(1, 1, 2), SEND(2, 3, 4));
}

static void accepts_either_order_of_what_overlaps(void **state)
{
    (void)state;
    RIGHT(LONG, SEND(1, 1, 4), SEND(2, 2, 3), RECV(2, 5, 6), RECV(1, 7, 8));
    RIGHT(LONG, SEND(1, 1, 2), SEND(2, 3, 4), RECV(2, 5, 8), RECV(1, 6, 7));
    RIGHT(LONG, EMPTY(1, 4), SEND(1, 2, 3), RECV(1, 5, 6));
    RIGHT(LONG, SEND(1, 1, 4), EMPTY(2, 3), RECV(1, 5, 6));
    RIGHT(1, SEND(1, 1, 2), SEND(2, 3, 6), RECV(1, 4, 5), RECV(2, 7, 8));
}

static void accepts_close(void **state)
{
    (void)state;
    RIGHT(LONG, SEND(1, 1, 2), CLOSE(3, 4), RECV(1, 5, 6), DRAINED(7, 8),
          REFUSED(9, 10));
    RIGHT(LONG, CLOSE(1, 4), SEND(1, 2, 3), RECV(1, 5, 6), DRAINED(7, 8));
    RIGHT(LONG, CLOSE(1, 2), {HISTORY_CLOSE, HISTORY_CLOSED, 0, 3, 4});
}

static void accepts_meetings(void **state)
{
    (void)state;
    RIGHT(0, SEND(1, 1, 4), RECV(1, 2, 3), SEND(2, 5, 8), RECV(2, 6, 7));
    RIGHT(0, SEND(1, 1, 6), SEND(2, 2, 5), RECV(2, 3, 4), RECV(1, 3, 7));
    RIGHT(0, FULL(1, 2), EMPTY(3, 4), TIMEOUT(HISTORY_RECV, 5, 6));
}

static void accepts_timeouts_anywhere(void **state)
{
    (void)state;
    RIGHT(1, SEND(1, 1, 2), TIMEOUT(HISTORY_RECV, 3, 4), TIMEOUT(HISTORY_SEND, 5, 6),
          RECV(1, 7, 8));
}

static void rejects_a_value_that_nobody_sent(void **state)
{
    (void)state;
    WRONG(LONG, SEND(1, 1, 2), RECV(3, 3, 4));
}

static void rejects_a_value_received_twice(void **state)
{
    (void)state;
    WRONG(LONG, SEND(1, 1, 2), RECV(1, 3, 4), RECV(1, 5, 6));
}

static void rejects_a_value_before_its_send(void **state)
{
    (void)state;
    WRONG(LONG, RECV(1, 1, 2), SEND(1, 3, 4));
}

static void rejects_the_wrong_order(void **state)
{
    (void)state;
    WRONG(LONG, SEND(1, 1, 2), SEND(2, 3, 4), RECV(2, 5, 6), RECV(1, 7, 8));
    WRONG(LONG, SEND(1, 1, 2), SEND(2, 3, 4), RECV(2, 5, 6)); /* 1 is still inside */
}

static void rejects_empty_while_a_value_is_inside(void **state)
{
    (void)state;
    WRONG(LONG, SEND(1, 1, 2), EMPTY(3, 4), RECV(1, 5, 6));
    /* At each instant one of the two was inside. */
    WRONG(LONG, SEND(1, 1, 2), SEND(2, 4, 5), RECV(1, 6, 7), EMPTY(3, 8),
          RECV(2, 9, 10));
}

static void rejects_full_while_there_is_room(void **state)
{
    (void)state;
    WRONG(2, SEND(1, 1, 2), FULL(3, 4), RECV(1, 5, 6));
    WRONG(1, FULL(1, 2), SEND(1, 3, 4));
}

static void rejects_closed_before_the_close(void **state)
{
    (void)state;
    WRONG(LONG, DRAINED(1, 2), CLOSE(3, 4));
    WRONG(LONG, REFUSED(1, 2), CLOSE(3, 4));
    WRONG(LONG, REFUSED(1, 2));
}

static void rejects_drained_while_a_value_is_inside(void **state)
{
    (void)state;
    WRONG(LONG, SEND(1, 1, 2), CLOSE(3, 4), DRAINED(5, 6), RECV(1, 7, 8));
}

static void rejects_a_send_after_the_close(void **state)
{
    (void)state;
    WRONG(LONG, CLOSE(1, 2), SEND(1, 3, 4));
    WRONG(LONG, CLOSE(1, 2), CLOSE(3, 4));
}

/* Only the exact check knows the room and who meets whom. */
static void the_exact_check_rejects_more(void **state)
{
    (void)state;
    JUDGE(1, false, true, SEND(1, 1, 2), SEND(2, 3, 4), RECV(1, 5, 6), RECV(2, 7, 8));
    JUDGE(0, false, true, SEND(1, 1, 2), RECV(1, 3, 4));
}

/* A queue that is simulated gives right histories; one with two values exchanged, wrong
 * ones. */
static void both_agree_on_a_simulated_queue(void **state)
{
    enum { N = 30 };
    struct support_rng rng = support_rng(1);
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct history_event h[2 * N];
        uint64_t in = 0, out = 0, clock = 4;
        size_t n = 0;
        while (n < 2 * N) {
            bool send = in == out || (in < N && support_below(&rng, 2));
            uint64_t early = support_below(&rng, 3), v = send ? ++in : ++out;
            h[n++] = (struct history_event){send ? HISTORY_SEND : HISTORY_RECV,
                                            HISTORY_DONE, v, clock * 8 - early * 6,
                                            clock * 8 + support_below(&rng, 3) * 6 + 1};
            clock++;
            if (in == N && out == N)
                break;
        }
        assert_true(history_linear(h, n, HISTORY_ANY_CAPACITY));
        assert_null(history_patterns(h, n, HISTORY_ANY_CAPACITY));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_values_in_order),
        cmocka_unit_test(accepts_either_order_of_what_overlaps),
        cmocka_unit_test(accepts_close),
        cmocka_unit_test(accepts_meetings),
        cmocka_unit_test(accepts_timeouts_anywhere),
        cmocka_unit_test(rejects_a_value_that_nobody_sent),
        cmocka_unit_test(rejects_a_value_received_twice),
        cmocka_unit_test(rejects_a_value_before_its_send),
        cmocka_unit_test(rejects_the_wrong_order),
        cmocka_unit_test(rejects_empty_while_a_value_is_inside),
        cmocka_unit_test(rejects_full_while_there_is_room),
        cmocka_unit_test(rejects_closed_before_the_close),
        cmocka_unit_test(rejects_drained_while_a_value_is_inside),
        cmocka_unit_test(rejects_a_send_after_the_close),
        cmocka_unit_test(the_exact_check_rejects_more),
        cmocka_unit_test(both_agree_on_a_simulated_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
