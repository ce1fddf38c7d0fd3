/* test_steps.c - steps between two channels. SPDX-License-Identifier: MIT */
#include "feed.h"

static int square(const void *in, void *out, void *arg)
{
    int64_t v;
    (void)arg;
    memcpy(&v, in, sizeof(v));
    v *= v;
    memcpy(out, &v, sizeof(v));
    return 0;
}

static bool below(const void *in, void *arg)
{
    return *(const int64_t *)in < *(const int64_t *)arg;
}

static bool even(const void *in, void *arg)
{
    (void)arg;
    return *(const int64_t *)in % 2 == 0;
}

static void map_in_order(struct actor *a)
{
    leat_chan *in = feed_range(feed_cap(a), 0, 5), *out = feed_chan(feed_cap(a));
    leat_flow *f;
    expect_eq(leat_flow_map(&f, in, out, square, NULL, NULL), 0);
    EXPECT_ALL(out, 0, 1, 4, 9, 16);
    expect_result(f, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void map_applies_in_order(void **state)
{
    (void)state;
    feed_run(map_in_order);
}

static void filters(struct actor *a)
{
    const size_t cap = feed_cap(a);
    int64_t five = 5;
    leat_chan *in[3], *out[3];
    for (int i = 0; i < 3; i++) {
        in[i] = feed_range(cap, 0, 10);
        out[i] = feed_chan(cap);
    }
    expect_eq(leat_flow_filter(NULL, in[0], out[0], even, NULL, NULL), 0);
    expect_eq(leat_flow_take_while(NULL, in[1], out[1], below, &five, NULL), 0);
    expect_eq(leat_flow_drop_while(NULL, in[2], out[2], below, &five, NULL), 0);
    EXPECT_ALL(out[0], 0, 2, 4, 6, 8);
    EXPECT_ALL(out[1], 0, 1, 2, 3, 4);
    EXPECT_ALL(out[2], 5, 6, 7, 8, 9);
    EXPECT_ALL(in[1], 6, 7, 8, 9); /* the failing value was taken, no further one */
    for (int i = 0; i < 3; i++) {
        leat_chan_free(in[i]);
        leat_chan_free(out[i]);
    }
}

static void predicates_choose(void **state)
{
    (void)state;
    feed_run(filters);
}

static void takes(struct actor *a)
{
    const size_t cap = feed_cap(a);
    for (int64_t n = 0; n < 7; n++) {
        leat_chan *in = feed_range(cap, 0, 5), *first = feed_chan(cap),
                  *rest = feed_chan(cap);
        leat_flow *f;
        expect_eq(leat_flow_take(&f, in, first, (uint64_t)n, NULL), 0);
        for (int64_t i = 0; i < n && i < 5; i++) {
            int64_t got = -1;
            expect_eq(leat_chan_recv(first, &got), 0);
            expect_eq(got, i);
        }
        expect_all(first, NULL, 0);
        expect_result(f, 0);
        int64_t left[5], k = 0;
        for (int64_t i = n; i < 5; i++)
            left[k++] = i;
        expect_eq(leat_flow_drop(NULL, in, rest, 0, NULL), 0);
        expect_all(rest, left, (size_t)k); /* exactly n were taken */
        leat_chan_free(in);
        leat_chan_free(first);
        leat_chan_free(rest);
    }
    leat_chan *in = feed_range(cap, 0, 5), *out = feed_chan(cap);
    expect_eq(leat_flow_drop(NULL, in, out, 3, NULL), 0);
    EXPECT_ALL(out, 3, 4);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void take_takes_exactly_n_and_drop_the_rest(void **state)
{
    (void)state;
    feed_run(takes);
}

static bool same_parity(const void *x, const void *y, void *arg)
{
    (void)arg;
    return (*(const int64_t *)x - *(const int64_t *)y) % 2 == 0;
}

static void distincts(struct actor *a)
{
    const int64_t v[] = {1, 1, 2, 2, 2, 1, 3, 3, 0, 0};
    leat_chan *in = feed(feed_cap(a), v, 10), *out = feed_chan(feed_cap(a));
    expect_eq(leat_flow_distinct(NULL, in, out, NULL, NULL, NULL), 0);
    EXPECT_ALL(out, 1, 2, 1, 3, 0);
    leat_chan_free(in);
    leat_chan_free(out);
    in = feed(feed_cap(a), v, 10);
    out = feed_chan(feed_cap(a));
    expect_eq(leat_flow_distinct(NULL, in, out, same_parity, NULL, NULL), 0);
    EXPECT_ALL(out, 1, 2, 1, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void distinct_leaves_out_repetitions(void **state)
{
    (void)state;
    feed_run(distincts);
}

/* Each value v as v copies of v. */
static int repeat(leat_stage *s, const void *in, size_t len)
{
    int64_t v;
    memcpy(&v, in, len);
    for (int64_t i = 0; i < v; i++)
        if (leat_emit(s, &v) != 0)
            return LEAT_ECLOSED;
    return 0;
}

static int goodbye(leat_stage *s)
{
    int64_t n = (int64_t)leat_stage_position(s);
    return leat_emit(s, &n);
}

static void own_step(struct actor *a)
{
    const int64_t v[] = {2, 0, 3};
    leat_chan *in = feed(feed_cap(a), v, 3), *out = feed_chan(feed_cap(a));
    const struct leat_step step = {.run = repeat, .end = goodbye};
    expect_eq(leat_flow_start(NULL, in, out, &step, NULL), 0);
    EXPECT_ALL(out, 2, 2, 3, 3, 3, 3); /* and the number of items, also 3 */
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_step_emits_none_one_or_many(void **state)
{
    (void)state;
    feed_run(own_step);
}

/* ---- fold ---- */

static int add(void *acc, const void *in, void *arg)
{
    int64_t sum, v;
    (void)arg;
    memcpy(&sum, acc, sizeof(sum));
    memcpy(&v, in, sizeof(v));
    sum += v;
    memcpy(acc, &sum, sizeof(sum));
    return 0;
}

static void folds(struct actor *a)
{
    const size_t cap = feed_cap(a);
    const int64_t hundred = 100, zero = 0;
    struct {
        bool scan;
        int64_t n; /* inputs 0 .. n-1 */
        const int64_t *init;
        int64_t want[6];
        size_t n_want;
    } t[] = {
        {false, 5, NULL, {10}, 1},
        {false, 5, &hundred, {110}, 1},
        {false, 0, NULL, {0}, 0},
        {false, 0, &zero, {0}, 1},
        {true, 4, NULL, {0, 1, 3, 6}, 4},
        {true, 4, &hundred, {100, 100, 101, 103, 106}, 5},
        {true, 0, NULL, {0}, 0},
        {true, 0, &zero, {0}, 1},
    };
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        leat_chan *in = feed_range(cap, 0, t[i].n), *out = feed_chan(cap);
        expect_eq((t[i].scan ? leat_flow_scan : leat_flow_reduce)(
                      NULL, in, out, add, t[i].init, NULL, NULL),
                  0);
        expect_all(out, t[i].want, t[i].n_want);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static void folds_start_with_init_or_the_first_value(void **state)
{
    (void)state;
    feed_run(folds);
}

/* ---- group ---- */

static leat_chan *groups(size_t cap)
{
    const struct leat_chan_opts o = {.size = sizeof(o),
                                     .elem_size = sizeof(struct leat_group *),
                                     .capacity = cap,
                                     .drop = leat_group_drop};
    leat_chan *c = NULL;
    expect_eq(leat_chan_open(&c, &o), 0);
    return c;
}

static void by_three(const void *in, void *ret_key, void *arg)
{
    int64_t k = *(const int64_t *)in / 3;
    (void)arg;
    memcpy(ret_key, &k, sizeof(k));
}

/* 0 .. 9 in groups of 3 or of equal v/3: the same groups, of 3, 3, 3 and 1. */
static void grouped(struct actor *a)
{
    for (int keyed = 0; keyed < 2; keyed++) {
        leat_chan *in = feed_range(feed_cap(a), 0, 10), *out = groups(feed_cap(a));
        int r = keyed ? leat_flow_group_by(NULL, in, out, by_three, sizeof(int64_t),
                                           NULL, NULL)
                      : leat_flow_group(NULL, in, out, 3, NULL);
        expect_eq(r, 0);
        for (int64_t g = 0; g < 4; g++) {
            struct leat_group *got = NULL;
            expect_eq(leat_chan_recv(out, &got), 0);
            expect_eq(got->n, g < 3 ? 3 : 1);
            for (size_t i = 0; i < got->n; i++)
                expect_eq(((int64_t *)got->items)[i], g * 3 + (int64_t)i);
            if (keyed)
                expect_eq(*(int64_t *)got->key, g);
            leat_group_free(got);
        }
        struct leat_group *none;
        expect_eq(leat_chan_recv(out, &none), LEAT_ECLOSED);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static void groups_hold_n_or_one_key(void **state)
{
    (void)state;
    feed_run(grouped);
}

/* Groups nobody receives are freed: the address sanitizer would see a leak. */
static void groups_unread(struct actor *a)
{
    leat_chan *in = feed_range(feed_cap(a), 0, 200), *out = groups(1);
    const struct leat_flow_opts o = {.size = sizeof(o), .drop_out = leat_group_drop};
    leat_flow *f;
    expect_eq(leat_flow_group(&f, in, out, 70, &o), 0);
    struct leat_group *g = NULL;
    expect_eq(leat_chan_recv(out, &g), 0);
    expect_eq(g->n, 70);
    leat_group_free(g);
    (void)leat_chan_cancel(out);
    leat_flow_cancel(f);
    expect_eq(leat_flow_join(f, NULL), 0);
    leat_chan_cancel(in);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void unread_groups_are_freed(void **state)
{
    (void)state;
    feed_run(groups_unread);
}

static void unfit_sizes_are_refused(void **state)
{
    (void)state;
    leat_chan *i64 = feed_chan(1), *small = NULL;
    int64_t five = 5;
    leat_flow *f = NULL;
    assert_int_equal(leat_chan_new(&small, 1, 1), 0);
    assert_int_equal(leat_flow_pipe(&f, i64, small, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_filter(&f, i64, small, even, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_filter(&f, i64, i64, NULL, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_map(&f, i64, NULL, square, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_map(&f, NULL, i64, square, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_take_while(&f, i64, small, below, &five, NULL),
                     LEAT_EINVAL);
    assert_int_equal(leat_flow_group(&f, i64, i64, 0, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_group(&f, i64, small, 2, NULL), LEAT_EINVAL);
    assert_int_equal(leat_flow_reduce(&f, i64, small, add, NULL, NULL, NULL),
                     LEAT_EINVAL);
    const struct leat_flow_opts o = {.size = sizeof(o), .flags = 1u << 20};
    assert_int_equal(leat_flow_pipe(&f, i64, i64, &o), LEAT_EINVAL);
    assert_null(f);
    assert_false(leat_chan_closed(i64));
    leat_chan_free(i64);
    leat_chan_free(small);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_applies_in_order),
        cmocka_unit_test(predicates_choose),
        cmocka_unit_test(take_takes_exactly_n_and_drop_the_rest),
        cmocka_unit_test(distinct_leaves_out_repetitions),
        cmocka_unit_test(a_step_emits_none_one_or_many),
        cmocka_unit_test(folds_start_with_init_or_the_first_value),
        cmocka_unit_test(groups_hold_n_or_one_key),
        cmocka_unit_test(unread_groups_are_freed),
        cmocka_unit_test(unfit_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
