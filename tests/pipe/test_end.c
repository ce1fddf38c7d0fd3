/* test_end.c - however a pipe ends: join says how, `out` is closed, and every item is
 * delivered, dropped or left in `in`, exactly once. SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include <leat/detail/atomic.h>
#include "pipe/pipes.h"

enum { N = 4000 };

/* What became of each item: counted once, wherever it turned up. */
static struct {
    leati_a8 met[N];
    leati_a64 inputs, outputs;
} ledger;

static void meet(const void *item)
{
    uint64_t v = item_of(item);
    if (expect(v < N))
        expect_eq(leati_add_sc(&ledger.met[v], (uint8_t)1), 0);
}

static void drop_in(void *item, void *arg)
{
    expect(arg == &ledger);
    (void)leati_add_sc(&ledger.inputs, (uint64_t)1);
    meet(item);
}

static void drop_out(void *out, void *arg)
{
    expect(arg == &ledger);
    (void)leati_add_sc(&ledger.outputs, (uint64_t)1);
    meet(out);
}

/* An item whose output is refused is its own again. */
static int keeps(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    int r = leat_emit(s, in);
    if (r != 0) {
        expect(r == LEAT_ECLOSED || r == LEAT_ECANCELED);
        expect(leat_stage_stopping(s));
        meet(in);
    }
    return r;
}

struct early {
    leat_pipe *p;
    leat_chan *in, *out;
    uint64_t sent;
};

static void send_until_refused(struct actor *a)
{
    struct early *e = a->arg;
    while (e->sent < N && leat_chan_send(e->in, &e->sent) == 0)
        e->sent++;
    leat_chan_close(e->in);
}

enum how { CLOSE, CANCEL, CANCEL_PIPE, HOWS };

static int end_it(struct early *e, enum how how)
{
    if (how == CLOSE)
        leat_chan_close(e->out);
    else if (how == CANCEL)
        leat_chan_cancel(e->out);
    else
        leat_pipe_cancel(e->p);
    return how == CANCEL_PIPE ? LEAT_ECANCELED : LEAT_ECLOSED;
}

static void met_in(leat_chan *c)
{
    uint64_t v;
    while (leat_chan_try_recv(c, &v) == 0)
        meet(&v);
}

static void met_by_channel(void *elem, void *arg)
{
    (void)arg;
    meet(elem);
}

static leat_chan *out_of(size_t cap)
{
    const struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = 8, .capacity = cap, .drop = met_by_channel};
    leat_chan *c = NULL;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    return c;
}

/* Reads so many results, then ends it; every item must turn up once. */
static void early(const struct form *f, enum how how, uint64_t reads, size_t cap)
{
    struct leat_pipe_opts o = form_opts(f, keeps);
    struct leat_pipe_stats st;
    struct early e = {.in = channel(30), .out = out_of(cap)};
    uint64_t got;
    memset(&ledger, 0, sizeof(ledger));
    o.flags |= LEAT_PIPE_CANCEL_IN;
    o.drop_in = drop_in;
    o.drop_out = drop_out;
    o.callback_arg = &ledger;
    o.buffer = 50;
    const struct leat_chan_opts in_opts = {.size = sizeof(in_opts),
                                           .elem_size = 8,
                                           .capacity = 30,
                                           .drop = met_by_channel};
    leat_chan_free(e.in);
    assert_int_equal(leat_chan_open(&e.in, &in_opts), 0);
    assert_int_equal(leat_pipe_start(&e.p, e.in, e.out, &o), 0);
    struct crew *c = crew_start(CREW_FIBERS, 0, 1, send_until_refused, &e);
    for (uint64_t i = 0; i < reads; i++)
        if (expect_eq(leat_chan_recv(e.out, &got), 0))
            meet(&got);
    int want = end_it(&e, how), r = leat_pipe_join(e.p, &st);
    crew_join(c);
    if (r == 0) { /* it had ended by itself: nothing held it up */
        assert_true(cap == LEAT_UNBOUNDED);
        assert_int_equal(st.finished, N);
    } else {
        assert_int_equal(r, want);
    }
    assert_true(leat_chan_closed(e.out));
    met_in(e.out);
    assert_int_equal(st.in_flight, 0);
    assert_int_equal(st.unstarted, leati_load_sc(&ledger.inputs));
    assert_true(st.discarded >= leati_load_sc(&ledger.outputs)); /* and those refused */
    assert_int_equal(st.taken, st.finished + st.unstarted + st.discarded);
    leat_chan_free(e.in); /* what was in the middle of being sent is dropped only now */
    leat_chan_free(e.out);
    for (uint64_t i = 0; i < e.sent; i++)
        expect_eq(leati_load_sc(&ledger.met[i]), 1);
    for (uint64_t i = e.sent; i < N; i++)
        expect_eq(leati_load_sc(&ledger.met[i]), 0);
    verdict();
}

static void each_item_turns_up_once(void **state)
{
    static const size_t caps[] = {0, 1, 40, LEAT_UNBOUNDED};
    static const uint64_t reads[] = {0, 1, 300};
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned how = 0; how < HOWS; how++)
            for (unsigned c = 0; c < 4; c++)
                for (unsigned r = 0; r < 3; r++)
                    early(&forms[f], how, reads[r], caps[c]);
}

/* Nothing comes and nothing goes: workers sleep everywhere. */
static void an_idle_pipe_ends_too(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        for (unsigned how = 0; how < HOWS; how++) {
            struct leat_pipe_opts o = form_opts(&forms[f], same);
            struct early e = {.in = channel(4), .out = channel(4)};
            assert_int_equal(leat_pipe_start(&e.p, e.in, e.out, &o), 0);
            assert_int_equal(leat_pipe_join_until(e.p, NULL, NULL, LEAT_NOW),
                             LEAT_ETIMEDOUT);
            int want = end_it(&e, how);
            assert_int_equal(leat_pipe_join(e.p, NULL), want);
            assert_false(leat_chan_closed(e.in));
            leat_chan_free(e.in);
            leat_chan_free(e.out);
        }
}

static void no_input_is_a_good_end(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], same);
        leat_chan *in = channel(4), *out = channel(4);
        leat_pipe *p;
        uint64_t got;
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        leat_chan_close(in);
        assert_int_equal(leat_chan_recv(out, &got), LEAT_ECLOSED);
        leat_pipe_cancel(p); /* harmless or in time */
        int r = leat_pipe_join(p, NULL);
        assert_true(r == 0 || r == LEAT_ECANCELED);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

/* Two pipes, one output that stays open; the caller keeps no reference on the inputs.
 */
static void pipes_share_an_output(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], same);
        leat_chan *out = channel(16);
        leat_pipe *p[3];
        uint64_t got;
        o.flags |= LEAT_PIPE_KEEP_OPEN;
        for (unsigned i = 0; i < 3; i++) {
            leat_chan *in = filled(200);
            assert_int_equal(leat_pipe_start(&p[i], in, out, &o), 0);
            leat_chan_free(in);
        }
        p[2] = leat_pipe_detach(p[2]);
        assert_null(p[2]);
        for (unsigned i = 0; i < 600; i++)
            assert_int_equal(leat_chan_recv(out, &got), 0);
        assert_int_equal(leat_pipe_join(p[0], NULL), 0);
        assert_int_equal(leat_pipe_join(p[1], NULL), 0);
        assert_int_equal(leat_chan_try_recv(out, &got), LEAT_EAGAIN);
        assert_false(leat_chan_closed(out));
        leat_chan_free(out);
    }
}

/* A chain of detached pipes ends by itself. */
static void chains_end_from_the_front(void **state)
{
    (void)state;
    leat_chan *in = channel(8), *at = leat_chan_ref(in);
    uint64_t got, n = 0;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], same);
        leat_chan *out = channel(8);
        assert_int_equal(leat_pipe_start(NULL, at, out, &o), 0);
        leat_chan_free(at);
        at = out;
    }
    struct feed feed = {in, 1000};
    struct crew *c = crew_start(CREW_THREADS, 0, 1, feed_all, &feed);
    while (leat_chan_recv(at, &got) == 0)
        n++;
    crew_join(c);
    assert_int_equal(n, 1000);
    leat_chan_free(in);
    leat_chan_free(at);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    leat_chan *in = filled(3), *out = channel(4), *tick;
    leat_pipe *p = NULL;
    struct leat_pipe_opts good = form_opts(&forms[0], same), o;
    support_about = NULL;
    assert_int_equal(leat_pipe_start(&p, NULL, out, &good), LEAT_EINVAL);
    assert_int_equal(leat_pipe_start(&p, in, NULL, &good), LEAT_EINVAL);
    assert_int_equal(leat_pipe_start(&p, in, in, &good), LEAT_EINVAL);
    assert_int_equal(leat_pipe_start(&p, in, out, NULL), LEAT_EINVAL);
#define REFUSED(change)  \
    (o = good, (change), \
     assert_int_equal(leat_pipe_start(&p, in, out, &o), LEAT_EINVAL))
    REFUSED(o.size = 8);
    REFUSED(o.run = NULL);
    REFUSED(o.workers = LEAT_PIPE_WORKERS_MAX + 1);
    REFUSED(o.flags = 1u << 20);
    REFUSED(o.mode = 7);
    REFUSED(o.policy = 9);
    REFUSED(o.item_timeout = -1);
    REFUSED(o.buffer = (size_t)1 << 40);
    REFUSED(o.stack_size = 3);
    const struct leat_chan_opts one = {.size = sizeof(one),
                                       .elem_size = 8,
                                       .capacity = 1024,
                                       .flags = LEAT_SINGLE_PRODUCER};
    leat_chan *single = NULL;
    assert_int_equal(leat_chan_open(&single, &one), 0);
    o = good;
    o.flags |= LEAT_PIPE_UNORDERED;
    o.workers = 2;
    assert_int_equal(leat_pipe_start(&p, in, single, &o), LEAT_EINVAL);
    leat_chan_free(single);
    assert_int_equal(leat_tick(&tick, 1000000), 0);
    assert_int_equal(leat_pipe_start(&p, in, tick, &good), LEAT_ENOTSUP);
    leat_chan_free(tick);
    assert_null(p);
    assert_int_equal(leat_chan_len(in), 3);
    assert_false(leat_chan_closed(out));
    assert_int_equal(leat_pipe_join(NULL, NULL), LEAT_EINVAL);
    assert_null(leat_pipe_detach(NULL));
    leat_pipe_cancel(NULL);
    leat_chan_free(in);
    leat_chan_free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_turns_up_once),
        cmocka_unit_test(an_idle_pipe_ends_too),
        cmocka_unit_test(no_input_is_a_good_end),
        cmocka_unit_test(pipes_share_an_output),
        cmocka_unit_test(chains_end_from_the_front),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
