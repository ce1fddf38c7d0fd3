/* test_bound.c - items taken and not finished with never exceed workers + buffer, and
 * reach it when nobody reads. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "pipe/pipes.h"

struct still {
    const leat_pipe *p;
    leat_chan *in;
    uint64_t n, most;
};

static bool all_taken(void *arg)
{
    const struct still *s = arg;
    return s->n - leat_chan_len(s->in) >= s->most;
}

static void unread(const struct form *f, unsigned workers, size_t buffer, size_t cap)
{
    struct leat_pipe_opts o = form_opts(f, same);
    struct leat_pipe_stats st;
    size_t real = buffer == LEAT_PIPE_NO_BUFFER ? 0 : buffer;
    const uint64_t n = workers + real + cap + 40; /* more than will fit */
    leat_chan *in = filled(n), *out = channel(cap);
    leat_pipe *p;
    uint64_t got, next = 0;
    o.workers = workers;
    o.buffer = buffer;
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    struct still s = {p, in, n, workers + real + cap};
    if (cap > 0) /* a sender of an unbuffered one waits with what it has */
        assert_true(support_until(all_taken, &s));
    for (unsigned i = 0; i < 200; i++) {
        assert_true(n - leat_chan_len(in) <= s.most);
        leat_yield();
    }
    while (leat_chan_recv(out, &got) == 0) {
        uint64_t taken = n - leat_chan_len(in);
        leat_pipe_stats(p, &st); /* after taken: never too few finished */
        assert_true(taken <= st.finished + workers + real);
        if (form_ordered(f))
            assert_int_equal(got, next);
        next++;
    }
    assert_int_equal(next, n);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void workers_and_buffer_are_the_bound(void **state)
{
    static const size_t buffers[] = {LEAT_PIPE_NO_BUFFER, 1, 7, 100},
                        caps[] = {0, 1, 20};
    static const unsigned workers[] = {1, 2, 5};
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned b = 0; b < 4; b++)
            for (unsigned c = 0; c < 3; c++)
                for (unsigned w = 0; w < 3; w++)
                    unread(&forms[f], workers[w], buffers[b], caps[c]);
}

/* Ordered: a slow first item, everything behind it waits in the ring. */
static leat_wg first;

static int slow_first(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    if (item_of(in) == 0)
        leat_wg_wait(&first);
    return leat_emit(s, in);
}

static void a_slow_head_stops_at_the_bound(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f += 2) {
        struct leat_pipe_opts o = form_opts(&forms[f], slow_first);
        leat_chan *in = filled(300), *out = channel(300);
        leat_pipe *p;
        uint64_t got;
        leat_wg_add(&first, 1);
        o.buffer = 40;
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        struct still s = {p, in, 300, 43};
        assert_true(support_until(all_taken, &s));
        for (unsigned i = 0; i < 200; i++) {
            assert_int_equal(300 - leat_chan_len(in), 43);
            assert_int_equal(leat_chan_try_recv(out, &got), LEAT_EAGAIN);
            leat_yield();
        }
        leat_wg_done(&first);
        for (uint64_t i = 0; i < 300; i++) {
            assert_int_equal(leat_chan_recv(out, &got), 0);
            assert_int_equal(got, i);
        }
        assert_int_equal(leat_pipe_join(p, NULL), 0);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_and_buffer_are_the_bound),
        cmocka_unit_test(a_slow_head_stops_at_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
