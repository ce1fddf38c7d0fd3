/* test_combine.c - several channels to one, one to several.
 * SPDX-License-Identifier: MIT */
#include "feed.h"

/* ---- merge ---- */

static void merges(struct actor *a)
{
    const size_t cap = feed_cap(a);
    leat_chan *in[3] = {feed_range(cap, 0, 10), feed_range(cap, 100, 110),
                        feed_range(cap, 0, 0)};
    leat_chan *all[4] = {in[0], in[1], in[2], in[0]}; /* one of them twice */
    leat_chan *out = feed_chan(cap);
    int64_t next[2] = {0, 100}, v;
    expect_eq(leat_flow_merge(NULL, all, 4, out, NULL), 0);
    for (int i = 0; i < 20; i++) { /* each in its own order, all of them */
        expect_eq(leat_chan_recv(out, &v), 0);
        expect_eq(v, next[v >= 100]++);
    }
    expect_all(out, NULL, 0);
    for (int i = 0; i < 3; i++)
        leat_chan_free(in[i]);
    leat_chan_free(out);
}

static void merge_passes_all_in_each_ones_order(void **state)
{
    (void)state;
    feed_run(merges);
}

static void merges_none(struct actor *a)
{
    leat_chan *out = feed_chan(feed_cap(a));
    expect_eq(leat_flow_merge(NULL, NULL, 0, out, NULL), 0);
    expect_all(out, NULL, 0);
    leat_chan_free(out);
}

static void merge_of_nothing_ends_at_once(void **state)
{
    (void)state;
    feed_run(merges_none);
}

/* ---- zip, latest ---- */

/* A row as one number: 100 * first + 10 * second + third, 9 where there is none. */
static int as_number(leat_stage *s, const void *const *row, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum = sum * 10 + (row[i] ? *(const int64_t *)row[i] : 9);
    expect_eq(leat_stage_arg(s) == (void *)(uintptr_t)as_number, true);
    return leat_emit(s, &sum);
}

static int shortest(leat_stage *s, const void *const *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (row[i] == NULL)
            return LEAT_STAGE_ENOUGH;
    return as_number(s, row, n);
}

static void zips(struct actor *a)
{
    const size_t cap = feed_cap(a);
    for (int shorter = 0; shorter < 2; shorter++) {
        leat_chan *in[3] = {feed_range(cap, 0, 4), feed_range(cap, 0, 3),
                            feed_range(cap, 0, 4)};
        leat_chan *out = feed_chan(cap);
        expect_eq(leat_flow_zip(NULL, in, 3, out, shorter ? shortest : as_number,
                                (void *)(uintptr_t)as_number, NULL),
                  0);
        if (shorter)
            EXPECT_ALL(out, 0, 111, 222);
        else
            EXPECT_ALL(out, 0, 111, 222, 393);
        for (int i = 0; i < 3; i++)
            leat_chan_free(in[i]);
        leat_chan_free(out);
    }
}

static void zip_makes_rows_until_all_have_ended(void **state)
{
    (void)state;
    feed_run(zips);
}

static void zips_plain(struct actor *a)
{
    const size_t cap = feed_cap(a);
    leat_chan *in[2] = {feed_range(cap, 1, 4), feed_range(cap, 1, 3)}, *out = NULL;
    struct {
        int64_t a, b;
    } row;
    expect_eq(leat_chan_new(&out, sizeof(row), cap), 0);
    expect_eq(leat_flow_zip(NULL, in, 2, out, NULL, NULL, NULL), 0);
    for (int64_t i = 1; i < 4; i++) {
        expect_eq(leat_chan_recv(out, &row), 0);
        expect_eq(row.a, i);
        expect_eq(row.b, i < 3 ? i : 0);
    }
    expect_eq(leat_chan_recv(out, &row), LEAT_ECLOSED);
    leat_chan_free(in[0]);
    leat_chan_free(in[1]);
    leat_chan_free(out);
}

static void a_row_without_a_function_is_its_values(void **state)
{
    (void)state;
    feed_run(zips_plain);
}

static void latest(struct actor *a)
{
    leat_chan *in[3], *out = feed_chan(feed_cap(a));
    for (int i = 0; i < 3; i++)
        in[i] = feed_chan(feed_cap(a));
    leat_flow *f;
    expect_eq(
        leat_flow_latest(&f, in, 3, out, as_number, (void *)(uintptr_t)as_number, NULL),
        0);
    const int64_t want[4] = {199, 129, 123, 423};
    const int from[4] = {0, 1, 2, 0};
    const int64_t sent[4] = {1, 2, 3, 4};
    int64_t v;
    for (int i = 0; i < 4; i++) {
        expect_eq(leat_chan_send(in[from[i]], &sent[i]), 0);
        expect_eq(leat_chan_recv(out, &v), 0);
        expect_eq(v, want[i]);
        if (i == 2)
            leat_chan_close(in[1]); /* keeps its last value */
    }
    leat_chan_close(in[0]);
    leat_chan_close(in[2]);
    expect_all(out, NULL, 0);
    expect_result(f, 0);
    for (int i = 0; i < 3; i++)
        leat_chan_free(in[i]);
    leat_chan_free(out);
}

static void latest_keeps_the_newest_of_each(void **state)
{
    (void)state;
    feed_run(latest);
}

/* ---- distribute, split ---- */

static void distributes(struct actor *a)
{
    const size_t cap = feed_cap(a);
    leat_chan *in = feed_range(cap, 0, 60), *outs[3], *back = feed_chan(cap);
    for (int i = 0; i < 3; i++)
        outs[i] = feed_chan(cap);
    leat_chan_cancel(outs[1]); /* leaves; its values go to the others */
    bool seen[60] = {false};
    int64_t v;
    expect_eq(leat_flow_distribute(NULL, in, outs, 3, NULL), 0);
    leat_chan *left[2] = {outs[0], outs[2]};
    expect_eq(leat_flow_merge(NULL, left, 2, back, NULL), 0);
    for (int i = 0; i < 60; i++) {
        expect_eq(leat_chan_recv(back, &v), 0);
        expect(!seen[v]);
        seen[v] = true;
    }
    expect_all(back, NULL, 0);
    leat_chan_free(in);
    leat_chan_free(back);
    for (int i = 0; i < 3; i++)
        leat_chan_free(outs[i]);
}

static void distribute_gives_each_value_to_one_that_is_open(void **state)
{
    (void)state;
    feed_run(distributes);
}

static void count(void *v, void *arg)
{
    (void)v;
    (void)__atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED); /* several threads */
}

static void distributes_to_none(struct actor *a)
{
    unsigned dropped = 0;
    leat_chan *in = feed_chan(8), *outs[2] = {feed_chan(1), feed_chan(1)};
    const struct leat_flow_opts o = {
        .size = sizeof(o), .drop_out = count, .callback_arg = &dropped};
    leat_flow *f;
    int64_t v = 1;
    (void)a;
    for (int i = 0; i < 2; i++)
        leat_chan_cancel(outs[i]);
    expect_eq(leat_flow_distribute(&f, in, outs, 2, &o), 0);
    expect_eq(leat_chan_send(in, &v), 0);
    expect_result(f, LEAT_ECLOSED);
    expect_eq(dropped, 1);
    leat_chan_free(in);
    for (int i = 0; i < 2; i++)
        leat_chan_free(outs[i]);
}

static void without_an_open_channel_distribute_ends(void **state)
{
    (void)state;
    feed_run(distributes_to_none);
}

static bool even(const void *in, void *arg)
{
    (void)arg;
    return *(const int64_t *)in % 2 == 0;
}

static void splits(struct actor *a)
{
    unsigned dropped = 0;
    const struct leat_flow_opts o = {
        .size = sizeof(o), .drop_out = count, .callback_arg = &dropped};
    leat_chan *in = feed_range(feed_cap(a), 0, 10);
    leat_chan *yes = feed_chan(LEAT_UNBOUNDED), *no = feed_chan(LEAT_UNBOUNDED);
    leat_flow *f;
    expect_eq(leat_flow_split(NULL, in, yes, no, even, NULL, NULL), 0);
    EXPECT_ALL(yes, 0, 2, 4, 6, 8);
    EXPECT_ALL(no, 1, 3, 5, 7, 9);
    leat_chan_free(in);
    leat_chan_free(yes);
    leat_chan_free(no);
    in = feed_range(feed_cap(a), 0, 10);
    yes = feed_chan(LEAT_UNBOUNDED);
    no = feed_chan(LEAT_UNBOUNDED);
    leat_chan_cancel(yes);
    expect_eq(leat_flow_split(&f, in, yes, no, even, NULL, &o), 0);
    EXPECT_ALL(no, 1, 3, 5, 7, 9); /* goes on for the one that is open */
    expect_result(f, 0);
    expect_eq(dropped, 5);
    leat_chan_free(in);
    leat_chan_free(yes);
    leat_chan_free(no);
}

static void split_sends_by_predicate(void **state)
{
    (void)state;
    feed_run(splits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_passes_all_in_each_ones_order),
        cmocka_unit_test(merge_of_nothing_ends_at_once),
        cmocka_unit_test(zip_makes_rows_until_all_have_ended),
        cmocka_unit_test(a_row_without_a_function_is_its_values),
        cmocka_unit_test(latest_keeps_the_newest_of_each),
        cmocka_unit_test(distribute_gives_each_value_to_one_that_is_open),
        cmocka_unit_test(without_an_open_channel_distribute_ends),
        cmocka_unit_test(split_sends_by_predicate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
