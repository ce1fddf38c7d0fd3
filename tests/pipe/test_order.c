/* test_order.c - every item comes out exactly once, in order when ordered: any number
 * of workers, any kind of channel, 0, 1 or many outputs an item.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include "pipe/pipes.h"

/* Items: i gives i % 4 outputs i * 4 + k; and now and then takes long. */
static int some(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = item_of(in);
    (void)len;
    expect_eq(leat_stage_position(s), v);
    if (v % 13 == 5)
        leat_yield();
    for (uint64_t k = 0; k < v % 4; k++) {
        uint64_t out = v * 4 + k;
        int r = leat_emit(s, &out);
        if (r != 0)
            return r;
    }
    return 0;
}

static uint64_t outputs_of(uint64_t n)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += i % 4;
    return sum;
}

static void receive(leat_chan *out, uint64_t n, bool ordered)
{
    uint8_t *seen = calloc(n * 4, 1);
    uint64_t got, count = 0, next = 1; /* item 0 has none */
    assert_non_null(seen);
    while (leat_chan_recv(out, &got) == 0) {
        count++;
        if (!expect(got < n * 4) || !expect_eq(seen[got]++, 0))
            break;
        expect(got % 4 < (got / 4) % 4);
        if (!ordered)
            continue;
        if (!expect(got / 4 > next / 4 || (got / 4 == next / 4 && got % 4 >= next % 4)))
            break;
        next = got;
    }
    expect_eq(count, outputs_of(n));
    free(seen);
}

struct shape {
    size_t in_cap, out_cap;
    unsigned workers;
    size_t buffer;
};

static void pass(const struct form *f, const struct shape *s, uint64_t n)
{
    leat_chan *in = channel(s->in_cap), *out = channel(s->out_cap);
    struct leat_pipe_opts o = form_opts(f, some);
    struct leat_pipe_stats st;
    struct feed feed = {in, n};
    leat_pipe *p;
    o.workers = s->workers;
    o.buffer = s->buffer;
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    struct crew *c = crew_start(CREW_MIXED, 0, 1, feed_all, &feed);
    receive(out, n, form_ordered(f));
    crew_join(c);
    assert_int_equal(leat_pipe_join(p, &st), 0);
    assert_int_equal(st.taken, n);
    assert_int_equal(st.finished, n);
    assert_int_equal(st.delivered, outputs_of(n));
    assert_int_equal(st.failed + st.unstarted + st.discarded + st.in_flight, 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void every_item_once_in_order(void **state)
{
    static const struct shape shapes[] = {
        {128, 128, 1, 0},
        {128, 128, 2, 64},
        {1, 1, 3, 1},
        {0, 0, 2, 0},
        {LEAT_UNBOUNDED, 7, 4, 0},
        {16, LEAT_UNBOUNDED, 5, LEAT_PIPE_NO_BUFFER},
        {2000, 3, 17, 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (unsigned f = 0; f < FORMS; f++)
            pass(&forms[f], &shapes[i], support_scale(3000));
}

/* An item with far more outputs than are collected, and back-pressure on each. */
static int flood(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    uint64_t v = item_of(in);
    for (uint64_t k = 0; k < (v % 3 ? 1 : 300); k++) {
        uint64_t out = v << 32 | k;
        int r = leat_emit(s, &out);
        if (r != 0)
            return r;
    }
    return 0;
}

static void many_outputs_stay_in_order(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FORMS; f++) {
        leat_chan *in = channel(8), *out = channel(4);
        struct leat_pipe_opts o = form_opts(&forms[f], flood);
        struct feed feed = {in, support_scale(100)};
        uint64_t got, last = 0, n = 0, want = 0;
        leat_pipe *p;
        assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
        struct crew *c = crew_start(CREW_FIBERS, 0, 1, feed_all, &feed);
        for (; leat_chan_recv(out, &got) == 0; n++) {
            if (n > 0 && form_ordered(&forms[f]))
                expect(got > last &&
                       (uint32_t)got ==
                           (got >> 32 == last >> 32 ? (uint32_t)last + 1 : 0));
            last = got;
        }
        crew_join(c);
        for (uint64_t i = 0; i < feed.n; i++)
            want += i % 3 ? 1 : 300;
        assert_int_equal(n, want);
        assert_int_equal(leat_pipe_join(p, NULL), 0);
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_once_in_order),
        cmocka_unit_test(many_outputs_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
