/* test_workers.c - n workers are really n, each set up once.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <leat/detail/atomic.h>
#include "pipe/pipes.h"

/* ---- a barrier of all workers ---- */

static struct {
    unsigned n;
    leati_a32 arrived;
    leat_wg round[4];
} meet;

static int barrier(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    leat_wg *wg = &meet.round[leati_add_sc(&meet.arrived, 1u) / meet.n];
    leat_wg_done(wg);
    leat_wg_wait(wg);
    return leat_emit(s, in);
}

static void n_items_meet_in_n_workers(void **state)
{
    static const unsigned sizes[] = {1, 2, 5, 40};
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned i = 0; i < 4; i++) {
            struct leat_pipe_opts o = form_opts(&forms[f], barrier);
            meet.n = o.workers = sizes[i];
            leati_store_sc(&meet.arrived, 0u);
            for (unsigned r = 0; r < 4; r++)
                leat_wg_add(&meet.round[r], meet.n);
            leat_chan *in = filled(4 * meet.n), *out = channel(4 * meet.n);
            leat_pipe *p;
            /* No buffer: there are just as many items taken as must meet. */
            o.buffer = i % 2 ? LEAT_PIPE_NO_BUFFER : 0;
            assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
            assert_int_equal(leat_pipe_join(p, NULL), 0);
            assert_int_equal(leat_chan_len(out), 4 * meet.n);
            leat_chan_free(in);
            leat_chan_free(out);
        }
}

/* ---- init, exit, state ---- */

enum { MOST = 8 };

static struct {
    leati_a32 inits[MOST], exits[MOST], failing;
} seen;

static int init(void *arg, unsigned worker, void **ret_state)
{
    expect(arg == &seen);
    (void)leati_add_sc(&seen.inits[worker], 1u);
    *ret_state = &seen.inits[worker];
    return leati_load_sc(&seen.failing) & 1u << worker ? -1000 - (int)worker : 0;
}

static void at_exit(void *state)
{
    (void)leati_add_sc(&seen.exits[(leati_a32 *)state - seen.inits], 1u);
}

static int with_state(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    expect(leat_stage_arg(s) == &seen);
    expect(leat_stage_state(s) == &seen.inits[leat_stage_worker(s)]);
    expect(!leat_stage_stopping(s));
    return leat_emit(s, in);
}

static int run_with(const struct form *f, unsigned workers, uint32_t failing,
                    uint64_t n, struct leat_pipe_stats *st)
{
    struct leat_pipe_opts o = form_opts(f, with_state);
    leat_chan *in = filled(n), *out = channel(n);
    leat_pipe *p;
    memset(&seen, 0, sizeof(seen));
    seen.failing.v = failing;
    o.workers = workers;
    o.init = init;
    o.exit = at_exit;
    o.arg = &seen;
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    int r = leat_pipe_join(p, st);
    assert_true(leat_chan_closed(out));
    assert_int_equal(leat_chan_len(out), st->finished);
    assert_int_equal(leat_chan_len(in), n - st->taken);
    leat_chan_free(in);
    leat_chan_free(out);
    verdict();
    return r;
}

static void init_and_exit_run_once_in_each_worker(void **state)
{
    struct leat_pipe_stats st;
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        assert_int_equal(run_with(&forms[f], MOST, 0, 100, &st), 0);
        assert_int_equal(st.finished, 100);
        for (unsigned i = 0; i < MOST; i++) {
            assert_int_equal(seen.inits[i].v, 1);
            assert_int_equal(seen.exits[i].v, 1);
        }
    }
}

static void workers_whose_init_fails_are_missing(void **state)
{
    struct leat_pipe_stats st;
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        assert_int_equal(run_with(&forms[f], 3, 5, 100, &st), 0);
        assert_int_equal(st.finished, 100);
        assert_int_equal(seen.exits[0].v + seen.exits[2].v, 0);
        assert_int_equal(seen.exits[1].v, 1);
        int r = run_with(&forms[f], 2, 3, 100, &st);
        assert_true(r == -1000 || r == -1001);
        assert_int_equal(st.taken, 0);
    }
}

static void each_worker_is_counted(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], same);
        leat_chan *in = filled(50), *out = channel(100);
        leat_pipe *p;
        struct leat_pipe_stats st;
        uint64_t items, busy, sum = 0, busy_sum = 0, got;
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        while (leat_chan_recv(out, &got) == 0)
            ;
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(leat_pipe_worker_stats(p, i, &items, &busy), 0);
            sum += items;
            busy_sum += busy;
        }
        assert_int_equal(leat_pipe_worker_stats(p, 3, &items, &busy), LEAT_EINVAL);
        assert_int_equal(sum, 50);
        assert_int_equal(leat_pipe_join(p, &st), 0);
        assert_int_equal(st.workers, 0);
        assert_true(busy_sum <= st.busy_ns);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_items_meet_in_n_workers),
        cmocka_unit_test(init_and_exit_run_once_in_each_worker),
        cmocka_unit_test(workers_whose_init_fails_are_missing),
        cmocka_unit_test(each_worker_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
