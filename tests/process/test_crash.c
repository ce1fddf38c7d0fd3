/* test_crash.c - workers that die, stop, hang, lie, or do not even begin; a helper that is
 * killed. Whatever happens: every item is delivered or reported once, in its order, the
 * pipe ends, and nothing stays behind. SPDX-License-Identifier: MIT */
/* ctest: serial noemu novalgrind (see test_basic.c) */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

/* What an item does to its worker. */
enum deed { NONE, DIE, DIE_ONCE, LEAVE, CRASH, HANG, HANG_ONCE, STOP_ONCE, DEEDS };

static void do_it(enum deed d)
{
    switch (d) {
    case DIE:
    case DIE_ONCE:
        (void)kill(getpid(), SIGKILL);
        break;
    case LEAVE:
        exit(0);
    case CRASH:
        (void)signal(SIGABRT, SIG_DFL);
        abort();
    case STOP_ONCE:
        (void)kill(getpid(), SIGSTOP);
        break;
    case HANG:
    case HANG_ONCE:
        for (;;)
            (void)pause();
    default:
        break;
    }
}

static int with_deed(leat_stage *s, const void *in, size_t len)
{
    struct grain g;
    memcpy(&g, in, sizeof(g));
    bool once = g.what == DIE_ONCE || g.what == HANG_ONCE || g.what == STOP_ONCE;
    uint32_t before = leati_add_sc(&board->tried[g.number % FARM_TRIES], 1u);
    if (!once || before == 0)
        do_it((enum deed)g.what);
    return farm_run(s, in, len);
}

static enum deed deed;

static uint64_t some(uint64_t n)
{
    return n % 10 == 7 ? deed : NONE;
}

struct outcome {
    struct leat_pipe_stats st;
    int err; /* of the last report */
};

/* 60 items of which 6 do `d`. */
static struct outcome suffer(enum deed d, const struct leat_pipe_opts *more, int want)
{
    struct farm f;
    struct outcome r;
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = *more;
    o.workers = 2;
    o.init = farm_init;
    deed = d;
    farm_board_clear();
    farm_start(&f, &o, 60, 16, some);
    assert_int_equal(farm_join(&f, &r.st), want);
    farm_check(&f);
    r.err = f.last_err;
    farm_free(&f);
    farm_no_leak(before);
    return r;
}

static void an_item_that_kills_its_worker_is_reported_once(void **state)
{
    (void)state;
    static const enum deed deadly[] = {DIE, LEAVE, CRASH};
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned flags = 0; flags < 2; flags++) {
            struct leat_pipe_opts o = farm_opts(with_deed, 2);
            o.flags = flags ? LEAT_PIPE_UNORDERED : 0;
            struct outcome r = suffer(deadly[k], &o, 0);
            assert_int_equal(r.st.failed, 6);
            assert_int_equal(r.err, LEAT_EOWNERDEAD);
            assert_true(r.st.replaced >= 5); /* the last one may be the end */
        }
    }
}

static void an_item_is_tried_again_after_a_death(void **state)
{
    (void)state;
    struct leat_pipe_opts o = farm_opts(with_deed, 2);
    o.retries = 1;
    struct outcome r = suffer(DIE_ONCE, &o, 0);
    assert_int_equal(r.st.failed, 0);
    assert_int_equal(r.st.retried, 6);
    for (unsigned n = 0; n < 60; n++) /* others were never begun twice */
        assert_int_equal(leati_load_sc(&board->tried[n]), n % 10 == 7 ? 2 : 1);
    r = suffer(DIE, &o, 0);
    assert_int_equal(r.st.failed, 6);
    assert_int_equal(r.st.retried, 6);
}

static void items_that_were_only_offered_are_not_tries(void **state)
{
    (void)state;
    struct leat_pipe_process po = {.depth = 32};
    struct leat_pipe_opts o = farm_opts(with_deed, 2);
    o.process = &po;
    o.buffer = 64; /* many lie behind the one that kills */
    (void)suffer(DIE, &o, 0);
    for (unsigned n = 0; n < 60; n++)
        assert_int_equal(leati_load_sc(&board->tried[n]), 1);
}

static void a_hanging_item_is_late_and_its_worker_replaced(void **state)
{
    (void)state;
    struct leat_pipe_opts o = farm_opts(with_deed, 2);
    o.item_timeout = 20000000;
    struct outcome r = suffer(HANG, &o, 0);
    assert_int_equal(r.err, LEAT_ETIMEDOUT);
    assert_true(r.st.failed >= 6); /* a slow machine may make others late */
    o.retries = 3;
    r = suffer(HANG_ONCE, &o, 0);
    assert_true(r.st.retried >= 6);
    assert_true(r.st.replaced >= 5); /* the last one may be the end */
}

static void a_stopped_worker_is_replaced_after_the_grace(void **state)
{
    (void)state;
    struct leat_pipe_process po = {.stop_grace = 30000000};
    struct leat_pipe_opts o = farm_opts(with_deed, 2);
    o.process = &po;
    o.retries = 1;
    struct outcome r = suffer(STOP_ONCE, &o, 0);
    assert_int_equal(r.st.retried, 6);
    assert_true(r.st.replaced >= 5);
    assert_int_equal(r.err, LEAT_EOWNERDEAD);
}

static bool stopped_one(void *arg)
{
    (void)arg;
    return leati_load_sc(&board->tried[7]) == 1;
}

static void a_worker_that_goes_on_within_the_grace_is_kept(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_stats st;
    struct leat_pipe_process po = {.stop_grace = (int64_t)100000000000};
    struct leat_pipe_opts o = farm_opts(with_deed, 1);
    o.process = &po;
    o.init = farm_init;
    deed = STOP_ONCE;
    farm_board_clear();
    farm_start(&f, &o, 8, 8, some);
    assert_true(support_until(stopped_one, NULL));
    struct grain g = {0};
    for (unsigned n = 0; n < 7; n++)
        assert_true(farm_read(&f, &g));
    /* Before or after it stops itself: until it has gone on. */
    while (leat_chan_len(f.out) == 0 && !leat_chan_closed(f.out)) {
        (void)farm_signal(0, g.parent, SIGCONT);
        (void)sched_yield();
    }
    assert_int_equal(farm_join(&f, &st), 0);
    assert_int_equal(st.failed, 0);
    assert_int_equal(st.replaced, 0);
    farm_check(&f);
    farm_free(&f);
}

enum { AT_ERROR, AT_LIE, AT_DEATH = 6, IN_ALL = 9 };

/* The first item fails, which keeps the herder busy until the seventh is about to kill
 * the worker, or spoils the slot of the second, which has been finished. */
static int fail_then_die(leat_stage *s, const void *in, size_t len)
{
    leati_add_sc(&board->tried[leat_stage_position(s)], 1u);
    if (leat_stage_position(s) == AT_ERROR)
        return -44;
    if (leat_stage_position(s) == AT_DEATH) {
        if (leat_stage_arg(s)) {
            struct leati_lane lane = farm_lane();
            leati_store_sc(&leati_lane_slot(&lane, AT_LIE)->st, 7u);
        }
        leati_store_sc(&board->plain[0], 1u);
        if (leat_stage_arg(s) == NULL)
            (void)kill(getpid(), SIGKILL);
        for (;;)
            (void)pause();
    }
    return farm_run(s, in, len);
}

static void wait_for_the_death(const struct leat_pipe_error *e, void *arg)
{
    unsigned *errors = arg;
    ++*errors;
    if (e->position == AT_ERROR) {
        expect_eq(e->err, -44);
        while (leati_load_sc(&board->plain[0]) == 0)
            (void)sched_yield();
    } else {
        expect(e->position == AT_DEATH || e->position == AT_LIE);
        expect_eq(e->err, LEAT_EOWNERDEAD);
    }
}

static void what_a_worker_finished_before_its_death_counts(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        leat_chan *in, *out;
        leat_pipe *p;
        struct grain g = {0};
        unsigned errors = 0, lies = k / 2;
        struct leat_pipe_opts o = farm_opts(fail_then_die, 1);
        o.flags = k % 2 ? LEAT_PIPE_UNORDERED : 0;
        o.arg = &lies;
        o.arg_size = lies ? sizeof(lies) : 0;
        o.buffer = IN_ALL;
        o.on_error = wait_for_the_death;
        o.callback_arg = &errors;
        farm_board_clear();
        assert_int_equal(leat_chan_new(&in, sizeof(g), IN_ALL), 0);
        assert_int_equal(leat_chan_new(&out, sizeof(g), IN_ALL), 0);
        for (g.number = 0; g.number < IN_ALL; g.number++)
            assert_int_equal(leat_chan_send(in, &g), 0);
        leat_chan_close(in);
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        unsigned seen = 0;
        while (leat_chan_recv(out, &g) == 0)
            seen |= 1u << g.number;
        assert_int_equal(seen,
                         0x1ff & ~(1u << AT_ERROR | 1u << AT_DEATH | lies << AT_LIE));
        assert_int_equal(leat_pipe_join(p, NULL), 0);
        assert_int_equal(errors, 2 + lies);
        for (unsigned i = 0; i < IN_ALL; i++)
            assert_int_equal(leati_load_sc(&board->tried[i]), 1);
        verdict();
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

/* --- beginnings --- */

enum begin { BEGIN_REFUSES, BEGIN_DIES, BEGIN_DIES_TWICE };

static int begin_badly(void *arg, unsigned worker, void **ret_state)
{
    enum begin how;
    memcpy(&how, arg, sizeof(how));
    (void)ret_state;
    uint32_t life = leati_add_sc(&board->lives[worker], 1u);
    if (how == BEGIN_REFUSES)
        return -99;
    if (how == BEGIN_DIES || life < 2)
        (void)kill(getpid(), SIGKILL);
    return 0;
}

static int try_to_begin(enum begin how, struct leat_pipe_stats *st)
{
    struct farm f;
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    o.init = begin_badly;
    o.arg = &how;
    o.arg_size = sizeof(how);
    farm_board_clear();
    farm_start(&f, &o, 10, 16, NULL);
    int r = farm_join(&f, st);
    verdict();
    farm_free(&f);
    farm_no_leak(before);
    return r;
}

static void workers_that_never_begin_end_the_pipe(void **state)
{
    (void)state;
    struct leat_pipe_stats st;
    assert_int_equal(try_to_begin(BEGIN_REFUSES, &st), -99);
    assert_int_equal(st.finished, 0);
    assert_int_equal(leati_load_sc(&board->lives[0]), 1);
    assert_int_equal(leati_load_sc(&board->lives[1]), 1);
    assert_int_equal(try_to_begin(BEGIN_DIES, &st), LEAT_EOWNERDEAD);
    assert_int_equal(leati_load_sc(&board->lives[0]), 5);
    assert_int_equal(try_to_begin(BEGIN_DIES_TWICE, &st), 0);
    assert_int_equal(st.finished, 10);
}

static int refuse_one(void *arg, unsigned worker, void **ret_state)
{
    (void)arg, (void)ret_state;
    return worker == 1 ? -99 : 0;
}

static void note_refusal(const struct leat_pipe_error *e, void *arg)
{
    (void)arg;
    expect(e->item == NULL && e->worker == 1 && e->final);
    leati_store_sc(&board->plain[0], (uint32_t)-e->err);
}

/* Goes on until the refusal was reported, and 200 items more. */
static void the_others_go_on_without_one(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    struct grain g;
    uint64_t more = 200;
    struct leat_pipe_opts o = farm_opts(farm_run, 3);
    o.init = refuse_one;
    o.on_error = note_refusal;
    farm_board_clear();
    assert_int_equal(leat_chan_new(&in, sizeof(g), 8), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), 8), 0);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    for (uint64_t n = 0; more; n++) {
        g = (struct grain){.number = n};
        assert_int_equal(leat_chan_send(in, &g), 0);
        assert_int_equal(leat_chan_recv(out, &g), 0);
        assert_int_equal(g.answer, farm_answer(n));
        more -= leati_load_sc(&board->plain[0]) != 0;
    }
    assert_int_equal(leati_load_sc(&board->plain[0]), 99);
    leat_chan_close(in);
    assert_int_equal(leat_chan_recv(out, &g), LEAT_ECLOSED);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    verdict();
    leat_chan_free(in);
    leat_chan_free(out);
}

static int drop_rights(void *arg)
{
    (void)arg;
    leati_add_sc(&board->plain[1], 1u);
    return leati_load_sc(&board->plain[2]) ? -55 : 0;
}

static int see_limits(leat_stage *s, const void *in, size_t len)
{
    struct rlimit files, cpu;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur != 17 ||
        files.rlim_max != 17 || getrlimit(RLIMIT_CPU, &cpu) || cpu.rlim_max != 100)
        return LEAT_EINVAL;
    return farm_run(s, in, len);
}

static void limits_and_confinement_come_before_the_first_item(void **state)
{
    (void)state;
    struct leat_pipe_process po = {
        .open_files = 17, .cpu_seconds = 100, .confine = drop_rights};
    for (unsigned refuse = 0; refuse < 2; refuse++) {
        struct farm f;
        struct leat_pipe_opts o = farm_opts(see_limits, 1);
        o.process = &po;
        farm_board_clear();
        leati_store_sc(&board->plain[2], refuse);
        farm_start(&f, &o, 5, 8, NULL);
        assert_int_equal(farm_join(&f, NULL), refuse ? -55 : 0);
        assert_int_equal(leati_load_sc(&board->plain[1]), 1);
        for (unsigned n = 0; n < 5; n++)
            assert_int_equal(f.delivered[n], !refuse);
        verdict();
        farm_free(&f);
    }
}

/* --- the helper --- */

static void a_killed_helper_is_started_again(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_stats st;
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    o.retries = 5;
    uint64_t helpers[3];
    farm_start(&f, &o, 3000, 16, NULL);
    struct grain g;
    for (unsigned k = 0; k < 3; k++) {
        do
            assert_true(farm_read(&f, &g));
        while (k && g.parent == helpers[k - 1]);
        helpers[k] = g.parent;
        assert_int_not_equal(g.parent, getpid());
        if (k < 2)
            assert_int_equal(kill((pid_t)g.parent, SIGKILL), 0);
    }
    assert_int_equal(farm_join(&f, &st), 0);
    assert_int_equal(st.failed, 0);
    assert_true(st.replaced >= 2);
    farm_check(&f);
    farm_free(&f);
    farm_no_leak(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_that_kills_its_worker_is_reported_once),
        cmocka_unit_test(an_item_is_tried_again_after_a_death),
        cmocka_unit_test(items_that_were_only_offered_are_not_tries),
        cmocka_unit_test(what_a_worker_finished_before_its_death_counts),
        cmocka_unit_test(a_hanging_item_is_late_and_its_worker_replaced),
        cmocka_unit_test(a_stopped_worker_is_replaced_after_the_grace),
        cmocka_unit_test(a_worker_that_goes_on_within_the_grace_is_kept),
        cmocka_unit_test(workers_that_never_begin_end_the_pipe),
        cmocka_unit_test(the_others_go_on_without_one),
        cmocka_unit_test(limits_and_confinement_come_before_the_first_item),
        /* The last: later helpers do not share the board. */
        cmocka_unit_test(a_killed_helper_is_started_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
