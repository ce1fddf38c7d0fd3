/* test_basic.c - one actor alone: capacity, order, try, deadlines, sizes, bad input, for
 * every kind of channel, once on a thread and once on a fiber.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "support/kinds.h"

enum { UNBOUNDED_FILL = 3000 };

struct job {
    void (*fn)(const struct kind *k);
    const struct kind *k;
};

static void job_actor(struct actor *a)
{
    struct job *j = (struct job *)a->arg;
    j->fn(j->k);
}

/* Runs fn for each kind as an actor: a thread, then a fiber. */
static void on_both(void (*fn)(const struct kind *k))
{
    for (unsigned i = 0; i < KINDS; i++) {
        struct job j = {fn, &kinds[i]};
        support_about = kinds[i].name;
        crew_run(CREW_THREADS, 1, job_actor, &j);
        crew_run(CREW_FIBERS, 1, job_actor, &j);
    }
    support_about = NULL;
}

static size_t fill_of(const struct kind *k)
{
    return kind_bounded(k) ? k->cap : UNBOUNDED_FILL;
}

static void fill_and_drain(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    size_t n = fill_of(k);
    uint64_t in = 0, out = 0, v;
    expect_eq(leat_chan_cap(c), k->cap);
    expect_eq(leat_chan_elem_size(c), sizeof(uint64_t));
    for (unsigned lap = 0; lap < 4; lap++) {
        for (size_t i = 0; i < n; i++) {
            expect_eq(leat_chan_len(c), i);
            expect_eq(leat_chan_try_send(c, &in), 0);
            in++;
        }
        expect_eq(leat_chan_len(c), n);
        if (kind_bounded(k)) {
            expect_eq(leat_chan_try_send(c, &in), LEAT_EAGAIN);
            expect_eq(leat_chan_len(c), n);
        }
        for (size_t i = 0; i < n; i++) {
            v = UINT64_MAX;
            expect_eq(leat_chan_try_recv(c, &v), 0);
            expect_eq(v, out);
            out++;
            expect_eq(leat_chan_len(c), n - i - 1);
        }
        v = 77;
        expect_eq(leat_chan_try_recv(c, &v), LEAT_EAGAIN);
        expect_eq(v, 77); /* ret is written only when a value was taken */
        /* the next lap begins at another cell */
        if (n > 1) {
            expect_eq(leat_chan_send(c, &in), 0);
            expect_eq(leat_chan_recv(c, &v), 0);
            expect_eq(v, in);
            out = ++in;
        }
    }
    expect_eq(parked(c, LEAT_OP_SEND), 0);
    expect_eq(parked(c, LEAT_OP_RECV), 0);
    leat_chan_free(c);
}

static void capacity_is_exact_and_order_is_fifo(void **state)
{
    (void)state;
    on_both(fill_and_drain);
}

/* Every fill level at every position of the ring. */
static void walk(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    size_t n = k->cap < 10 ? k->cap : 10;
    uint64_t in = 0, out = 0, v;
    for (size_t level = 1; level <= n; level++) {
        for (size_t step = 0; step < 2 * n + 1; step++) {
            for (size_t i = 0; i < level; i++, in++)
                expect_eq(leat_chan_try_send(c, &in), 0);
            for (size_t i = 0; i < level; i++, out++) {
                expect_eq(leat_chan_try_recv(c, &v), 0);
                expect_eq(v, out);
            }
            expect_eq(leat_chan_try_recv(c, &v), LEAT_EAGAIN);
        }
    }
    leat_chan_free(c);
}

static void every_fill_level_works_at_every_position(void **state)
{
    (void)state;
    on_both(walk);
}

static void nothing_waits(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t v = 5, got = 9;
    const struct leat_deadline now[] = {LEAT_NOW, leat_at(-1), leat_at(INT64_MIN)};
    const struct leat_deadline past[] = {leat_at(1), leat_at(leat_now() - 1)};
    for (unsigned i = 0; i < 3; i++)
        expect_eq(leat_chan_recv_until(c, &got, now[i]), LEAT_EAGAIN);
    for (unsigned i = 0; i < 2; i++)
        expect_eq(leat_chan_recv_until(c, &got, past[i]), LEAT_ETIMEDOUT);
    for (size_t i = 0; i < k->cap && i < 2000; i++)
        expect_eq(leat_chan_send_until(c, &v, i % 2 ? LEAT_NOW : past[0]), 0);
    if (kind_bounded(k)) {
        for (unsigned i = 0; i < 3; i++)
            expect_eq(leat_chan_send_until(c, &v, now[i]), LEAT_EAGAIN);
        for (unsigned i = 0; i < 2; i++)
            expect_eq(leat_chan_send_until(c, &v, past[i]), LEAT_ETIMEDOUT);
        expect_eq(leat_chan_len(c), k->cap);
    }
    expect_eq(got, 9);
    for (size_t i = 0; i < k->cap && i < 2000; i++)
        expect_eq(leat_chan_recv_until(c, &got, i % 2 ? LEAT_NOW : past[0]), 0);
    expect_eq(parked(c, LEAT_OP_SEND) + parked(c, LEAT_OP_RECV), 0);
    leat_chan_free(c);
}

static void now_is_try_and_the_past_has_passed(void **state)
{
    (void)state;
    on_both(nothing_waits);
}

static void time_out(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t v = 1, got = 9;
    struct leat_deadline until = leat_in_ms(3);
    expect_eq(leat_chan_recv_until(c, &got, until), LEAT_ETIMEDOUT);
    expect(leat_now() >= until.at_ns);
    expect_eq(got, 9);
    expect_eq(parked(c, LEAT_OP_RECV), 0);
    for (size_t i = 0; kind_bounded(k) && i < k->cap; i++)
        expect_eq(leat_chan_send(c, &v), 0);
    if (kind_bounded(k)) {
        v = 66;
        until = leat_in_us(700);
        expect_eq(leat_chan_send_until(c, &v, until), LEAT_ETIMEDOUT);
        expect(leat_now() >= until.at_ns);
        expect_eq(parked(c, LEAT_OP_SEND), 0);
        expect_eq(leat_chan_len(c), k->cap);
        for (size_t i = 0; i < k->cap; i++) {
            expect_eq(leat_chan_recv(c, &got), 0);
            expect_eq(got, 1);
        }
        expect_eq(leat_chan_try_recv(c, &got), LEAT_EAGAIN);
    }
    /* what timed out left nothing that a later operation could meet */
    if (k->cap) {
        v = 3;
        expect_eq(leat_chan_send_until(c, &v, leat_in_s(10)), 0);
        expect_eq(leat_chan_recv_until(c, &got, leat_at(INT64_MAX - 1)), 0);
        expect_eq(got, 3);
    }
    leat_chan_free(c);
}

static void a_timed_out_operation_did_nothing(void **state)
{
    (void)state;
    on_both(time_out);
}

static void deadlines_saturate(void **state)
{
    (void)state;
    assert_true(leat_in_s(INT64_MAX).at_ns == INT64_MAX);
    assert_true(leat_in_ms(INT64_MAX / 2).at_ns == INT64_MAX);
    assert_true(leat_in_ns(INT64_MAX).at_ns == INT64_MAX);
    assert_true(leat_in_ns(0).at_ns <= 0);
    assert_true(leat_in_us(-5).at_ns <= 0);
    assert_true(leat_in_s(INT64_MIN).at_ns <= 0);
    int64_t now = leat_now();
    struct leat_deadline d = leat_in_ms(5);
    assert_true(d.at_ns >= now + 5000000 && d.at_ns <= leat_now() + 5000000);
}

static const size_t sizes[] = {0, 1, 2, 3, 4, 7, 8, 12, 16, 24, 32, 63, 64, 65, 200, 4096, 1 << 20};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), GUARD = 32 };

static unsigned char pattern(size_t i, uint64_t n)
{
    return (unsigned char)(i * 7 + n * 131 + (i >> 8));
}

static void size_once(leat_chan *c, size_t size, uint64_t n, unsigned char *buf)
{
    for (size_t i = 0; i < size; i++)
        buf[i] = pattern(i, n);
    expect_eq(leat_chan_send(c, size ? buf : NULL), 0);
    memset(buf, 0xEE, size + GUARD);
    expect_eq(leat_chan_recv(c, size ? buf : NULL), 0);
    bool same = true, kept = true;
    for (size_t i = 0; i < size; i++)
        same &= buf[i] == pattern(i, n);
    for (size_t i = 0; i < GUARD; i++)
        kept &= buf[size + i] == 0xEE;
    expect(same);
    expect(kept);
}

static void every_size(const struct kind *k)
{
    unsigned char *buf = malloc((1 << 20) + GUARD);
    for (size_t s = 0; s < SIZES && k->cap > 0; s++) {
        if (sizes[s] > 65536 && k->cap > 9 && kind_bounded(k))
            continue; /* 128 MiB of cells prove no more than 9 */
        leat_chan *c = kind_open(k, sizes[s]);
        size_t rounds = sizes[s] > 1000 ? 2 : 2 * fill_of(k) + 1;
        for (size_t n = 0; n < rounds && n < 300; n++)
            size_once(c, sizes[s], n, buf);
        leat_chan_free(c);
    }
    free(buf);
}

static void values_are_copied_whole_whatever_their_size(void **state)
{
    (void)state;
    each_kind(every_size);
}

static void zero_sized(const struct kind *k)
{
    leat_chan *c = kind_open(k, 0);
    for (size_t i = 0; i < fill_of(k); i++)
        expect_eq(leat_chan_try_send(c, NULL), 0);
    expect_eq(leat_chan_len(c), fill_of(k));
    if (kind_bounded(k))
        expect_eq(leat_chan_try_send(c, NULL), LEAT_EAGAIN);
    for (size_t i = 0; i < fill_of(k); i++)
        expect_eq(leat_chan_try_recv(c, NULL), 0);
    expect_eq(leat_chan_try_recv(c, NULL), LEAT_EAGAIN);
    leat_chan_free(c);
}

static void elements_of_size_zero_are_counted(void **state)
{
    (void)state;
    each_kind(zero_sized);
}

static void discard(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    uint64_t v = 1;
    if (k->cap > 1) {
        expect_eq(leat_chan_send(c, &v), 0);
        v = 2;
        expect_eq(leat_chan_send(c, &v), 0);
        expect_eq(leat_chan_recv(c, NULL), 0);
        expect_eq(leat_chan_try_recv(c, &v), 0);
        expect_eq(v, 2);
    }
    leat_chan_free(c);
}

static void a_receive_without_a_place_discards(void **state)
{
    (void)state;
    each_kind(discard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_is_exact_and_order_is_fifo),
        cmocka_unit_test(every_fill_level_works_at_every_position),
        cmocka_unit_test(now_is_try_and_the_past_has_passed),
        cmocka_unit_test(a_timed_out_operation_did_nothing),
        cmocka_unit_test(deadlines_saturate),
        cmocka_unit_test(values_are_copied_whole_whatever_their_size),
        cmocka_unit_test(elements_of_size_zero_are_counted),
        cmocka_unit_test(a_receive_without_a_place_discards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
