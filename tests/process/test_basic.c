/* test_basic.c - pipes whose workers are processes: results, order, isolation.
 * SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (the emulator has no pidfd of a process it emulates, memcheck
 * follows into every worker) */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

static void answered(unsigned flags)
{
    struct farm f;
    struct leat_pipe_stats st;
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    size_t n = support_scale(20000);
    o.flags = flags;
    o.buffer = flags ? 0 : 100;
    farm_start(&f, &o, n, 64, NULL);
    assert_int_equal(farm_finish(&f, &st), 0);
    assert_int_equal(st.taken, n);
    assert_int_equal(st.finished, n);
    assert_int_equal(st.delivered, n);
    assert_int_equal(st.failed, 0);
    assert_int_equal(st.replaced, 0);
    farm_no_leak(before);
}

static void every_item_is_answered_in_order(void **state)
{
    (void)state;
    answered(0);
}

static void every_item_is_answered_once_without_an_order(void **state)
{
    (void)state;
    answered(LEAT_PIPE_UNORDERED);
}

/* Unbuffered and unbounded channels, and a reader that only tries. */
static void any_kind_of_channel_will_do(void **state)
{
    (void)state;
    static const size_t capacities[] = {0, 1, LEAT_UNBOUNDED};
    for (unsigned k = 0; k < 3; k++) {
        struct farm f;
        struct leat_pipe_opts o = farm_opts(farm_run, 2);
        farm_start(&f, &o, support_scale(300), capacities[k], NULL);
        assert_int_equal(farm_finish(&f, NULL), 0);
    }
}

static void a_reader_that_only_tries_is_served(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_opts o = farm_opts(farm_run, 1);
    farm_start(&f, &o, 10, 0, NULL);
    struct grain g;
    for (unsigned n = 0; n < 10;) {
        int r = leat_chan_try_recv(f.out, &g);
        if (r == LEAT_EAGAIN || r == LEAT_EBUSY) {
            (void)sched_yield();
            continue;
        }
        assert_int_equal(r, 0);
        assert_int_equal(g.number, n);
        f.delivered[n++]++;
    }
    assert_int_equal(farm_finish(&f, NULL), 0);
}

static int number_only(leat_stage *s, const void *in, size_t len)
{
    struct grain g;
    (void)len;
    memcpy(&g, in, sizeof(g));
    g.answer = 0;
    return leat_emit(s, &g);
}

/* Threads hand their results to processes, whose results go through threads again: no
 * result is held back where somebody waits for it. */
static void pipes_of_each_kind_follow_each_other(void **state)
{
    (void)state;
    struct farm f;
    leat_chan *before, *between;
    leat_pipe *first;
    struct grain g = {0};
    struct leat_pipe_opts o = farm_opts(number_only, 2);
    o.mode = LEAT_PIPE_THREADS;
    assert_int_equal(leat_chan_new(&before, sizeof(g), 4), 0);
    assert_int_equal(leat_chan_new(&between, sizeof(g), 64), 0);
    assert_int_equal(leat_pipe_start(&first, before, between, &o), 0);
    memset(&f, 0, sizeof(f));
    o = farm_opts(farm_run, 2);
    assert_int_equal(leat_chan_new(&f.out, sizeof(g), 64), 0);
    assert_int_equal(leat_pipe_start(&f.pipe, between, f.out, &o), 0);
    for (g.number = 0; g.number < 200; g.number++) {
        struct grain got;
        assert_int_equal(leat_chan_send(before, &g), 0);
        if (g.number % 3) /* one alone in the pipes, then three */
            continue;
        for (uint64_t n = g.number < 3 ? 0 : g.number - 2; n <= g.number; n++) {
            assert_int_equal(leat_chan_recv(f.out, &got), 0);
            assert_int_equal(got.number, n);
            assert_int_equal(got.answer, farm_answer(n));
        }
    }
    leat_chan_close(before);
    while (leat_chan_recv(f.out, &g) == 0)
        ;
    assert_int_equal(leat_pipe_join(first, NULL), 0);
    assert_int_equal(leat_pipe_join(f.pipe, NULL), 0);
    leat_chan_free(before);
    leat_chan_free(between);
    leat_chan_free(f.out);
}

struct in_fibers {
    leat_chan *in;
    int result;
};

static int send_in_fiber(void *arg)
{
    struct in_fibers *f = arg;
    for (uint64_t n = 0; n < 300; n++) {
        struct grain g = {.number = n};
        expect_eq(leat_chan_send(f->in, &g), 0);
    }
    leat_chan_close(f->in);
    return 0;
}

static int all_in_fibers(void *arg)
{
    struct in_fibers *f = arg;
    leat_chan *out;
    leat_pipe *p;
    struct grain g;
    uint64_t n = 0;
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    expect_eq(leat_chan_new(&f->in, sizeof(g), 2), 0);
    expect_eq(leat_chan_new(&out, sizeof(g), 0), 0);
    expect_eq(leat_pipe_start(&p, f->in, out, &o), 0);
    expect_eq(leat_go(NULL, send_in_fiber, f), 0);
    for (; leat_chan_recv(out, &g) == 0; n++)
        expect(g.number == n && g.answer == farm_answer(n));
    expect_eq(n, 300);
    f->result = leat_pipe_join(p, NULL);
    leat_chan_free(f->in);
    leat_chan_free(out);
    return 0;
}

static void fibers_start_feed_read_and_join(void **state)
{
    (void)state;
    struct in_fibers f = {NULL, -1};
    leat_pool *p = support_pool_of(2, 0);
    assert_int_equal(leat_pool_run(p, all_in_fibers, &f), 0);
    leat_pool_free(p);
    verdict();
    assert_int_equal(f.result, 0);
}

/* --- who works --- */

enum { CREW = 5 };

/* Waits until all CREW are inside at once. */
static int meet(leat_stage *s, const void *in, size_t len)
{
    leati_add_sc(&board->inside, 1u);
    while (leati_load_sc(&board->inside) < CREW)
        (void)sched_yield();
    return farm_run(s, in, len);
}

static void n_workers_are_n_processes_at_once(void **state)
{
    (void)state;
    struct farm f;
    struct grain g[CREW];
    struct leat_pipe_opts o = farm_opts(meet, CREW);
    farm_board_clear();
    farm_start(&f, &o, CREW, CREW, NULL);
    for (unsigned i = 0; i < CREW; i++)
        assert_true(farm_read(&f, &g[i]));
    for (unsigned i = 0; i < CREW; i++) {
        assert_int_not_equal(g[i].pid, getpid());
        assert_int_not_equal(g[i].parent, getpid());
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(g[i].pid, g[k].pid);
    }
    assert_int_equal(farm_finish(&f, NULL), 0);
}

enum { BEHIND = 8 };

/* The first item waits until all others are done, which lie behind it or beside it. */
static int wait_for_the_others(leat_stage *s, const void *in, size_t len)
{
    if (leat_stage_position(s) == 0) {
        while (leati_load_sc(&board->inside) < BEHIND - 1)
            (void)sched_yield();
    } else {
        leati_add_sc(&board->inside, 1u);
    }
    return farm_run(s, in, len);
}

static void what_lies_behind_a_slow_item_goes_to_an_idle_worker(void **state)
{
    (void)state;
    for (unsigned workers = 2; workers <= 3; workers++) {
        struct farm f;
        struct leat_pipe_stats st;
        struct leat_pipe_opts o = farm_opts(wait_for_the_others, workers);
        farm_board_clear();
        farm_start(&f, &o, BEHIND, BEHIND, NULL);
        assert_int_equal(farm_finish(&f, &st), 0);
        assert_int_equal(st.finished, BEHIND);
    }
}

enum { TURNS = 100 };

/* Worker 0 dies at its first start, with what it was given; its second ends when the parent
 * has lain down, and some turns later, when it most likely sleeps. */
static int die_then_be_late(void *arg, unsigned worker, void **ret_state)
{
    (void)arg;
    *ret_state = NULL;
    if (worker != 0)
        return 0;
    if (leati_add_sc(&board->lives[0], 1u) == 0)
        _exit(1);
    struct leati_lane lane = farm_lane();
    while (!leati_load_sc(&leati_lane_head(&lane)->psleep))
        (void)sched_yield();
    for (unsigned n = 0; n < TURNS; n++)
        (void)sched_yield();
    return 0;
}

static void a_worker_that_begins_late_is_given_what_lies_behind(void **state)
{
    (void)state;
    for (size_t n = support_scale(20); n; n--) {
        struct farm f;
        struct leat_pipe_opts o = farm_opts(wait_for_the_others, 2);
        o.init = die_then_be_late;
        farm_board_clear();
        farm_start(&f, &o, BEHIND, BEHIND, NULL);
        assert_int_equal(farm_finish(&f, NULL), 0);
    }
}

static uint64_t global = 7;

static int write_global(leat_stage *s, const void *in, size_t len)
{
    global += 1000;
    if (global < 1007 || global % 1000 != 7) /* it began as the initialiser says */
        return LEAT_EINVAL;
    return farm_run(s, in, len);
}

static void a_write_to_a_global_stays_in_the_worker(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_opts o = farm_opts(write_global, 2);
    global = 8; /* nor does the worker see what main changed */
    farm_start(&f, &o, 100, 8, NULL);
    assert_int_equal(farm_finish(&f, NULL), 0);
    assert_int_equal(global, 8);
}

struct given {
    uint64_t key;
    char text[16];
};

static int init_state(void *arg, unsigned worker, void **ret_state)
{
    const struct given *g = arg;
    if (g->key != 42 || strcmp(g->text, "given") != 0)
        return LEAT_EINVAL;
    uint64_t *own = calloc(1, sizeof(*own));
    *own = worker + 1;
    *ret_state = own;
    leati_add_sc(&board->lives[worker], 1u);
    return 0;
}

static void exit_state(void *st)
{
    uint64_t *own = st;
    leati_add_sc(&board->plain[0], (uint32_t)(*own >> 32)); /* items it has seen */
    leati_add_sc(&board->exits, 1u);
    free(own);
}

static int use_state(leat_stage *s, const void *in, size_t len)
{
    uint64_t *own = leat_stage_state(s);
    const struct given *g = leat_stage_arg(s);
    if ((uint32_t)*own != leat_stage_worker(s) + 1 || g->key != 42)
        return LEAT_EINVAL;
    *own += (uint64_t)1 << 32;
    return farm_run(s, in, len);
}

static void init_and_exit_run_once_in_each_worker(void **state)
{
    (void)state;
    struct farm f;
    struct given given = {42, "given"};
    struct leat_pipe_opts o = farm_opts(use_state, 3);
    o.init = init_state;
    o.exit = exit_state;
    o.arg = &given;
    o.arg_size = sizeof(given);
    farm_board_clear();
    farm_start(&f, &o, 500, 8, NULL);
    memset(&given, 0, sizeof(given)); /* they have copies */
    assert_int_equal(farm_finish(&f, NULL), 0);
    for (unsigned k = 0; k < 3; k++)
        assert_int_equal(leati_load_sc(&board->lives[k]), 1);
    assert_int_equal(leati_load_sc(&board->exits), 3);
    assert_int_equal(leati_load_sc(&board->plain[0]), 500);
}

static void no_child_is_left_to_be_waited_for(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    farm_start(&f, &o, 10, 8, NULL);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(farm_finish(&f, NULL), 0);
}

static int count_files(leat_stage *s, const void *in, size_t len)
{
    unsigned n = 0;
    (void)in, (void)len;
    for (int fd = 3; fd < 256; fd++)
        n += lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF;
    struct grain g = {.number = n};
    return leat_emit(s, &g);
}

static void a_worker_has_none_of_the_programs_files(void **state)
{
    (void)state;
    struct farm f;
    struct grain g;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct leat_pipe_opts o = farm_opts(count_files, 1);
    farm_start(&f, &o, 1, 1, NULL);
    assert_int_equal(leat_chan_recv(f.out, &g), 0);
    assert_true(g.number <= 1); /* its bell */
    f.delivered[0] = 1;
    assert_int_equal(farm_finish(&f, NULL), 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* --- functions --- */

static void a_function_that_no_worker_would_find_is_refused(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    unsigned before = farm_descriptors();
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(code, MAP_FAILED);
    leat_stage_fn *made;
    memcpy(&made, &code, sizeof(made));
    struct leat_pipe_opts o = farm_opts(made, 1);
    assert_int_equal(leat_chan_new(&in, sizeof(struct grain), 1), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(struct grain), 1), 0);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), LEAT_ENOEXEC);
    assert_false(leat_chan_closed(out));
    leat_chan_free(in);
    leat_chan_free(out);
    (void)munmap(code, 4096);
    farm_no_leak(before);
}

/* --- statistics --- */

static void workers_account_for_their_items(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    uint64_t items = 0, n, busy;
    farm_start(&f, &o, 200, 200, NULL);
    struct grain g;
    for (unsigned i = 0; i < 200; i++)
        assert_true(farm_read(&f, &g));
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(leat_pipe_worker_stats(f.pipe, k, &n, &busy), 0);
        items += n;
    }
    assert_int_equal(items, 200);
    assert_int_equal(leat_pipe_worker_stats(f.pipe, 2, &n, &busy), LEAT_EINVAL);
    struct leat_pipe_stats st;
    assert_int_equal(farm_finish(&f, &st), 0);
    assert_true(st.busy_ns > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_answered_in_order),
        cmocka_unit_test(every_item_is_answered_once_without_an_order),
        cmocka_unit_test(any_kind_of_channel_will_do),
        cmocka_unit_test(a_reader_that_only_tries_is_served),
        cmocka_unit_test(pipes_of_each_kind_follow_each_other),
        cmocka_unit_test(fibers_start_feed_read_and_join),
        cmocka_unit_test(n_workers_are_n_processes_at_once),
        cmocka_unit_test(what_lies_behind_a_slow_item_goes_to_an_idle_worker),
        cmocka_unit_test(a_worker_that_begins_late_is_given_what_lies_behind),
        cmocka_unit_test(a_write_to_a_global_stays_in_the_worker),
        cmocka_unit_test(init_and_exit_run_once_in_each_worker),
        cmocka_unit_test(no_child_is_left_to_be_waited_for),
        cmocka_unit_test(a_worker_has_none_of_the_programs_files),
        cmocka_unit_test(a_function_that_no_worker_would_find_is_refused),
        cmocka_unit_test(workers_account_for_their_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
