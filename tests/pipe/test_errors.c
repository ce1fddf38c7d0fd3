/* test_errors.c - items that fail: told, tried again, skipped, or the end.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <leat/detail/atomic.h>
#include "pipe/pipes.h"

enum { N = 600 };

static struct {
    leati_a32 tries[N]; /* of each item */
    leati_a32 told[N];  /* failures heard of */
    leati_a32 finals[N];
    leati_a32 dropped_in[N], dropped_out[N];
    unsigned fails; /* first tries of each seventh item that fail */
} log_of;

/* Every 7th item fails its first `fails` tries, after having emitted. */
static int fails_at_first(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)len;
    uint32_t tries = leati_add_sc(&log_of.tries[v], 1u);
    int r = leat_emit(s, in);
    if (r != 0)
        return r;
    return v % 7 == 3 && tries < log_of.fails ? -77 : 0;
}

static void told(const struct leat_pipe_error *e, void *arg)
{
    uint64_t v = item_of(e->item);
    expect(arg == &log_of);
    expect_eq(v % 7, 3);
    expect_eq(e->err, -77);
    expect_eq(e->position, v);
    expect(e->worker < 3);
    expect_eq(leati_add_sc(&log_of.told[v], 1u) + 1, e->tries);
    expect_eq(e->tries, leati_load_sc(&log_of.tries[v]));
    if (e->final)
        (void)leati_add_sc(&log_of.finals[v], 1u);
}

static void drop_in(void *item, void *arg)
{
    (void)arg;
    (void)leati_add_sc(&log_of.dropped_in[item_of(item)], 1u);
}

static void drop_out(void *item, void *arg)
{
    (void)arg;
    (void)leati_add_sc(&log_of.dropped_out[item_of(item)], 1u);
}

static struct leat_pipe_opts failing(const struct form *f, unsigned fails,
                                     unsigned retries)
{
    struct leat_pipe_opts o = form_opts(f, fails_at_first);
    memset(&log_of, 0, sizeof(log_of));
    log_of.fails = fails;
    o.retries = retries;
    o.on_error = told;
    o.drop_in = drop_in;
    o.drop_out = drop_out;
    o.callback_arg = &log_of;
    return o;
}

static void skipped_after_its_tries(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned retries = 0; retries < 3; retries++) {
            struct leat_pipe_opts o = failing(&forms[f], 2, retries);
            leat_chan *in = filled(N), *out = channel(20);
            struct leat_pipe_stats st;
            leat_pipe *p;
            uint64_t got, next = 0, n = 0;
            bool gone = retries < 2;
            uint64_t sevenths = (N - 3 + 6) / 7;
            assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
            for (; leat_chan_recv(out, &got) == 0; n++, next = got + 1) {
                next += gone && next % 7 == 3;
                if (form_ordered(&forms[f]))
                    expect_eq(got, next);
                expect(!gone || got % 7 != 3);
            }
            assert_int_equal(leat_pipe_join(p, &st), 0);
            assert_int_equal(n, gone ? N - sevenths : N);
            assert_int_equal(st.finished, n);
            assert_int_equal(st.failed, gone ? sevenths : 0);
            assert_int_equal(st.retried, sevenths * (gone ? retries : 2));
            assert_int_equal(st.in_flight + st.unstarted + st.discarded, 0);
            for (uint64_t v = 3; v < N; v += 7) {
                expect_eq(log_of.told[v].v, gone ? retries + 1 : 2);
                expect_eq(log_of.finals[v].v, gone);
                expect_eq(log_of.dropped_out[v].v, log_of.told[v].v); /* of each try */
            }
            leat_chan_free(in);
            leat_chan_free(out);
            verdict();
        }
}

/* ---- stop: the first of the failing items is 500, long in the pipe ---- */

static int fails_late(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)len;
    if (v == 500 || v == 503 || v == 511)
        return -78;
    return leat_emit(s, in);
}

static void stop_delivers_exactly_what_stands_before(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned workers = 1; workers < 9; workers += 3) {
            struct leat_pipe_opts o = failing(&forms[f], 0, 0);
            leat_chan *in = filled(N), *out = channel(7);
            struct leat_pipe_stats st;
            leat_pipe *p;
            uint64_t got, n = 0, dropped = 0;
            o.run = fails_late;
            o.on_error = NULL;
            o.policy = LEAT_PIPE_STOP;
            o.workers = workers;
            o.buffer = 50;
            assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
            for (; leat_chan_recv(out, &got) == 0; n++)
                if (form_ordered(&forms[f]))
                    expect_eq(got, n);
            assert_int_equal(leat_pipe_join(p, &st), -78);
            if (form_ordered(&forms[f]))
                assert_int_equal(n, 500);
            for (unsigned i = 0; i < N; i++)
                dropped += log_of.dropped_in[i].v + log_of.dropped_out[i].v;
            assert_true(st.failed >= 1);
            assert_int_equal(st.finished, n);
            assert_int_equal(st.unstarted + st.discarded, dropped);
            assert_int_equal(st.taken, n + st.failed + dropped);
            assert_int_equal(st.taken, N - leat_chan_len(in));
            assert_int_equal(st.in_flight, 0);
            leat_chan_free(in);
            leat_chan_free(out);
            verdict();
        }
}

/* ---- a result that looks like the outcome of a wait ---- */

static int fails_in_time(leat_stage *s, const void *in, size_t len)
{
    (void)s;
    (void)in;
    (void)len;
    return LEAT_ETIMEDOUT;
}

static void what_a_pipe_came_to_is_not_taken_for_the_wait(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], fails_in_time);
        leat_chan *in = channel(4), *out = channel(4);
        uint64_t v = 0;
        int result = 1;
        leat_pipe *p;
        o.policy = LEAT_PIPE_STOP;
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        assert_int_equal(leat_pipe_join_until(p, &result, NULL, LEAT_NOW),
                         LEAT_ETIMEDOUT);
        assert_int_equal(result, 1);
        assert_int_equal(leat_chan_send(in, &v), 0);
        assert_int_equal(leat_pipe_join_until(p, &result, NULL, LEAT_NEVER), 0);
        assert_int_equal(result, LEAT_ETIMEDOUT);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skipped_after_its_tries),
        cmocka_unit_test(stop_delivers_exactly_what_stands_before),
        cmocka_unit_test(what_a_pipe_came_to_is_not_taken_for_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
