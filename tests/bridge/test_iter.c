/* test_iter.c - loops over channels, reading ahead, collecting.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/buffers.h"

static leat_chan *numbers(int64_t n)
{
    leat_chan *c = NULL;
    expect_eq(leat_source_range(&c, 0, n, 1), 0);
    return c;
}

static void for_each_gives_every_value_in_order(void **state)
{
    (void)state;
    leat_chan *c = numbers(100);
    int64_t want = 0;
    leat_for_each(c, int64_t, v)
    {
        if (v % 10 == 3) {
            want++;
            continue;
        }
        expect_eq(v, want++);
        if (v == 50)
            break;
    }
    expect_eq(want, 51);
    leat_for_each(c, int64_t, v) expect_eq(v, want++);
    expect_eq(want, 100);
    leat_for_each(c, int64_t, v) expect_eq(v, -1);
    leat_chan_free(c);
    c = numbers(5);
    leat_for_each(c, int32_t, v) /* another size: nothing is taken */
        expect_eq(v, -1);
    leat_for_each((leat_chan *)NULL, int32_t, v) expect_eq(v, -1);
    expect_eq(leat_chan_len(c), 5);
    leat_chan_free(c);
    verdict();
}

static int sum_up_to_50(void *elem, void *arg)
{
    int64_t v = *(int64_t *)elem;
    *(int64_t *)arg += v;
    expect(((uintptr_t)elem & 15) == 0);
    return v == 50 ? 7 : 0;
}

static int check_big(void *elem, void *arg)
{
    expect(((unsigned char *)elem)[999] == 0x5A);
    ++*(unsigned *)arg;
    return 0;
}

static void each_calls_and_stops(void **state)
{
    (void)state;
    leat_chan *c = numbers(100);
    int64_t sum = 0;
    unsigned big = 0;
    unsigned char many[3][1000];
    expect_eq(leat_chan_each(c, sum_up_to_50, &sum), 7);
    expect_eq(sum, 50 * 51 / 2);
    expect_eq(leat_chan_each(c, sum_up_to_50, &sum), 0);
    expect_eq(sum, 100 * 99 / 2);
    expect_eq(leat_chan_each(NULL, sum_up_to_50, &sum), LEAT_EINVAL);
    expect_eq(leat_chan_each(c, NULL, &sum), LEAT_EINVAL);
    leat_chan_free(c);
    memset(many, 0x5A, sizeof(many));
    expect_eq(leat_source_array(&c, many, 3, 1000), 0);
    expect_eq(leat_chan_each(c, check_big, &big), 0);
    expect_eq(big, 3);
    leat_chan_free(c);
    verdict();
}

struct back {
    leat_chan *to;
    unsigned n;
};

static void put_back(void *elem, void *arg)
{
    struct back *b = (struct back *)arg;
    expect_eq(leat_chan_send(b->to, elem), 0);
    b->n++;
}

/* Whatever the place of the break: what was given out and what comes back is all. */
static void a_break_loses_nothing(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 12; at++) {
        struct dropped d = {0};
        struct back b = {NULL, 0};
        leat_chan *c = buffer_open(NULL, 10, at % 2 ? &d : NULL);
        uint64_t ahead[4], *v, want = 1;
        struct leat_iter it;
        expect_eq(leat_chan_new(&b.to, sizeof(uint64_t), 16), 0);
        for (uint64_t i = 1; i <= 10; i++)
            give(c, i);
        expect_eq(leat_chan_close(c), 0);
        expect_eq(leat_iter_begin(&it, c, ahead, 4), 0);
        while (want <= at && (v = (uint64_t *)leat_iter_next(&it)) != NULL)
            expect_eq(*v, want++);
        expect_eq(it.err, at > 10 ? LEAT_ECLOSED : 0);
        uint64_t taken = want - 1, read = 10 - leat_chan_len(c);
        expect(read >= taken && read - taken <= 3);
        expect_eq(leat_iter_end(&it, at % 2 ? NULL : put_back, &b), read - taken);
        expect_eq(leat_iter_end(&it, put_back, &b), 0);
        expect(leat_iter_next(&it) == NULL);
        expect_eq(at % 2 ? d.count : b.n, read - taken);
        for (uint64_t i = 0; i < b.n; i++)
            expect_eq(got(b.to), taken + 1 + i);
        expect(!d.disorder && (d.count == 0 || d.last == read));
        leat_chan_free(b.to);
        leat_chan_free(c);
        expect_eq(d.count, at % 2 ? 10 - taken : 0);
        verdict();
    }
}

static void it_waits_for_the_next_value_only(void **state)
{
    (void)state;
    leat_chan *c = buffer_open(NULL, 10, NULL);
    uint64_t ahead[8], *v;
    struct leat_iter it;
    expect_eq(leat_iter_begin(&it, c, ahead, 8), 0);
    expect(leat_iter_next_until(&it, LEAT_NOW) == NULL);
    expect_eq(it.err, LEAT_EAGAIN);
    expect(leat_iter_next_until(&it, leat_in_us(10)) == NULL);
    expect_eq(it.err, LEAT_ETIMEDOUT);
    give(c, 1);
    give(c, 2);
    v = (uint64_t *)leat_iter_next(&it);
    expect(v && *v == 1 && it.err == 0);
    expect_eq(leat_chan_len(c), 0);
    v = (uint64_t *)leat_iter_next_until(&it, LEAT_NOW);
    expect(v && *v == 2);
    expect_eq(leat_iter_end(&it, NULL, NULL), 0);
    leat_chan_free(c);
    expect_eq(leat_source_array(&c, NULL, 5, 0), 0);
    unsigned n = 0;
    expect_eq(leat_iter_begin(&it, c, NULL, 2), 0);
    while (leat_iter_next(&it) != NULL)
        n++;
    expect_eq(n, 5);
    expect_eq(leat_iter_end(&it, NULL, NULL), 0);
    leat_chan_free(c);
    verdict();
}

struct shared {
    leat_chan *c;
    leati_a64 sum;
    leati_a64 left;
};

static void producer(struct actor *me)
{
    struct shared *s = (struct shared *)me->arg;
    for (uint64_t v = 1; v <= support_scale(600); v++)
        expect_eq(leat_chan_send(s->c, &v), 0);
    if (leati_sub_ar(&s->left, (uint64_t)1) == 1)
        leat_chan_close(s->c);
}

static int add(void *elem, void *arg)
{
    (void)leati_add_rlx(&((struct shared *)arg)->sum, *(uint64_t *)elem);
    return 0;
}

static void add_left(void *elem, void *arg)
{
    (void)add(elem, arg);
}

/* With breaks all the time. */
static void iterating(struct actor *me)
{
    struct shared *s = (struct shared *)me->arg;
    uint64_t ahead[5], *v = ahead;
    while (v) {
        struct leat_iter it;
        expect_eq(leat_iter_begin(&it, s->c, ahead, 5), 0);
        for (unsigned n = support_below(&me->rng, 9);
             n > 0 && (v = (uint64_t *)leat_iter_next(&it)) != NULL; n--)
            (void)add(v, s);
        (void)leat_iter_end(&it, add_left, s);
    }
}

static void calling(struct actor *me)
{
    struct shared *s = (struct shared *)me->arg;
    expect_eq(leat_chan_each(s->c, add, s), 0);
}

static void looping(struct actor *me)
{
    struct shared *s = (struct shared *)me->arg;
    leat_for_each(s->c, uint64_t, v)(void) add(&v, s);
}

static void collecting(struct actor *me)
{
    struct shared *s = (struct shared *)me->arg;
    uint64_t v[7];
    size_t n;
    int r;
    do {
        r = leat_chan_collect(s->c, v, 7, &n,
                              support_below(&me->rng, 2) ? leat_in_us(50) : LEAT_NEVER);
        expect(r == 0 ? n == 7 : r == LEAT_ECLOSED || r == LEAT_ETIMEDOUT);
        for (size_t i = 0; i < n; i++)
            (void)add(&v[i], s);
    } while (r != LEAT_ECLOSED);
}

static void all_forms_share_a_channel(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 4, 4))
        return;
    struct shared s = {.c = kind_open(k, sizeof(uint64_t)), .left = {4}};
    actor_fn *const fns[] = {producer, iterating, producer, calling,
                             producer, looping,   producer, collecting};
    crew_join(crew_start_each(crew, 0, 8, fns, 8, &s));
    uint64_t n = support_scale(600);
    expect_eq(leati_load_rlx(&s.sum), 4 * (n * (n + 1) / 2));
    leat_chan_free(s.c);
}

static void values_go_to_one_loop_each(void **state)
{
    (void)state;
    each_kind_and_crew(all_forms_share_a_channel);
}

static int cancelled_loop(void *arg)
{
    unsigned n = 0;
    leat_for_each((leat_chan *)arg, uint64_t, v) n += (unsigned)v;
    return (int)n;
}

static void a_cancelled_fiber_leaves_its_loop(void **state)
{
    (void)state;
    leat_chan *c = buffer_open(NULL, 4, NULL);
    leat_fiber *f = NULL;
    int result = 0;
    give(c, 3);
    expect_eq(leat_go(&f, cancelled_loop, c), 0);
    expect(until_parked(c, LEAT_OP_RECV, 1));
    leat_fiber_cancel(f);
    expect_eq(leat_fiber_join(f, &result), 0);
    expect_eq(result, 3);
    leat_chan_free(c);
    verdict();
}

static void collect_says_how_many(void **state)
{
    (void)state;
    leat_chan *c = buffer_open(NULL, 10, NULL);
    uint64_t v[10];
    size_t n = 99;
    expect_eq(leat_chan_collect(c, v, 0, &n, LEAT_NEVER), 0);
    expect_eq(n, 0);
    expect_eq(leat_chan_collect(c, v, 3, &n, LEAT_NOW), LEAT_EAGAIN);
    expect_eq(n, 0);
    for (uint64_t i = 1; i <= 5; i++)
        give(c, i);
    expect_eq(leat_chan_collect(c, v, 3, &n, LEAT_NEVER), 0);
    expect(n == 3 && v[0] == 1 && v[2] == 3);
    expect_eq(leat_chan_collect(c, v, 3, &n, leat_in_us(10)), LEAT_ETIMEDOUT);
    expect(n == 2 && v[0] == 4 && v[1] == 5);
    give(c, 6);
    expect_eq(leat_chan_close(c), 0);
    expect_eq(leat_chan_collect(c, v, 3, &n, LEAT_NEVER), LEAT_ECLOSED);
    expect(n == 1 && v[0] == 6);
    expect_eq(leat_chan_collect(c, v, 3, &n, LEAT_NEVER), LEAT_ECLOSED);
    expect_eq(n, 0);
    n = 99;
    expect_eq(leat_chan_collect(NULL, v, 3, &n, LEAT_NEVER), LEAT_EINVAL);
    expect_eq(n, 0);
    expect_eq(leat_chan_collect(c, NULL, 3, &n, LEAT_NEVER), LEAT_EINVAL);
    expect_eq(leat_chan_collect(c, v, 3, NULL, LEAT_NEVER), LEAT_EINVAL);
    leat_chan_free(c);
    verdict();
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    leat_chan *c = numbers(3);
    int64_t ahead[2];
    struct leat_iter it;
    expect_eq(leat_iter_begin(NULL, c, ahead, 2), LEAT_EINVAL);
    for (unsigned i = 0; i < 3; i++) {
        expect_eq(leat_iter_begin(&it, i == 0 ? NULL : c, i == 1 ? NULL : ahead,
                                  i == 2 ? 0 : 2),
                  LEAT_EINVAL);
        expect(leat_iter_next(&it) == NULL);
        expect_eq(it.err, LEAT_EINVAL);
        expect_eq(leat_iter_end(&it, NULL, NULL), 0);
    }
    expect_eq(leat_iter_end(NULL, NULL, NULL), 0);
    expect_eq(leat_chan_len(c), 3);
    leat_chan_free(c);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(for_each_gives_every_value_in_order),
        cmocka_unit_test(each_calls_and_stops),
        cmocka_unit_test(a_break_loses_nothing),
        cmocka_unit_test(it_waits_for_the_next_value_only),
        cmocka_unit_test(values_go_to_one_loop_each),
        cmocka_unit_test(a_cancelled_fiber_leaves_its_loop),
        cmocka_unit_test(collect_says_how_many),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
