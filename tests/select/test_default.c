/* test_default.c - "nothing ready" is said only if at one instant nothing was ready.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

/* TestNonblockSelectRace of Go: one value moves between two channels (or one channel is
 * closed before the other is emptied), so at every moment one of them is ready. */
struct moving {
    leat_chan *c1, *c2;
    bool closes;
};

static int mover(void *arg)
{
    struct moving *m = (struct moving *)arg;
    uint64_t v = 1;
    int r = m->closes ? leat_chan_close(m->c2) : leat_chan_send(m->c2, &v);
    if (r == 0)
        r = leat_chan_try_recv(m->c1, &v);
    /* the select may have been faster */
    return r == LEAT_EAGAIN || r == LEAT_EBUSY ? 0 : r;
}

static void look(const struct kind *k, enum crew_kind crew, bool closes)
{
    if (k->cap == 0 || !kind_allows(k, 1, 2))
        return;
    for (unsigned i = 0; i < support_scale(500); i++) {
        struct moving m = {kind_open(k, 8), kind_open(k, 8), closes};
        struct lone a;
        uint64_t v = 1, got;
        expect_eq(leat_chan_send(m.c1, &v), 0);
        lone_start(&a, crew, 1, mover, &m);
        for (unsigned n = 0; n < 3; n++) {
            struct leat_case cs[2] = {LEAT_RECV(m.c1, &got), LEAT_RECV(m.c2, &got)};
            size_t which;
            int r = leat_select(cs, 2, LEAT_NOW, 0, &which);
            if (r == LEAT_EBUSY)
                continue;
            expect_eq(r, 0);
            break;
        }
        expect_eq(lone_join(&a), 0);
        leat_chan_free(m.c1);
        leat_chan_free(m.c2);
    }
}

static void value_moves(const struct kind *k, enum crew_kind crew)
{
    look(k, crew, false);
}

static void one_is_closed(const struct kind *k, enum crew_kind crew)
{
    look(k, crew, true);
}

static void a_value_that_moves_is_always_seen(void **state)
{
    (void)state;
    each_kind_and_crew(value_moves);
}

static void a_close_before_the_emptying_is_always_seen(void **state)
{
    (void)state;
    each_kind_and_crew(one_is_closed);
}

/* Two values circulate among three channels, and only one of them at a time is in a
 * hand: never are all three empty. */
struct circle {
    leat_chan *c[3];
    leati_a32 stop;
};

static int circulate(void *arg)
{
    struct circle *o = (struct circle *)arg;
    for (unsigned i = 0; !leati_load_acq(&o->stop); i++) {
        uint64_t v;
        int r = leat_chan_try_recv(o->c[i % 3], &v);
        if (r == 0)
            r = leat_chan_send(o->c[(i + 1) % 3], &v);
        if (r != 0 && r != LEAT_EAGAIN && r != LEAT_EBUSY)
            return r;
    }
    return 0;
}

static void circling(const struct kind *k, enum crew_kind crew)
{
    if (k->cap < 2 || !kind_allows(k, 2, 2))
        return;
    struct circle o = {.stop = {0}};
    struct lone a;
    uint64_t v = 7, got = 0;
    unsigned never = 0;
    for (unsigned i = 0; i < 3; i++)
        o.c[i] = kind_open(k, 8);
    expect_eq(leat_chan_send(o.c[0], &v), 0);
    expect_eq(leat_chan_send(o.c[1], &v), 0);
    lone_start(&a, crew, 1, circulate, &o);
    for (unsigned i = 0; i < support_scale(20000); i++) {
        struct leat_case cs[3] = {LEAT_RECV(o.c[0], &got), LEAT_RECV(o.c[1], &got),
                                  LEAT_RECV(o.c[2], &got)};
        size_t which;
        int r = leat_select(cs, 3, LEAT_NOW, 0, &which);
        if (r == 0)
            expect_eq(leat_chan_send(o.c[which], &got), 0);
        never += r == LEAT_EAGAIN;
    }
    leati_store_rel(&o.stop, 1u); /* pairs with the load in circulate */
    expect_eq(lone_join(&a), 0);
    expect_eq(never, 0);
    for (unsigned i = 0; i < 3; i++)
        leat_chan_free(o.c[i]);
}

static void circulating_values_are_always_seen(void **state)
{
    (void)state;
    each_kind_and_crew(circling);
}

/* Rendezvous: two selecting senders are parked on both channels; one is taken, and until
 * it is back the other one is there. */
struct offers {
    leat_chan *c[2];
    leati_a32 back; /* how many offers were taken and are over */
};

static int offer(void *arg)
{
    struct offers *o = (struct offers *)arg;
    uint64_t v = 3;
    for (;;) {
        struct leat_case cs[2] = {LEAT_SEND(o->c[0], &v), LEAT_SEND(o->c[1], &v)};
        size_t i;
        int r = leat_select(cs, 2, LEAT_NEVER, 0, &i);
        if (r != 0)
            return r;
        if (cs[i].err != 0)
            return 0;
        (void)leati_add_ar(&o->back, 1u);
    }
}

struct offers_goal {
    struct offers *o;
    unsigned back;
};

static bool all_back(void *arg)
{
    struct offers_goal *g = (struct offers_goal *)arg;
    return leati_load_acq(&g->o->back) == g->back && parked(g->o->c[1], LEAT_OP_SEND) == 2;
}

static void a_parked_sender_is_always_seen(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct offers o = {.back = {0}};
        struct offers_goal g = {&o, 0};
        struct lone a[2];
        unsigned never = 0;
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(leat_chan_new(&o.c[i], 8, 0), 0);
        for (unsigned i = 0; i < 2; i++)
            lone_start(&a[i], (enum crew_kind)crew, i, offer, &o);
        for (unsigned i = 0; i < support_scale(1000); i++) {
            struct leat_case cs[2] = {LEAT_RECV(o.c[1], NULL), LEAT_RECV(o.c[0], NULL)};
            assert_true(support_until(all_back, &g));
            for (unsigned k = 0; k < 2; k++)
                never += leat_select(cs, 2, LEAT_NOW, 0, NULL) == LEAT_EAGAIN;
            g.back += 2;
        }
        leat_chan_close(o.c[0]);
        leat_chan_close(o.c[1]);
        for (unsigned i = 0; i < 2; i++)
            while (leat_chan_recv(o.c[i], NULL) == 0)
                ;
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(lone_join(&a[i]), 0);
        assert_int_equal(never, 0);
        leat_chan_free(o.c[0]);
        leat_chan_free(o.c[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_moves_is_always_seen),
        cmocka_unit_test(a_close_before_the_emptying_is_always_seen),
        cmocka_unit_test(circulating_values_are_always_seen),
        cmocka_unit_test(a_parked_sender_is_always_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
