/* test_set.c - the set: thousands of channels, O(1) per event, close reported once.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "support/op.h"

static void a_value_comes_with_its_channel_and_user(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KINDS; i++) {
        const struct kind *k = &kinds[i];
        leat_set *s;
        leat_chan *c = kind_open(k, 8), *idle = kind_open(k, 8), *which = NULL;
        struct op o;
        uint64_t got = 0;
        void *user = NULL;
        int mine;
        support_about = k->name;
        assert_int_equal(leat_set_new(&s), 0);
        assert_int_equal(leat_set_add(s, idle, NULL), 0);
        assert_int_equal(leat_set_add(s, c, &mine), 0);
        assert_int_equal(leat_set_add(s, c, &mine), LEAT_EALREADY);
        assert_int_equal(leat_set_len(s), 2);
        assert_int_equal(leat_set_wait(s, &got, &which, &user, LEAT_NOW), LEAT_EAGAIN);
        assert_int_equal(leat_set_wait(s, &got, &which, &user, leat_in_ms(2)),
                         LEAT_ETIMEDOUT);
        for (uint64_t v = 1; v < 5; v++) {
            op_start(&o, CREW_MIXED, (unsigned)v, c, LEAT_OP_SEND, v, LEAT_NEVER);
            assert_int_equal(leat_set_wait(s, &got, &which, &user, LEAT_NEVER), 0);
            assert_int_equal(got, v);
            assert_ptr_equal(which, c);
            assert_ptr_equal(user, &mine);
            assert_int_equal(op_join(&o), 0);
        }
        assert_int_equal(leat_set_wait(s, NULL, NULL, NULL, LEAT_NOW), LEAT_EAGAIN);
        assert_int_equal(leat_set_del(s, idle), 0);
        assert_int_equal(leat_set_del(s, idle), LEAT_EINVAL);
        assert_int_equal(leat_set_len(s), 1);
        assert_null(leat_set_free(s));
        verdict();
        assert_int_equal(parked(c, LEAT_OP_RECV) + parked(idle, LEAT_OP_RECV), 0);
        leat_chan_free(c);
        leat_chan_free(idle);
    }
    support_about = NULL;
}

static void values_already_inside_are_found(const struct kind *k)
{
    leat_set *s = NULL;
    leat_chan *c = kind_open(k, 8), *which;
    uint64_t inside = fill(c, k, 0), got;
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, c, NULL), 0);
    for (uint64_t i = 0; i < inside; i++) {
        expect_eq(leat_set_wait(s, &got, &which, NULL, LEAT_NEVER), 0);
        expect_eq(got, i);
    }
    expect_eq(leat_set_wait(s, &got, &which, NULL, LEAT_NOW), LEAT_EAGAIN);
    leat_set_free(s);
    leat_chan_free(c);
}

static void what_is_inside_at_add_is_received(void **state)
{
    (void)state;
    each_kind(values_already_inside_are_found);
}

static int close_main(void *arg)
{
    return leat_chan_close((leat_chan *)arg);
}

static void closing(const struct kind *k)
{
    leat_set *s = NULL;
    leat_chan *c = kind_open(k, 8), *idle = kind_open(k, 8), *which = NULL;
    uint64_t inside = fill(c, k, 0), got;
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, c, &inside), 0);
    expect_eq(leat_set_add(s, idle, NULL), 0);
    void *user = NULL;
    expect_eq(leat_chan_close(c), 0);
    for (uint64_t i = 0; i < inside; i++)
        expect_eq(leat_set_wait(s, &got, &which, NULL, LEAT_NEVER), 0);
    expect_eq(leat_set_wait(s, &got, &which, &user, LEAT_NEVER), LEAT_ECLOSED);
    expect(which == c && user == &inside);
    expect_eq(leat_set_len(s), 1);
    expect_eq(leat_set_wait(s, &got, &which, &user, LEAT_NOW), LEAT_EAGAIN);
    expect_eq(leat_set_del(s, c), LEAT_EINVAL);
    /* closed while the set waits */
    struct lone a;
    lone_start(&a, CREW_THREADS, 0, close_main, idle);
    expect_eq(leat_set_wait(s, &got, &which, &user, LEAT_NEVER), LEAT_ECLOSED);
    expect(which == idle);
    expect_eq(lone_join(&a), 0);
    expect_eq(leat_set_len(s), 0);
    expect_eq(leat_set_wait(s, &got, NULL, NULL, LEAT_NOW), LEAT_EAGAIN);
    expect_eq(leat_set_wait(s, &got, NULL, NULL, leat_in_ms(1)), LEAT_ETIMEDOUT);
    leat_set_free(s);
    leat_chan_free(c);
    leat_chan_free(idle);
}

static void a_close_is_reported_once(void **state)
{
    (void)state;
    each_kind(closing);
}

/* A set's reference keeps the channel; removing gives it back. */
static void the_set_holds_a_reference(void **state)
{
    (void)state;
    struct dropped d = {0};
    for (unsigned how = 0; how < 3; how++) {
        leat_chan *c = kind_open_dropping(&kinds[5], &d);
        leat_set *s;
        uint64_t v = 1;
        d.count = 0;
        assert_int_equal(leat_set_new(&s), 0);
        assert_int_equal(leat_set_add(s, c, NULL), 0);
        assert_int_equal(leat_chan_send(c, &v), 0);
        leat_chan_free(c);
        assert_int_equal(d.count, 0);
        if (how == 0)
            assert_int_equal(leat_set_del(s, c), 0);
        if (how == 1) {
            assert_int_equal(leat_chan_close(c), 0);
            assert_int_equal(leat_set_wait(s, &v, NULL, NULL, LEAT_NOW), 0);
            assert_int_equal(leat_set_wait(s, &v, NULL, NULL, LEAT_NOW), LEAT_ECLOSED);
        }
        leat_set_free(s);
        assert_int_equal(d.count, how == 1 ? 0 : 1);
    }
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    leat_set *s;
    leat_chan *c;
    uint64_t v;
    assert_int_equal(leat_set_new(NULL), LEAT_EINVAL);
    assert_int_equal(leat_set_new(&s), 0);
    assert_int_equal(leat_chan_new(&c, 8, 1), 0);
    assert_int_equal(leat_set_add(NULL, c, NULL), LEAT_EINVAL);
    assert_int_equal(leat_set_add(s, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_set_del(NULL, c), LEAT_EINVAL);
    assert_int_equal(leat_set_del(s, NULL), LEAT_EINVAL);
    assert_int_equal(leat_set_del(s, c), LEAT_EINVAL);
    assert_int_equal(leat_set_wait(NULL, &v, NULL, NULL, LEAT_NOW), LEAT_EINVAL);
    assert_int_equal(leat_set_len(NULL), 0);
    assert_null(leat_set_free(NULL));
    leat_set_free(s);
    leat_chan_free(c);
}

/* ---- the owner may be a fiber, which can be cancelled ---- */

struct owner {
    leat_set *s;
    unsigned values;
};

static int owner_main(void *arg)
{
    struct owner *o = (struct owner *)arg;
    uint64_t v;
    int r;
    while ((r = leat_set_wait(o->s, &v, NULL, NULL, LEAT_NEVER)) == 0)
        o->values++;
    return r;
}

static void a_fiber_waits_and_is_cancelled(const struct kind *k)
{
    struct owner o = {NULL, 0};
    struct lone a;
    leat_chan *c = kind_open(k, 8);
    expect_eq(leat_set_new(&o.s), 0);
    expect_eq(leat_set_add(o.s, c, NULL), 0);
    lone_start(&a, CREW_FIBERS, 0, owner_main, &o);
    for (uint64_t v = 0; v < 3; v++)
        expect_eq(leat_chan_send(c, &v), 0);
    while (leat_chan_len(c))
        leat_yield();
    leat_fiber_cancel(a.fiber);
    expect_eq(lone_join(&a), LEAT_ECANCELED);
    expect_eq(o.values, 3);
    uint64_t v = 5;
    if (k->cap) { /* the set goes on, now of this thread */
        expect_eq(leat_chan_send(c, &v), 0);
        expect_eq(leat_set_wait(o.s, &v, NULL, NULL, LEAT_NEVER), 0);
        expect_eq(v, 5);
    }
    leat_set_free(o.s);
    leat_chan_free(c);
}

static void its_owner_may_be_a_fiber(void **state)
{
    (void)state;
    each_kind(a_fiber_waits_and_is_cancelled);
}

/* ---- very many channels ---- */

enum { MANY = 3000 };

struct crowd {
    leat_chan **c;
    unsigned n, rounds;
};

static void crowd_actor(struct actor *a)
{
    struct crowd *w = (struct crowd *)a->arg;
    for (unsigned k = 0; k < w->rounds; k++) {
        for (unsigned i = a->index; i < w->n; i += 4) {
            uint64_t v = ((uint64_t)i << 32) + k;
            if (!expect_eq(leat_chan_send(w->c[i], &v), 0))
                return;
        }
    }
    for (unsigned i = a->index; i < w->n; i += 4)
        expect_eq(leat_chan_close(w->c[i]), 0);
}

static void crowd_receive(struct crowd *w, leat_set *s)
{
    uint64_t *next = calloc(w->n, sizeof(*next)), v;
    unsigned left = w->n;
    while (left > 0) {
        void *user;
        int r = leat_set_wait(s, &v, NULL, &user, leat_in_s(60));
        uint64_t i = (uint64_t)(uintptr_t)user;
        if (r == LEAT_ECLOSED) {
            expect_eq(next[i], w->rounds);
            left--;
        } else if (expect_eq(r, 0)) {
            expect_eq(v >> 32, i);
            expect_eq(v & 0xFFFFFFFF, next[i]);
            next[i]++;
        } else {
            break;
        }
    }
    free(next);
}

static void thousands_of_channels_lose_nothing(void **state)
{
    (void)state;
    static const size_t caps[] = {0, 1, 7, LEAT_UNBOUNDED};
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        for (unsigned t = 0; t < 4; t++) {
            struct crowd w = {.n = (unsigned)support_scale(MANY), .rounds = 3};
            leat_set *s;
            w.c = calloc(w.n, sizeof(leat_chan *));
            assert_non_null(w.c);
            assert_int_equal(leat_set_new(&s), 0);
            for (unsigned i = 0; i < w.n; i++) {
                assert_int_equal(leat_chan_new(&w.c[i], 8, caps[t]), 0);
                assert_int_equal(leat_set_add(s, w.c[i], (void *)(uintptr_t)i), 0);
            }
            struct crew *c = crew_start((enum crew_kind)crew, 0, 4, crowd_actor, &w);
            crowd_receive(&w, s);
            crew_join(c);
            assert_int_equal(leat_set_len(s), 0);
            leat_set_free(s);
            for (unsigned i = 0; i < w.n; i++)
                leat_chan_free(w.c[i]);
            free(w.c);
        }
    }
}

/* Nobody is starved: over full channels the set goes round. */
static void ready_channels_are_served_in_turn(void **state)
{
    (void)state;
    enum { N = 10, ROUNDS = 50 };
    leat_chan *c[N];
    leat_set *s;
    assert_int_equal(leat_set_new(&s), 0);
    for (uint64_t i = 0; i < N; i++) {
        assert_int_equal(leat_chan_new(&c[i], 8, ROUNDS), 0);
        for (unsigned k = 0; k < ROUNDS; k++)
            assert_int_equal(leat_chan_send(c[i], &i), 0);
        assert_int_equal(leat_set_add(s, c[i], NULL), 0);
    }
    for (unsigned k = 0; k < ROUNDS; k++) {
        unsigned seen = 0;
        for (unsigned i = 0; i < N; i++) {
            uint64_t v;
            assert_int_equal(leat_set_wait(s, &v, NULL, NULL, LEAT_NOW), 0);
            seen |= 1u << v;
        }
        assert_int_equal(seen, (1u << N) - 1);
    }
    leat_set_free(s);
    for (unsigned i = 0; i < N; i++)
        leat_chan_free(c[i]);
}

/* Add and del while values come in. */
static void channels_come_and_go(void **state)
{
    (void)state;
    enum { N = 40 };
    struct support_rng rng = support_rng(99);
    leat_chan *c[N];
    bool in[N] = {false};
    uint64_t sent[N] = {0}, got[N] = {0}, v;
    leat_set *s;
    assert_int_equal(leat_set_new(&s), 0);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(leat_chan_new(&c[i], 8, 1 + i % 4), 0);
    for (unsigned k = 0; k < support_scale(20000); k++) {
        unsigned i = support_below(&rng, N);
        void *user;
        switch (support_below(&rng, 4)) {
        case 0:
            assert_int_equal(leat_set_add(s, c[i], (void *)(uintptr_t)i),
                             in[i] ? LEAT_EALREADY : 0);
            in[i] = true;
            break;
        case 1:
            assert_int_equal(leat_set_del(s, c[i]), in[i] ? 0 : LEAT_EINVAL);
            in[i] = false;
            break;
        case 2:
            sent[i] += leat_chan_try_send(c[i], &sent[i]) == 0;
            break;
        default:
            if (leat_set_wait(s, &v, NULL, &user, LEAT_NOW) == 0) {
                i = (unsigned)(uintptr_t)user;
                assert_true(in[i]);
                assert_int_equal(v, got[i]);
                got[i]++;
            } else {
                for (i = 0; i < N; i++)
                    assert_true(!in[i] || sent[i] == got[i]);
            }
        }
    }
    leat_set_free(s);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(leat_chan_len(c[i]), sent[i] - got[i]);
        leat_chan_free(c[i]);
    }
}

/* After one event a set waits again, and does not say the event twice. */
static void once(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8), *from = NULL;
    leat_set *s = NULL;
    uint64_t got;
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, c, NULL), 0);
    for (uint64_t v = 0; v < 5; v++) {
        struct op o;
        op_start(&o, CREW_THREADS, 0, c, LEAT_OP_SEND, v, LEAT_NEVER);
        expect_eq(leat_set_wait(s, &got, &from, NULL, LEAT_NEVER), 0);
        expect_eq(got, v);
        expect(from == c);
        expect_eq(op_join(&o), 0);
        expect_eq(leat_set_wait(s, &got, NULL, NULL, LEAT_NOW), LEAT_EAGAIN);
        expect_eq(leat_set_wait(s, &got, NULL, NULL, leat_in_us(300)), LEAT_ETIMEDOUT);
    }
    leat_set_free(s);
    leat_chan_free(c);
}

static void a_set_waits_again_after_an_event(void **state)
{
    (void)state;
    each_kind(once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_with_its_channel_and_user),
        cmocka_unit_test(what_is_inside_at_add_is_received),
        cmocka_unit_test(a_close_is_reported_once),
        cmocka_unit_test(the_set_holds_a_reference),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(its_owner_may_be_a_fiber),
        cmocka_unit_test(thousands_of_channels_lose_nothing),
        cmocka_unit_test(ready_channels_are_served_in_turn),
        cmocka_unit_test(channels_come_and_go),
        cmocka_unit_test(a_set_waits_again_after_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
