/* test_meet.c - crossbeam's scenarios of actors that all do the same on one channel:
 * matching, linearizable, oneshot, channels through channels, thread-local destructors.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <pthread.h>

#include "support/op.h"

enum { ACTORS = 6 };

/* matching: each selects to send and to receive on one unbuffered channel; all meet in
 * pairs, nobody meets itself, and one left over meets the extra one. */
struct match {
    leat_chan *c;
    uint64_t rounds, met[ACTORS + 1], given[ACTORS + 1];
};

static void matcher(struct actor *a)
{
    struct match *m = (struct match *)a->arg;
    for (uint64_t i = 0; i < m->rounds; i++) {
        uint64_t me = a->index, other = OP_UNTOUCHED;
        struct leat_case cs[2] = {LEAT_RECV(m->c, &other), LEAT_SEND(m->c, &me)};
        size_t which;
        expect_eq(leat_select(cs, 2, LEAT_NEVER, 0, &which), 0);
        expect_eq(cs[which].err, 0);
        if (which == 0) {
            expect(other != me && other <= ACTORS);
            m->met[me]++;
        } else {
            expect(other == OP_UNTOUCHED);
            m->given[me]++;
        }
    }
}

static void matching(const struct kind *k, enum crew_kind crew)
{
    if (k->cap != 0)
        return;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct match m = {kind_open(k, 8), 1, {0}, {0}};
        uint64_t met = 0, given = 0, got;
        for (unsigned i = 0; i < support_scale(60); i++) {
            /* one round: a second one could leave two of the same actor over */
            struct crew *c = crew_start(crew, 0, ACTORS + extra, matcher, &m);
            if (extra)
                expect_eq(leat_chan_recv(m.c, &got), 0);
            crew_join(c);
        }
        for (unsigned i = 0; i < ACTORS + extra; i++) {
            met += m.met[i];
            given += m.given[i];
        }
        expect_eq(given, met + extra * support_scale(60));
        expect_eq(parked(m.c, LEAT_OP_SEND) + parked(m.c, LEAT_OP_RECV), 0);
        leat_chan_free(m.c);
    }
}

static void all_who_could_meet_meet_in_pairs(void **state)
{
    (void)state;
    each_kind_and_crew(matching);
}

/* linearizable: with a cell for everyone there is always room for my value, and then
 * always one to receive; by plain tries and by selects that do not wait. */
static void linear(struct actor *a)
{
    leat_chan *c = (leat_chan *)a->arg;
    for (uint64_t i = 0; i < support_scale(400); i++) {
        uint64_t v = i;
        struct leat_case s = LEAT_SEND(c, &v), r = LEAT_RECV(c, &v);
        int e =
            i % 2 ? leat_chan_try_send(c, &v) : leat_select(&s, 1, LEAT_NOW, 0, NULL);
        expect(e == 0 || e == LEAT_EBUSY);
        if (e != 0)
            expect_eq(leat_chan_send(c, &v), 0);
        e = i % 3 ? leat_chan_try_recv(c, &v) : leat_select(&r, 1, LEAT_NOW, 0, NULL);
        expect(e == 0 || e == LEAT_EBUSY);
        if (e != 0)
            expect_eq(leat_chan_recv(c, &v), 0);
    }
}

static void linearizable(const struct kind *k, enum crew_kind crew)
{
    unsigned n = k->cap > ACTORS ? ACTORS : (unsigned)k->cap;
    if (n == 0 || !kind_allows(k, n, n))
        return;
    leat_chan *c = kind_open(k, 8);
    crew_run(crew, n, linear, c);
    expect_eq(leat_chan_len(c), 0);
    leat_chan_free(c);
}

static void a_try_fails_only_when_it_had_to(void **state)
{
    (void)state;
    each_kind_and_crew(linearizable);
}

/* oneshot: the first value of a fresh channel against its first receive. */
struct oneshot {
    const struct kind *k;
    leat_chan *c;
};

static int oneshot_send(void *arg)
{
    struct oneshot *o = (struct oneshot *)arg;
    uint64_t v = 17;
    int r = leat_chan_send(o->c, &v);
    leat_chan_free(o->c);
    return r;
}

static void oneshots(const struct kind *k, enum crew_kind crew)
{
    for (unsigned i = 0; i < support_scale(100); i++) {
        struct oneshot o = {k, kind_open(k, 8)};
        struct lone a;
        uint64_t got = 0;
        (void)leat_chan_ref(o.c);
        lone_start(&a, crew, 1, oneshot_send, &o);
        expect_eq(leat_chan_recv(o.c, &got), 0);
        expect_eq(got, 17);
        leat_chan_free(o.c);
        expect_eq(lone_join(&a), 0);
    }
}

static void the_first_value_meets_the_first_receive(void **state)
{
    (void)state;
    each_kind_and_crew(oneshots);
}

/* channel_through_channel: each one carries the next. */
struct chain {
    const struct kind *k;
    leat_chan *c;
    unsigned n;
};

static void link(struct actor *a)
{
    struct chain *h = (struct chain *)a->arg;
    leat_chan *c = h->c, *next;
    for (unsigned i = 0; i < h->n; i++) {
        if (a->index == 0) {
            next = kind_open(h->k, sizeof(leat_chan *));
            (void)leat_chan_ref(next);
            expect_eq(leat_chan_send(c, &next), 0);
        } else if (!expect_eq(leat_chan_recv(c, &next), 0)) {
            return;
        }
        leat_chan_free(c);
        c = next;
    }
    leat_chan_free(c);
}

static void chains(const struct kind *k, enum crew_kind crew)
{
    struct chain h = {k, kind_open(k, sizeof(leat_chan *)),
                      (unsigned)support_scale(300)};
    (void)leat_chan_ref(h.c);
    crew_run(crew, 2, link, &h);
}

static void each_channel_carries_the_next(void **state)
{
    (void)state;
    each_kind_and_crew(chains);
}

/* thread_locals: a thread that ends uses channels in its destructors, as often as they
 * run, although the engine's own data of the thread may already be gone. */
static pthread_key_t key;

static void at_exit(void *arg)
{
    leat_chan **c = (leat_chan **)arg;
    uint64_t v = 5, got;
    struct leat_case cs[2] = {LEAT_RECV(c[1], &got), LEAT_SEND(c[0], &v)};
    expect_eq(leat_chan_send(c[0], &v), 0);
    expect_eq(leat_chan_recv(c[1], &got), 0);
    expect_eq(leat_select(cs, 2, LEAT_NEVER, 0, NULL), 0);
}

static void *ends_at_once(void *arg)
{
    uint64_t v;
    pthread_setspecific(key, arg);
    (void)!leat_chan_try_recv(((leat_chan **)arg)[1], &v);
    return NULL;
}

static void ending(const struct kind *k)
{
    if (k->cap)
        return;
    leat_chan *c[2] = {kind_open(k, 8), kind_open(k, 8)};
    uint64_t v = 1;
    for (unsigned i = 0; i < 20; i++) {
        pthread_t t;
        assert_int_equal(pthread_create(&t, NULL, ends_at_once, c), 0);
        expect_eq(leat_chan_recv(c[0], NULL), 0);
        expect_eq(leat_chan_send(c[1], &v), 0);
        expect_eq(leat_chan_recv(c[0], &v), 0);
        expect_eq(v, 5);
        pthread_join(t, NULL);
    }
    leat_chan_free(c[0]);
    leat_chan_free(c[1]);
}

static void a_thread_that_ends_may_still_wait(void **state)
{
    (void)state;
    assert_int_equal(pthread_key_create(&key, at_exit), 0);
    each_kind(ending);
    pthread_key_delete(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_who_could_meet_meet_in_pairs),
        cmocka_unit_test(a_try_fails_only_when_it_had_to),
        cmocka_unit_test(the_first_value_meets_the_first_receive),
        cmocka_unit_test(each_channel_carries_the_next),
        cmocka_unit_test(a_thread_that_ends_may_still_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
