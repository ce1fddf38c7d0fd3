/* test_interrupted.c - every wait is interrupted, again and again.
 *
 * A thread signals all others without pause, without SA_RESTART; workers of a pool let
 * the signals in. Threads and fibers send, receive, select, sleep and wait with and
 * without deadlines meanwhile: no deadline is early, no value is lost or doubled.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=200 onecpu noemu novalgrind (signals pile up there) */
#include "storm.h"
#include "support/kinds.h"

enum { ROLES = 4 };

#define ADD(x, n) __atomic_fetch_add(&(x), (n), __ATOMIC_RELAXED)

static struct storm storm;
static unsigned handled;

static void handler(int n)
{
    (void)n;
    ADD(handled, 1);
}

struct work {
    leat_chan *c, *never;
    unsigned values, signals; /* of each sender and handled, at least */
    unsigned senders;
    uint64_t sent, received, sum_sent, sum_received;
    leat_mutex mutex;
    leat_sem sem;
    leat_wg wg;
    unsigned inside;
};

/* A deadline that was reported has passed. */
static bool late(int r, int64_t until)
{
    if (r != LEAT_ETIMEDOUT)
        return false;
    expect(leat_now() >= until);
    return true;
}

static void sender(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    for (uint64_t i = 0; i < w->values || ADD(handled, 0) < w->signals; i++) {
        uint64_t v = i << 8 | a->index;
        int r;
        storm_let_in(&storm);
        for (;;) {
            int64_t until = leat_now() + 20000;
            r = i % 2 ? leat_chan_send(w->c, &v)
                      : leat_chan_send_until(w->c, &v, leat_at(until));
            if (!late(r, until))
                break;
        }
        expect_eq(r, 0);
        ADD(w->sent, 1);
        ADD(w->sum_sent, v);
    }
    if (__atomic_sub_fetch(&w->senders, 1u, __ATOMIC_ACQ_REL) == 0)
        leat_chan_close(w->c);
}

static void got(struct work *w, uint64_t v)
{
    ADD(w->received, 1);
    ADD(w->sum_received, v);
}

static void receiver(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    for (unsigned i = 0;; i++) {
        uint64_t v;
        int64_t until = leat_now() + 20000;
        storm_let_in(&storm);
        int r = i % 2 ? leat_chan_recv(w->c, &v)
                      : leat_chan_recv_until(w->c, &v, leat_at(until));
        if (late(r, until))
            continue;
        if (r == LEAT_ECLOSED)
            return;
        expect_eq(r, 0);
        got(w, v);
    }
}

static void selector(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    for (;;) {
        leat_chan *after;
        uint64_t v = 0, none;
        int64_t t = 0, at = leat_now() + 30000, until = leat_now() + 20000;
        storm_let_in(&storm);
        if (!expect_eq(leat_after(&after, leat_at(at)), 0))
            return;
        struct leat_case cs[] = {LEAT_RECV(w->c, &v), LEAT_RECV(w->never, &none),
                                 LEAT_RECV(after, &t)};
        size_t which = 9;
        int r = leat_select(cs, 3, until % 2 ? leat_at(until) : LEAT_NEVER, 0, &which);
        leat_chan_free(after);
        if (late(r, until))
            continue;
        expect_eq(r, 0);
        if (which == 2)
            expect(t == at && leat_now() >= at);
        else if (expect_eq(which, 0) && cs[0].err == LEAT_ECLOSED)
            return;
        else
            got(w, v);
    }
}

static void waits(struct work *w, unsigned i)
{
    int64_t until = leat_now() + 30000;
    expect_eq(leat_sleep_until(leat_at(until)), 0);
    expect(leat_now() >= until);
    until = leat_now() + 30000;
    expect(late(leat_chan_recv_until(w->never, NULL, leat_at(until)), until));
    until = leat_now() + 20000;
    expect(late(leat_sem_acquire_until(&w->sem, 1, leat_at(until)), until));
    until = leat_now() + 20000;
    expect(late(leat_wg_wait_until(&w->wg, leat_at(until)), until));
    until = leat_now() + 20000;
    int r = i % 2 ? leat_mutex_lock(&w->mutex)
                  : leat_mutex_lock_until(&w->mutex, leat_at(until));
    if (late(r, until))
        return;
    expect_eq(r, 0);
    expect_eq(++w->inside, 1);
    leat_yield();
    w->inside--;
    expect_eq(leat_mutex_unlock(&w->mutex), 0);
}

static void sleeper(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    leat_chan *tick;
    leat_set *set;
    if (!expect_eq(leat_set_new(&set), 0) || !expect_eq(leat_tick(&tick, 70000), 0))
        return;
    expect_eq(leat_set_add(set, tick, NULL), 0);
    expect_eq(leat_set_add(set, w->never, NULL), 0);
    for (unsigned i = 0; !leat_chan_closed(w->c); i++) {
        int64_t t = 0, until = leat_now() + 40000;
        storm_let_in(&storm);
        int r = leat_set_wait(set, &t, NULL, NULL, leat_at(until));
        if (!late(r, until))
            expect(r == 0 && leat_now() >= t);
        waits(w, i);
    }
    leat_set_free(set);
    leat_chan_free(tick);
}

/* With a set of its own every sleeper is the only one in line for its event. */
static void play(const struct kind *k, enum crew_kind crew)
{
    static actor_fn *const roles[ROLES * 2] = {sender,   sender,   receiver, receiver,
                                               selector, selector, sleeper,  sleeper};
    struct work w = {.values = (unsigned)support_scale(500),
                     .signals = (unsigned)support_scale(250),
                     .senders = 2};
    leat_wg_add(&w.wg, 1);
    w.c = kind_open(k, sizeof(uint64_t));
    expect_eq(leat_chan_new(&w.never, sizeof(uint64_t), 1), 0);
    crew_join(crew_start_each(crew, 2, ROLES * 2, roles, ROLES * 2, &w));
    assert_true(w.sent >= 2 * (uint64_t)w.values);
    assert_int_equal(w.received, w.sent);
    assert_int_equal(w.sum_received, w.sum_sent);
    leat_chan_free(w.never);
    leat_chan_free(w.c);
}

static void deadlines_hold_and_nothing_is_lost_in_a_storm_of_signals(void **state)
{
    static const struct kind stormy[] = {{"rendezvous", 0, 0},
                                         {"capacity 1", 1, 0},
                                         {"capacity 7, fair", 7, LEAT_FAIR},
                                         {"unbounded", LEAT_UNBOUNDED, 0}};
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        for (unsigned k = 0; k < sizeof(stormy) / sizeof(stormy[0]); k++) {
            storm = (struct storm){.signals = {SIGUSR1, SIGUSR2}};
            handled = 0;
            support_about = stormy[k].name;
            storm_begin(&storm, handler, 0);
            play(&stormy[k], (enum crew_kind)crew);
            storm_end(&storm);
            print_message("%s, %s: %u signals, %u handled\n", crew_kind_name[crew],
                          stormy[k].name, storm.sent, handled);
        }
    }
    support_about = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_hold_and_nothing_is_lost_in_a_storm_of_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
