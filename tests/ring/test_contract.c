/* test_contract.c - what ring.h promises to one thread, for each kind of ring.
 * SPDX-License-Identifier: MIT */
#include "rings.h"

static void impossible_shapes_are_refused(void **state)
{
    (void)state;
    static char mem[256] __attribute__((aligned(64)));
    const size_t big = LEAT_RING_ELEM_MAX + 1, many = LEAT_RING_CAP_MAX + 1;
    for (unsigned i = 0; i < RINGS; i++) {
        const struct ring_kind *k = &rings[i];
        union ring_any r, untouched;
        memset(&r, 0x5a, sizeof(r));
        untouched = r;
        assert_int_equal(k->footprint(8, 0), 0);
        assert_int_equal(k->footprint(big, 1), 0);
        assert_int_equal(k->footprint(1, many), 0);
        assert_int_equal(k->footprint(SIZE_MAX, SIZE_MAX), 0);
        assert_int_equal(k->footprint(SIZE_MAX / 8 + 2, 8), 0);
        assert_int_equal(k->init(&r, mem, SIZE_MAX, 8, 0), LEAT_EINVAL);
        assert_int_equal(k->init(&r, mem, SIZE_MAX, big, 1), LEAT_EOVERFLOW);
        assert_int_equal(k->init(&r, mem, SIZE_MAX, 1, many), LEAT_EOVERFLOW);
        assert_int_equal(k->init(&r, mem, SIZE_MAX, SIZE_MAX, SIZE_MAX),
                         LEAT_EOVERFLOW);
        assert_int_equal(k->init(&r, NULL, sizeof(mem), 8, 4), LEAT_EINVAL);
        assert_int_equal(k->init(NULL, mem, sizeof(mem), 8, 4), LEAT_EINVAL);
        assert_int_equal(k->init(&r, mem + 1, sizeof(mem) - 1, 8, 4), LEAT_EINVAL);
        assert_int_equal(k->init(&r, mem, k->footprint(8, 4) - 1, 8, 4), LEAT_EINVAL);
        assert_memory_equal(&r, &untouched, sizeof(r));
        assert_int_equal(k->init(&r, mem, k->footprint(8, 4), 8, 4), 0);
    }
}

/* The largest shapes are given a true size, not one that has wrapped. */
static void footprints_do_not_wrap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++) {
        size_t bytes = rings[i].footprint(LEAT_RING_ELEM_MAX, LEAT_RING_CAP_MAX);
        assert_true(bytes >= LEAT_RING_ELEM_MAX * LEAT_RING_CAP_MAX);
        assert_true(rings[i].footprint(0, 1) > 0);
        assert_true(rings[i].align(0) >= 1 && rings[i].align(24) == 8);
    }
}

/* Fills and empties; the next element is *next, for order across calls. */
static void fill_and_drain(struct ring_box *b, size_t cap, uint32_t *next)
{
    const struct ring_kind *k = b->k;
    uint32_t out = *next, v;
    for (size_t n = 0; n < cap; n++) {
        assert_int_equal(k->len(&b->r), n);
        assert_int_equal(k->push(&b->r, next), 0);
        (*next)++;
    }
    assert_int_equal(k->push(&b->r, next), LEAT_EAGAIN);
    assert_int_equal(k->len(&b->r), cap);
    for (size_t n = cap; n > 0; n--) {
        assert_int_equal(k->pop(&b->r, &v), 0);
        assert_int_equal(v, out++);
        assert_int_equal(k->len(&b->r), n - 1);
    }
    v = 77;
    assert_int_equal(k->pop(&b->r, &v), LEAT_EAGAIN);
    assert_int_equal(v, 77);
}

static void every_capacity_is_exact(void **state)
{
    (void)state;
    static const size_t some[] = {100, 127, 128, 129, 1000, 1023, 1025};
    for (unsigned i = 0; i < RINGS; i++)
        for (size_t j = 1; j <= 40 + sizeof(some) / sizeof(some[0]); j++) {
            size_t cap = j <= 40 ? j : some[j - 41];
            uint32_t next = 0, v;
            struct ring_box b;
            ring_box_open(&b, &rings[i], sizeof(next), cap);
            assert_int_equal(rings[i].cap(&b.r), cap);
            for (unsigned lap = 0; lap < 4; lap++) {
                fill_and_drain(&b, cap, &next);
                assert_int_equal(rings[i].push(&b.r, &next), 0); /* begin elsewhere */
                assert_int_equal(rings[i].pop(&b.r, &v), 0);
            }
            ring_box_close(&b);
        }
}

static void fill(unsigned char *p, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(seed + i * 7 + i / 256);
}

/* Three elements beside each other, each with its own bytes, and bytes around ret that
 * must stay. */
static void any_element_size_is_copied_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,  1,  2,  3,  4,  5,    8,
                                   12, 16, 17, 24, 64, 1000, 1 << 20};
    for (unsigned i = 0; i < RINGS; i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            size_t size = sizes[j];
            const struct ring_kind *k = &rings[i];
            unsigned char *elem = malloc(size + 1), *ret = malloc(size + 2);
            struct ring_box b;
            ring_box_open(&b, k, size, 3);
            for (unsigned n = 0; n < 12; n++) {
                if (n >= 3) {
                    fill(elem, size, n - 3);
                    ret[0] = ret[size + 1] = 0xee;
                    assert_int_equal(k->pop(&b.r, ret + 1), 0);
                    assert_memory_equal(ret + 1, elem, size);
                    assert_int_equal(ret[0], 0xee);
                    assert_int_equal(ret[size + 1], 0xee);
                }
                fill(elem, size, n);
                assert_int_equal(k->push(&b.r, size ? elem : NULL), 0);
            }
            ring_box_close(&b);
            free(elem);
            free(ret);
        }
}

static void a_pop_into_null_discards(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++) {
        const struct ring_kind *k = &rings[i];
        uint64_t v[4] = {1, 2, 3, 4}, got;
        struct ring_box b;
        ring_box_open(&b, k, sizeof(got), 4);
        assert_int_equal(k->push_n(&b.r, v, 4), 4);
        assert_int_equal(k->pop(&b.r, NULL), 0);
        assert_int_equal(k->pop_n(&b.r, NULL, 2), 2);
        assert_int_equal(k->pop(&b.r, &got), 0);
        assert_int_equal(got, 4);
        ring_box_close(&b);
    }
}

static void a_batch_takes_what_fits_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++) {
        const struct ring_kind *k = &rings[i];
        uint16_t in[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, out[10] = {0};
        struct ring_box b;
        ring_box_open(&b, k, sizeof(in[0]), 7);
        assert_int_equal(k->pop_n(&b.r, out, 3), LEAT_EAGAIN);
        assert_int_equal(k->push_n(&b.r, in, 0), 0);
        assert_int_equal(k->push_n(&b.r, in, 5), 5);
        assert_int_equal(k->push_n(&b.r, in + 5, 5), 2);
        assert_int_equal(k->push_n(&b.r, in, 1), LEAT_EAGAIN);
        assert_int_equal(k->pop_n(&b.r, out, 0), 0);
        assert_int_equal(k->pop_n(&b.r, out, 4), 4);
        assert_int_equal(k->push_n(&b.r, in + 7, 3), 3); /* across the ring's end */
        assert_int_equal(k->len(&b.r), 6);
        assert_int_equal(k->pop_n(&b.r, out + 4, SIZE_MAX), 6);
        assert_memory_equal(in, out, sizeof(in));
        assert_int_equal(k->pop_n(&b.r, out, SIZE_MAX), LEAT_EAGAIN);
        ring_box_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_shapes_are_refused),
        cmocka_unit_test(footprints_do_not_wrap),
        cmocka_unit_test(every_capacity_is_exact),
        cmocka_unit_test(any_element_size_is_copied_whole),
        cmocka_unit_test(a_pop_into_null_discards),
        cmocka_unit_test(a_batch_takes_what_fits_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
