/* test_wrap.c - rings against a plain counter as their model, begun just before a
 * cell's turn or a ticket's lap wraps; and peers that stopped half-way.
 * SPDX-License-Identifier: MIT */
#include "rings.h"

/* Elements are consecutive numbers: first, the oldest one inside, .. next - 1. */
struct model {
    uint32_t first, next;
};

static void model_push(struct ring_box *b, struct model *m, size_t cap, size_t n)
{
    uint32_t v[16];
    size_t room = cap - (m->next - m->first);
    for (size_t i = 0; i < n; i++)
        v[i] = m->next + (uint32_t)i;
    ptrdiff_t want = n < room ? (ptrdiff_t)n : (ptrdiff_t)room;
    ptrdiff_t got = n == 1 ? b->k->push(&b->r, v) : b->k->push_n(&b->r, v, n);
    assert_int_equal(got, n != 0 && room == 0 ? LEAT_EAGAIN : n == 1 ? 0 : want);
    m->next += (uint32_t)want;
}

static void model_pop(struct ring_box *b, struct model *m, size_t n)
{
    uint32_t v[16];
    size_t there = m->next - m->first;
    ptrdiff_t want = n < there ? (ptrdiff_t)n : (ptrdiff_t)there;
    ptrdiff_t got = n == 1 ? b->k->pop(&b->r, v) : b->k->pop_n(&b->r, v, n);
    assert_int_equal(got, n != 0 && there == 0 ? LEAT_EAGAIN : n == 1 ? 0 : want);
    for (ptrdiff_t i = 0; i < want; i++)
        assert_int_equal(v[i], m->first++);
}

static void walk(const struct ring_kind *k, size_t cap, uint64_t lap, size_t steps)
{
    struct support_rng rng = support_rng(cap);
    struct model m = {0, 0};
    struct ring_box b;
    ring_box_open(&b, k, sizeof(uint32_t), cap);
    k->start(&b.r, lap);
    for (size_t i = 0; i < steps; i++) {
        /* Phases that rather fill and that rather empty. */
        bool push = support_below(&rng, 8) < (i / 64 % 2 ? 5u : 3u);
        size_t n = support_below(&rng, 3) ? 1 : support_below(&rng, 17);
        if (push)
            model_push(&b, &m, cap, n);
        else
            model_pop(&b, &m, n);
        assert_int_equal(k->len(&b.r), m.next - m.first);
    }
    ring_box_close(&b);
}

static const size_t caps[] = {1, 2, 3, 4, 5, 7, 8, 13, 16};
enum { CAPS = sizeof(caps) / sizeof(caps[0]) };

static void random_walks_agree_with_the_model(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++)
            walk(&rings[i], caps[j], 0, support_scale(20000));
}

/* turn is 2*lap in 32 bits: it wraps at lap 2^31. */
static void turns_wrap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++)
            for (uint64_t before = 1; before <= 3; before++)
                walk(&rings[i], caps[j], (UINT64_C(1) << 31) - before, 1000);
}

/* The lap has 64 - S bits; a shift by 64 of none would be undefined. */
static void tickets_wrap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++) {
            struct ring_box b;
            ring_box_open(&b, &rings[i], 4, caps[j]);
            uint64_t last = UINT64_MAX >> rings[i].shift(&b.r);
            ring_box_close(&b);
            for (uint64_t before = 0; before <= 2; before++)
                walk(&rings[i], caps[j], last - before, 1000);
        }
}

/* A producer that has claimed and not published: nobody calls the ring empty, others
 * pass, and the order is that of the claims. */
static void a_half_done_push_is_busy_not_empty(void **state)
{
    (void)state;
    static const unsigned shared[] = {1, 3}; /* mpsc, mpmc */
    for (unsigned i = 0; i < 2; i++) {
        const struct ring_kind *k = &rings[shared[i]];
        struct ring_box b;
        uint64_t w = 0, end, one = 1, two = 2, v[2] = {0};
        ring_box_open(&b, k, sizeof(one), 3);
        struct leati_ring *r = &b.r.mpmc.r;
        enum leati_ring_side consumers = k->one_consumer ? LEATI_SINGLE : LEATI_SHARED;
        assert_int_equal(leati_ring_claim(r, 0, 1, LEATI_SHARED, consumers, &w, &end),
                         1);
        assert_int_equal(k->pop(&b.r, v), LEAT_EBUSY);
        assert_int_equal(k->pop_n(&b.r, v, 2), LEAT_EBUSY);
        assert_int_equal(k->push(&b.r, &two), 0);
        assert_int_equal(k->pop(&b.r, v), LEAT_EBUSY);
        assert_int_equal(k->len(&b.r), 2);
        leati_a32 *cell = leati_ring_cell(r, w);
        memcpy((char *)cell + r->offset, &one, sizeof(one));
        leati_store_rel(cell, leati_lap_turn(&r->lap, w) + 1); /* pairs with pop */
        assert_int_equal(k->pop_n(&b.r, v, 2), 2);
        assert_int_equal(v[0], 1);
        assert_int_equal(v[1], 2);
        assert_int_equal(k->pop(&b.r, v), LEAT_EAGAIN);
        ring_box_close(&b);
    }
}

static void a_half_done_pop_is_busy_not_full(void **state)
{
    (void)state;
    static const unsigned shared[] = {2, 3}; /* spmc, mpmc */
    for (unsigned i = 0; i < 2; i++) {
        const struct ring_kind *k = &rings[shared[i]];
        struct ring_box b;
        uint64_t w = 0, end, v[2] = {1, 2};
        ring_box_open(&b, k, sizeof(v[0]), 2);
        struct leati_ring *r = &b.r.mpmc.r;
        enum leati_ring_side producers = k->one_producer ? LEATI_SINGLE : LEATI_SHARED;
        assert_int_equal(k->push_n(&b.r, v, 2), 2);
        assert_int_equal(k->push(&b.r, v), LEAT_EAGAIN);
        assert_int_equal(leati_ring_claim(r, 1, 1, LEATI_SHARED, producers, &w, &end),
                         1);
        assert_int_equal(k->push(&b.r, v), LEAT_EBUSY);
        assert_int_equal(k->push_n(&b.r, v, 2), LEAT_EBUSY);
        assert_int_equal(k->pop(&b.r, &v[1]), 0); /* passes it */
        assert_int_equal(v[1], 2);
        assert_int_equal(k->push(&b.r, v), LEAT_EBUSY);
        assert_int_equal(k->pop(&b.r, v), LEAT_EAGAIN);
        leati_a32 *cell = leati_ring_cell(r, w);
        leati_store_rel(cell, leati_lap_turn(&r->lap, w) + 2); /* pairs with push */
        assert_int_equal(k->push_n(&b.r, v, 2), 2);
        assert_int_equal(k->push(&b.r, v), LEAT_EAGAIN);
        ring_box_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_walks_agree_with_the_model),
        cmocka_unit_test(turns_wrap),
        cmocka_unit_test(tickets_wrap),
        cmocka_unit_test(a_half_done_push_is_busy_not_empty),
        cmocka_unit_test(a_half_done_pop_is_busy_not_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
