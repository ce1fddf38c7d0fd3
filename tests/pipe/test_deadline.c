/* test_deadline.c - items that take too long are given up or tried again by another
 * worker; whoever is late does no harm. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <leat/detail/atomic.h>
#include "pipe/pipes.h"

enum { N = 60 };

/* Items that hang do so until `release`; `gone` waits for all who did. On a slow machine
 * others may be late as well: what counts is what was told of each. */
static struct {
    leat_wg release, gone;
    leati_a32 hanging; /* how many */
    leati_a32 tries[N], told[N], finals[N], dropped[N];
    leati_a32 emitted[N]; /* by those who hang; they are dropped when they come back */
    unsigned every;      /* every so many-th item hangs... */
    unsigned tries_lost; /* ...in its first tries */
} it;

static int hangs(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)len;
    uint32_t tries = leati_add_sc(&it.tries[v], 1u);
    if (v % it.every == 1 && tries < it.tries_lost) {
        leat_wg_add(&it.gone, 1);
        (void)leati_add_sc(&it.hanging, 1u);
        (void)leati_add_sc(&it.emitted[v], leat_emit(s, in) == 0);
        leat_wg_wait(&it.release);
        expect(leat_stage_stopping(s));
        expect_eq(leat_emit(s, in), LEAT_ECANCELED);
        leat_wg_done(&it.gone);
        return 0;
    }
    return leat_emit(s, in);
}

static void told(const struct leat_pipe_error *e, void *arg)
{
    uint64_t v = item_of(e->item);
    (void)arg;
    expect_eq(e->err, LEAT_ETIMEDOUT);
    expect_eq(e->position, v);
    expect(e->worker < 3);
    expect_eq(e->tries, leati_add_sc(&it.told[v], 1u) + 1);
    (void)leati_add_sc(&it.finals[v], e->final);
}

static void dropped(void *out, void *arg)
{
    (void)arg;
    (void)leati_add_sc(&it.dropped[item_of(out)], 1u);
}

static bool late_outputs_are_dropped(void *unused)
{
    (void)unused;
    for (unsigned v = 0; v < N; v++)
        if (leati_load_sc(&it.dropped[v]) < leati_load_sc(&it.emitted[v]))
            return false;
    return true;
}

static void pass(const struct form *f, unsigned every, unsigned lost, unsigned retries)
{
    struct leat_pipe_opts o = form_opts(f, hangs);
    struct leat_pipe_stats st;
    leat_chan *in = filled(N), *out = channel(4);
    leat_pipe *p;
    uint64_t got, n = 0, last = 0, finals = 0, told_sum = 0;
    uint8_t seen[N] = {0};
    memset(&it, 0, sizeof(it));
    leat_wg_add(&it.release, 1);
    it.every = every;
    it.tries_lost = lost;
    o.item_timeout = 30000000;
    o.retries = retries;
    o.on_error = told;
    o.drop_out = dropped;
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    for (; leat_chan_recv(out, &got) == 0; n++, last = got) {
        expect_eq(seen[got]++, 0);
        if (form_ordered(f))
            expect(n == 0 || got > last);
    }
    assert_int_equal(leat_pipe_join(p, &st), 0);
    leat_wg_done(&it.release);
    leat_wg_wait(&it.gone);
    expect(support_until(late_outputs_are_dropped, NULL));
    for (unsigned v = 0; v < N; v++) {
        expect(it.dropped[v].v <= it.told[v].v); /* its own, not another's */
        bool hung = v % every == 1;
        expect_eq(seen[v] + it.finals[v].v, 1);
        if (hung)
            expect(it.told[v].v >= (lost < retries + 1 ? lost : retries + 1));
        finals += it.finals[v].v;
        told_sum += it.told[v].v;
    }
    expect_eq(st.finished, n);
    expect_eq(st.failed, finals);
    expect_eq(st.failed + st.retried, told_sum);
    expect_eq(st.taken, N);
    expect_eq(st.in_flight, 0);
    expect(st.replaced >= st.retried);
    leat_chan_free(in);
    leat_chan_free(out);
    verdict();
}

static void late_items_are_given_up(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        pass(&forms[f], 20, 1, 0);
}

static void late_items_are_tried_again_in_their_place(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++)
        pass(&forms[f], 20, 1, 3);
}

/* More hang than can be replaced: those that are left do the rest, or nobody; the pipe
 * ends. */
static void a_pipe_ends_without_its_late_workers(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        struct leat_pipe_opts o = form_opts(&forms[f], hangs);
        struct leat_pipe_stats st;
        leat_chan *in = filled(N), *out = channel(4);
        leat_pipe *p;
        uint64_t got;
        memset(&it, 0, sizeof(it));
        leat_wg_add(&it.release, 1);
        it.every = 2; /* 30 of them; 3 workers and 3 more */
        it.tries_lost = 1;
        o.item_timeout = 20000000;
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        while (leat_chan_recv(out, &got) == 0)
            ;
        (void)leat_pipe_join(p, &st);
        assert_true(leat_chan_closed(out));
        assert_int_equal(st.in_flight, 0);
        assert_true(st.failed >= 6 || st.taken < N);
        leat_wg_done(&it.release);
        leat_wg_wait(&it.gone);
        leat_chan_free(in);
        leat_chan_free(out);
        verdict();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_items_are_given_up),
        cmocka_unit_test(late_items_are_tried_again_in_their_place),
        cmocka_unit_test(a_pipe_ends_without_its_late_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
