/* test_outputs.c - process pipes: none, one and many outputs; outputs and items of any
 * length; what is too long. SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (see test_basic.c) */
#include <stdlib.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

/* Item n has n % 4 outputs: n*4, n*4+1, ... */
static int several(leat_stage *s, const void *in, size_t len)
{
    uint64_t n;
    (void)len;
    memcpy(&n, in, sizeof(n));
    for (uint64_t k = 0; k < n % 4; k++) {
        uint64_t v = n * 4 + k;
        int r = leat_emit(s, &v);
        if (r != 0)
            return r;
    }
    return 0;
}

struct reader {
    leat_chan *in, *out;
    leat_pipe *pipe;
};

static void start_numbers(struct reader *r, const struct leat_pipe_opts *o, uint64_t n,
                          size_t out_capacity)
{
    assert_int_equal(leat_chan_new(&r->in, sizeof(uint64_t), LEAT_UNBOUNDED), 0);
    assert_int_equal(leat_chan_new(&r->out, sizeof(uint64_t), out_capacity), 0);
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(leat_chan_send(r->in, &i), 0);
    leat_chan_close(r->in);
    assert_int_equal(leat_pipe_start(&r->pipe, r->in, r->out, o), 0);
}

static int end_numbers(struct reader *r, struct leat_pipe_stats *st)
{
    int e = leat_pipe_join(r->pipe, st);
    leat_chan_free(r->in);
    leat_chan_free(r->out);
    return e;
}

static void many_outputs_stay_together_and_in_order(void **state)
{
    (void)state;
    static const size_t capacities[] = {0, 3, 64};
    for (unsigned c = 0; c < 3; c++) {
        struct reader r;
        struct leat_pipe_stats st;
        struct leat_pipe_process po = {.max_out = 3 * sizeof(uint64_t)};
        struct leat_pipe_opts o = farm_opts(several, 2);
        o.process = &po;
        start_numbers(&r, &o, 400, capacities[c]);
        uint64_t v;
        for (uint64_t n = 0; n < 400; n++) {
            for (uint64_t k = 0; k < n % 4; k++) {
                assert_int_equal(leat_chan_recv(r.out, &v), 0);
                assert_int_equal(v, n * 4 + k);
            }
        }
        assert_int_equal(leat_chan_recv(r.out, &v), LEAT_ECLOSED);
        assert_int_equal(end_numbers(&r, &st), 0);
        assert_int_equal(st.delivered, 600);
        assert_int_equal(st.finished, 400);
    }
}

static int ignores_the_error(leat_stage *s, const void *in, size_t len)
{
    (void)several(s, in, len);
    return 0;
}

static void count_error(const struct leat_pipe_error *e, void *arg)
{
    expect_eq(e->err, LEAT_EMSGSIZE);
    ++*(unsigned *)arg;
}

/* Two fit: items with three fail, whole, whatever their function says. */
static void outputs_that_do_not_fit_fail_the_item(void **state)
{
    (void)state;
    leat_stage_fn *const fns[] = {several, ignores_the_error};
    for (unsigned k = 0; k < 2; k++) {
        struct reader r;
        struct leat_pipe_stats st;
        unsigned errors = 0;
        struct leat_pipe_process po = {.max_out = 2 * sizeof(uint64_t)};
        struct leat_pipe_opts o = farm_opts(fns[k], 2);
        o.process = &po;
        o.on_error = count_error;
        o.callback_arg = &errors;
        start_numbers(&r, &o, 40, 64);
        uint64_t v, outputs = 0;
        while (leat_chan_recv(r.out, &v) == 0) {
            assert_true(v / 4 % 4 < 3);
            outputs++;
        }
        assert_int_equal(end_numbers(&r, &st), 0);
        assert_int_equal(outputs, 10 * 1 + 10 * 2);
        assert_int_equal(st.failed, 10);
        assert_int_equal(errors, 10);
        verdict();
    }
}

static int nothing_but_a_sign(leat_stage *s, const void *in, size_t len)
{
    (void)in;
    return len == 0 ? leat_emit(s, NULL) : LEAT_EINVAL;
}

static void elements_without_bytes_are_carried(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    struct leat_pipe_opts o = farm_opts(nothing_but_a_sign, 2);
    assert_int_equal(leat_chan_new(&in, 0, 100), 0);
    assert_int_equal(leat_chan_new(&out, 0, 10), 0);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(leat_chan_send(in, NULL), 0);
    leat_chan_close(in);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    unsigned n = 0;
    while (leat_chan_recv(out, NULL) == 0)
        n++;
    assert_int_equal(n, 50);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    leat_chan_free(in);
    leat_chan_free(out);
}

/* --- a codec: elements are strings on the heap --- */

enum { LONGEST = 3000 };

static ptrdiff_t pack(const void *elem, void *buf, size_t max, void *arg)
{
    const char *text;
    (void)arg;
    memcpy(&text, elem, sizeof(text));
    size_t n = strlen(text);
    if (n == 13)
        return LEAT_EINVAL; /* unlucky */
    if (n > max)
        return LEAT_EMSGSIZE;
    memcpy(buf, text, n);
    return (ptrdiff_t)n;
}

static int unpack(const void *buf, size_t len, void *elem, void *arg)
{
    char *text = malloc(len + 1);
    (void)arg;
    if (text == NULL)
        return LEAT_ENOMEM;
    memcpy(text, buf, len);
    text[len] = '\0';
    memcpy(elem, &text, sizeof(text));
    return 0;
}

/* The text, and its first half. */
static int halve(leat_stage *s, const void *in, size_t len)
{
    int r = leat_emit_bytes(s, in, len);
    return r ? r : leat_emit_bytes(s, in, len / 2);
}

static char *text_of(unsigned n)
{
    char *t = malloc(n + 1);
    assert_non_null(t);
    memset(t, 'a' + (int)(n % 26), n);
    t[n] = '\0';
    return t;
}

struct strings {
    unsigned errors;
    int err;
};

static void note_error(const struct leat_pipe_error *e, void *arg)
{
    struct strings *s = arg;
    char *text;
    s->errors++;
    s->err = e->err;
    expect(e->final && e->tries == 1); /* another try would not help */
    memcpy(&text, e->item, sizeof(text));
    free(text);
}

static void a_codec_carries_any_length_up_to_the_maximum(void **state)
{
    (void)state;
    static const unsigned lengths[] = {0, 1, 12, 63, 64, 65, 1000, LONGEST};
    leat_chan *in, *out;
    leat_pipe *p;
    struct strings seen = {0, 0};
    struct leat_pipe_process po = {.max_in = LONGEST,
                                   .max_out = 2 * LONGEST + sizeof(uint32_t),
                                   .pack = pack,
                                   .unpack = unpack};
    struct leat_pipe_opts o = farm_opts(halve, 2);
    o.process = &po;
    o.retries = 3;
    o.on_error = note_error;
    o.callback_arg = &seen;
    assert_int_equal(leat_chan_new(&in, sizeof(char *), 10), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(char *), 3), 0);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    for (unsigned i = 0; i < 8; i++) {
        char *t = text_of(lengths[i]), *got;
        assert_int_equal(leat_chan_send(in, &t), 0);
        for (unsigned part = 1; part <= 2; part++) {
            assert_int_equal(leat_chan_recv(out, &got), 0);
            assert_int_equal(strlen(got), lengths[i] / part);
            assert_memory_equal(got, t, lengths[i] / part);
            free(got);
        }
        free(t);
    }
    char *unlucky = text_of(13), *too_long = text_of(LONGEST + 1);
    assert_int_equal(leat_chan_send(in, &unlucky), 0);
    assert_int_equal(leat_chan_send(in, &too_long), 0);
    leat_chan_close(in);
    char *none;
    assert_int_equal(leat_chan_recv(out, &none), LEAT_ECLOSED);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    assert_int_equal(seen.errors, 2);
    assert_int_equal(seen.err, LEAT_EMSGSIZE);
    verdict();
    leat_chan_free(in);
    leat_chan_free(out);
}

/* --- options --- */

static void sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    unsigned before = farm_descriptors();
    const struct leat_pipe_process bad[] = {{.max_in = 7},
                                            {.max_out = 7},
                                            {.depth = 1025},
                                            {.stop_grace = -1},
                                            {.max_in = SIZE_MAX}};
    assert_int_equal(leat_chan_new(&in, 8, 1), 0);
    assert_int_equal(leat_chan_new(&out, 8, 1), 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct leat_pipe_opts o = farm_opts(several, 1);
        o.process = &bad[i];
        int r = leat_pipe_start(&p, in, out, &o);
        assert_true(r == LEAT_EINVAL || r == LEAT_EOVERFLOW);
    }
    leat_chan_free(in);
    leat_chan_free(out);
    farm_no_leak(before + 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_outputs_stay_together_and_in_order),
        cmocka_unit_test(outputs_that_do_not_fit_fail_the_item),
        cmocka_unit_test(elements_without_bytes_are_carried),
        cmocka_unit_test(a_codec_carries_any_length_up_to_the_maximum),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
