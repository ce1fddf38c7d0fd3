/* test_end.c - shutdown, calls that block, sleeps, stacks, bad input.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=200 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <leat/leat.h>
#include "support/support.h"

static unsigned tasks(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* --- a program without fibers; the first test of all --- */

static void *sends(void *arg)
{
    for (int i = 0; i < 100; i++)
        expect_eq(leat_chan_send(arg, &i), 0);
    return NULL;
}

static void *idles(void *arg)
{
    return arg;
}

static void threads_alone_start_no_thread_and_change_no_signal(void **state)
{
    (void)state;
    pthread_t first; /* a sanitizer starts its own thread with the first one */
    assert_int_equal(pthread_create(&first, NULL, idles, NULL), 0);
    assert_int_equal(pthread_join(first, NULL), 0);
    unsigned before = tasks();
    sigset_t mask, after;
    struct sigaction segv, segv_after;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    sigaction(SIGSEGV, NULL, &segv);
    leat_chan *c;
    pthread_t t;
    assert_int_equal(leat_chan_new(&c, sizeof(int), 0), 0);
    assert_int_equal(pthread_create(&t, NULL, sends, c), 0);
    for (int i = 0, got; i < 100; i++) {
        assert_int_equal(leat_chan_recv(c, &got), 0);
        assert_int_equal(got, i);
    }
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(leat_sleep_ns(1000), 0);
    leat_yield();
    leat_chan_free(c);
    unsigned now = tasks();
    for (int i = 0; now != before && i < 1000; i++) { /* the kernel's goodbye */
        sched_yield();
        now = tasks();
    }
    assert_int_equal(now, before);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    sigaction(SIGSEGV, NULL, &segv_after);
    for (int s = 1; s < NSIG; s++)
        assert_int_equal(sigismember(&mask, s), sigismember(&after, s));
    assert_ptr_equal((void *)segv.sa_handler, (void *)segv_after.sa_handler);
    verdict();
}

/* --- shutdown --- */

struct work {
    leat_sem s;
    leati_a64 ended, cancelled;
    unsigned depth;
};

static int waits(void *arg)
{
    struct work *w = arg;
    int err = leat_sem_acquire(&w->s, 1);
    (void)leati_add_ar(err ? &w->cancelled : &w->ended, (uint64_t)1);
    return err;
}

static int spawns_more(void *arg)
{
    struct work *w = arg;
    for (int i = 0; i < 100; i++)
        expect_eq(leat_go(NULL, waits, w), 0);
    return 0;
}

static void *releases_later(void *arg)
{
    struct work *w = arg;
    leat_sem_release(&w->s, 5000);
    return NULL;
}

static void drain_waits_for_the_last_fiber(void **state)
{
    (void)state;
    struct support_bytes bytes = {0};
    struct leat_alloc alloc = support_alloc(&bytes);
    unsigned before = tasks();
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct work w = {.depth = 0};
        struct leat_pool_opts o = {.workers = workers, .alloc = &alloc};
        leat_pool *p = support_pool(&o);
        pthread_t t;
        for (int i = 0; i < 50; i++)
            assert_int_equal(leat_pool_go(p, NULL, spawns_more, &w), 0);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, leat_in_us(100)),
                         LEAT_ETIMEDOUT);
        assert_int_equal(leat_pool_go(p, NULL, waits, &w), LEAT_ECLOSED);
        assert_int_equal(pthread_create(&t, NULL, releases_later, &w), 0);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
        assert_int_equal(pthread_join(t, NULL), 0);
        assert_int_equal(w.ended.v, 5000);
        assert_int_equal(w.cancelled.v, 0);
        verdict();
    }
    assert_int_equal(bytes.live, 0);
    unsigned now = tasks();
    for (int i = 0; now != before && i < 1000; i++) {
        sched_yield();
        now = tasks();
    }
    assert_int_equal(now, before);
}

static void cancelling_ends_them_all(void **state)
{
    (void)state;
    struct support_bytes bytes = {0};
    struct leat_alloc alloc = support_alloc(&bytes);
    for (size_t i = 0; i < support_scale(100); i++) {
        struct work w = {.depth = 0};
        struct leat_pool_opts o = {.workers = 1 + (unsigned)i % 3, .alloc = &alloc};
        leat_pool *p = support_pool(&o);
        for (int k = 0; k < 5; k++)
            assert_int_equal(leat_pool_go(p, NULL, spawns_more, &w), 0);
        assert_null(leat_pool_free(p));
        assert_int_equal(w.ended.v, 0);
        assert_int_equal(w.cancelled.v, 500);
    }
    assert_int_equal(bytes.live, 0);
    verdict();
}

static int ends_its_own_pool(void *arg)
{
    return leat_pool_shutdown(arg, LEAT_DRAIN, LEAT_NEVER);
}

static void a_fiber_cannot_end_its_own_pool(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(1, 0);
    assert_int_equal(leat_pool_run(p, ends_its_own_pool, p), LEAT_EDEADLK);
    assert_null(leat_pool_free(p));
    assert_null(leat_pool_free(NULL));
}

/* --- memory that does not suffice --- */

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void no_memory_is_said_and_nothing_is_left(void **state)
{
    (void)state;
    for (uint64_t fail = 1; fail < 30; fail++) {
        struct support_bytes bytes = {.fail_at = fail};
        struct leat_alloc alloc = support_alloc(&bytes);
        struct leat_pool_opts o = {.size = sizeof(o), .workers = 2, .alloc = &alloc};
        leat_pool *p = NULL;
        int err = leat_pool_new(&p, &o);
        if (err == 0) {
            err = leat_pool_go(p, NULL, nothing, NULL);
            assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
        }
        assert_true(err == 0 || err == LEAT_ENOMEM);
        assert_int_equal(bytes.live, 0);
    }
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    leat_pool *p = NULL;
    leat_fiber *f;
    struct leat_pool_opts o = {.size = 3};
    assert_int_equal(leat_pool_new(NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_pool_new(&p, &o), LEAT_EINVAL);
    o.size = sizeof(o) + 8;
    assert_int_equal(leat_pool_new(&p, &o), LEAT_EINVAL);
    o = (struct leat_pool_opts){.size = sizeof(o), .stack_size = 100};
    assert_int_equal(leat_pool_new(&p, &o), LEAT_EINVAL);
    o = (struct leat_pool_opts){.size = sizeof(o), .flags = 1u << 20};
    assert_int_equal(leat_pool_new(&p, &o), LEAT_EINVAL);
    o = (struct leat_pool_opts){.size = sizeof(o), .workers = 1025};
    assert_int_equal(leat_pool_new(&p, &o), LEAT_EINVAL);
    o = (struct leat_pool_opts){.size = sizeof(o), .blocking = (1u << 20) + 1};
    assert_int_equal(leat_pool_new(&p, &o), LEAT_EINVAL);
    assert_null(p);
    p = support_pool_of(2, 0);
    assert_int_equal(leat_pool_workers(p), 2);
    assert_int_equal(leat_pool_go(p, &f, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_pool_go(NULL, &f, nothing, NULL), LEAT_EINVAL);
    struct leat_fiber_opts fo = {.size = sizeof(fo), .pool = p, .pin = 3};
    assert_int_equal(leat_fiber_start(&f, &fo, nothing, NULL), LEAT_EINVAL);
    fo = (struct leat_fiber_opts){.size = sizeof(fo), .pool = p, .stack_size = 1};
    assert_int_equal(leat_fiber_start(&f, &fo, nothing, NULL), LEAT_EINVAL);
    fo = (struct leat_fiber_opts){.size = 1};
    assert_int_equal(leat_fiber_start(&f, &fo, nothing, NULL), LEAT_EINVAL);
    fo = (struct leat_fiber_opts){.size = sizeof(fo) + 8, .pool = p};
    assert_int_equal(leat_fiber_start(&f, &fo, nothing, NULL), LEAT_EINVAL);
    assert_int_equal(leat_fiber_join(NULL, NULL), LEAT_EINVAL);
    assert_null(leat_fiber_detach(NULL));
    leat_fiber_cancel(NULL);
    assert_int_equal(leat_pool_shutdown(NULL, LEAT_DRAIN, LEAT_NEVER), LEAT_EINVAL);
    assert_int_equal(leat_pool_shutdown(p, (enum leat_shutdown)7, LEAT_NEVER),
                     LEAT_EINVAL);
    assert_false(leat_fiber_cancelled());
    assert_false(leat_fiber_mask(true));
    assert_null(leat_pool_free(p));
}

/* --- calls that block --- */

struct call {
    int fds[2];
    leati_a64 ran, refused;
};

static int reads_a_byte(void *arg)
{
    struct call *c = arg;
    char b;
    (void)leati_add_ar(&c->ran, (uint64_t)1);
    return read(c->fds[0], &b, 1) == 1 ? b : -1;
}

static int blocking_read(void *arg)
{
    struct call *c = arg;
    bool ran = false;
    int r = leat_blocking(reads_a_byte, c, &ran);
    if (!ran)
        (void)leati_add_ar(&c->refused, (uint64_t)1);
    expect_eq(ran ? 'x' : LEAT_ECANCELED, r);
    return r;
}

static int writes_and_waits(void *arg)
{
    struct call *c = arg;
    leat_fiber *f[40];
    for (int i = 0; i < 40; i++)
        expect_eq(leat_go(&f[i], blocking_read, c), 0);
    while (leati_load_acq(&c->ran) < 4) /* as many as there may be threads */
        leat_yield();
    for (int i = 0; i < 1000; i++)
        leat_yield();
    expect_eq(leati_load_acq(&c->ran), 4);
    for (int i = 30; i < 40; i++)
        leat_fiber_cancel(f[i]);
    for (int i = 0; i < 40; i++)
        expect_eq(write(c->fds[1], "x", 1), 1);
    for (int i = 0; i < 40; i++)
        expect_eq(leat_fiber_join(f[i], NULL), 0);
    return 0;
}

static void blocking_calls_leave_the_workers_free(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 2; workers++) {
        struct leat_pool_opts o = {.workers = workers, .blocking = 4};
        struct call c = {.ran = {0}};
        leat_pool *p = support_pool(&o);
        assert_int_equal(pipe(c.fds), 0);
        assert_int_equal(leat_pool_run(p, writes_and_waits, &c), 0);
        assert_int_equal(c.ran.v + c.refused.v, 40);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
        close(c.fds[0]);
        close(c.fds[1]);
        verdict();
    }
}

static int adds(void *arg)
{
    ++*(uint64_t *)arg;
    return 5;
}

static int calls_often(void *arg)
{
    uint64_t n = 0;
    size_t want = *(size_t *)arg;
    for (size_t i = 0; i < want; i++)
        expect_eq(leat_blocking(adds, &n, NULL), 5);
    return expect_eq(n, want) ? 0 : 1;
}

static void one_thread_serves_one_caller(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    size_t want = support_scale(5000);
    unsigned before = tasks();
    assert_int_equal(leat_pool_run(p, calls_often, &want), 0);
    assert_int_equal(tasks(), before + 1);
    assert_int_equal(leat_blocking(adds, &(uint64_t){0}, NULL), 5); /* on a thread */
    assert_int_equal(leat_blocking(NULL, NULL, NULL), LEAT_EINVAL);
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    verdict();
}

static int gets_no_thread(void *arg)
{
    bool ran = true;
    expect_eq(leat_blocking(nothing, arg, &ran), LEAT_EAGAIN);
    expect(!ran);
    return 0;
}

static void no_thread_for_a_blocking_call_is_said(void **state)
{
    (void)state;
    struct support_bytes bytes = {0};
    struct leat_alloc alloc = support_alloc(&bytes);
    struct leat_pool_opts o = {.workers = 1, .alloc = &alloc};
    leat_pool *p = support_pool(&o);
    assert_int_equal(leat_pool_run(p, nothing, NULL), 0); /* records are there */
    bytes.fail_at = 1;
    assert_int_equal(leat_pool_run(p, gets_no_thread, NULL), 0);
    bytes.fail_at = 0;
    size_t want = 10;
    assert_int_equal(leat_pool_run(p, calls_often, &want), 0);
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    assert_int_equal(bytes.live, 0);
    verdict();
}

/* --- CPUs --- */

static int cpus_here(void *arg)
{
    (void)arg;
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof(set), &set) ? -1 : CPU_COUNT(&set);
}

static int cpu_of_worker(void *arg)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set))
        return -1;
    int cpu = 0;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set))
        cpu++;
    *(int *)arg = CPU_COUNT(&set);
    return cpu;
}

/* A pool made by a fiber of a bound worker, and calls that block, have all CPUs. */
static int looks_at_the_cpus(void *arg)
{
    int all = *(int *)arg, cpu[2] = {0, 0}, count[2] = {0, 0};
    leat_fiber *f[2];
    leat_pool *p = NULL;
    struct leat_pool_opts o = {.size = sizeof(o), .workers = 2};
    expect_eq(leat_blocking(cpus_here, NULL, NULL), all);
    if (!expect_eq(leat_pool_new(&p, &o), 0))
        return 1;
    for (int i = 0; i < 2; i++) {
        struct leat_fiber_opts fo = {.size = sizeof(fo), .pool = p, .pin = i + 1};
        expect_eq(leat_fiber_start(&f[i], &fo, cpu_of_worker, &count[i]), 0);
        expect_eq(leat_fiber_join(f[i], &cpu[i]), 0);
    }
    expect(all == 1 || cpu[0] != cpu[1] || count[0] > 1); /* more than one: a quota */
    leat_pool_free(p);
    return 0;
}

static void every_thread_runs_on_the_cpus_of_its_pool(void **state)
{
    (void)state;
    int all = cpus_here(NULL);
    leat_pool *p = support_pool_of(1, 0);
    assert_int_equal(leat_pool_run(p, looks_at_the_cpus, &all), 0);
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    assert_int_equal(cpus_here(NULL), all);
    verdict();
}

/* --- sleeps --- */

struct naps {
    leati_a64 slept;
    size_t rounds;
};

static int sleeper(void *arg)
{
    struct naps *n = arg;
    struct support_rng rng = support_rng((uint64_t)(uintptr_t)leat_fiber_self());
    for (size_t i = 0; i < n->rounds; i++) {
        int64_t ns = support_below(&rng, 300000), t0 = leat_now();
        expect_eq(leat_sleep_ns(ns), 0);
        expect(leat_now() - t0 >= ns);
        (void)leati_add_ar(&n->slept, (uint64_t)1);
    }
    return 0;
}

static void sleeps_never_end_early_and_always_end(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 3; workers++) {
        struct naps n = {.rounds = support_scale(100)};
        leat_pool *p = support_pool_of(workers, 0);
        for (int i = 0; i < 100; i++)
            assert_int_equal(leat_pool_go(p, NULL, sleeper, &n), 0);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, leat_in_s(60)), 0);
        assert_int_equal(n.slept.v, 100 * n.rounds);
        verdict();
    }
}

struct late {
    leati_a32 woke;
    int64_t due, at;
};

static int naps_briefly(void *arg)
{
    struct late *l = arg;
    l->due = leat_now() + 3000000;
    expect_eq(leat_sleep_until(leat_at(l->due)), 0);
    l->at = leat_now();
    leati_store_rel(&l->woke, 1u);
    return 0;
}

/* The timer is in the heap of a worker that then computes: another one must fire it. */
static int computes_over_a_timer(void *arg)
{
    struct late *l = arg;
    expect_eq(leat_go(NULL, naps_briefly, l), 0);
    leat_yield();
    int64_t end = leat_now() + 5000000000;
    while (!leati_load_acq(&l->woke))
        if (!expect(leat_now() < end))
            return 1;
    return 0;
}

static void a_timer_fires_although_its_worker_computes(void **state)
{
    (void)state;
    leat_pool *p = support_pool_of(2, 0);
    for (int i = 0; i < 20; i++) {
        struct late l = {.due = 0};
        assert_int_equal(leat_sleep_ns(5000000), 0); /* all are deep asleep */
        assert_int_equal(leat_pool_run(p, computes_over_a_timer, &l), 0);
    }
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_alone_start_no_thread_and_change_no_signal),
        cmocka_unit_test(drain_waits_for_the_last_fiber),
        cmocka_unit_test(cancelling_ends_them_all),
        cmocka_unit_test(a_fiber_cannot_end_its_own_pool),
        cmocka_unit_test(no_memory_is_said_and_nothing_is_left),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(blocking_calls_leave_the_workers_free),
        cmocka_unit_test(one_thread_serves_one_caller),
        cmocka_unit_test(no_thread_for_a_blocking_call_is_said),
        cmocka_unit_test(every_thread_runs_on_the_cpus_of_its_pool),
        cmocka_unit_test(sleeps_never_end_early_and_always_end),
        cmocka_unit_test(a_timer_fires_although_its_worker_computes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
