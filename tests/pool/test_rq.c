/* test_rq.c - the run queue alone: order, theft, positions at their wrap, an owner and
 * thieves at full speed. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <pthread.h>
#include <stdlib.h>

#include "pool/rq.h"
#include "support/support.h"

/* The queue never looks into what it holds. */
static struct leat_fiber *item(uint64_t n)
{
    return (struct leat_fiber *)(uintptr_t)((n + 1) * 16);
}

static uint64_t number(const struct leat_fiber *f)
{
    return (uint64_t)(uintptr_t)f / 16 - 1;
}

static struct leati_rq *queue_at(uint32_t position, uint32_t nseq, bool fenced)
{
    struct leati_rq *q = aligned_alloc(LEAT_CACHELINE, sizeof(*q));
    assert_non_null(q);
    memset(q, 0, sizeof(*q));
    leati_store_rlx(&q->head, position);
    leati_store_rlx(&q->tail, position);
    q->nseq = nseq;
    q->fenced = fenced;
    leatp_membarrier_init();
    return q;
}

static void first_in_first_out_and_full_at_256(void **state)
{
    (void)state;
    struct leati_rq *q = queue_at(UINT32_MAX - 100, 250, false);
    for (uint64_t i = 0; i < LEATI_RQ_SIZE; i++)
        assert_true(leati_rq_push(q, item(i)));
    assert_false(leati_rq_push(q, item(999)));
    for (uint64_t i = 0; i < LEATI_RQ_SIZE; i++)
        assert_ptr_equal(leati_rq_pop(q), item(i));
    assert_null(leati_rq_pop(q));
    free(q);
}

static void next_slot_gives_back_what_it_held(void **state)
{
    (void)state;
    struct leati_rq *q = queue_at(0, 254, false);
    assert_null(leati_rq_take_next(q));
    assert_null(leati_rq_put_next(q, item(1)));
    assert_ptr_equal(leati_rq_put_next(q, item(2)), item(1));
    assert_false(leati_rq_empty(q));
    assert_ptr_equal(leati_rq_take_next(q), item(2));
    assert_null(leati_rq_take_next(q));
    assert_true(leati_rq_empty(q));
    free(q);
}

static void thief_takes_the_older_half_and_the_owner_gives_way(void **state)
{
    (void)state;
    /* Just below the wraps of the 16-bit positions in the gate and of 32 bits. */
    static const uint32_t at[] = {0, 65500, 65530, 65535, UINT32_MAX - 4};
    for (unsigned k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
        struct leati_rq *q = queue_at(at[k], 253, k % 2 == 1);
        struct leat_fiber *got[LEATI_RQ_STEAL];
        for (uint64_t i = 0; i < 10; i++)
            assert_true(leati_rq_push(q, item(i)));
        assert_null(leati_rq_put_next(q, item(10)));
        assert_int_equal(leati_rq_steal(q, got), 5);
        for (uint64_t i = 0; i < 5; i++)
            assert_ptr_equal(got[i], item(i));
        /* A second theft before the owner has noticed the first. */
        assert_int_equal(leati_rq_steal(q, got), 3);
        for (uint64_t i = 0; i < 3; i++)
            assert_ptr_equal(got[i], item(5 + i));
        assert_ptr_equal(leati_rq_pop(q), item(8));
        assert_ptr_equal(leati_rq_take_next(q), item(10));
        assert_ptr_equal(leati_rq_pop(q), item(9));
        assert_null(leati_rq_pop(q));
        free(q);
    }
}

static void next_slot_is_stolen_only_from_an_empty_ring(void **state)
{
    (void)state;
    for (uint32_t nseq = 250; nseq < 260; nseq++) {
        struct leati_rq *q = queue_at(65535, nseq & 255, false);
        struct leat_fiber *got[LEATI_RQ_STEAL];
        assert_null(leati_rq_put_next(q, item(1)));
        assert_int_equal(leati_rq_steal(q, got), 1);
        assert_ptr_equal(got[0], item(1));
        assert_int_equal(leati_rq_steal(q, got), 0);
        /* The owner still sees its word in the slot: putting must not lose or push it. */
        assert_null(leati_rq_put_next(q, item(2)));
        assert_ptr_equal(leati_rq_take_next(q), item(2));
        assert_null(leati_rq_take_next(q));
        free(q);
    }
}

static void an_acknowledged_theft_never_applies_again(void **state)
{
    (void)state;
    struct leati_rq *q = queue_at(65500, 0, false);
    struct leat_fiber *got[LEATI_RQ_STEAL];
    for (uint64_t i = 0; i < 8; i++)
        assert_true(leati_rq_push(q, item(i)));
    assert_int_equal(leati_rq_steal(q, got), 4);
    for (uint64_t i = 4; i < 8; i++)
        assert_ptr_equal(leati_rq_pop(q), item(i));
    /* All 16-bit positions come by once more, an ask being open at each. */
    uint64_t ask = (uint64_t)1 << 41, ver = (uint64_t)1 << 42;
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t r = leati_load_rlx(&q->gate);
        assert_true(leati_rq_push(q, item(i)));
        if (i % 3 == 0)
            leati_store_rlx(&q->gate, (r | ask) + ver);
        assert_ptr_equal(leati_rq_pop(q), item(i));
        assert_null(leati_rq_put_next(q, item(i)));
        assert_ptr_equal(leati_rq_take_next(q), item(i));
    }
    free(q);
}

static void an_owner_cancels_a_thief_that_was_stopped(void **state)
{
    (void)state;
    struct leati_rq *q = queue_at(7, 0, false);
    uint64_t ask = (uint64_t)1 << 41, ver = (uint64_t)1 << 42;
    for (uint64_t i = 0; i < 4; i++)
        assert_true(leati_rq_push(q, item(i)));
    uint64_t asked = (leati_load_rlx(&q->gate) | ask) + ver;
    leati_store_rlx(&q->gate, asked); /* a thief, stopped behind its ask */
    for (uint64_t i = 0; i < 4; i++)
        assert_ptr_equal(leati_rq_pop(q), item(i));
    assert_false(leati_cas_sc(&q->gate, &asked, asked + ver)); /* cannot confirm now */
    free(q);
}

/* --- owner and thieves --- */

enum { THIEVES = 3 };

struct arena {
    struct leati_rq *q;
    leati_a32 stop;
    uint8_t *seen; /* how often each number came out; atomic */
    uint64_t n;
};

static void came_out(struct arena *a, struct leat_fiber *f)
{
    uint64_t i = number(f);
    if (expect(i < a->n))
        expect_eq(__atomic_fetch_add(&a->seen[i], 1, __ATOMIC_RELAXED), 0);
}

static void *thief(void *arg)
{
    struct arena *a = arg;
    struct leat_fiber *got[LEATI_RQ_STEAL];
    while (!leati_load_acq(&a->stop)) {
        if (leati_rq_empty(a->q))
            continue;
        unsigned n = leati_rq_steal(a->q, got);
        for (unsigned i = 0; i < n; i++)
            came_out(a, got[i]);
    }
    return NULL;
}

static void owner(struct arena *a, struct support_rng *rng)
{
    uint64_t next = 0;
    struct leat_fiber *f;
    while (next < a->n) {
        uint32_t dice = support_below(rng, 8);
        if (dice < 3) {
            if (leati_rq_push(a->q, item(next)))
                next++;
        } else if (dice == 3) {
            if ((f = leati_rq_put_next(a->q, item(next++))) != NULL &&
                !leati_rq_push(a->q, f))
                came_out(a, f);
        } else if (dice == 4) {
            if ((f = leati_rq_take_next(a->q)) != NULL)
                came_out(a, f);
        } else if (dice < 7) {
            if ((f = leati_rq_pop(a->q)) != NULL)
                came_out(a, f);
        } else {
            for (uint32_t i = support_below(rng, 300); i > 0; i--)
                leati_barrier_compiler();
        }
    }
    while ((f = leati_rq_pop(a->q)) || (f = leati_rq_take_next(a->q)))
        came_out(a, f);
}

static void nothing_is_lost_or_doubled(bool fenced)
{
    struct support_rng rng = support_rng(fenced);
    struct arena a = {.n = support_scale(1000000)};
    pthread_t t[THIEVES];
    a.q = queue_at(65000 - support_below(&rng, 1000), support_below(&rng, 256), fenced);
    a.seen = calloc(a.n, 1);
    assert_non_null(a.seen);
    for (unsigned i = 0; i < THIEVES; i++)
        assert_int_equal(pthread_create(&t[i], NULL, thief, &a), 0);
    owner(&a, &rng);
    leati_store_rel(&a.stop, 1u);
    for (unsigned i = 0; i < THIEVES; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    for (uint64_t i = 0; i < a.n; i++)
        expect_eq(a.seen[i], 1);
    free(a.seen);
    free(a.q);
    verdict();
}

static void owner_and_thieves_share_without_loss(void **state)
{
    (void)state;
    nothing_is_lost_or_doubled(false);
}

static void so_do_they_without_membarrier(void **state)
{
    (void)state;
    nothing_is_lost_or_doubled(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out_and_full_at_256),
        cmocka_unit_test(next_slot_gives_back_what_it_held),
        cmocka_unit_test(thief_takes_the_older_half_and_the_owner_gives_way),
        cmocka_unit_test(next_slot_is_stolen_only_from_an_empty_ring),
        cmocka_unit_test(an_acknowledged_theft_never_applies_again),
        cmocka_unit_test(an_owner_cancels_a_thief_that_was_stopped),
        cmocka_unit_test(owner_and_thieves_share_without_loss),
        cmocka_unit_test(so_do_they_without_membarrier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
