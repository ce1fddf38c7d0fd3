/* test_threads.c - rings between 2 to 8 threads: order of each producer, nothing lost,
 * nothing doubled, nothing torn, and no verdict that is not true.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=300 onecpu crowd labels=stress */
#include <sched.h>
#include "rings.h"
#include <leat/detail/atomic.h>

enum { PRODUCERS_MAX = 64, BATCH = 8 };

/* One element; all words say the same, so that a torn copy shows. */
struct item {
    uint32_t producer, seq;
    uint64_t echo[3];
};

static struct item item_make(uint32_t producer, uint32_t seq)
{
    uint64_t e = ((uint64_t)producer << 32 | seq) * UINT64_C(0x9e3779b97f4a7c15);
    return (struct item){producer, seq, {e, ~e, e + 1}};
}

static bool item_whole(const struct item *i)
{
    struct item want = item_make(i->producer, i->seq);
    return memcmp(i, &want, sizeof(want)) == 0;
}

struct run {
    const struct ring_kind *k;
    union ring_any r;
    unsigned producers, consumers;
    uint32_t each; /* elements a producer sends */
    bool batches;
    leati_a64 popped; /* how many, all consumers */
    leati_a32 *count; /* per element: times it was seen */
    /* Elements surely inside, room surely there: taken before a call, given after. */
    leati_a64 items, room;
};

static void produce(struct run *run, struct actor *a, uint32_t producer)
{
    struct item v[BATCH];
    for (uint32_t seq = 0; seq < run->each;) {
        uint32_t n = run->batches ? support_below(&a->rng, BATCH) + 1 : 1;
        if (n > run->each - seq)
            n = run->each - seq;
        for (uint32_t i = 0; i < n; i++)
            v[i] = item_make(producer, seq + i);
        ptrdiff_t k = n == 1 ? run->k->push(&run->r, v) : run->k->push_n(&run->r, v, n);
        if (n == 1 && k == 0)
            k = 1;
        if (k < 0) {
            if (!expect(k == LEAT_EAGAIN || (k == LEAT_EBUSY && !run->k->one_consumer)))
                return;
            sched_yield();
            continue;
        }
        seq += (uint32_t)k;
    }
}

static bool take(struct run *run, const struct item *v, uint32_t *next)
{
    if (!expect(v->producer < run->producers && v->seq < run->each))
        return false;
    (void)leati_add_rlx(&run->count[v->producer * run->each + v->seq], 1u);
    bool ok = expect(item_whole(v)) && expect(v->seq >= next[v->producer]);
    if (run->consumers == 1)
        ok = ok && expect(v->seq == next[v->producer]);
    next[v->producer] = v->seq + 1;
    return ok;
}

static void consume(struct run *run, struct actor *a)
{
    uint32_t next[PRODUCERS_MAX] = {0};
    struct item v[BATCH];
    const uint64_t all = (uint64_t)run->producers * run->each;
    while (leati_load_rlx(&run->popped) < all) {
        uint32_t n = run->batches ? support_below(&a->rng, BATCH) + 1 : 1;
        ptrdiff_t k = n == 1 ? run->k->pop(&run->r, v) : run->k->pop_n(&run->r, v, n);
        if (n == 1 && k == 0)
            k = 1;
        if (k < 0) {
            if (!expect(k == LEAT_EAGAIN || (k == LEAT_EBUSY && !run->k->one_producer)))
                return;
            sched_yield();
            continue;
        }
        (void)leati_add_rlx(&run->popped, (uint64_t)k);
        for (ptrdiff_t i = 0; i < k; i++)
            if (!take(run, &v[i], next))
                return;
    }
}

static void role(struct actor *a)
{
    struct run *run = a->arg;
    if (a->index < run->producers)
        produce(run, a, a->index);
    else
        consume(run, a);
}

/* Begins at that lap; a negative one counts from the wrap of the word. */
static void run_one(const struct ring_kind *k, size_t cap, int64_t lap, unsigned actors,
                    bool batches, uint32_t all)
{
    struct ring_box b;
    ring_box_open(&b, k, sizeof(struct item), cap);
    uint64_t laps = (UINT64_MAX >> k->shift(&b.r)) + 1; /* 0 stands for 2^64 */
    k->start(&b.r, lap < 0 ? laps + (uint64_t)lap : (uint64_t)lap);
    struct run run = {.k = k, .r = b.r, .batches = batches};
    run.producers = k->one_producer ? 1 : k->one_consumer ? actors - 1 : actors / 2;
    run.consumers = k->one_consumer ? 1 : k->one_producer ? actors - 1 : actors / 2;
    run.each = all / run.producers + 1;
    size_t total = (size_t)run.each * run.producers;
    run.count = calloc(total, sizeof(run.count[0]));
    assert_non_null(run.count);
    crew_run(CREW_THREADS, run.producers + run.consumers, role, &run);
    for (size_t i = 0; i < total; i++)
        if (leati_load_rlx(&run.count[i]) != 1)
            fail_msg("%s cap %zu: element %zu was seen %u times", k->name, cap, i,
                     run.count[i].v);
    assert_int_equal(k->len(&run.r), 0);
    assert_int_equal(k->pop(&run.r, NULL), LEAT_EAGAIN);
    free(run.count);
    ring_box_close(&b);
}

static const size_t caps[] = {1, 2, 3, 7, 128};
enum { CAPS = sizeof(caps) / sizeof(caps[0]) };

/* Elements of one run: enough that the threads meet, which takes the longer the less
 * often full and empty stop them; a small ring costs a switch each. */
static uint32_t count_for(size_t cap)
{
    return (uint32_t)support_scale(cap < 4 ? 5000 : cap < 64 ? 20000 : 200000);
}

static unsigned actors_for(unsigned n)
{
    n = support_actors(n);
    return n > PRODUCERS_MAX ? PRODUCERS_MAX : n;
}

static void each_producers_order_is_kept_and_nothing_is_lost_or_doubled(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++)
            for (unsigned n = 2; n <= 8 && (n == 2 || actors_for(n) == n); n *= 2)
                run_one(&rings[i], caps[j], 0, actors_for(n), false,
                        count_for(caps[j]));
}

static void batches_keep_order_and_lose_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++)
            run_one(&rings[i], caps[j], 0, actors_for(4), true, count_for(caps[j]));
}

/* The 32-bit turns wrap, and then the laps, while the threads run. */
static void wrapping_words_lose_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++) {
            run_one(&rings[i], caps[j], (INT64_C(1) << 31) - 5, actors_for(4), true,
                    3000);
            run_one(&rings[i], caps[j], -5, actors_for(4), false, 1500);
        }
}

/* Takes one token; only who has one may operate, so the operation must succeed. */
static bool token(leati_a64 *n)
{
    uint64_t have = leati_load_rlx(n);
    while (have != 0)
        if (leati_cas_ar(n, &have, have - 1)) /* pairs with the add of who gave it */
            return true;
    sched_yield();
    return false;
}

static void truthful(struct actor *a)
{
    struct run *run = a->arg;
    bool push = a->index < run->producers;
    bool busy_allowed = push ? !run->k->one_consumer : !run->k->one_producer;
    uint64_t v = a->index;
    uint32_t todo = push ? run->each : run->each * run->producers / run->consumers;
    while (todo != 0) {
        if (!token(push ? &run->room : &run->items))
            continue;
        int r;
        while ((r = push ? run->k->push(&run->r, &v) : run->k->pop(&run->r, &v)) != 0) {
            if (!expect(r == LEAT_EBUSY && busy_allowed))
                return;
            sched_yield();
        }
        (void)leati_add_ar(push ? &run->items : &run->room, UINT64_C(1));
        todo--;
    }
}

/* Every push has room that was made before, every pop an element that was put in
 * before: full or empty would be a lie. */
static void full_and_empty_are_never_said_when_they_were_not(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RINGS; i++)
        for (unsigned j = 0; j < CAPS; j++) {
            const struct ring_kind *k = &rings[i];
            struct ring_box b;
            ring_box_open(&b, k, sizeof(uint64_t), caps[j]);
            struct run run = {.k = k, .r = b.r, .room = {caps[j]}};
            run.producers = k->one_producer ? 1 : 2;
            run.consumers = k->one_consumer ? 1 : 2;
            run.each = (uint32_t)support_scale(3000) * 2;
            crew_run(CREW_THREADS, run.producers + run.consumers, truthful, &run);
            assert_int_equal(k->len(&run.r), 0);
            ring_box_close(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_producers_order_is_kept_and_nothing_is_lost_or_doubled),
        cmocka_unit_test(batches_keep_order_and_lose_nothing),
        cmocka_unit_test(wrapping_words_lose_nothing),
        cmocka_unit_test(full_and_empty_are_never_said_when_they_were_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
