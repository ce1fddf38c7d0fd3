/* support.h - what the tests share: seeds, sizes, failures seen off the test thread,
 * crews of threads and fibers, memory that is counted.
 *
 * cmocka's assertions are for the test thread only. Everybody else uses expect(),
 * which records; verdict() on the test thread then fails the test.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_SUPPORT_H
#define LEAT_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <leat/leat.h>

/* ---- seed.c: chance and size ---- */

/* This run's seed: LEAT_SEED, else taken from the clock; printed at first use. */
uint64_t support_seed(void);

struct support_rng {
    uint64_t state;
};

/* A stream of its own for each `who`, derived from the seed. */
struct support_rng support_rng(uint64_t who);
uint64_t support_rand(struct support_rng *r);
uint32_t support_below(struct support_rng *r, uint32_t n); /* 0 .. n-1 */

/* A count of iterations, times LEAT_SCALE per cent (100 when unset), at least 1. */
size_t support_scale(size_t n);

/* Are the instructions interpreted (LEAT_EMULATED)? For what an emulator cannot do. */
bool support_emulated(void);

/* A number of actors: LEAT_ACTORS when set (runs with a crowd), else n. */
unsigned support_actors(unsigned n);

/* ---- fail.c: failures off the test thread ---- */

/* Records the first failure and counts all. Cheap, allocates nothing, needs little
 * stack: fibers may use it. Returns ok. */
bool support_record(bool ok, const char *text, long long got, long long want,
                    const char *file, int line);

#define expect(cond) support_record((cond), #cond, 0, 0, __FILE__, __LINE__)
#define expect_eq(got, want)                                                             \
    support_record_eq((long long)(got), (long long)(want), #got " == " #want, __FILE__,  \
                      __LINE__)

/* A function, so that the arguments of expect_eq are evaluated once. */
static inline bool support_record_eq(long long got, long long want, const char *text,
                                     const char *file, int line)
{
    return support_record(got == want, text, got, want, file, line);
}

/* On the test thread: fails the test when something was recorded; forgets it. */
void verdict(void);

/* What is being tested right now, for verdict to print: of the test thread, may be NULL. */
extern const char *support_about;

/* ---- crew.c: actors ---- */

enum crew_kind {
    CREW_THREADS, /* each an OS thread                                            */
    CREW_FIBERS,  /* each a fiber, all in a pool of the crew's own                */
    CREW_MIXED,   /* even ones threads, odd ones fibers                           */
    CREW_KINDS,
};
extern const char *const crew_kind_name[CREW_KINDS];

struct crew;

struct actor {
    struct crew *crew;
    unsigned index; /* 0 .. n-1 */
    void *arg;
    struct support_rng rng;
};

typedef void actor_fn(struct actor *a);

/* Starts n actors; none begins before all have come to the start. workers: of the
 * pool, 0 for as many as there are CPUs (or LEAT_WORKERS). On the test thread. */
struct crew *crew_start(enum crew_kind kind, unsigned workers, unsigned n, actor_fn *fn,
                        void *arg);

/* The same, fn chosen for each: fns[i % nfns]. */
struct crew *crew_start_each(enum crew_kind kind, unsigned workers, unsigned n,
                             actor_fn *const *fns, unsigned nfns, void *arg);

/* Waits until all have returned, ends the pool, calls verdict(). After 100 s without
 * an end (LEAT_PATIENCE seconds): leat_dump() and abort(). */
void crew_join(struct crew *c);

/* crew_start and crew_join. */
void crew_run(enum crew_kind kind, unsigned n, actor_fn *fn, void *arg);

/* The crew's pool (NULL: threads only), and the handle of a fiber in it (NULL when
 * that actor is a thread). */
leat_pool *crew_pool(struct crew *c);
leat_fiber *crew_fiber(struct crew *c, unsigned index);

/* ---- pool.c: pools of the test's own ---- */

/* A new pool of those options, their size filled in. Fails the test when there is none. */
leat_pool *support_pool(const struct leat_pool_opts *more);
leat_pool *support_pool_of(unsigned workers, unsigned flags);

/* ---- wait.c: waiting for a state of the engine without sleeping blindly ---- */

/* Yields until cond(arg), at most 20 s. Returns whether it came true. From threads and
 * fibers. */
bool support_until(bool (*cond)(void *arg), void *arg);

/* ---- bytes.c: memory that is counted ---- */

struct support_bytes {
    uint64_t live, peak; /* bytes now, most bytes ever */
    uint64_t calls;      /* allocations                */
    uint64_t fail_at;    /* the fail_at-th allocation and those after it give NULL;
                            0: none does */
};
/* Functions that count in *b, which outlives their user. */
struct leat_alloc support_alloc(struct support_bytes *b);

/* ---- mallocs.c: every malloc, calloc, realloc and aligned one of the process ---- */

/* How many there were so far. Counts only in programs that call it, and not at all
 * under sanitizers (support_mallocs_counted tells). */
uint64_t support_mallocs(void);
bool support_mallocs_counted(void);

#endif
