/* test_input.c - bad input and failing memory: an error code, nothing half-made.
 * SPDX-License-Identifier: MIT */
#include "support/kinds.h"

static void null_channel_is_refused(void **state)
{
    (void)state;
    uint64_t v = 0;
    assert_int_equal(leat_chan_send(NULL, &v), LEAT_EINVAL);
    assert_int_equal(leat_chan_recv(NULL, &v), LEAT_EINVAL);
    assert_int_equal(leat_chan_try_send(NULL, &v), LEAT_EINVAL);
    assert_int_equal(leat_chan_try_recv(NULL, &v), LEAT_EINVAL);
    assert_int_equal(leat_chan_send_until(NULL, &v, LEAT_NEVER), LEAT_EINVAL);
    assert_int_equal(leat_chan_recv_until(NULL, &v, LEAT_NEVER), LEAT_EINVAL);
    assert_int_equal(leat_chan_send_n(NULL, &v, 1, LEAT_NEVER), LEAT_EINVAL);
    assert_int_equal(leat_chan_recv_n(NULL, &v, 1, LEAT_NEVER), LEAT_EINVAL);
    assert_int_equal(leat_chan_close(NULL), LEAT_EINVAL);
    assert_int_equal(leat_chan_cancel(NULL), LEAT_EINVAL);
    assert_null(leat_chan_free(NULL));
    assert_null(leat_chan_ref(NULL));
    assert_null(leat_chan_tx(NULL));
    assert_null(leat_chan_rx(NULL));
    assert_null(leat_tx_free(NULL));
    assert_null(leat_rx_free(NULL));
    assert_null(leat_tx_chan(NULL));
    assert_null(leat_rx_chan(NULL));
    assert_int_equal(leat_chan_len(NULL), 0);
    assert_int_equal(leat_chan_cap(NULL), 0);
    assert_int_equal(leat_chan_elem_size(NULL), 0);
}

static void null_element(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    expect_eq(leat_chan_send(c, NULL), LEAT_EINVAL);
    expect_eq(leat_chan_try_send(c, NULL), LEAT_EINVAL);
    expect_eq(leat_chan_send_until(c, NULL, LEAT_NEVER), LEAT_EINVAL);
    expect_eq(leat_chan_send_n(c, NULL, 1, LEAT_NEVER), LEAT_EINVAL);
    expect_eq(leat_chan_send_n(c, NULL, 0, LEAT_NEVER), 0);
    expect_eq(leat_chan_recv_n(c, NULL, 0, LEAT_NEVER), 0);
    expect_eq(leat_chan_len(c), 0);
    leat_chan_free(c);
}

static void null_element_is_refused(void **state)
{
    (void)state;
    each_kind(null_element);
}

static int open_with(struct leat_chan_opts o)
{
    leat_chan *const before = (leat_chan *)(uintptr_t)0x10;
    leat_chan *c = before;
    int r = leat_chan_open(&c, &o);
    if (r == 0)
        leat_chan_free(c);
    else
        assert_ptr_equal(c, before); /* nothing is half-made */
    return r;
}

static void options_are_checked(void **state)
{
    (void)state;
    const struct leat_chan_opts good = {.size = sizeof(good), .elem_size = 8, .capacity = 4};
    struct leat_chan_opts o = good;
    leat_chan *c;
    assert_int_equal(leat_chan_open(NULL, &good), LEAT_EINVAL);
    assert_int_equal(leat_chan_open(&c, NULL), LEAT_EINVAL);
    assert_int_equal(leat_chan_new(NULL, 8, 4), LEAT_EINVAL);
    assert_int_equal(open_with(good), 0);
    o.size = 0;
    assert_int_equal(open_with(o), LEAT_EINVAL);
    o.size = sizeof(o) - 1;
    assert_int_equal(open_with(o), LEAT_EINVAL);
    o.size = sizeof(o) + 8; /* base.h: a longer struct asks for what is not known */
    assert_int_equal(open_with(o), LEAT_EINVAL);
    o = good;
    o.flags = 1u << 31;
    assert_int_equal(open_with(o), LEAT_EINVAL);
    o = good;
    o.spin = (enum leat_spin)99;
    assert_int_equal(open_with(o), LEAT_EINVAL);
    o = good;
    o.alloc = &(struct leat_alloc){NULL, NULL, NULL};
    assert_int_equal(open_with(o), LEAT_EINVAL);
    const size_t bad_aligns[] = {3, 5, 6, 48, 63, 65, 128, SIZE_MAX};
    for (unsigned i = 0; i < sizeof(bad_aligns) / sizeof(bad_aligns[0]); i++) {
        o = good;
        o.elem_align = bad_aligns[i];
        assert_int_equal(open_with(o), LEAT_EINVAL);
    }
    for (size_t a = 1; a <= 64; a *= 2) {
        o = good;
        o.elem_align = a;
        assert_int_equal(open_with(o), 0);
    }
}

static void sizes_are_checked_for_overflow(void **state)
{
    (void)state;
    const size_t huge[] = {LEAT_ELEM_MAX + 1, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX};
    for (unsigned i = 0; i < 4; i++) {
        struct leat_chan_opts o = {.size = sizeof(o), .elem_size = huge[i], .capacity = 1};
        assert_int_equal(open_with(o), LEAT_EOVERFLOW);
        o.capacity = LEAT_UNBOUNDED;
        assert_int_equal(open_with(o), LEAT_EOVERFLOW);
        o.capacity = 0;
        assert_int_equal(open_with(o), LEAT_EOVERFLOW);
        if (huge[i] != LEAT_UNBOUNDED) {
            o.elem_size = 1;
            o.capacity = huge[i];
            assert_int_equal(open_with(o), LEAT_EOVERFLOW);
        }
    }
    struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = LEAT_ELEM_MAX, .capacity = LEAT_CAP_MAX};
    int r = open_with(o);
    assert_true(r == LEAT_EOVERFLOW || r == LEAT_ENOMEM);
    o.elem_size = LEAT_ELEM_MAX - 1;
    o.flags = LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER;
    r = open_with(o);
    assert_true(r == LEAT_EOVERFLOW || r == LEAT_ENOMEM);
}

/* Each allocation of the constructor fails once: ENOMEM, nothing kept. */
static void no_memory(const struct kind *k)
{
    struct support_bytes b = {0};
    struct leat_alloc a = support_alloc(&b);
    struct leat_chan_opts o = kind_opts(k, 24);
    leat_chan *c = NULL;
    o.alloc = &a;
    expect_eq(leat_chan_open(&c, &o), 0);
    uint64_t calls = b.calls;
    leat_chan_free(c);
    expect_eq(b.live, 0);
    for (uint64_t i = 1; i <= calls; i++) {
        memset(&b, 0, sizeof(b));
        b.fail_at = i;
        c = NULL;
        expect_eq(leat_chan_open(&c, &o), LEAT_ENOMEM);
        expect(c == NULL);
        expect_eq(b.live, 0);
    }
    b.fail_at = 0;
    expect_eq(leat_chan_open(&c, &o), 0);
    leat_chan_free(c);
    expect_eq(b.live, 0);
}

static void without_memory_nothing_is_half_made(void **state)
{
    (void)state;
    each_kind(no_memory);
}

static void an_unbounded_send_without_memory_sends_nothing(void **state)
{
    (void)state;
    struct support_bytes b = {0};
    struct leat_alloc a = support_alloc(&b);
    struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = 8, .capacity = LEAT_UNBOUNDED, .alloc = &a};
    leat_chan *c;
    uint64_t sent = 0, got, v;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    b.fail_at = b.calls + 3;
    int r;
    while ((r = leat_chan_send(c, &sent)) == 0)
        sent++;
    assert_int_equal(r, LEAT_ENOMEM);
    assert_int_equal(leat_chan_try_send(c, &sent), LEAT_ENOMEM);
    assert_int_equal(leat_chan_len(c), sent);
    for (v = 0; v < sent; v++) {
        assert_int_equal(leat_chan_try_recv(c, &got), 0);
        assert_int_equal(got, v);
    }
    assert_int_equal(leat_chan_try_recv(c, &got), LEAT_EAGAIN);
    b.fail_at = 0;
    assert_int_equal(leat_chan_send(c, &v), 0);
    assert_int_equal(leat_chan_recv(c, &got), 0);
    assert_int_equal(got, v);
    leat_chan_free(c);
    assert_int_equal(b.live, 0);
}

struct drops {
    size_t align;
    unsigned count;
    uint64_t sum;
};

static void on_drop(void *elem, void *arg)
{
    struct drops *d = arg;
    uint64_t v;
    expect_eq((uintptr_t)elem % d->align, 0);
    memcpy(&v, elem, sizeof(v));
    d->sum += v;
    d->count++;
}

static void alignment(const struct kind *k)
{
    for (size_t align = 1; align <= 64 && k->cap; align *= 2) {
        struct drops d = {.align = align};
        struct leat_chan_opts o = kind_opts(k, 8 + align / 2);
        unsigned char buf[64] = {0};
        unsigned n = kind_bounded(k) ? (unsigned)k->cap : 1000;
        uint64_t sum = 0;
        leat_chan *c = NULL;
        o.elem_align = align;
        o.drop = on_drop;
        o.drop_arg = &d;
        expect_eq(leat_chan_open(&c, &o), 0);
        for (uint64_t v = 1; v <= n; v++) {
            memcpy(buf, &v, sizeof(v));
            expect_eq(leat_chan_try_send(c, buf), 0);
            sum += v;
        }
        leat_chan_free(c);
        expect_eq(d.count, n);
        expect_eq(d.sum, sum);
    }
}

static void dropped_elements_are_aligned_as_asked(void **state)
{
    (void)state;
    each_kind(alignment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_channel_is_refused),
        cmocka_unit_test(null_element_is_refused),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(sizes_are_checked_for_overflow),
        cmocka_unit_test(without_memory_nothing_is_half_made),
        cmocka_unit_test(an_unbounded_send_without_memory_sends_nothing),
        cmocka_unit_test(dropped_elements_are_aligned_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
