/* test_race.c - close, cancel, deadlines, fibers being cancelled and free, against
 * everything else: each value is received once, dropped once, or was never sent.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include <stdlib.h>

#include "support/op.h"

enum { MAX_ACTORS = 64 };

enum ending { CLOSE, CANCEL, HANDLES, ENDINGS };

struct race {
    leat_chan *chan;
    enum ending ending;
    bool cancel_fibers; /* some of the actors are fibers that get cancelled */
    struct crew *crew;
    unsigned senders, n;
    uint64_t sent, sum_sent, received, sum_received; /* atomic adds */
    struct dropped dropped;
};

static void add(uint64_t *count, uint64_t *sum, uint64_t v)
{
    __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(sum, v, __ATOMIC_RELAXED);
}

/* An actor that is cancelled never goes alone: 0 and the last stay. */
static bool to_be_cancelled(const struct race *r, unsigned index)
{
    return r->cancel_fibers && index % 3 == 1;
}

static void race_send(struct race *r, struct actor *a)
{
    for (uint64_t i = 0;; i++) {
        uint64_t v = ((uint64_t)a->index << 32) + i;
        int e = i % 4 == 0   ? leat_chan_send_until(r->chan, &v, leat_in_us(i % 32))
                : i % 4 == 1 ? leat_chan_try_send(r->chan, &v)
                             : leat_chan_send(r->chan, &v);
        if (e == 0) {
            add(&r->sent, &r->sum_sent, v);
            /* a send that never waits would keep its worker from the receivers */
            if (leat_chan_len(r->chan) > 200)
                leat_yield();
        } else if (e == LEAT_ECLOSED || e == LEAT_ECANCELED) {
            expect(e == LEAT_ECLOSED || to_be_cancelled(r, a->index));
            return;
        } else {
            expect(e == LEAT_ETIMEDOUT || e == LEAT_EAGAIN || e == LEAT_EBUSY);
            leat_yield();
        }
        if (r->ending == HANDLES && i > 300)
            return;
    }
}

static void race_recv(struct race *r, struct actor *a)
{
    for (uint64_t i = 0;; i++) {
        uint64_t v = 0;
        int e = i % 4 == 0   ? leat_chan_recv_until(r->chan, &v, leat_in_us(i % 32))
                : i % 4 == 1 ? leat_chan_try_recv(r->chan, &v)
                             : leat_chan_recv(r->chan, &v);
        if (e == 0) {
            add(&r->received, &r->sum_received, v);
        } else if (e == LEAT_ECLOSED || e == LEAT_ECANCELED) {
            expect(e == LEAT_ECLOSED || to_be_cancelled(r, a->index));
            return;
        } else {
            expect(e == LEAT_ETIMEDOUT || e == LEAT_EAGAIN || e == LEAT_EBUSY);
            leat_yield();
        }
    }
}

static void racer(struct actor *a)
{
    struct race *r = (struct race *)a->arg;
    if (a->index < r->senders) {
        race_send(r, a);
        if (r->ending == HANDLES)
            leat_tx_free((leat_tx *)(void *)r->chan);
    } else {
        race_recv(r, a);
    }
}

/* The test thread meanwhile: lets some messages pass, then ends it. */
static bool some_received(void *arg)
{
    return __atomic_load_n(&((struct race *)arg)->received, __ATOMIC_RELAXED) >= 30;
}

static void finish(struct race *r)
{
    expect(support_until(some_received, r));
    for (unsigned i = 0; i < r->n; i++)
        if (to_be_cancelled(r, i) && crew_fiber(r->crew, i))
            leat_fiber_cancel(crew_fiber(r->crew, i));
    if (r->ending == CLOSE)
        expect_eq(leat_chan_close(r->chan), 0);
    else if (r->ending == CANCEL)
        expect_eq(leat_chan_cancel(r->chan), 0);
}

static void race_once(const struct kind *k, enum crew_kind crew, enum ending ending,
                      bool cancel_fibers)
{
    struct race r = {.ending = ending, .cancel_fibers = cancel_fibers};
    unsigned side = support_actors(3);
    if (side > MAX_ACTORS / 2)
        side = MAX_ACTORS / 2;
    r.senders = k->flags & LEAT_SINGLE_PRODUCER ? 1 : side;
    r.n = r.senders + (k->flags & LEAT_SINGLE_CONSUMER ? 1 : side);
    if (cancel_fibers && r.n != 2 * side)
        return;
    r.chan = kind_open_dropping(k, &r.dropped);
    for (unsigned i = 0; ending == HANDLES && i < r.senders; i++)
        (void)leat_chan_tx(r.chan);
    r.crew = crew_start(crew, 0, r.n, racer, &r);
    finish(&r);
    crew_join(r.crew);
    expect_eq(parked(r.chan, LEAT_OP_SEND) + parked(r.chan, LEAT_OP_RECV), 0);
    if (ending != CANCEL)
        expect_eq(leat_chan_len(r.chan), 0);
    leat_chan_free(r.chan);
    if (ending != CANCEL)
        expect_eq(r.dropped.count, 0);
    expect_eq(r.sent, r.received + r.dropped.count);
    expect_eq(r.sum_sent, r.sum_received + r.dropped.sum);
}

static void endings(const struct kind *k, enum crew_kind crew)
{
    unsigned rounds = (unsigned)support_scale(5);
    for (unsigned i = 0; i < rounds; i++)
        for (int e = 0; e < ENDINGS; e++)
            race_once(k, crew, (enum ending)e, false);
}

static void every_ending_conserves_the_values(void **state)
{
    (void)state;
    each_kind_and_crew(endings);
}

static void cancelled_fibers(const struct kind *k)
{
    unsigned rounds = (unsigned)support_scale(5);
    for (unsigned i = 0; i < rounds; i++) {
        race_once(k, CREW_FIBERS, i % 2 ? CLOSE : CANCEL, true);
        race_once(k, CREW_MIXED, i % 2 ? CLOSE : CANCEL, true);
    }
}

static void cancelled_fibers_lose_no_value(void **state)
{
    (void)state;
    each_kind(cancelled_fibers);
}

/* TestNonblockRecvRace of Go: a value inside and a close at the same time; a try
 * afterwards never says that there is nothing yet. */
struct pair {
    leat_chan *c;
};

static int close_main(void *arg)
{
    return leat_chan_close(((struct pair *)arg)->c);
}

static void try_against_close(const struct kind *k, enum crew_kind crew)
{
    for (unsigned i = 0; k->cap && i < support_scale(200); i++) {
        struct pair p = {kind_open(k, sizeof(uint64_t))};
        struct lone a;
        uint64_t v = i, got = OP_UNTOUCHED;
        expect_eq(leat_chan_send(p.c, &v), 0);
        lone_start(&a, crew, 1, close_main, &p);
        int r = leat_chan_try_recv(p.c, &got);
        expect(r == 0 || r == LEAT_EBUSY);
        if (r != 0)
            expect_eq(leat_chan_recv(p.c, &got), 0);
        expect_eq(got, i);
        expect_eq(lone_join(&a), 0);
        expect_eq(leat_chan_try_recv(p.c, &got), LEAT_ECLOSED);
        leat_chan_free(p.c);
    }
}

static void a_try_against_a_close_finds_the_value(void **state)
{
    (void)state;
    each_kind_and_crew(try_against_close);
}

/* The receiver frees the channel as soon as it has the last message, while the sender
 * is still in its call; the header is soon another channel's. */
struct freeing {
    const struct kind *k;
    leat_chan *work;
    unsigned rounds;
};

static void free_actor(struct actor *a)
{
    struct freeing *f = (struct freeing *)a->arg;
    leat_chan *c;
    if (a->index == 1) {
        uint64_t v = 0;
        while (leat_chan_recv(f->work, &c) == 0) {
            v++;
            expect_eq(leat_chan_send(c, &v), 0);
        }
        return;
    }
    for (uint64_t i = 1; i <= f->rounds; i++) {
        uint64_t v = 0;
        c = kind_open(f->k, sizeof(uint64_t));
        expect_eq(leat_chan_send(f->work, &c), 0);
        expect_eq(leat_chan_recv(c, &v), 0);
        expect_eq(v, i);
        leat_chan_free(c);
    }
    leat_chan_close(f->work);
}

static void free_early(const struct kind *k, enum crew_kind crew)
{
    struct freeing f = {.k = k, .rounds = (unsigned)support_scale(500)};
    expect_eq(leat_chan_new(&f.work, sizeof(leat_chan *), 1), 0);
    crew_run(crew, 2, free_actor, &f);
    leat_chan_free(f.work);
}

static void free_right_after_the_last_message(void **state)
{
    (void)state;
    each_kind_and_crew(free_early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ending_conserves_the_values),
        cmocka_unit_test(cancelled_fibers_lose_no_value),
        cmocka_unit_test(a_try_against_a_close_finds_the_value),
        cmocka_unit_test(free_right_after_the_last_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
