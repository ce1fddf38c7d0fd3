/* test_mix.c - a merge whose inputs come, go, are muted, paused and soloed.
 * SPDX-License-Identifier: MIT */
#include "feed.h"

enum { INS = 3 };

struct desk {
    leat_chan *in[INS], *out;
    leat_mix *mix;
};

static void desk_open(struct desk *d, size_t cap)
{
    d->out = feed_chan(64);
    expect_eq(leat_mix_new(&d->mix, d->out, NULL), 0);
    for (int i = 0; i < INS; i++) {
        d->in[i] = feed_chan(cap);
        expect_eq(leat_mix_set(d->mix, d->in[i], 0), 0);
    }
}

static void desk_close(struct desk *d)
{
    leat_mix_free(d->mix);
    for (int i = 0; i < INS; i++)
        leat_chan_free(d->in[i]);
    leat_chan_free(d->out);
}

/* Does a value sent into in[i] come out? Another, sent through `witness`, which does
 * come out, tells when it would have. */
static bool passes(struct desk *d, int i, leat_chan *witness)
{
    int64_t v = 100 + i, w = 7, got = 0;
    expect_eq(leat_chan_send(d->in[i], &v), 0);
    while (leat_chan_len(d->in[i]) > 0)
        leat_yield();
    expect_eq(leat_chan_send(witness, &w), 0);
    expect_eq(leat_chan_recv(d->out, &got), 0);
    if (got == 7)
        return false;
    expect_eq(got, v);
    expect_eq(leat_chan_recv(d->out, &got), 0);
    expect_eq(got, 7);
    return true;
}

/* A paused input is not taken from. */
static bool taken(leat_chan *c)
{
    int64_t v = 1;
    for (int i = 0; i < 50; i++) {
        leat_yield();
        if (leat_chan_try_send(c, &v) == 0)
            return true;
    }
    return false;
}

static void mutes(struct actor *a)
{
    struct desk d;
    desk_open(&d, feed_cap(a));
    expect(passes(&d, 0, d.in[2]));
    expect_eq(leat_mix_set(d.mix, d.in[0], LEAT_MIX_MUTE), 0);
    expect(!passes(&d, 0, d.in[2]));
    expect(passes(&d, 1, d.in[2]));
    expect_eq(leat_mix_set(d.mix, d.in[0], 0), 0);
    expect(passes(&d, 0, d.in[2]));
    desk_close(&d);
}

static void a_muted_input_is_taken_and_left_out(void **state)
{
    (void)state;
    feed_run(mutes);
}

/* With capacity 0 a send succeeds only if somebody takes. */
static void pauses(struct actor *a)
{
    struct desk d;
    int64_t w = 7, got;
    (void)a;
    desk_open(&d, 0);
    expect_eq(leat_mix_set(d.mix, d.in[0], LEAT_MIX_PAUSE), 0);
    expect_eq(leat_chan_send(d.in[2], &w),
              0); /* the change was made before this came */
    expect_eq(leat_chan_recv(d.out, &got), 0);
    expect(!taken(d.in[0]));
    expect_eq(leat_mix_set(d.mix, d.in[0], 0), 0);
    expect(passes(&d, 0, d.in[2]));
    expect_eq(leat_mix_remove(d.mix, d.in[0]), 0);
    expect_eq(leat_mix_remove(d.mix, d.in[0]), 0); /* twice is harmless */
    expect_eq(leat_chan_send(d.in[2], &w), 0);
    expect_eq(leat_chan_recv(d.out, &got), 0);
    expect(!taken(d.in[0]));
    desk_close(&d);
}

static void a_paused_or_removed_input_is_not_taken_from(void **state)
{
    (void)state;
    feed_run(pauses);
}

static void solos(struct actor *a)
{
    struct desk d;
    (void)a;
    desk_open(&d, 0);
    /* solo overrides its own mute and pause; the others are muted at first */
    expect_eq(
        leat_mix_set(d.mix, d.in[2], LEAT_MIX_SOLO | LEAT_MIX_MUTE | LEAT_MIX_PAUSE),
        0);
    expect(!passes(&d, 0, d.in[2]));
    expect_eq(leat_mix_solo_mode(d.mix, LEAT_MIX_PAUSE), 0);
    int64_t w = 7, got;
    expect_eq(leat_chan_send(d.in[2], &w), 0);
    expect_eq(leat_chan_recv(d.out, &got), 0);
    expect(!taken(d.in[0]));
    expect_eq(leat_mix_set(d.mix, d.in[1], LEAT_MIX_SOLO), 0); /* two of them */
    expect(passes(&d, 1, d.in[2]));
    leat_chan_close(d.in[1]); /* a solo that ends is none */
    expect_eq(leat_mix_set(d.mix, d.in[2], 0), 0);
    expect(passes(&d, 0, d.in[2]));
    desk_close(&d);
}

static void while_one_is_solo_the_others_are_muted_or_paused(void **state)
{
    (void)state;
    feed_run(solos);
}

static void ends(struct actor *a)
{
    struct desk d;
    int64_t v = 1;
    desk_open(&d, feed_cap(a));
    for (int i = 0; i < INS; i++)
        leat_chan_close(d.in[i]);
    leat_chan *again = feed_chan(1); /* all ended: the mix goes on */
    expect_eq(leat_mix_set(d.mix, again, 0), 0);
    expect_eq(leat_chan_send(again, &v), 0);
    expect_eq(leat_chan_recv(d.out, &v), 0);
    expect_eq(leat_mix_remove_all(d.mix), 0);
    leat_chan_cancel(d.out);
    expect_eq(leat_mix_set(d.mix, again, 0), 0);
    expect_eq(leat_chan_send(again, &v), 0); /* noticed at the next output */
    while (leat_mix_set(d.mix, again, 0) != LEAT_ECLOSED)
        leat_yield();
    desk_close(&d);
    leat_chan_free(again);
}

static void a_mix_ends_with_its_output_alone(void **state)
{
    (void)state;
    feed_run(ends);
}

enum { MANY = 2048 };

static void many(struct actor *a)
{
    static leat_chan *in[MANY];
    leat_chan *out = feed_chan(8);
    leat_mix *m;
    int64_t sum = 0, v;
    (void)a;
    expect_eq(leat_mix_new(&m, out, NULL), 0);
    for (int64_t i = 0; i < MANY; i++) {
        in[i] = feed_chan(1);
        expect_eq(leat_mix_set(m, in[i], 0), 0);
        expect_eq(leat_chan_send(in[i], &i), 0);
        leat_chan_close(in[i]);
    }
    for (int i = 0; i < MANY; i++) {
        expect_eq(leat_chan_recv(out, &v), 0);
        sum += v;
    }
    expect_eq(sum, (int64_t)MANY * (MANY - 1) / 2);
    leat_mix_free(m);
    expect_all(out, NULL, 0);
    for (int i = 0; i < MANY; i++)
        leat_chan_free(in[i]);
    leat_chan_free(out);
}

static void a_mix_has_thousands_of_inputs(void **state)
{
    (void)state;
    crew_run(CREW_THREADS, 1, many, NULL);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    struct desk d;
    leat_chan *small = NULL;
    leat_mix *m = NULL;
    desk_open(&d, 1);
    assert_int_equal(leat_chan_new(&small, 1, 1), 0);
    assert_int_equal(leat_mix_new(&m, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_mix_set(d.mix, small, 0), LEAT_EINVAL);
    assert_int_equal(leat_mix_set(d.mix, NULL, 0), LEAT_EINVAL);
    assert_int_equal(leat_mix_set(d.mix, d.in[0], 64), LEAT_EINVAL);
    assert_int_equal(leat_mix_solo_mode(d.mix, LEAT_MIX_SOLO), LEAT_EINVAL);
    assert_null(leat_mix_free(NULL));
    desk_close(&d);
    leat_chan_free(small);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_muted_input_is_taken_and_left_out),
        cmocka_unit_test(a_paused_or_removed_input_is_not_taken_from),
        cmocka_unit_test(while_one_is_solo_the_others_are_muted_or_paused),
        cmocka_unit_test(a_mix_ends_with_its_output_alone),
        cmocka_unit_test(a_mix_has_thousands_of_inputs),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
