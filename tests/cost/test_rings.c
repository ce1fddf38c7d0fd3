/* test_rings.c - locked instructions of the rings: one for an operation on a shared
 * side, however many elements it moves, none on a single side and none for a try that
 * fails. SPDX-License-Identifier: MIT */
#include "base/count.h"
#include "ring/rings.h"

enum { CAP = 12, N = 5 };

/* Locked instructions since the last call. */
static uint64_t since(void)
{
    static uint64_t before;
    uint64_t now = leati_rmw_count(), n = now - before;
    before = now;
    return n;
}

static void a_single_side_uses_no_locked_instruction(void **state)
{
    (void)state;
    uint64_t v[CAP] = {0};
    for (unsigned i = 0; i < RINGS; i++) {
        const struct ring_kind *k = &rings[i];
        uint64_t push = !k->one_producer, pop = !k->one_consumer;
        struct ring_box b;
        ring_box_open(&b, k, sizeof(v[0]), CAP);
        (void)since();
        for (unsigned round = 0; round < 10; round++) {
            assert_int_equal(k->push(&b.r, v), 0);
            assert_int_equal(since(), push);
            assert_int_equal(k->push_n(&b.r, v, N), N);
            assert_int_equal(since(), push);
            assert_int_equal(k->pop(&b.r, v), 0);
            assert_int_equal(since(), pop);
            assert_int_equal(k->pop_n(&b.r, v, CAP), N);
            assert_int_equal(since(), pop);
        }
        ring_box_close(&b);
    }
}

static void a_failed_try_uses_none(void **state)
{
    (void)state;
    uint64_t v[CAP] = {0};
    for (unsigned i = 0; i < RINGS; i++) {
        const struct ring_kind *k = &rings[i];
        struct ring_box b;
        ring_box_open(&b, k, sizeof(v[0]), CAP);
        (void)since();
        assert_int_equal(k->pop(&b.r, v), LEAT_EAGAIN);
        assert_int_equal(k->pop_n(&b.r, v, N), LEAT_EAGAIN);
        assert_int_equal(since(), 0);
        assert_int_equal(k->push_n(&b.r, v, CAP), CAP);
        (void)since();
        assert_int_equal(k->push(&b.r, v), LEAT_EAGAIN);
        assert_int_equal(k->push_n(&b.r, v, N), LEAT_EAGAIN);
        assert_int_equal(k->len(&b.r), CAP);
        assert_int_equal(since(), 0);
        ring_box_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_side_uses_no_locked_instruction),
        cmocka_unit_test(a_failed_try_uses_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
