/* test_source.c - streams from arrays, ranges and functions.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include "support/buffers.h"

enum { TAKERS = 5 };

static void nothing_more(leat_chan *c)
{
    uint64_t v = OP_UNTOUCHED;
    for (unsigned i = 0; i < 2; i++) {
        expect_eq(leat_chan_recv(c, &v), LEAT_ECLOSED);
        expect_eq(leat_chan_try_recv(c, &v), LEAT_ECLOSED);
        expect_eq(leat_chan_recv_n(c, &v, 1, LEAT_NOW), LEAT_ECLOSED);
    }
    expect_eq(v, OP_UNTOUCHED);
}

static void born_closed(leat_chan *c)
{
    uint64_t v = 1;
    expect(leat_chan_closed(c));
    expect_eq(leat_chan_send(c, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_try_send(c, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_close(c), LEAT_EALREADY);
}

static void arrays_are_copied_or_borrowed(void **state)
{
    (void)state;
    for (int copied = 0; copied < 2; copied++) {
        uint64_t a[5] = {3, 1, 4, 1, 5}, v[5];
        leat_chan *c = NULL;
        expect_eq(copied ? leat_source_array(&c, a, 5, sizeof(a[0]))
                         : leat_source_borrow(&c, a, 5, sizeof(a[0])),
                  0);
        born_closed(c);
        expect_eq(leat_chan_len(c), 5);
        a[2] = 9;
        expect_eq(leat_chan_recv_n(c, v, 5, LEAT_NOW), 5);
        expect(v[0] == 3 && v[1] == 1 && v[2] == (copied ? 4 : 9) && v[4] == 5);
        nothing_more(c);
        leat_chan_free(c);
        expect_eq(leat_source_array(&c, NULL, 0, 8), 0);
        nothing_more(c);
        leat_chan_free(c);
        expect_eq(leat_source_array(&c, NULL, 3, 0), 0);
        expect_eq(leat_chan_recv_n(c, NULL, 9, LEAT_NOW), 3);
        leat_chan_free(c);
        verdict();
    }
}

static void range_is(int64_t first, int64_t end, int64_t step, unsigned n)
{
    leat_chan *c = NULL;
    int64_t v;
    expect_eq(leat_source_range(&c, first, end, step), 0);
    born_closed(c);
    expect_eq(leat_chan_len(c), n);
    for (unsigned i = 0; i < n; i++) {
        expect_eq(leat_chan_recv(c, &v), 0);
        expect((uint64_t)v == (uint64_t)first + i * (uint64_t)step);
    }
    nothing_more(c);
    leat_chan_free(c);
    verdict();
}

static void ranges_end_where_they_say(void **state)
{
    (void)state;
    leat_chan *c = NULL;
    int64_t v = 7;
    range_is(0, 10, 1, 10);
    range_is(10, 20, 2, 5);
    range_is(10, 21, 2, 6);
    range_is(5, -5, -3, 4);
    range_is(5, 5, 1, 0);
    range_is(5, 4, 1, 0);
    range_is(-5, -4, -1, 0);
    range_is(INT64_MAX - 2, INT64_MAX, 1, 2);
    range_is(INT64_MAX - 5, INT64_MAX, 4, 2);
    range_is(INT64_MIN + 5, INT64_MIN, -4, 2);
    range_is(INT64_MIN, INT64_MAX, INT64_MAX, 3);
    range_is(INT64_MAX, INT64_MIN, INT64_MIN, 2);
    expect_eq(leat_source_range(&c, 0, 9, 0), LEAT_EINVAL);
    expect_eq(leat_source_range(NULL, 0, 9, 1), LEAT_EINVAL);
    expect_eq(leat_source_range(&c, 0, INT64_MAX, 1), 0);
    for (int64_t i = 0; i < 5000; i++)
        expect(leat_chan_recv(c, &v) == 0 && v == i);
    expect_eq(leat_chan_cancel(c), 0);
    nothing_more(c);
    leat_chan_free(c);
    verdict();
}

/* 0, 1, ... up to n; then `end`. */
struct numbers {
    uint64_t at, n;
    int end;
    unsigned done;
    leati_a32 inside; /* receivers that are in the function */
    leat_chan *gate;  /* waits there for each value */
    leati_a32 asked;
};

static int next(void *arg, void *ret)
{
    struct numbers *g = (struct numbers *)arg;
    expect_eq(leati_add_ar(&g->inside, 1u), 0);
    expect(((uintptr_t)ret & 63) == 0);
    (void)leati_add_ar(&g->asked, 1u);
    if (g->gate)
        expect_eq(leat_chan_recv(g->gate, NULL), 0);
    *(uint64_t *)ret = g->at; /* also where there is none: nobody may see it */
    (void)leati_sub_ar(&g->inside, 1u);
    if (g->at < g->n) {
        g->at++;
        return 0;
    }
    return g->end;
}

static void done(void *arg)
{
    ((struct numbers *)arg)->done++;
}

static leat_chan *numbers_open(struct numbers *g)
{
    const struct leat_source_opts o = {.size = sizeof(o),
                                       .elem_size = sizeof(uint64_t),
                                       .next = next,
                                       .done = done,
                                       .arg = g,
                                       .name = "numbers"};
    leat_chan *c = NULL;
    expect_eq(leat_source_new(&c, &o), 0);
    return c;
}

static void a_function_is_called_when_a_value_is_wanted(void **state)
{
    (void)state;
    struct numbers g = {.n = 4, .end = LEAT_ECLOSED};
    leat_chan *c = numbers_open(&g);
    uint64_t v[9] = {0};
    size_t which = 9;
    born_closed(c);
    expect_eq(g.at, 0);
    expect_eq(leat_chan_try_recv(c, &v[0]), 0);
    expect(v[0] == 0 && g.at == 1);
    struct leat_case cs[] = {LEAT_RECV(c, &v[1]), LEAT_SEND(c, &v[0])};
    cs[1].chan = NULL;
    expect_eq(leat_select(cs, 2, LEAT_NOW, 0, &which), 0);
    expect(which == 0 && v[1] == 1 && g.at == 2);
    expect_eq(leat_chan_recv_n(c, v, 9, LEAT_NEVER), 2);
    expect(v[0] == 2 && v[1] == 3);
    nothing_more(c);
    expect_eq(leati_load_rlx(&g.asked), 5); /* no more than once at the end */
    expect_eq(leat_source_error(c), 0);
    expect_eq(g.done, 0);
    leat_chan_free(c);
    expect_eq(g.done, 1);
    verdict();
}

static void an_error_ends_the_stream_and_is_kept(void **state)
{
    (void)state;
    struct numbers g = {.n = 1, .end = LEAT_ETIMEDOUT};
    leat_chan *c = numbers_open(&g), *plain = NULL;
    uint64_t v;
    expect_eq(leat_chan_recv(c, &v), 0);
    expect_eq(leat_source_error(c), 0);
    nothing_more(c);
    expect_eq(leat_source_error(c), LEAT_ETIMEDOUT);
    leat_chan_free(c);
    expect_eq(leat_chan_new(&plain, 8, 1), 0);
    expect_eq(leat_source_error(plain), 0);
    expect_eq(leat_source_error(NULL), 0);
    leat_chan_free(plain);
    verdict();
}

static bool asked(void *arg)
{
    return leati_load_acq(&((struct numbers *)arg)->asked) == 1;
}

/* One is in the function and waits there; others wait for the turn, in order, leave at
 * their deadlines, find nothing; cancel ends them all. */
static void waiting_for_the_turn(enum crew_kind crew)
{
    struct numbers g = {.n = 3, .end = LEAT_ECLOSED};
    struct op o[TAKERS], late;
    expect_eq(leat_chan_new(&g.gate, 0, 9), 0);
    leat_chan *c = numbers_open(&g);
    uint64_t v = OP_UNTOUCHED;
    size_t which;
    struct leat_case cs[] = {LEAT_RECV(c, &v)};
    op_start(&o[0], crew, 0, c, LEAT_OP_RECV, 0, LEAT_NEVER);
    expect(support_until(asked, &g));
    expect_eq(leat_chan_try_recv(c, &v), LEAT_EAGAIN);
    expect_eq(leat_select(cs, 1, LEAT_NOW, 0, &which), LEAT_EAGAIN);
    expect_eq(leat_select(cs, 1, leat_in_us(20), 0, &which), LEAT_ETIMEDOUT);
    op_start(&late, crew, 1, c, LEAT_OP_RECV, 0, leat_in_us(20));
    expect_eq(op_join(&late), LEAT_ETIMEDOUT);
    for (unsigned k = 1; k < TAKERS; k++)
        op_park(&o[k], crew, k, c, LEAT_OP_RECV, 0, k);
    for (unsigned k = 0; k < TAKERS - 1; k++)
        expect_eq(leat_chan_send(g.gate, NULL), 0);
    for (unsigned k = 0; k < TAKERS; k++) {
        expect_eq(op_join(&o[k]), k < 3 ? 0 : LEAT_ECLOSED);
        expect_eq(o[k].value, k < 3 ? k : OP_UNTOUCHED);
    }
    expect_eq(v, OP_UNTOUCHED);
    leat_chan_free(c);
    leat_chan_free(g.gate);
    verdict();
}

static void receivers_wait_for_the_turn_first_come_first_served(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        waiting_for_the_turn((enum crew_kind)crew);
}

static void cancelled_in_the_turn(enum crew_kind crew)
{
    struct numbers g = {.n = 9, .end = LEAT_ECLOSED};
    struct op o[2];
    expect_eq(leat_chan_new(&g.gate, 0, 1), 0);
    leat_chan *c = numbers_open(&g);
    op_start(&o[0], crew, 0, c, LEAT_OP_RECV, 0, LEAT_NEVER);
    expect(support_until(asked, &g));
    op_park(&o[1], crew, 1, c, LEAT_OP_RECV, 0, 1);
    expect_eq(leat_chan_cancel(c), 0);
    expect_eq(leat_chan_cancel(c), LEAT_EALREADY);
    expect_eq(op_join(&o[1]), LEAT_ECLOSED);
    expect_eq(leat_chan_send(g.gate, NULL), 0);
    expect_eq(op_join(&o[0]), 0); /* it had its value */
    nothing_more(c);
    expect_eq(leati_load_rlx(&g.asked), 1);
    leat_chan_free(c);
    leat_chan_free(g.gate);
    expect_eq(g.done, 1);
    verdict();
}

static void cancel_ends_it_but_for_who_has_the_turn(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        cancelled_in_the_turn((enum crew_kind)crew);
}

struct shared {
    leat_chan *c;
    leati_a64 sum, count;
};

static void taker(struct actor *me)
{
    struct shared *s = (struct shared *)me->arg;
    uint64_t v[4], last = 0;
    for (unsigned k = 0;; k++) {
        struct leat_case cs[] = {LEAT_RECV(s->c, v), LEAT_RECV(NULL, v)};
        size_t which;
        ptrdiff_t n = 1;
        int r = 0;
        if (k % 4 == 0) {
            n = leat_chan_recv_n(s->c, v, 1 + support_below(&me->rng, 4), LEAT_NEVER);
            r = n < 0 ? (int)n : 0;
        } else if (k % 4 == 1) {
            r = leat_chan_recv_until(s->c, v, leat_in_us(30));
        } else if (k % 4 == 2) {
            r = leat_select(cs, 2, LEAT_NEVER, 0, &which);
            r = r == 0 ? cs[0].err : r;
        } else {
            r = leat_chan_recv(s->c, v);
        }
        if (r == LEAT_ETIMEDOUT)
            continue;
        if (r == LEAT_ECLOSED)
            return;
        if (!expect_eq(r, 0))
            return;
        for (ptrdiff_t i = 0; i < n; i++) {
            (void)leati_add_rlx(&s->sum, v[i]);
            (void)leati_add_rlx(&s->count, (uint64_t)1);
            expect(last == 0 || v[i] > last);
            last = v[i];
        }
    }
}

/* Each value once, in order at each receiver; `next` itself checks that it is alone. */
static void many_share_a_stream(enum crew_kind crew, unsigned how)
{
    uint64_t n = support_scale(20000);
    struct numbers g = {.n = n, .end = LEAT_ECLOSED};
    struct shared s = {0};
    if (how == 0)
        s.c = numbers_open(&g);
    else
        expect_eq(leat_source_range(&s.c, 0, (int64_t)n, 1), 0);
    crew_run(crew, TAKERS, taker, &s);
    leat_chan_free(s.c);
    expect_eq(leati_load_rlx(&s.count), n);
    expect_eq(leati_load_rlx(&s.sum), n * (n - 1) / 2);
    verdict();
}

static void each_value_goes_to_one_receiver(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        for (unsigned how = 0; how < 2; how++)
            many_share_a_stream((enum crew_kind)crew, how);
}

static void a_set_reads_streams(void **state)
{
    (void)state;
    struct numbers g = {.n = 50, .end = LEAT_ECLOSED};
    leat_chan *c[2] = {numbers_open(&g), NULL};
    leat_set *s = NULL;
    uint64_t v, sum = 0;
    unsigned ends = 0;
    expect_eq(leat_source_range(&c[1], 0, 50, 1), 0);
    expect_eq(leat_set_new(&s), 0);
    for (unsigned i = 0; i < 2; i++)
        expect_eq(leat_set_add(s, c[i], NULL), 0);
    while (ends < 2) {
        int r = leat_set_wait(s, &v, NULL, NULL, LEAT_NEVER);
        ends += r == LEAT_ECLOSED;
        sum += r == 0 ? v : 0;
    }
    expect_eq(sum, 50 * 49);
    leat_set_free(s);
    leat_chan_free(c[0]);
    leat_chan_free(c[1]);
    verdict();
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    uint64_t v = 0;
    leat_chan *c = NULL;
    struct leat_source_opts o = {.size = sizeof(o), .elem_size = 8, .next = next};
    expect_eq(leat_source_array(NULL, &v, 1, 8), LEAT_EINVAL);
    expect_eq(leat_source_array(&c, NULL, 1, 8), LEAT_EINVAL);
    expect_eq(leat_source_borrow(&c, &v, 1, LEAT_ELEM_MAX + 1), LEAT_EOVERFLOW);
    expect_eq(leat_source_borrow(&c, &v, LEAT_CAP_MAX + 1, 1), LEAT_EOVERFLOW);
    expect_eq(leat_source_new(NULL, &o), LEAT_EINVAL);
    expect_eq(leat_source_new(&c, NULL), LEAT_EINVAL);
    o.elem_size = LEAT_ELEM_MAX + 1;
    expect_eq(leat_source_new(&c, &o), LEAT_EOVERFLOW);
    o.elem_size = 8;
    o.next = NULL;
    expect_eq(leat_source_new(&c, &o), LEAT_EINVAL);
    o.next = next;
    o.size--;
    expect_eq(leat_source_new(&c, &o), LEAT_EINVAL);
    expect(c == NULL);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_copied_or_borrowed),
        cmocka_unit_test(ranges_end_where_they_say),
        cmocka_unit_test(a_function_is_called_when_a_value_is_wanted),
        cmocka_unit_test(an_error_ends_the_stream_and_is_kept),
        cmocka_unit_test(receivers_wait_for_the_turn_first_come_first_served),
        cmocka_unit_test(cancel_ends_it_but_for_who_has_the_turn),
        cmocka_unit_test(each_value_goes_to_one_receiver),
        cmocka_unit_test(a_set_reads_streams),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
