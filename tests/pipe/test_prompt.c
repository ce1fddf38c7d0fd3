/* test_prompt.c - nothing waits behind a slow item: no item while another worker is
 * idle, no result while somebody receives. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <leat/detail/atomic.h>
#include <leat/source.h>
#include "pipe/pipes.h"

/* ---- items: the first one ends when all the others have ---- */

static leat_wg others;

static int waits_for_others(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    if (item_of(in) == 0)
        leat_wg_wait(&others);
    else
        leat_wg_done(&others);
    return leat_emit(s, in);
}

static void idle_workers_take_over_what_waits(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned n = 2; n <= 60; n += 29) {
            struct leat_pipe_opts o = form_opts(&forms[f], waits_for_others);
            leat_chan *in = filled(n), *out = channel(n);
            leat_pipe *p;
            o.workers = 2;
            o.buffer = 60;
            leat_wg_add(&others, n - 1);
            assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
            assert_int_equal(leat_pipe_join(p, NULL), 0);
            assert_int_equal(leat_chan_len(out), n);
            leat_chan_free(in);
            leat_chan_free(out);
        }
}

/* ---- one in the midst of numbers without an end waits for those behind it ---- */

enum { SLOW = 5000, BEHIND = 200 };

static leat_wg behind;

static int waits_for_those_behind(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)s, (void)len;
    if (v > SLOW && v <= SLOW + BEHIND)
        leat_wg_done(&behind);
    if (v != SLOW)
        return 0;
    expect_eq(leat_wg_wait_until(&behind, leat_in_s(60)), 0);
    return LEAT_EINVAL; /* that is enough */
}

static void items_behind_a_slow_one_do_not_wait_until_there_is_nothing_new(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned n = 2; n <= 4; n += 2) {
            struct leat_pipe_opts o = form_opts(&forms[f], waits_for_those_behind);
            leat_chan *in, *out = channel(1);
            leat_pipe *p;
            o.workers = n;
            o.buffer = 100000;
            o.policy = LEAT_PIPE_STOP;
            leat_wg_add(&behind, BEHIND);
            assert_int_equal(leat_source_range(&in, 0, INT64_MAX, 1), 0);
            assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
            assert_int_equal(leat_pipe_join(p, NULL), LEAT_EINVAL);
            leat_chan_free(in);
            leat_chan_free(out);
            verdict();
        }
}

/* ---- the same, nothing new comes, and what waits is so short that nobody is in a hurry
 * to take it over ---- */

enum { SHORT = 3000, FEW = 5 };

static int waits_for_the_last_few(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)len;
    if (v > SHORT)
        leat_wg_done(&behind);
    if (v == SHORT)
        expect_eq(leat_wg_wait_until(&behind, leat_in_s(60)), 0);
    return leat_emit(s, in);
}

static void short_items_behind_a_slow_one_do_not_wait_for_new_ones(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], waits_for_the_last_few);
        leat_chan *in = channel(100), *out = channel(SHORT + 1 + FEW);
        leat_pipe *p;
        uint64_t v, last[1 + FEW];
        o.workers = 2;
        o.buffer = 100;
        leat_wg_add(&behind, FEW);
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        for (v = 0; v < SHORT; v++)
            assert_int_equal(leat_chan_send(in, &v), 0);
        for (unsigned i = 0; i < SHORT; i++)
            assert_int_equal(leat_chan_recv(out, &v), 0);
        for (unsigned i = 0; i <= FEW; i++)
            last[i] = SHORT + i;
        assert_int_equal(leat_chan_send_n(in, last, 1 + FEW, LEAT_NEVER), 1 + FEW);
        for (unsigned i = 0; i <= FEW; i++)
            assert_int_equal(leat_chan_recv(out, &v), 0);
        leat_chan_close(in);
        assert_int_equal(leat_pipe_join(p, NULL), 0);
        leat_chan_free(in);
        leat_chan_free(out);
        verdict();
    }
}

/* ---- results: now and then an item ends when all before it have been received ---- */

static struct {
    leati_a64 received;
} reader;

static bool before_are_here(void *arg)
{
    return leati_load_sc(&reader.received) >= *(uint64_t *)arg;
}

static int waits_for_reader(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)len;
    if (v % 100 == 99)
        expect(support_until(before_are_here, &v));
    return leat_emit(s, in);
}

static int by_recv(leat_chan *out, uint64_t *ret)
{
    return leat_chan_recv(out, ret);
}

static int by_try(leat_chan *out, uint64_t *ret)
{
    int r;
    while ((r = leat_chan_try_recv(out, ret)) == LEAT_EAGAIN || r == LEAT_EBUSY)
        leat_yield();
    return r;
}

static int by_batch(leat_chan *out, uint64_t *ret)
{
    ptrdiff_t r = leat_chan_recv_n(out, ret, 1, LEAT_NEVER);
    return r == 1 ? 0 : (int)r;
}

static leat_chan *quiet;

static int by_select(leat_chan *out, uint64_t *ret)
{
    struct leat_case cases[] = {LEAT_RECV(quiet, NULL), LEAT_RECV(out, ret)};
    size_t which;
    int r = leat_select(cases, 2, LEAT_NEVER, 0, &which);
    return r ? r : cases[which].err;
}

static int by_select_now(leat_chan *out, uint64_t *ret)
{
    struct leat_case cases[] = {LEAT_RECV(quiet, NULL), LEAT_RECV(out, ret)};
    size_t which;
    int r;
    while ((r = leat_select(cases, 2, LEAT_NOW, 0, &which)) == LEAT_EAGAIN ||
           r == LEAT_EBUSY)
        leat_yield();
    return r ? r : cases[which].err;
}

static leat_set *set;

static int by_set(leat_chan *out, uint64_t *ret)
{
    (void)out;
    return leat_set_wait(set, ret, NULL, NULL, LEAT_NEVER);
}

typedef int receive_fn(leat_chan *out, uint64_t *ret);

static void read_by(const struct form *f, unsigned workers, receive_fn *receive)
{
    enum { N = 500 };
    struct leat_pipe_opts o = form_opts(f, waits_for_reader);
    leat_chan *in = filled(N), *out = channel(64);
    leat_pipe *p;
    uint64_t got, n = 0;
    leati_store_sc(&reader.received, (uint64_t)0);
    assert_int_equal(leat_set_new(&set), 0);
    assert_int_equal(leat_set_add(set, out, NULL), 0);
    o.workers = workers;
    o.buffer = 64;
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    while (receive(out, &got) == 0) {
        if (form_ordered(f))
            expect_eq(got, n);
        leati_store_sc(&reader.received, ++n);
    }
    expect_eq(n, N);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    leat_set_free(set);
    leat_chan_free(in);
    leat_chan_free(out);
    verdict();
}

static void readers_get_what_is_done(void **state)
{
    static receive_fn *const ways[] = {by_recv,   by_try,        by_batch,
                                       by_select, by_select_now, by_set};
    (void)state;
    assert_int_equal(leat_chan_new(&quiet, 8, 1), 0);
    /* One worker: in order in every form, so that "all before" is what there is. */
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned i = 0; i < 6; i++)
            read_by(&forms[f], 1, ways[i]);
    for (unsigned f = 0; f < FORMS; f += 2)
        for (unsigned i = 0; i < 6; i++)
            read_by(&forms[f], 2, ways[i]);
    leat_chan_free(quiet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_workers_take_over_what_waits),
        cmocka_unit_test(
            items_behind_a_slow_one_do_not_wait_until_there_is_nothing_new),
        cmocka_unit_test(short_items_behind_a_slow_one_do_not_wait_for_new_ones),
        cmocka_unit_test(readers_get_what_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
