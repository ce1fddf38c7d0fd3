/* test_idle.c - who runs what: nobody waits behind a fiber that computes, no wake is
 * lost, pinned fibers stay, idle workers rest. SPDX-License-Identifier: MIT */
/* ctest: serial timeout=200 novalgrind (which runs one thread at a time) */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <leat/leat.h>
#include "support/support.h"

static void drain(leat_pool *p)
{
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, leat_in_s(100)), 0);
    verdict();
}

/* --- behind a fiber that computes --- */

enum where { RING, NEXT_SLOT, BOTH, WHERES };

struct delay {
    enum where where;
    leat_sem parked, ran;
    leati_a32 ready, done;
    int64_t t0, worst;
};

static int ring_fiber(void *arg)
{
    struct delay *d = arg;
    (void)leati_add_ar(&d->done, 1u);
    return 0;
}

static int slot_fiber(void *arg)
{
    struct delay *d = arg;
    leati_store_rel(&d->ready, 1u);
    expect_eq(leat_sem_acquire(&d->parked, 1), 0);
    (void)leati_add_ar(&d->done, 1u);
    return 0;
}

/* Queues others behind itself, then computes until they have run. */
static int computes(void *arg)
{
    struct delay *d = arg;
    unsigned want = d->where == BOTH ? 2 : 1;
    leati_store_rlx(&d->done, 0u);
    leati_store_rlx(&d->ready, 0u);
    if (d->where != RING) {
        expect_eq(leat_go(NULL, slot_fiber, d), 0);
        while (!leati_load_acq(&d->ready))
            leat_yield();
        leat_yield();
    }
    int64_t t0 = leat_now();
    if (d->where != RING)
        leat_sem_release(&d->parked, 1);
    if (d->where != NEXT_SLOT)
        expect_eq(leat_go(NULL, ring_fiber, d), 0);
    while (leati_load_acq(&d->done) < want) {
        if (!expect(leat_now() - t0 < 10000000000))
            return 1;
    }
    int64_t took = leat_now() - t0;
    d->worst = took > d->worst ? took : d->worst;
    return 0;
}

static void a_computing_fiber_delays_nobody(void **state)
{
    (void)state;
    for (unsigned workers = 2; workers <= 3; workers++) {
        for (int where = 0; where < WHERES; where++) {
            struct delay d = {.where = (enum where)where};
            leat_pool *p = support_pool_of(workers, workers == 3 ? LEAT_POOL_FENCED : 0);
            for (size_t i = 0; i < support_scale(200); i++)
                assert_int_equal(leat_pool_run(p, computes, &d), 0);
            drain(p);
        }
    }
}

/* First it talks for a while, so that its worker is trusted, then it computes. */
static int talker(void *arg)
{
    leat_sem *s = arg;
    for (size_t i = 0; i < support_scale(200000); i++) {
        if (leat_sem_acquire(&s[0], 1))
            return 1;
        leat_sem_release(&s[1], 1);
    }
    return 0;
}

struct turning {
    leat_sem s[2];
    struct delay d;
};

static int talks_then_computes(void *arg)
{
    struct turning *t = arg;
    expect_eq(leat_go(NULL, talker, t->s), 0);
    for (size_t i = 0; i < support_scale(200000); i++) {
        leat_sem_release(&t->s[0], 1);
        if (leat_sem_acquire(&t->s[1], 1))
            return 1;
    }
    t->d.where = BOTH;
    return computes(&t->d);
}

static void one_that_was_chatty_delays_nobody_either(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    for (size_t i = 0; i < support_scale(20); i++) {
        struct turning t = {.d = {.worst = 0}};
        assert_int_equal(leat_pool_run(p, talks_then_computes, &t), 0);
    }
    drain(p);
}

/* Readies one every 300 us and computes in between. */
static int readies_and_computes(void *arg)
{
    leat_sem *s = arg;
    int64_t next = leat_now();
    for (int i = 0; i < 1000; i++) {
        next += 300000;
        while (leat_now() < next)
            ;
        leat_sem_release(&s[0], 1);
        expect_eq(leat_sem_acquire(&s[1], 1), 0); /* what it answered before */
    }
    leat_sem_release(&s[0], 1000);
    return 0;
}

static int answers_late(void *arg)
{
    leat_sem *s = arg;
    leat_sem_release(&s[1], 1);
    for (int i = 0; i < 1000; i++) {
        expect_eq(leat_sem_acquire(&s[0], 1), 0);
        leat_sem_release(&s[1], 1);
    }
    return 0;
}

/* It switches regularly, but it does not talk: it must not be trusted for good to run
 * soon what it readies. */
static void a_steady_readier_is_robbed_again_and_again(void **state)
{
    (void)state;
    leat_sem s[2] = {LEAT_SEM_INIT(0), LEAT_SEM_INIT(0)};
    leat_pool *p = support_pool_of(2, 0);
    struct leat_pool_stats st = {0};
    unsigned rounds = 0;
    /* A thief must get a CPU to steal; where others have them, later. */
    while (st.stolen < 30 && rounds++ < 5) {
        leat_sem_init(&s[0], 0);
        leat_sem_init(&s[1], 0);
        leat_fiber *f;
        assert_int_equal(leat_pool_go(p, &f, answers_late, s), 0);
        assert_int_equal(leat_pool_run(p, readies_and_computes, s), 0);
        assert_int_equal(leat_fiber_join(f, NULL), 0);
        leat_pool_stats(p, &st);
    }
    print_message("%u000 readied by one that computes: %llu stolen\n", rounds,
                  (unsigned long long)st.stolen);
    assert_true(st.stolen >= 30);
    drain(p);
}

/* --- a timer behind a fiber that computes --- */

static int rings(void *arg)
{
    (void)leat_sleep_ns(2000000);
    leati_store_rel((leati_a32 *)arg, 1u);
    return 0;
}

/* Has another fiber sleep on its worker, and computes there until that one has been woken,
 * which is up to a worker that sleeps. In the pause before it the pool stops looking. */
static int computes_before_a_timer(void *arg)
{
    (void)arg;
    leati_a32 rung = {0};
    leat_fiber *f;
    (void)leat_sleep_ns(4000000);
    expect_eq(leat_go(&f, rings, &rung), 0);
    leat_yield();
    int64_t t0 = leat_now();
    while (!leati_load_acq(&rung))
        if (!expect(leat_now() - t0 < 10000000000))
            break;
    return leat_fiber_join(f, NULL);
}

static void a_timer_rings_behind_a_computing_fiber(void **state)
{
    (void)state;
    for (unsigned workers = 2; workers <= 4; workers++) {
        leat_pool *p = support_pool_of(workers, workers == 3 ? LEAT_POOL_FENCED : 0);
        for (size_t i = 0; i < support_scale(20); i++)
            assert_int_equal(leat_pool_run(p, computes_before_a_timer, NULL), 0);
        drain(p);
    }
}

/* --- beside a pair that talks --- */

struct pair {
    leat_sem s[2];
    leati_a32 stop;
    size_t rounds;
};

static int talks(void *arg)
{
    struct pair *t = arg;
    while (!leati_load_acq(&t->stop)) {
        t->rounds++;
        leat_sem_release(&t->s[1], 1);
        if (!expect(t->rounds < 1000000) || leat_sem_acquire(&t->s[0], 1))
            break;
    }
    leati_store_rel(&t->stop, 1u);
    leat_sem_release(&t->s[1], 1);
    return 0;
}

static int answers(void *arg)
{
    struct pair *t = arg;
    while (!leati_load_acq(&t->stop)) {
        if (leat_sem_acquire(&t->s[1], 1))
            return 1;
        leat_sem_release(&t->s[0], 1);
    }
    return 0;
}

static int comes_by(void *arg)
{
    struct pair *t = arg;
    for (int i = 0; i < 100; i++) {
        size_t before = t->rounds;
        leat_yield();
        expect(t->rounds - before <= 16); /* each round two hand-overs, of 16 in a row */
    }
    leati_store_rel(&t->stop, 1u);
    return 0;
}

static void a_pair_that_talks_leaves_room_for_others(void **state)
{
    (void)state;
    struct pair t = {.rounds = 0};
    leat_pool *p = support_pool_of(1, 0);
    assert_int_equal(leat_pool_go(p, NULL, talks, &t), 0);
    assert_int_equal(leat_pool_go(p, NULL, answers, &t), 0);
    assert_int_equal(leat_pool_go(p, NULL, comes_by, &t), 0);
    drain(p);
}

/* --- one message, nobody following --- */

struct lonely {
    leat_sem to, back;
    size_t rounds;
};

static int echo(void *arg)
{
    struct lonely *l = arg;
    for (size_t i = 0; i < l->rounds; i++) {
        if (leat_sem_acquire(&l->to, 1))
            return 1;
        leat_sem_release(&l->back, 1);
    }
    return 0;
}

/* A thread and a fiber of a pool where nothing else moves: a lost wake would hang. */
static void no_single_message_is_lost(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct lonely l = {.rounds = support_scale(30000)};
        leat_pool *p = support_pool_of(workers, workers == 3 ? LEAT_POOL_FENCED : 0);
        int64_t worst = 0;
        assert_int_equal(leat_pool_go(p, NULL, echo, &l), 0);
        for (size_t i = 0; i < l.rounds; i++) {
            int64_t t0 = leat_now();
            leat_sem_release(&l.to, 1);
            assert_int_equal(leat_sem_acquire_until(&l.back, 1, leat_in_s(20)), 0);
            int64_t took = leat_now() - t0;
            worst = took > worst ? took : worst;
        }
        struct leat_pool_stats s;
        leat_pool_stats(p, &s);
        assert_int_equal(s.late, 0);
        print_message("%u workers: longest round %lld us\n", workers,
                      (long long)(worst / 1000));
        drain(p);
    }
}

/* Pairs that talk at random distances, all workers falling asleep again and again. */
static int gap_sender(void *arg)
{
    struct lonely *l = arg;
    struct support_rng rng = support_rng((uint64_t)(uintptr_t)l);
    for (size_t i = 0; i < l->rounds; i++) {
        uint32_t dice = support_below(&rng, 16);
        if (dice == 0)
            expect_eq(leat_sleep_ns(support_below(&rng, 200000)), 0);
        else if (dice == 1)
            leat_yield();
        leat_sem_release(&l->to, 1);
        if (leat_sem_acquire_until(&l->back, 1, leat_in_s(50)))
            return expect(!"lost");
    }
    return 0;
}

static void no_message_is_lost_between_sleeps(void **state)
{
    (void)state;
    enum { PAIRS = 6 };
    for (unsigned workers = 1; workers <= 4; workers++) {
        struct lonely l[PAIRS] = {{.rounds = 0}};
        leat_pool *p = support_pool_of(workers, workers == 3 ? LEAT_POOL_FENCED : 0);
        for (int i = 0; i < PAIRS; i++) {
            l[i].rounds = support_scale(3000);
            assert_int_equal(leat_pool_go(p, NULL, echo, &l[i]), 0);
            assert_int_equal(leat_pool_go(p, NULL, gap_sender, &l[i]), 0);
        }
        drain(p);
    }
}

/* --- pinned fibers --- */

struct pin {
    unsigned worker;
    leat_sem *s;
    pid_t thread; /* the kernel's number: pthread_self() may be kept over a switch */
    size_t rounds;
    struct pin *peer;
    leat_sem sem;
};

static int stays(void *arg)
{
    struct pin *pin = arg;
    pin->thread = gettid();
    for (size_t i = 0; i < pin->rounds; i++) {
        leat_sem_release(&pin->peer->sem, 1);
        if (leat_sem_acquire(&pin->sem, 1))
            return 1;
        expect_eq(gettid(), pin->thread);
        if (i % 7 == 0)
            leat_yield();
        if (i % 64 == 0)
            expect_eq(leat_sleep_ns(1000), 0);
        expect_eq(gettid(), pin->thread);
    }
    return 0;
}

static int noise(void *arg)
{
    for (size_t i = *(size_t *)arg; i > 0; i--)
        leat_yield();
    return 0;
}

static void pinned_fibers_stay_and_are_woken(void **state)
{
    (void)state;
    enum { PAIRS = 4 };
    for (unsigned workers = 1; workers <= 3; workers++) {
        leat_pool *p = support_pool_of(workers, 0);
        struct pin pin[2 * PAIRS];
        leat_fiber *f[2 * PAIRS];
        size_t noises = support_scale(20000);
        for (unsigned i = 0; i < 2 * PAIRS; i++)
            pin[i] = (struct pin){.rounds = support_scale(5000), .peer = &pin[i ^ 1]};
        for (unsigned i = 0; i < 2 * PAIRS; i++) {
            struct leat_fiber_opts o = {.size = sizeof(o), .pool = p,
                                        .pin = (int)((i + i / 3) % workers) + 1};
            pin[i].worker = (unsigned)o.pin;
            assert_int_equal(leat_fiber_start(&f[i], &o, stays, &pin[i]), 0);
        }
        assert_int_equal(leat_pool_go(p, NULL, noise, &noises), 0);
        for (unsigned i = 0; i < 2 * PAIRS; i++) {
            int r = 1;
            assert_int_equal(leat_fiber_join_until(f[i], &r, leat_in_s(60)), 0);
            assert_int_equal(r, 0);
        }
        for (unsigned i = 0; i < 2 * PAIRS; i++)
            for (unsigned k = 0; k < i; k++)
                assert_int_equal(pin[i].worker == pin[k].worker,
                                 pin[i].thread == pin[k].thread);
        drain(p);
    }
}

/* --- rest --- */

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int blocks(void *arg)
{
    (void)arg;
    return 0;
}

static int once_blocking(void *arg)
{
    (void)arg;
    return leat_blocking(blocks, NULL, NULL);
}

/* Also with a thread of leat_blocking that waits for the next call. */
static void an_idle_pool_burns_nothing(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    assert_int_equal(leat_pool_run(p, once_blocking, NULL), 0);
    assert_int_equal(leat_sleep_ns(50000000), 0); /* the looks of the last keeper */
    int64_t cpu = cpu_ns();
    assert_int_equal(leat_sleep_ns(1000000000), 0);
    cpu = cpu_ns() - cpu;
    print_message("an idle pool: %lld us of CPU in 1 s\n", (long long)(cpu / 1000));
    assert_true(cpu < 1000000 * 100 / (int64_t)support_scale(100));
    drain(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_computing_fiber_delays_nobody),
        cmocka_unit_test(one_that_was_chatty_delays_nobody_either),
        cmocka_unit_test(a_steady_readier_is_robbed_again_and_again),
        cmocka_unit_test(a_timer_rings_behind_a_computing_fiber),
        cmocka_unit_test(a_pair_that_talks_leaves_room_for_others),
        cmocka_unit_test(no_single_message_is_lost),
        cmocka_unit_test(no_message_is_lost_between_sleeps),
        cmocka_unit_test(pinned_fibers_stay_and_are_woken),
        cmocka_unit_test(an_idle_pool_burns_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
