/* model.h - what every model in this folder shares: words with the engine's names for
 * their orders, the kernel's part (futex, membarrier), mutations, and the runner.
 *
 * Memory is simulated: a load may return one of the last three values that its order
 * and what happened before allow; a plain access (VAR) that races is an error, and so
 * is an access to what was freed, a wait that nobody ends, and an endless loop. Not
 * simulated: loads that are passed by later stores (a relaxed load never reads a value
 * stored after it in time), values older than three, spurious CAS failures.
 *
 * membarrier is a fence that every thread executes at that moment, as the kernel has
 * it; the light side is then nothing at all. SPDX-License-Identifier: MIT */
#ifndef MODEL_H
#define MODEL_H

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>

#include <relacy/relacy.hpp>

using rl::mo_acq_rel;
using rl::mo_acquire;
using rl::mo_relaxed;
using rl::mo_release;
using rl::mo_seq_cst;

typedef uint64_t u64;
typedef rl::atomic<u64> word;

/* The mutation at work, 0: none. */
extern int mutation;

static inline bool mut(int n)
{
    return mutation == n;
}

/* An order that mutation n weakens. */
static inline rl::memory_order weak(int n, rl::memory_order strong,
                                    rl::memory_order weaker = mo_relaxed)
{
    return mut(n) ? weaker : strong;
}

static inline rl::memory_order on_failure(rl::memory_order o)
{
    return o == mo_acq_rel ? mo_acquire : mo_relaxed;
}

/* A bool behind each CAS: the value found is left in want, as in the engine. */
#define load_at(a, o)     (a).load(o, $)
#define load_rlx(a)       load_at(a, mo_relaxed)
#define load_acq(a)       load_at(a, mo_acquire)
#define load_sc(a)        load_at(a, mo_seq_cst)
#define store_at(a, x, o) (a).store(x, o, $)
#define store_rlx(a, x)   store_at(a, x, mo_relaxed)
#define store_rel(a, x)   store_at(a, x, mo_release)
#define store_sc(a, x)    store_at(a, x, mo_seq_cst)
#define cas_at(a, want, x, o) \
    (a).compare_exchange_strong(want, x, o, $, on_failure(o), $)
#define cas_acq(a, want, x) cas_at(a, want, x, mo_acquire)
#define cas_rel(a, want, x) cas_at(a, want, x, mo_release)
#define cas_ar(a, want, x)  cas_at(a, want, x, mo_acq_rel)
#define cas_sc(a, want, x)  cas_at(a, want, x, mo_seq_cst)
#define xchg_at(a, x, o)    (a).exchange(x, o, $)
#define add_at(a, x, o)     (a).fetch_add(x, o, $)
#define sub_at(a, x, o)     (a).fetch_sub(x, o, $)
#define or_at(a, x, o)      (a).fetch_or(x, o, $)
#define and_at(a, x, o)     (a).fetch_and(x, o, $)

/* A turn of a loop that waits for another thread. */
#define relax() rl::yield(1, $)

/* membarrier: others may get on before it, as before any other operation. */
#define heavy_fence() (rl::ctx().sched(), rl::systemwide_fence($))

#define full_fence() rl::atomic_thread_fence(mo_seq_cst, $)

/* The kernel's queue behind a futex. It outlives the word: the engine may call wake
 * when the word's memory is gone, which then wakes nobody, or a user who looks again.
 */
struct sleepers {
    word queue;
    sleepers() : queue(0)
    {
    }

    /* In one step: goes to sleep if the word holds `expect`. False: the time was over.
     */
    bool wait(const word &w, u64 expect, bool timed, rl::debug_info_param info)
    {
        rl::ctx().sched();
        if (w.debug_value() != expect)
            return true;
        return queue.wait(rl::ctx(), timed, true, info) != rl::unpark_reason_timeout;
    }

    void wake(int n, rl::debug_info_param info)
    {
        rl::ctx().sched();
        (void)queue.wake(rl::ctx(), n, info);
    }
};

/* base/lock.h */
struct lock {
    word w;
    lock() : w(0)
    {
    }
    void take(int weaker_take = -1)
    {
        while (xchg_at(w, 1, weak(weaker_take, mo_acquire)) != 0)
            relax();
    }
    void leave(int weaker_leave = -1)
    {
        store_at(w, 0, weak(weaker_leave, mo_release));
    }
};

struct shape {
    const char *text;
    bool (*run)(rl::test_params &);
    unsigned executions; /* see runner.h */
};

struct mutant {
    unsigned shape;
    const char *text;
};

template <class T> static bool run(rl::test_params &p)
{
    return rl::simulate<T>(p);
}

int model_main(const char *name, const shape *shapes, unsigned nshapes,
               const mutant *mutants, unsigned nmutants, int argc, char **argv);

#define MODEL(name)                                                              \
    int main(int argc, char **argv)                                              \
    {                                                                            \
        return model_main(name, shapes, sizeof shapes / sizeof *shapes, mutants, \
                          sizeof mutants / sizeof *mutants, argc, argv);         \
    }                                                                            \
    RUNNER

/* In each model's program: the library's operators new are not for two units. */
#define RUNNER                                                                      \
    int mutation;                                                                   \
    int model_main(const char *name, const shape *shapes, unsigned nshapes,         \
                   const mutant *mutants, unsigned nmutants, int argc, char **argv) \
    {                                                                               \
        return runner(name, shapes, nshapes, mutants, nmutants, argc, argv);        \
    }

#include "runner.h"

#endif
