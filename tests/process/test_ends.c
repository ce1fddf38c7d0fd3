/* test_ends.c - process pipes: the bound, policies, early ends; nothing hangs, nothing is
 * unaccounted for. SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (see test_basic.c) */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pipe/process.h"
#include "process/farm.h"

LEAT_USE_PROCESSES;

struct mark {
    leat_pipe *pipe;
    uint64_t at_least;
};

static bool has_taken(void *arg)
{
    const struct mark *m = arg;
    struct leat_pipe_stats st;
    leat_pipe_stats(m->pipe, &st);
    return st.taken >= m->at_least;
}

static bool has_results(void *arg)
{
    return leat_chan_len(arg) >= 2;
}

/* `out` holds 2; the rest of what was taken is workers + buffer, and no more. */
static void the_bound_is_exact_without_a_reader(void **state)
{
    (void)state;
    struct leat_pipe_stats st;
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    leat_chan *in, *out;
    leat_pipe *p;
    struct grain g = {0};
    assert_int_equal(leat_chan_new(&in, sizeof(g), 100), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), 2), 0);
    for (g.number = 0; g.number < 50; g.number++)
        assert_int_equal(leat_chan_send(in, &g), 0);
    leat_chan_close(in);
    o.buffer = 3;
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    struct mark m = {p, 2 + 5};
    assert_true(support_until(has_taken, &m));
    assert_true(support_until(has_results, out));
    for (unsigned i = 0; i < 200; i++) { /* it must not take an eighth */
        leat_pipe_stats(p, &st);
        assert_true(st.taken - st.finished <= 5);
        assert_true(st.taken <= 7);
        (void)sched_yield();
    }
    for (uint64_t n = 0; n < 50; n++) {
        assert_int_equal(leat_chan_recv(out, &g), 0);
        assert_int_equal(g.number, n);
    }
    assert_int_equal(leat_pipe_join(p, &st), 0);
    assert_int_equal(st.finished, 50);
    leat_chan_free(in);
    leat_chan_free(out);
}

/* --- policies --- */

enum { FINE, FAILS, FAILS_TWICE };

static int may_fail(leat_stage *s, const void *in, size_t len)
{
    struct grain g;
    memcpy(&g, in, sizeof(g));
    if (g.what == FAILS)
        return -77;
    if (g.what == FAILS_TWICE && leati_add_sc(&board->tried[g.number], 1u) < 2)
        return -78;
    return farm_run(s, in, len);
}

static uint64_t some_fail(uint64_t n)
{
    return n % 5 == 3 ? FAILS : n % 5 == 4 ? FAILS_TWICE : FINE;
}

static void a_failed_item_is_skipped_and_reported(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_stats st;
    struct leat_pipe_opts o = farm_opts(may_fail, 2);
    farm_board_clear();
    farm_start(&f, &o, 100, 16, some_fail);
    assert_int_equal(farm_join(&f, &st), 0);
    for (unsigned n = 0; n < 100; n++)
        assert_int_equal(f.reported[n], n % 5 >= 3);
    assert_int_equal(st.failed, 40);
    farm_check(&f);
    farm_free(&f);
}

static void a_failed_item_is_tried_again_as_often_as_asked(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_stats st;
    struct leat_pipe_opts o = farm_opts(may_fail, 2);
    o.retries = 2;
    farm_board_clear();
    farm_start(&f, &o, 100, 16, some_fail);
    assert_int_equal(farm_join(&f, &st), 0);
    for (unsigned n = 0; n < 100; n++)
        assert_int_equal(f.reported[n], n % 5 == 3);
    assert_int_equal(st.failed, 20);
    assert_int_equal(st.retried, 20 * 2 + 20 * 2);
    assert_int_equal(f.failures, st.retried);
    farm_check(&f);
    farm_free(&f);
}

static uint64_t thirtieth_fails(uint64_t n)
{
    return n == 30 ? FAILS : FINE;
}

static void stop_delivers_exactly_what_stands_before(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_stats st;
    struct leat_pipe_opts o = farm_opts(may_fail, 2);
    o.policy = LEAT_PIPE_STOP;
    farm_start(&f, &o, 200, 8, thirtieth_fails);
    assert_int_equal(farm_join(&f, &st), -77);
    for (unsigned n = 0; n < 200; n++) {
        assert_int_equal(f.delivered[n], n < 30);
        assert_int_equal(f.reported[n], n == 30);
    }
    verdict();
    farm_free(&f);
}

static void stop_without_an_order_ends_too(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_opts o = farm_opts(may_fail, 2);
    o.policy = LEAT_PIPE_STOP;
    o.flags = LEAT_PIPE_UNORDERED | LEAT_PIPE_CANCEL_IN;
    farm_start(&f, &o, 200, 8, thirtieth_fails);
    assert_int_equal(farm_join(&f, NULL), -77);
    assert_int_equal(f.reported[30], 1);
    for (unsigned n = 0; n < 200; n++)
        assert_true(f.delivered[n] + f.reported[n] <= 1);
    verdict();
    farm_free(&f);
}

/* --- early ends --- */

struct dropped {
    unsigned in, out;
};

static void drop_in(void *item, void *arg)
{
    (void)item;
    ((struct dropped *)arg)->in++;
}

static void drop_out(void *item, void *arg)
{
    struct grain g;
    memcpy(&g, item, sizeof(g));
    expect_eq(g.answer, farm_answer(g.number));
    ((struct dropped *)arg)->out++;
}

enum how { CLOSE_OUT, CANCEL_OUT, CANCEL_PIPE, HOWS };

static int wait_to_be_stopped(leat_stage *s, const void *in, size_t len)
{
    struct grain g;
    memcpy(&g, in, sizeof(g));
    while (g.number >= 4 && !leat_stage_stopping(s))
        (void)sched_yield();
    return farm_run(s, in, len);
}

/* Two results stay in `out`, 2 wait for room, 2 items are in work, 3 have not begun. */
static void early(enum how how, unsigned flags)
{
    leat_chan *in, *out;
    leat_pipe *p;
    struct grain g = {0};
    struct leat_pipe_stats st;
    struct dropped d = {0, 0};
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = farm_opts(wait_to_be_stopped, 2);
    o.flags = flags;
    o.buffer = 5;
    o.drop_in = drop_in;
    o.drop_out = drop_out;
    o.callback_arg = &d;
    assert_int_equal(leat_chan_new(&in, sizeof(g), 100), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), 2), 0);
    for (g.number = 0; g.number < 50; g.number++)
        assert_int_equal(leat_chan_send(in, &g), 0);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    struct mark m = {p, 2 + 7};
    assert_true(support_until(has_taken, &m));
    assert_true(support_until(has_results, out));
    if (how == CLOSE_OUT)
        leat_chan_close(out);
    else if (how == CANCEL_OUT)
        leat_chan_cancel(out);
    else
        leat_pipe_cancel(p);
    int r = leat_pipe_join(p, &st);
    verdict();
    assert_true(leat_chan_closed(out));
    assert_int_equal(leat_chan_closed(in), (flags & LEAT_PIPE_CANCEL_IN) != 0);
    assert_int_equal(st.in_flight, 0);
    assert_int_equal(st.unstarted, d.in);
    assert_int_equal(st.discarded, d.out);
    assert_int_equal(st.taken, st.finished + d.in + d.out);
    if (how == CLOSE_OUT) { /* what waited at the close is still sent */
        assert_true(st.finished <= 3);
        assert_int_equal(r, LEAT_ECLOSED);
        for (uint64_t n = 0; n < st.finished; n++)
            assert_int_equal(leat_chan_recv(out, &g), 0);
    } else {
        assert_int_equal(r, how == CANCEL_PIPE ? LEAT_ECANCELED : LEAT_ECLOSED);
    }
    leat_chan_free(in);
    leat_chan_free(out);
    farm_no_leak(before);
}

static void an_early_end_accounts_for_every_item(void **state)
{
    (void)state;
    for (unsigned how = 0; how < HOWS; how++) {
        early(how, 0);
        early(how, LEAT_PIPE_UNORDERED);
        early(how, LEAT_PIPE_CANCEL_IN);
    }
}

static bool has_one(void *arg)
{
    return leat_chan_len(arg) == 1;
}

static bool sleeps(void *arg)
{
    return leati_load_sc(&((struct leati_herd *)arg)->asleep) == 1;
}

static void close_of_out_is_seen_without_a_result(void **state)
{
    (void)state;
    for (unsigned cancel = 0; cancel < 2; cancel++) {
        leat_chan *in, *out;
        leat_pipe *p;
        struct leat_pipe_opts o = farm_opts(farm_run, 1);
        assert_int_equal(leat_chan_new(&in, sizeof(struct grain), 1), 0);
        assert_int_equal(leat_chan_new(&out, sizeof(struct grain), 1), 0);
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        struct grain g = {0};
        assert_int_equal(leat_chan_send(in, &g), 0);
        if (cancel)
            assert_int_equal(leat_chan_recv(out, &g), 0);
        else
            assert_true(support_until(has_one, out));
        assert_true(support_until(sleeps, p)); /* nothing but the close will wake it */
        cancel ? leat_chan_cancel(out) : leat_chan_close(out);
        assert_int_equal(leat_pipe_join(p, NULL), LEAT_ECLOSED);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

static int never_returns(leat_stage *s, const void *in, size_t len)
{
    (void)s, (void)in, (void)len;
    for (;;)
        (void)pause();
    return 0;
}

static void a_cancelled_pipe_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_process po = {.stop_grace = 20000000};
    struct leat_pipe_opts o = farm_opts(never_returns, 2);
    o.process = &po;
    farm_start(&f, &o, 4, 4, NULL);
    struct mark m = {f.pipe, 4};
    assert_true(support_until(has_taken, &m));
    leat_pipe_cancel(f.pipe);
    assert_int_equal(farm_join(&f, NULL), LEAT_ECANCELED);
    verdict();
    farm_free(&f);
}

static void never_ends(void *st)
{
    (void)st;
    for (;;)
        (void)pause();
}

/* Everything is delivered and `out` is closed, though a worker does not leave: its pipe
 * can still be cancelled, which changes nothing of its result. */
static void a_worker_that_does_not_leave_is_killed_by_a_cancel(void **state)
{
    (void)state;
    struct farm f;
    struct grain g;
    struct leat_pipe_stats st;
    struct leat_pipe_process po = {.stop_grace = 20000000};
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    o.process = &po;
    o.exit = never_ends;
    farm_start(&f, &o, 10, 4, NULL);
    while (farm_read(&f, &g))
        ;
    assert_int_equal(leat_pipe_join_until(f.pipe, NULL, &st, leat_in_ms(10)), LEAT_ETIMEDOUT);
    leat_pipe_cancel(f.pipe);
    assert_int_equal(farm_finish(&f, NULL), 0);
}

static void out_may_be_kept_open(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    struct leat_pipe_opts o = farm_opts(farm_run, 1);
    o.flags = LEAT_PIPE_KEEP_OPEN;
    assert_int_equal(leat_chan_new(&in, sizeof(struct grain), 1), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(struct grain), 1), 0);
    leat_chan_close(in);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    assert_false(leat_chan_closed(out));
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_detached_pipe_goes_on(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    struct leat_pipe_opts o = farm_opts(farm_run, 1);
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(leat_chan_new(&in, sizeof(struct grain), 1), 0);
        assert_int_equal(leat_chan_new(&out, sizeof(struct grain), 1), 0);
        assert_int_equal(leat_pipe_start(k ? &p : NULL, in, out, &o), 0);
        if (k)
            assert_null(leat_pipe_detach(p));
        struct grain g = {0};
        assert_int_equal(leat_chan_send(in, &g), 0);
        leat_chan_close(in);
        in = leat_chan_free(in);
        assert_int_equal(leat_chan_recv(out, &g), 0);
        assert_int_equal(leat_chan_recv(out, &g), LEAT_ECLOSED);
        leat_chan_free(out);
    }
}

/* --- want of descriptors --- */

static void limit_descriptors(rlim_t n)
{
    struct rlimit l;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

/* The lowest number that is free. */
static int free_descriptor(void)
{
    int fd = dup(0);
    assert_true(fd >= 0);
    (void)close(fd);
    return fd;
}

/* Either it cannot start, and says so, or its workers begin when there are some again. */
static void want_of_descriptors_is_an_error_or_a_delay(void **state)
{
    (void)state;
    struct rlimit old;
    unsigned started = 0, before = farm_descriptors();
    int free_one = free_descriptor();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (unsigned more = 0; more < 14; more++) {
        leat_chan *in, *out;
        leat_pipe *p;
        struct grain g = {0};
        struct leat_pipe_opts o = farm_opts(farm_run, 2);
        assert_int_equal(leat_chan_new(&in, sizeof(g), 4), 0);
        assert_int_equal(leat_chan_new(&out, sizeof(g), 4), 0);
        assert_int_equal(leat_chan_send(in, &g), 0);
        limit_descriptors((rlim_t)free_one + more);
        int r = leat_pipe_start(&p, in, out, &o);
        if (r == 0) {
            for (unsigned i = 0; i < 1000; i++)
                (void)sched_yield(); /* the herder asks for workers, in vain or not */
            limit_descriptors(old.rlim_cur);
            started++;
            leat_chan_close(in);
            assert_int_equal(leat_chan_recv(out, &g), 0);
            assert_int_equal(g.answer, farm_answer(0));
            assert_int_equal(leat_pipe_join(p, NULL), 0);
        } else {
            limit_descriptors(old.rlim_cur);
            assert_int_equal(r, LEAT_EAGAIN);
            assert_int_equal(leat_chan_len(in), 1);
            assert_false(leat_chan_closed(out));
        }
        leat_chan_free(in);
        leat_chan_free(out);
        farm_no_leak(before);
    }
    assert_true(started > 0 && started < 14);
}

/* How many more segments of workers are refused: the engine's calls find this function
 * before the library's. */
static leati_a32 refusals;

int memfd_create(const char *name, unsigned flags)
{
    uint32_t n = leati_load_rlx(&refusals);
    while (n > 0 && !leati_cas_ar(&refusals, &n, n - 1))
        ;
    if (n > 0) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_memfd_create, name, flags);
}

/* However often there was none: no worker is given up for it. */
static void a_long_want_of_descriptors_ends_no_worker(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    struct grain g = {0};
    struct leat_pipe_opts o = farm_opts(farm_run, 1);
    assert_int_equal(leat_chan_new(&in, sizeof(g), 4), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), 4), 0);
    assert_int_equal(leat_chan_send(in, &g), 0);
    leat_chan_close(in);
    leati_store_rlx(&refusals, 5u); /* as many as end one that does not begin */
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    assert_int_equal(leat_chan_recv(out, &g), 0);
    assert_int_equal(g.answer, farm_answer(0));
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    assert_int_equal(leati_load_rlx(&refusals), 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_is_exact_without_a_reader),
        cmocka_unit_test(a_failed_item_is_skipped_and_reported),
        cmocka_unit_test(a_failed_item_is_tried_again_as_often_as_asked),
        cmocka_unit_test(stop_delivers_exactly_what_stands_before),
        cmocka_unit_test(stop_without_an_order_ends_too),
        cmocka_unit_test(an_early_end_accounts_for_every_item),
        cmocka_unit_test(close_of_out_is_seen_without_a_result),
        cmocka_unit_test(a_cancelled_pipe_does_not_wait_for_ever),
        cmocka_unit_test(a_worker_that_does_not_leave_is_killed_by_a_cancel),
        cmocka_unit_test(out_may_be_kept_open),
        cmocka_unit_test(want_of_descriptors_is_an_error_or_a_delay),
        cmocka_unit_test(a_long_want_of_descriptors_ends_no_worker),
        cmocka_unit_test(a_detached_pipe_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
