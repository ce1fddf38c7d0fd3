/* test_stress.c - selects against selects and plain operations, deadlines, close and
 * cancel: each value exactly once. SPDX-License-Identifier: MIT */
/* ctest: onecpu flood */
#include <stdlib.h>

#include "support/op.h"

/* ---- TestSelectStress of Go: four channels, plain and selecting actors ---- */

enum { CHANS = 4 };

struct mix {
    leat_chan *c[CHANS];
    unsigned each;
    uint64_t sum[2]; /* by direction; atomic adds */
};

static void plain(struct mix *m, unsigned dir, unsigned i)
{
    for (uint64_t k = 0; k < m->each; k++) {
        uint64_t v = k * 8 + i;
        int r = dir == LEAT_OP_SEND ? leat_chan_send(m->c[i], &v) : leat_chan_recv(m->c[i], &v);
        if (!expect_eq(r, 0))
            return;
        __atomic_fetch_add(&m->sum[dir], v, __ATOMIC_RELAXED);
    }
}

/* Over all four; a channel leaves (NULL) when its share is done. */
static void selecting(struct mix *m, unsigned dir)
{
    unsigned left[CHANS], open = CHANS;
    struct leat_case cs[CHANS];
    uint64_t v[CHANS];
    for (unsigned i = 0; i < CHANS; i++) {
        left[i] = m->each;
        v[i] = 4 + i;
        cs[i] = (struct leat_case){m->c[i], &v[i], dir, 0, {NULL}};
    }
    while (open > 0) {
        size_t i;
        if (!expect_eq(leat_select(cs, CHANS, LEAT_NEVER, 0, &i), 0))
            return;
        expect_eq(cs[i].err, 0);
        __atomic_fetch_add(&m->sum[dir], v[i], __ATOMIC_RELAXED);
        if (dir == LEAT_OP_SEND)
            v[i] += 8;
        if (--left[i] == 0) {
            cs[i].chan = NULL;
            open--;
        }
    }
}

static void mix_actor(struct actor *a)
{
    struct mix *m = (struct mix *)a->arg;
    unsigned dir = a->index % 2, i = a->index / 2;
    if (i < CHANS)
        plain(m, dir, i);
    else
        selecting(m, dir);
}

static void plain_and_selecting_actors_exchange_all(void **state)
{
    (void)state;
    static const size_t caps[][CHANS] = {{0, 0, 2, 3}, {0, 0, 0, 0}, {1, 1, 7, 128}};
    for (unsigned set = 0; set < 3; set++) {
        for (int crew = 0; crew < CREW_KINDS; crew++) {
            struct mix m = {.each = (unsigned)support_scale(3000)};
            for (unsigned i = 0; i < CHANS; i++)
                assert_int_equal(leat_chan_new(&m.c[i], sizeof(uint64_t), caps[set][i]), 0);
            crew_run((enum crew_kind)crew, 2 * (CHANS + 1), mix_actor, &m);
            assert_true(m.sum[0] == m.sum[1]);
            for (unsigned i = 0; i < CHANS; i++) {
                assert_int_equal(leat_chan_len(m.c[i]), 0);
                assert_int_equal(parked(m.c[i], 0) + parked(m.c[i], 1), 0);
                leat_chan_free(m.c[i]);
            }
        }
    }
}

/* ---- TestSelfSelect: both directions on one channel, two actors ---- */

struct self {
    leat_chan *c;
    unsigned rounds;
};

static void self_actor(struct actor *a)
{
    struct self *s = (struct self *)a->arg;
    for (unsigned i = 0; i < s->rounds; i++) {
        uint64_t mine = a->index, got = 99;
        struct leat_case send = LEAT_SEND(s->c, &mine), recv = LEAT_RECV(s->c, &got);
        struct leat_case cs[2] = {i % 2 ? send : recv, i % 2 ? recv : send};
        size_t which;
        if (!expect_eq(leat_select(cs, 2, LEAT_NEVER, 0, &which), 0))
            return;
        if (cs[which].op == LEAT_OP_RECV && leat_chan_cap(s->c) == 0)
            expect_eq(got, !a->index);
    }
}

static void both_directions_on_one_channel(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        for (size_t cap = 0; cap <= 10; cap += 10) {
            struct self s = {.rounds = (unsigned)support_scale(2000)};
            assert_int_equal(leat_chan_new(&s.c, sizeof(uint64_t), cap), 0);
            crew_run((enum crew_kind)crew, 2, self_actor, &s);
            leat_chan_free(s.c);
        }
    }
}

/* ---- two selects that meet on two channels at once, in opposite orders ---- */

struct crossing {
    leat_chan *c[2];
    unsigned rounds;
};

static void crossing_actor(struct actor *a)
{
    struct crossing *x = (struct crossing *)a->arg;
    unsigned me = a->index % 2;
    for (unsigned i = 0; i < x->rounds; i++) {
        uint64_t got = 99, v = me;
        struct leat_case cs[2] = {LEAT_RECV(x->c[me], &got), LEAT_SEND(x->c[!me], &v)};
        size_t which;
        if (!expect_eq(leat_select(cs, 2, LEAT_NEVER, 0, &which), 0))
            return;
        if (which == 0)
            expect_eq(got, !me);
    }
}

static void selects_that_cross_each_other_meet(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct crossing x = {.rounds = (unsigned)support_scale(40000)};
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(leat_chan_new(&x.c[i], sizeof(uint64_t), 0), 0);
        crew_run((enum crew_kind)crew, 2, crossing_actor, &x);
        leat_chan_free(x.c[0]);
        leat_chan_free(x.c[1]);
    }
}

/* ---- doubleselect.go: a counter sent to one of four, muxed: none arrives twice ---- */

struct twice {
    leat_chan *c[CHANS], *out;
    unsigned n;
    uint32_t *seen;
};

static void twice_actor(struct actor *a)
{
    struct twice *t = (struct twice *)a->arg;
    uint64_t v;
    if (a->index == 0) {
        for (uint64_t i = 0; i < t->n; i++) {
            struct leat_case cs[CHANS];
            for (unsigned k = 0; k < CHANS; k++)
                cs[k] = (struct leat_case)LEAT_SEND(t->c[k], &i);
            if (!expect_eq(leat_select(cs, CHANS, LEAT_NEVER, 0, NULL), 0))
                break;
        }
        for (unsigned k = 0; k < CHANS; k++)
            leat_chan_close(t->c[k]);
    } else if (a->index <= CHANS) {
        while (leat_chan_recv(t->c[a->index - 1], &v) == 0)
            if (!expect_eq(leat_chan_send(t->out, &v), 0))
                return;
    } else {
        for (uint64_t i = 0; i < t->n; i++) {
            if (!expect_eq(leat_chan_recv(t->out, &v), 0) || !expect(v < t->n))
                return;
            expect_eq(t->seen[v]++, 0);
        }
    }
}

static void no_value_is_sent_twice(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        for (size_t cap = 0; cap < 3; cap++) {
            struct twice t = {.n = (unsigned)support_scale(3000)};
            t.seen = calloc(t.n, sizeof(*t.seen));
            for (unsigned i = 0; i < CHANS; i++)
                assert_int_equal(leat_chan_new(&t.c[i], sizeof(uint64_t), cap), 0);
            assert_int_equal(leat_chan_new(&t.out, sizeof(uint64_t), cap), 0);
            crew_run((enum crew_kind)crew, CHANS + 2, twice_actor, &t);
            for (unsigned i = 0; i < CHANS; i++)
                leat_chan_free(t.c[i]);
            leat_chan_free(t.out);
            free(t.seen);
        }
    }
}

/* ---- all kinds, deadlines, NOW, and an end by close or cancel ---- */

struct storm {
    leat_chan *c[3];
    bool cancel;
    unsigned senders;
    uint64_t sent, sum_sent, received, sum_received; /* atomic adds */
    struct dropped d[3];
};

static void count(uint64_t *n, uint64_t *sum, uint64_t v)
{
    __atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(sum, v, __ATOMIC_RELAXED);
}

static void storm_actor(struct actor *a)
{
    struct storm *s = (struct storm *)a->arg;
    bool sends = a->index < s->senders;
    unsigned open = 3;
    uint64_t v[3];
    struct leat_case cs[3];
    for (unsigned i = 0; i < 3; i++)
        cs[i] = (struct leat_case){s->c[i], &v[i], sends ? LEAT_OP_SEND : LEAT_OP_RECV, 0, {0}};
    for (uint64_t n = 0; open > 0; n++) {
        uint32_t chance = support_below(&a->rng, 8);
        struct leat_deadline until = chance == 0   ? LEAT_NOW
                                     : chance == 1 ? leat_in_us(n % 40)
                                                   : LEAT_NEVER;
        size_t i = 0;
        for (unsigned k = 0; sends && k < 3; k++)
            v[k] = ((uint64_t)a->index << 40) + (n << 2) + k;
        int r = leat_select(cs, 3, until, chance == 2 ? LEAT_PRIORITY : 0, &i);
        if (r != 0) {
            expect(r == LEAT_EAGAIN || r == LEAT_EBUSY || r == LEAT_ETIMEDOUT);
            leat_yield();
        } else if (cs[i].err != 0) {
            expect_eq(cs[i].err, LEAT_ECLOSED);
            cs[i].chan = NULL;
            open--;
        } else if (sends) {
            count(&s->sent, &s->sum_sent, v[i]);
            if (leat_chan_len(s->c[i]) > 100)
                leat_yield();
        } else {
            count(&s->received, &s->sum_received, v[i]);
        }
    }
}

static bool enough(void *arg)
{
    return __atomic_load_n(&((struct storm *)arg)->received, __ATOMIC_RELAXED) >= 100;
}

static void storm_once(const struct kind *k, enum crew_kind crew, bool cancel)
{
    struct storm s = {.cancel = cancel};
    s.senders = k->flags & LEAT_SINGLE_PRODUCER ? 1 : 2;
    unsigned receivers = k->flags & LEAT_SINGLE_CONSUMER ? 1 : 2;
    for (unsigned i = 0; i < 3; i++)
        s.c[i] = kind_open_dropping(k, &s.d[i]);
    struct crew *c = crew_start(crew, 0, s.senders + receivers, storm_actor, &s);
    expect(support_until(enough, &s));
    for (unsigned i = 0; i < 3; i++)
        expect_eq(cancel ? leat_chan_cancel(s.c[i]) : leat_chan_close(s.c[i]), 0);
    crew_join(c);
    for (unsigned i = 0; i < 3; i++) {
        expect_eq(parked(s.c[i], LEAT_OP_SEND) + parked(s.c[i], LEAT_OP_RECV), 0);
        leat_chan_free(s.c[i]);
        if (!cancel)
            expect_eq(s.d[i].count, 0);
    }
    expect_eq(s.sent, s.received + s.d[0].count + s.d[1].count + s.d[2].count);
    expect_eq(s.sum_sent, s.sum_received + s.d[0].sum + s.d[1].sum + s.d[2].sum);
}

static void storm(const struct kind *k, enum crew_kind crew)
{
    for (unsigned i = 0; i < support_scale(6); i++)
        storm_once(k, crew, i % 2);
}

static void deadlines_and_endings_conserve_the_values(void **state)
{
    (void)state;
    each_kind_and_crew(storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_selecting_actors_exchange_all),
        cmocka_unit_test(both_directions_on_one_channel),
        cmocka_unit_test(selects_that_cross_each_other_meet),
        cmocka_unit_test(no_value_is_sent_twice),
        cmocka_unit_test(deadlines_and_endings_conserve_the_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
