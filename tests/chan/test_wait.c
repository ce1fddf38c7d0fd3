/* test_wait.c - blocking operations: who is served, when, in which order.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { PARKED = 6 };

static unsigned many(const struct kind *k, unsigned dir)
{
    unsigned single = dir == LEAT_OP_SEND ? LEAT_SINGLE_PRODUCER : LEAT_SINGLE_CONSUMER;
    return k->flags & single ? 1 : PARKED;
}

/* Receivers that wait get the values in the order of their arrival, each at once: its
 * value is no longer there for a newcomer. */
static void receivers(const struct kind *k, enum crew_kind crew)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    struct op o[PARKED];
    unsigned n = many(k, LEAT_OP_RECV);
    uint64_t got;
    for (unsigned i = 0; i < n; i++)
        op_park(&o[i], crew, i, c, LEAT_OP_RECV, 0, i + 1);
    for (uint64_t v = 0; v < n; v++) {
        expect_eq(leat_chan_try_send(c, &v), 0);
        expect_eq(parked(c, LEAT_OP_RECV), n - 1 - v);
        expect_eq(leat_chan_len(c), 0);
        if (!(k->flags & LEAT_SINGLE_CONSUMER))
            expect_eq(leat_chan_try_recv(c, &got), LEAT_EAGAIN);
        expect_eq(op_join(&o[v]), 0);
        expect_eq(o[v].value, v);
    }
    leat_chan_free(c);
}

static void parked_receivers_are_completed_in_order(void **state)
{
    (void)state;
    each_kind_and_crew(receivers);
}

static void senders(const struct kind *k, enum crew_kind crew)
{
    if (!kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    struct op o[PARKED];
    unsigned n = many(k, LEAT_OP_SEND);
    uint64_t inside = fill(c, k, 0), v = 0, got;
    for (unsigned i = 0; i < n; i++)
        op_park(&o[i], crew, i, c, LEAT_OP_SEND, inside + i, i + 1);
    for (unsigned i = 0; i < n; i++) {
        /* the k-th receive lets the (k+C)-th send return, not earlier */
        expect_eq(parked(c, LEAT_OP_SEND), n - i);
        expect_eq(leat_chan_try_recv(c, &got), 0);
        expect_eq(got, i);
        expect_eq(parked(c, LEAT_OP_SEND), n - i - 1);
        expect_eq(leat_chan_len(c), inside);
        if (!(k->flags & LEAT_SINGLE_PRODUCER))
            expect_eq(leat_chan_try_send(c, &v), LEAT_EAGAIN);
        expect_eq(op_join(&o[i]), 0);
    }
    for (unsigned i = 0; i < inside; i++) {
        expect_eq(leat_chan_try_recv(c, &got), 0);
        expect_eq(got, n + i);
    }
    expect_eq(leat_chan_try_recv(c, &got), LEAT_EAGAIN);
    leat_chan_free(c);
}

static void parked_senders_are_completed_in_order(void **state)
{
    (void)state;
    each_kind_and_crew(senders);
}

struct arrival {
    const leat_chan *c;
    unsigned dir, n;
    struct leat_deadline until;
};

static bool parked_or_late(void *arg)
{
    const struct arrival *a = (const struct arrival *)arg;
    return parked(a->c, a->dir) == a->n || leat_now() >= a->until.at_ns;
}

/* Parks operations one by one, every third with that deadline. False, and all is undone,
 * when it passed before the last was parked: the machine is busy. */
static bool park_some_timed(struct op *o, enum crew_kind crew, leat_chan *c, unsigned dir,
                            uint64_t first, struct leat_deadline until)
{
    unsigned n = 0;
    while (n < PARKED && leat_now() < until.at_ns) {
        struct arrival a = {c, dir, n + 1, until};
        op_start(&o[n], crew, n, c, dir, first + n, n % 3 == 1 ? until : LEAT_NEVER);
        expect(support_until(parked_or_late, &a));
        n++;
    }
    if (n == PARKED && leat_now() < until.at_ns)
        return true;
    expect_eq(leat_chan_cancel(c), 0);
    while (n > 0)
        (void)op_join(&o[--n]);
    leat_chan_free(c);
    return false;
}

/* Some in the queue have a deadline that passes: the others keep their places. */
static void leavers(const struct kind *k, enum crew_kind crew)
{
    unsigned dir = kind_bounded(k) && k->cap % 2 ? LEAT_OP_SEND : LEAT_OP_RECV;
    if (many(k, dir) == 1)
        return;
    leat_chan *c;
    struct op o[PARKED];
    uint64_t inside, got;
    struct leat_deadline until;
    int64_t ms = 10;
    do {
        ms *= 2;
        c = kind_open(k, sizeof(uint64_t));
        inside = dir == LEAT_OP_SEND ? fill(c, k, 0) : 0;
        until = leat_in_ms(ms);
    } while (!park_some_timed(o, crew, c, dir, inside, until));
    for (unsigned i = 1; i < PARKED; i += 3) {
        expect_eq(op_join(&o[i]), LEAT_ETIMEDOUT);
        expect(leat_now() >= until.at_ns);
    }
    expect_eq(parked(c, dir), PARKED - 2);
    for (uint64_t i = 0; dir == LEAT_OP_SEND && i < inside; i++)
        expect_eq(leat_chan_recv(c, &got), 0);
    for (uint64_t i = 0; i < PARKED; i++) {
        if (i % 3 == 1)
            continue;
        uint64_t v = inside + i;
        if (dir == LEAT_OP_SEND) {
            expect_eq(leat_chan_recv(c, &got), 0);
            expect_eq(got, v);
        } else {
            expect_eq(leat_chan_send(c, &v), 0);
        }
        expect_eq(op_join(&o[i]), 0);
        expect_eq(o[i].value, v);
    }
    leat_chan_free(c);
}

static void those_behind_one_that_gave_up_keep_their_places(void **state)
{
    (void)state;
    each_kind_and_crew(leavers);
}

static void cancelled(const struct kind *k)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        if (dir == LEAT_OP_SEND && !kind_bounded(k))
            continue;
        leat_chan *c = kind_open(k, sizeof(uint64_t));
        struct op o;
        uint64_t inside = dir == LEAT_OP_SEND ? fill(c, k, 0) : 0, v = 4, got;
        op_park(&o, CREW_FIBERS, 0, c, dir, 99, 1);
        leat_fiber_cancel(o.actor.fiber);
        expect_eq(op_join(&o), LEAT_ECANCELED);
        expect_eq(parked(c, dir), 0);
        expect_eq(leat_chan_len(c), inside);
        if (dir == LEAT_OP_RECV) {
            expect_eq(o.value, OP_UNTOUCHED);
            if (k->cap) {
                expect_eq(leat_chan_send(c, &v), 0);
                expect_eq(leat_chan_recv(c, &got), 0);
                expect_eq(got, v);
            }
        }
        leat_chan_free(c);
    }
}

static void a_cancelled_fiber_did_nothing(void **state)
{
    (void)state;
    each_kind(cancelled);
}

/* A token goes round a ring of actors, each of which only relays. */
struct relay {
    struct lone actor;
    leat_chan *in, *out;
    unsigned rounds;
};

static int relay_main(void *arg)
{
    struct relay *r = (struct relay *)arg;
    uint64_t v;
    for (unsigned i = 0; i < r->rounds; i++) {
        int e = leat_chan_recv(r->in, &v);
        v++;
        if (e == 0)
            e = leat_chan_send(r->out, &v);
        if (e != 0)
            return e;
    }
    return 0;
}

static void ring(const struct kind *k, enum crew_kind crew)
{
    enum { N = 5 };
    leat_chan *c[N + 1];
    struct relay r[N];
    uint64_t v;
    unsigned rounds = (unsigned)support_scale(100);
    for (unsigned i = 0; i <= N; i++)
        c[i] = kind_open(k, sizeof(uint64_t));
    for (unsigned i = 0; i < N; i++) {
        r[i] = (struct relay){.in = c[i], .out = c[i + 1], .rounds = rounds};
        lone_start(&r[i].actor, crew, i, relay_main, &r[i]);
    }
    for (uint64_t i = 0; i < rounds; i++) {
        v = i * 1000;
        expect_eq(leat_chan_send(c[0], &v), 0);
        expect_eq(leat_chan_recv(c[N], &v), 0);
        expect_eq(v, i * 1000 + N);
    }
    for (unsigned i = 0; i < N; i++)
        expect_eq(lone_join(&r[i].actor), 0);
    for (unsigned i = 0; i <= N; i++)
        leat_chan_free(c[i]);
}

static void a_token_passes_every_relay(void **state)
{
    (void)state;
    each_kind_and_crew(ring);
}

/* bug147 of Go's tests: an unbuffered send does not return before its receive. */
static void rendezvous(const struct kind *k, enum crew_kind crew)
{
    if (k->cap != 0)
        return;
    leat_chan *c = kind_open(k, sizeof(uint64_t));
    struct op o;
    uint64_t v = 8, got;
    expect_eq(leat_chan_try_send(c, &v), LEAT_EAGAIN);
    op_park(&o, crew, 1, c, LEAT_OP_SEND, 5, 1);
    expect_eq(leat_chan_try_send(c, &v), LEAT_EAGAIN);
    expect_eq(leat_chan_len(c), 0);
    expect_eq(leat_chan_try_recv(c, &got), 0);
    expect_eq(got, 5);
    expect_eq(op_join(&o), 0);
    expect_eq(leat_chan_try_recv(c, &got), LEAT_EAGAIN);
    op_park(&o, crew, 1, c, LEAT_OP_RECV, 0, 1);
    expect_eq(leat_chan_try_recv(c, &got), LEAT_EAGAIN);
    expect_eq(leat_chan_try_send(c, &v), 0);
    expect_eq(leat_chan_try_send(c, &v), LEAT_EAGAIN);
    expect_eq(op_join(&o), 0);
    expect_eq(o.value, 8);
    leat_chan_free(c);
}

static void an_unbuffered_try_needs_a_waiting_peer(void **state)
{
    (void)state;
    each_kind_and_crew(rendezvous);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parked_receivers_are_completed_in_order),
        cmocka_unit_test(parked_senders_are_completed_in_order),
        cmocka_unit_test(those_behind_one_that_gave_up_keep_their_places),
        cmocka_unit_test(a_cancelled_fiber_did_nothing),
        cmocka_unit_test(a_token_passes_every_relay),
        cmocka_unit_test(an_unbuffered_try_needs_a_waiting_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
