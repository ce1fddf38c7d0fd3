/* test_each_site.c - every call of the system fails once, at each site in turn.
 *
 * A scenario (scenarios.c, pools.c) runs once in a child process that counts its calls of
 * each kind; then once more in a new child for every k, in which the k-th call fails, and
 * in others in which that one and the next seven fail. What was refused says so with a
 * clear error, and succeeds when it is called again; what cannot be refused (futex,
 * munmap, guards, membarrier) completes as if nothing had happened. Then the scenario runs
 * without a fault in the same process: everything succeeds, and as much memory is held
 * as without any fault. Objects made before go on working.
 *
 * A child each: what is done once in a process is a site too, and a hang or a crash is
 * seen. SPDX-License-Identifier: MIT */
/* ctest: timeout=300 noemu novalgrind (hundreds of processes) */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "site.h"

/* ---- in the child ---- */

/* Made before anything fails; used while and after it does. */
static struct {
    leat_chan *bounded, *unbounded;
    leat_pool *pool;
    leat_fiber *fiber;
} by;

static int bystander(void *arg)
{
    uint64_t v;
    (void)arg;
    while (leat_chan_recv(by.bounded, &v) == 0)
        THAT(leat_chan_send(by.unbounded, &v) == 0, v);
    return 3;
}

static void by_open(void)
{
    const struct leat_pool_opts o = {.size = sizeof(o), .workers = 1, .name = "by"};
    THAT(leat_chan_new(&by.bounded, sizeof(uint64_t), 2) == 0, 0);
    THAT(leat_chan_new(&by.unbounded, sizeof(uint64_t), LEAT_UNBOUNDED) == 0, 0);
    THAT(leat_pool_new(&by.pool, &o) == 0, 0);
    THAT(leat_pool_go(by.pool, &by.fiber, bystander, NULL) == 0, 0);
}

static void by_use(void)
{
    for (uint64_t i = 0, v; i < 20; i++) {
        THAT(leat_chan_send(by.bounded, &i) == 0, i);
        THAT(leat_chan_recv(by.unbounded, &v) == 0 && v == i, v);
    }
}

static void by_close(void)
{
    int r;
    by_use();
    leat_chan_close(by.bounded);
    THAT(leat_fiber_join(by.fiber, &r) == 0 && r == 3, r);
    leat_pool_free(by.pool);
    leat_chan_free(by.bounded);
    leat_chan_free(by.unbounded);
}

static _Noreturn void child(void (*scenario)(void), bool beside)
{
    const struct inject_plan plan = site_board->plan;
    alarm(40);
    if (site_board->old_kernel)
        inject_old_kernel();
    if (beside)
        by_open();
    inject_arm(&plan);
    scenario();
    for (unsigned k = 0; k < INJECT_KINDS; k++)
        site_board->calls[k] = inject_calls((enum inject_kind)k);
    inject_disarm();
    site_board->fired = inject_fired();
    if (beside)
        by_use();
    site_board->quiet = true; /* from here on nothing may be refused */
    scenario();
    if (beside)
        by_close();
    site_board->live = inject_live();
    _exit(0);
}

/* ---- in the test ---- */

struct scenario {
    const char *name;
    void (*fn)(void);
    bool fibers;
    bool old_kernel; /* without guards in the page table */
};

static void describe(const struct scenario *s, const struct inject_plan *p)
{
    print_error("%s: %s fails, call %u, %u in a row, or every %u-th, error %d\n", s->name,
                inject_name[p->kind], p->from, p->n, p->every, p->error);
    if (site_board->failed_line)
        print_error("%s:%d: %s (got %lld)\n", site_board->failed_file,
                    site_board->failed_line, site_board->failed_text, site_board->got);
}

static struct inject_live run(const struct scenario *s, const struct inject_plan *p,
                              bool beside)
{
    int status = -1;
    memset(site_board, 0, sizeof(*site_board));
    site_board->plan = *p;
    site_board->old_kernel = s->old_kernel;
    site_board->quiet = p->kind == INJECT_NONE || p->kind >= INJECT_MUNMAP;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(s->fn, beside);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0 || site_board->failed_line) {
        describe(s, p);
        fail_msg("the child ended with status %#x", status);
    }
    return site_board->live;
}

static void assert_same(const struct scenario *s, const struct inject_plan *p,
                        bool beside, const struct inject_live *have,
                        const struct inject_live *want)
{
    /* Refused membarrier, declared sides share a header with others: fewer slabs. */
    bool few = p->kind == INJECT_MEMBARRIER && have->blocks < want->blocks;
    few |= FIBERS_COST && (s->fibers || beside);
    if ((have->blocks == want->blocks || few) && have->mapped == want->mapped &&
        have->caller_blocks == want->caller_blocks && !have->mismatch)
        return;
    describe(s, p);
    fail_msg("held at the end: %lld blocks, %lld bytes mapped, %lld blocks of the caller; "
             "without a fault %lld, %lld, %lld%s",
             (long long)have->blocks, (long long)have->mapped,
             (long long)have->caller_blocks, (long long)want->blocks,
             (long long)want->mapped, (long long)want->caller_blocks,
             have->mismatch ? "; free was told another size than alloc" : "");
}

struct tally {
    unsigned sites, runs, fired, refused;
};

static void one(const struct scenario *s, const struct inject_plan *p, bool beside,
                const struct inject_live *want, struct tally *t)
{
    struct inject_live have = run(s, p, beside);
    assert_same(s, p, beside, &have, want);
    t->runs++;
    t->fired += site_board->fired;
    t->refused += site_board->refused;
}

/* The k-th call fails, alone; and with the seven after it, beside others. */
static void at_site(const struct scenario *s, enum inject_kind kind, unsigned k,
                    const struct inject_live want[2], struct tally *t)
{
    static const int errors[] = {EINTR, EAGAIN, 0, EFAULT};
    const bool beside = !(FIBERS_COST && kind == INJECT_MALLOC);
    struct inject_plan p = {kind, k, 1, 0, errors[k % 4]};
    if (!FIBERS_COST || k % 2)
        one(s, &p, false, &want[0], t);
    p.n = 8;
    if (!FIBERS_COST || k % 2 == 0)
        one(s, &p, beside, &want[beside], t);
    t->sites++;
}

/* All of the first ones, then a sample; where a child takes long, one by chance, of
 * which the other builds have tried all. */
static void each_call(const struct scenario *s, enum inject_kind kind, unsigned calls,
                      const struct inject_live want[2], struct tally *t)
{
    const unsigned first = kind < INJECT_MUNMAP ? 64 : 2 + (unsigned)support_scale(6);
    if (FIBERS_COST) {
        struct support_rng rng = support_rng(kind);
        at_site(s, kind, 1 + support_below(&rng, calls < 8 ? calls : 8), want, t);
        return;
    }
    for (unsigned k = 1, step = 1; k <= calls; k += step) {
        at_site(s, kind, k, want, t);
        if (k == first)
            step = calls / 10 + 1;
    }
}

/* Every second or third one, all the time: what is asked for again fails again. */
static void often(const struct scenario *s, enum inject_kind kind,
                  const struct inject_live *want, struct tally *t)
{
    static const int errors[] = {EINTR, EAGAIN, 0};
    for (unsigned i = 0; i < (kind < INJECT_WAIT || FIBERS_COST ? 2 : 6); i++) {
        const struct inject_plan p = {kind, 0, 0, 2 + i % 2, errors[i / 2]};
        one(s, &p, true, want, t);
    }
}

/* Adds to total[] by kind. */
static void run_scenario(const struct scenario *s, enum inject_kind first,
                         enum inject_kind last, struct tally *total)
{
    const struct inject_plan none = {INJECT_NONE, 0, 0, 0, 0};
    unsigned calls[INJECT_KINDS];
    struct inject_live want[2];
    want[1] = run(s, &none, true);
    want[0] = run(s, &none, false);
    memcpy(calls, site_board->calls, sizeof(calls));
    assert_int_equal(want[0].caller_blocks, 0);
    assert_int_equal(want[0].mapped, inject_live().mapped); /* the board */
    for (unsigned k = first; k <= last; k++) {
        struct tally t = {0};
        if (calls[k] == 0 || (s->old_kernel && k != INJECT_MPROTECT) ||
            (FIBERS_COST && s->fibers && k == INJECT_MALLOC))
            continue;
        each_call(s, (enum inject_kind)k, calls[k], want, &t);
        if (k >= INJECT_WAIT || (k <= INJECT_CALLER && !FIBERS_COST))
            often(s, (enum inject_kind)k, &want[1], &t);
        print_message("%-9s %-14s %5u calls, %3u sites, %3u runs, %4u failed, %4u told\n",
                      s->name, inject_name[k], calls[k], t.sites, t.runs, t.fired,
                      t.refused);
        /* How often somebody sleeps is a matter of chance. */
        assert_true(t.fired > 0 || k >= INJECT_WAIT || FIBERS_COST);
        total[k].fired += t.fired;
        total[k].refused += t.refused;
    }
}

static const struct scenario scenarios[] = {
    {"channels", scenario_channels, false, false},
    {"select", scenario_select, false, false},
    {"mailbox", scenario_mailbox, false, false},
    {"parking", scenario_parking, false, false},
    {"pool", scenario_pool, true, false},
    {"blocking", scenario_blocking, true, false},
    {"old", scenario_pool, true, true},
};

static void run_all(enum inject_kind first, enum inject_kind last)
{
    struct tally total[INJECT_KINDS] = {0};
    for (unsigned i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        run_scenario(&scenarios[i], first, last, total);
    for (unsigned k = first; k <= last; k++) {
        support_about = inject_name[k];
        assert_true(total[k].refused == 0 || k < INJECT_MUNMAP);
        if (!FIBERS_COST)
            assert_true(total[k].fired > 0 && (total[k].refused > 0 || k >= INJECT_MUNMAP));
    }
    support_about = NULL;
}

static void memory_that_is_refused_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    run_all(INJECT_MALLOC, INJECT_CALLER);
}

static void maps_threads_and_descriptors_are_refused_without_a_trace(void **state)
{
    (void)state;
    run_all(INJECT_MMAP, INJECT_EVENTFD);
}

static void what_cannot_be_refused_goes_on_as_if_nothing_had_happened(void **state)
{
    (void)state;
    run_all(INJECT_MUNMAP, INJECT_MEMBARRIER);
}

static void a_futex_that_returns_too_early_or_with_an_error_is_not_seen(void **state)
{
    (void)state;
    run_all(INJECT_WAIT, INJECT_WAKE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_refused_is_reported_and_nothing_leaks),
        cmocka_unit_test(maps_threads_and_descriptors_are_refused_without_a_trace),
        cmocka_unit_test(what_cannot_be_refused_goes_on_as_if_nothing_had_happened),
        cmocka_unit_test(a_futex_that_returns_too_early_or_with_an_error_is_not_seen),
    };
    site_board = mmap(NULL, sizeof(*site_board), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return site_board == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
