/* test_broadcast.c - every value to every tap; values by topic.
 * SPDX-License-Identifier: MIT */
#include "feed.h"

enum { TAPS = 3 };

static void count(void *v, void *arg)
{
    (void)v;
    (void)__atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED); /* several threads */
}

/* Taps see all values and are closed at the end, but for the one that is to stay open.
 */
static void all_see_all(struct actor *a)
{
    leat_chan *in = feed_chan(feed_cap(a)), *out[TAPS];
    leat_broadcast *b;
    int64_t v;
    expect_eq(leat_broadcast_new(&b, in, NULL), 0);
    for (int i = 0; i < TAPS; i++) {
        out[i] = feed_chan(16);
        expect_eq(
            leat_broadcast_tap(b, out[i], LEAT_TAP_WAIT, i ? 0 : LEAT_TAP_KEEP_OPEN),
            0);
    }
    expect_eq(leat_broadcast_tap(b, out[1], LEAT_TAP_WAIT, 0),
              0); /* twice counts once */
    for (v = 0; v < 10; v++)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    expect_eq(leat_broadcast_wait(b, LEAT_NEVER), 0);
    expect(!leat_chan_closed(out[0]));
    leat_chan_close(out[0]);
    for (int i = 0; i < TAPS; i++)
        EXPECT_ALL(out[i], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    leat_chan *late = feed_chan(1);
    expect_eq(leat_broadcast_tap(b, late, LEAT_TAP_WAIT, 0), LEAT_ECLOSED);
    expect_all(late, NULL, 0); /* nobody waits on it for ever */
    leat_broadcast_free(b);
    for (int i = 0; i < TAPS; i++)
        leat_chan_free(out[i]);
    leat_chan_free(late);
    leat_chan_free(in);
}

static void every_tap_gets_every_value_and_the_end(void **state)
{
    (void)state;
    feed_run(all_see_all);
}

/* A slow tap does not keep a value from the others, but the next one. */
static void slow_tap(struct actor *a)
{
    leat_chan *in = feed_chan(8), *slow = feed_chan(0), *fast = feed_chan(0);
    leat_broadcast *b;
    int64_t v = 1, got = 0;
    (void)a;
    expect_eq(leat_broadcast_new(&b, in, NULL), 0);
    expect_eq(leat_broadcast_tap(b, slow, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_broadcast_tap(b, fast, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_chan_send(in, &v), 0);
    v = 2;
    expect_eq(leat_chan_send(in, &v), 0);
    expect_eq(leat_chan_recv(fast, &got), 0);
    expect_eq(got, 1);
    for (int i = 0; i < 100; i++) {
        expect_eq(leat_chan_try_recv(fast, &got), LEAT_EAGAIN);
        leat_yield();
    }
    expect_eq(leat_chan_recv(slow, &got), 0);
    expect_eq(got, 1);
    expect_eq(leat_chan_recv(fast, &got), 0);
    expect_eq(got, 2);
    expect_eq(leat_broadcast_untap(b, slow), 0); /* is not waited for any more */
    leat_chan_close(in);
    expect_all(fast, NULL, 0);
    expect(!leat_chan_closed(slow));
    leat_broadcast_free(b);
    leat_chan_free(in);
    leat_chan_free(slow);
    leat_chan_free(fast);
}

static void the_next_value_waits_for_the_slowest_tap_alone(void **state)
{
    (void)state;
    feed_run(slow_tap);
}

static void missing(struct actor *a)
{
    leat_chan *in = feed_chan(0), *drop = feed_chan(2), *slide = feed_chan(2);
    leat_broadcast *b;
    (void)a;
    expect_eq(leat_broadcast_new(&b, in, NULL), 0);
    expect_eq(leat_broadcast_tap(b, drop, LEAT_TAP_DROP, 0), 0);
    expect_eq(leat_broadcast_tap(b, slide, LEAT_TAP_SLIDE, 0), 0);
    for (int64_t v = 0; v < 5; v++)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    expect_eq(leat_broadcast_wait(b, LEAT_NEVER), 0);
    EXPECT_ALL(drop, 0, 1);
    EXPECT_ALL(slide, 3, 4);
    expect_eq(leat_broadcast_missed(b), 6);
    leat_broadcast_free(b);
    leat_chan_free(in);
    leat_chan_free(drop);
    leat_chan_free(slide);
}

static void full_taps_drop_or_slide(void **state)
{
    (void)state;
    feed_run(missing);
}

static void without_taps(struct actor *a)
{
    unsigned dropped = 0;
    const struct leat_flow_opts o = {
        .size = sizeof(o), .drop_in = count, .callback_arg = &dropped};
    leat_chan *in = feed_range(feed_cap(a), 0, 5), *gone = feed_chan(1);
    leat_broadcast *b;
    leat_chan_cancel(gone);
    expect_eq(leat_broadcast_new(&b, in, &o), 0);
    expect_eq(leat_broadcast_wait(b, LEAT_NEVER), 0);
    expect_eq(dropped, 5);
    leat_broadcast_free(b);
    leat_chan_free(in);
    dropped = 0;
    in = feed_chan(feed_cap(a)); /* a closed tap leaves with the first value */
    expect_eq(leat_broadcast_new(&b, in, &o), 0);
    expect_eq(leat_broadcast_tap(b, gone, LEAT_TAP_WAIT, 0), 0);
    for (int64_t v = 0; v < 5; v++)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    expect_eq(leat_broadcast_wait(b, LEAT_NEVER), 0);
    expect_eq(dropped, 5);
    leat_broadcast_free(b);
    leat_chan_free(in);
    leat_chan_free(gone);
}

static void without_taps_values_are_left_out(void **state)
{
    (void)state;
    feed_run(without_taps);
}

/* Taps that come and go while values flow: each sees consecutive values. */
struct party {
    leat_broadcast *b;
    leati_a32 over;
};

static void comes_and_goes(struct actor *a)
{
    struct party *p = a->arg;
    while (!leati_load_acq(&p->over)) { /* pairs with the release in streams */
        leat_chan *out = feed_chan(support_below(&a->rng, 3));
        int64_t last = -1, v;
        if (leat_broadcast_tap(p->b, out, LEAT_TAP_WAIT, 0) == 0) {
            for (uint32_t n = support_below(&a->rng, 4); n > 0; n--) {
                if (leat_chan_recv(out, &v) != 0)
                    break;
                expect(last < 0 || v == last + 1);
                last = v;
            }
            expect_eq(leat_broadcast_untap(p->b, out), 0);
        }
        leat_chan_free(out);
    }
}

static void streams(struct actor *a)
{
    struct party *p = a->arg;
    leat_chan *in = feed_chan(4);
    expect_eq(leat_broadcast_new(&p->b, in, NULL), 0);
    struct crew *c = crew_start(CREW_MIXED, 2, 4, comes_and_goes, p);
    for (int64_t v = 0; v < (int64_t)support_scale(2000); v++)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    expect_eq(leat_broadcast_wait(p->b, LEAT_NEVER), 0);
    leati_store_rel(&p->over, 1u);
    crew_join(c);
    leat_broadcast_free(p->b);
    leat_chan_free(in);
}

static void taps_may_come_and_go(void **state)
{
    (void)state;
    struct party p = {0};
    struct actor lone = {.arg = &p};
    streams(&lone);
}

static void freed_early(struct actor *a)
{
    leat_chan *in = feed_chan(feed_cap(a)), *out = feed_chan(0);
    leat_broadcast *b;
    int64_t v = 1;
    expect_eq(leat_broadcast_new(&b, in, NULL), 0);
    expect_eq(leat_broadcast_tap(b, out, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_chan_send(in, &v), 0); /* cap 0: it waits at the tap by now */
    leat_broadcast_free(b);
    expect(!leat_chan_closed(out));
    expect(!leat_chan_closed(in));
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_freed_broadcast_stops_and_leaves_its_taps_open(void **state)
{
    (void)state;
    feed_run(freed_early);
}

/* ---- pub/sub ---- */

static void last_digit(const void *in, void *ret_key, void *arg)
{
    int64_t k = *(const int64_t *)in % 10;
    (void)arg;
    memcpy(ret_key, &k, sizeof(k));
}

static const int64_t key[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

static leat_pubsub *digits(leat_chan *in, enum leat_tap_mode full, unsigned *dropped)
{
    const struct leat_flow_opts f = {
        .size = sizeof(f), .drop_in = count, .callback_arg = dropped};
    const struct leat_pubsub_opts o = {.size = sizeof(o),
                                       .topic = last_digit,
                                       .key_size = sizeof(int64_t),
                                       .buffer = 4,
                                       .full = full,
                                       .flow = &f};
    leat_pubsub *p = NULL;
    expect_eq(leat_pubsub_new(&p, in, &o), 0);
    return p;
}

static void topics(struct actor *a)
{
    unsigned dropped = 0;
    leat_chan *in = feed_chan(feed_cap(a)), *ones[2], *mixed = feed_chan(64);
    leat_pubsub *p = digits(in, LEAT_TAP_WAIT, &dropped);
    for (int i = 0; i < 2; i++) {
        ones[i] = feed_chan(16);
        expect_eq(leat_pubsub_sub(p, &key[1], ones[i], LEAT_TAP_WAIT, 0), 0);
    }
    expect_eq(leat_pubsub_sub(p, &key[2], mixed, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_pubsub_sub(p, &key[3], mixed, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_pubsub_topics(p), 3);
    for (int64_t v = 0; v < 40; v++)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    expect_eq(leat_pubsub_wait(p, LEAT_NEVER), 0);
    for (int i = 0; i < 2; i++)
        EXPECT_ALL(ones[i], 1, 11, 21, 31);
    int64_t next[10] = {[2] = 2, [3] = 3},
            v; /* two topics: all of both, then the end */
    for (int i = 0; i < 8; i++) {
        expect_eq(leat_chan_recv(mixed, &v), 0);
        expect_eq(v, next[v % 10]);
        next[v % 10] += 10;
    }
    expect_all(mixed, NULL, 0);
    expect_eq(dropped, 28);
    leat_chan *late = feed_chan(1);
    expect_eq(leat_pubsub_sub(p, &key[5], late, LEAT_TAP_WAIT, 0), LEAT_ECLOSED);
    expect_all(late, NULL, 0);
    leat_pubsub_free(p);
    leat_chan *all[] = {in, ones[0], ones[1], mixed, late};
    for (int i = 0; i < 5; i++)
        leat_chan_free(all[i]);
}

static void subscribers_get_their_topic_and_the_end(void **state)
{
    (void)state;
    feed_run(topics);
}

/* Values that still wait in the topics when the input ends are delivered before `out`, which
 * has two of them, is closed. */
static void slow_subscriber(struct actor *a)
{
    unsigned dropped = 0;
    leat_chan *in = feed_chan(feed_cap(a)), *out = feed_chan(0);
    leat_pubsub *p = digits(in, LEAT_TAP_WAIT, &dropped);
    int64_t v, sum = 0;
    for (int k = 1; k <= 2; k++)
        expect_eq(leat_pubsub_sub(p, &key[k], out, LEAT_TAP_WAIT, 0), 0);
    for (v = 1; v <= 32; v = v % 10 == 2 ? v + 9 : v + 1)
        expect_eq(leat_chan_send(in, &v), 0);
    leat_chan_close(in);
    for (int i = 0; i < 50; i++)
        leat_yield();
    expect_eq(leat_pubsub_wait(p, LEAT_NOW), LEAT_ETIMEDOUT);
    for (int i = 0; i < 8; i++) {
        expect_eq(leat_chan_recv(out, &v), 0);
        sum += v;
    }
    expect_eq(sum, 1 + 2 + 11 + 12 + 21 + 22 + 31 + 32);
    expect_all(out, NULL, 0);
    expect_eq(leat_pubsub_wait(p, LEAT_NEVER), 0);
    leat_pubsub_free(p);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void what_waits_at_the_end_is_delivered_before_it(void **state)
{
    (void)state;
    feed_run(slow_subscriber);
}

static void unsubs(struct actor *a)
{
    unsigned dropped = 0;
    leat_chan *in = feed_chan(feed_cap(a)), *out = feed_chan(0), *other = feed_chan(8);
    leat_pubsub *p = digits(in, LEAT_TAP_WAIT, &dropped);
    int64_t v;
    expect_eq(leat_pubsub_unsub(p, &key[1], out), 0); /* no such topic: harmless */
    expect_eq(leat_pubsub_unsub_all(p, &key[1]), 0);
    expect_eq(leat_pubsub_sub(p, &key[1], out, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_pubsub_sub(p, &key[2], other, LEAT_TAP_WAIT, 0), 0);
    for (int64_t i = 0; i < 3; i++) { /* topic 1 fills up: nobody reads `out` */
        v = 10 * i + 1;
        expect_eq(leat_chan_send(in, &v), 0);
    }
    v = 2;
    expect_eq(leat_chan_send(in, &v), 0); /* the other topic is not held up by it */
    expect_eq(leat_chan_recv(other, &v), 0);
    expect_eq(v, 2);
    expect_eq(leat_pubsub_unsub(p, &key[1], out), 0);
    expect_eq(leat_pubsub_topics(p), 1);
    expect(!leat_chan_closed(out));
    v = 41;
    expect_eq(leat_chan_send(in, &v), 0);
    expect_eq(leat_pubsub_unsub_all(p, NULL), 0);
    expect_eq(leat_pubsub_topics(p), 0);
    leat_chan_close(in);
    expect_eq(leat_pubsub_wait(p, LEAT_NEVER), 0);
    expect(!leat_chan_closed(other));
    leat_pubsub_free(p);
    expect(dropped >= 3); /* those in the topic's channel, and the one after it */
    leat_chan_free(in);
    leat_chan_free(out);
    leat_chan_free(other);
}

static void unsubscribing_removes_empty_topics(void **state)
{
    (void)state;
    feed_run(unsubs);
}

static void slow_topic(struct actor *a)
{
    unsigned dropped = 0;
    leat_chan *in = feed_chan(feed_cap(a)), *stuck = feed_chan(0),
              *other = feed_chan(64);
    leat_pubsub *p = digits(in, LEAT_TAP_DROP, &dropped);
    expect_eq(leat_pubsub_sub(p, &key[1], stuck, LEAT_TAP_WAIT, 0), 0);
    expect_eq(leat_pubsub_sub(p, &key[2], other, LEAT_TAP_WAIT, 0), 0);
    for (int64_t i = 0; i < 50; i++) { /* far more than topic 1 can hold */
        int64_t one = 1 + 10 * i, two = 2 + 10 * i, got = 0;
        expect_eq(leat_chan_send(in, &one), 0);
        expect_eq(leat_chan_send(in, &two), 0);
        expect_eq(leat_chan_recv(other, &got), 0);
        expect_eq(got, two);
    }
    leat_pubsub_free(p);
    leat_chan_free(in);
    leat_chan_free(stuck);
    leat_chan_free(other);
}

static void a_full_topic_that_drops_delays_nobody(void **state)
{
    (void)state;
    feed_run(slow_topic);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    leat_chan *c = feed_chan(1), *small = NULL;
    leat_broadcast *b = NULL;
    leat_pubsub *p = NULL;
    struct leat_pubsub_opts o = {.size = sizeof(o), .topic = last_digit, .key_size = 8};
    assert_int_equal(leat_chan_new(&small, 1, 1), 0);
    assert_int_equal(leat_broadcast_new(NULL, c, NULL), LEAT_EINVAL);
    assert_int_equal(leat_broadcast_new(&b, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_broadcast_new(&b, c, NULL), 0);
    assert_int_equal(leat_broadcast_tap(b, small, LEAT_TAP_WAIT, 0), LEAT_EINVAL);
    assert_int_equal(leat_broadcast_tap(b, c, (enum leat_tap_mode)9, 0), LEAT_EINVAL);
    assert_int_equal(leat_broadcast_tap(b, c, LEAT_TAP_WAIT, 64), LEAT_EINVAL);
    assert_null(leat_broadcast_free(b));
    assert_int_equal(leat_pubsub_new(&p, NULL, &o), LEAT_EINVAL);
    assert_int_equal(leat_pubsub_new(&p, c, NULL), LEAT_EINVAL);
    o.key_size = 257;
    assert_int_equal(leat_pubsub_new(&p, c, &o), LEAT_EINVAL);
    o.key_size = 0;
    assert_int_equal(leat_pubsub_new(&p, c, &o), LEAT_EINVAL);
    o.key_size = 8;
    o.topic = NULL;
    assert_int_equal(leat_pubsub_new(&p, c, &o), LEAT_EINVAL);
    assert_null(leat_broadcast_free(NULL));
    assert_null(leat_pubsub_free(NULL));
    leat_chan_free(c);
    leat_chan_free(small);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tap_gets_every_value_and_the_end),
        cmocka_unit_test(the_next_value_waits_for_the_slowest_tap_alone),
        cmocka_unit_test(full_taps_drop_or_slide),
        cmocka_unit_test(without_taps_values_are_left_out),
        cmocka_unit_test(taps_may_come_and_go),
        cmocka_unit_test(a_freed_broadcast_stops_and_leaves_its_taps_open),
        cmocka_unit_test(subscribers_get_their_topic_and_the_end),
        cmocka_unit_test(what_waits_at_the_end_is_delivered_before_it),
        cmocka_unit_test(unsubscribing_removes_empty_topics),
        cmocka_unit_test(a_full_topic_that_drops_delays_nobody),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
