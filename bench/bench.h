// bench.h - what the micro-benchmarks share: a partner thread, fibers to measure in,
// polite spinning, names. SPDX-License-Identifier: MIT
//
// Time is real time and CPU is that of the whole process, in all programs: a partner's
// work counts, and a fiber may go on on another thread.
#ifndef LEAT_BENCH_H
#define LEAT_BENCH_H

#include <sched.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

// In C++ a function that has the name of a struct "shadows" its constructor.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <leat/leat.h>
#pragma GCC diagnostic pop

extern "C" {
#include "arch/relax.h"
}

namespace bench
{

// A result that must be `want`; a benchmark of calls that fail would measure nothing.
inline void must(long got, long want, const char *what)
{
    if (__builtin_expect(got != want, 0)) {
        std::fprintf(stderr, "%s: %ld, not %ld\n", what, got, want);
        std::abort();
    }
}
#define MUST(call) ::bench::must((long)(call), 0, #call)

// Waiting for another thread in a ring benchmark: spins, and gives way where there are
// more threads than CPUs.
class Spin
{
  public:
    void operator()()
    {
        if (++n_ % 256 == 0)
            sched_yield();
        else
            leatp_pause();
    }

  private:
    unsigned n_ = 0;
};

// A pool of its own, and fn run in it as a fiber.
class Pool
{
  public:
    explicit Pool(unsigned workers)
    {
        struct leat_pool_opts o = {};
        o.size = sizeof(o);
        o.workers = workers;
        o.name = "bench";
        MUST(leat_pool_new(&p_, &o));
    }
    ~Pool()
    {
        leat_pool_free(p_);
    }
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;

    leat_pool *get()
    {
        return p_;
    }

    // Runs fn as a fiber and waits for it on this thread.
    void run(std::function<void()> fn)
    {
        leat_fiber *f = start(std::move(fn));
        MUST(leat_fiber_join(f, nullptr));
    }

    // Starts fn as a fiber; pin: worker 1 .. n, 0 any. With room for google-benchmark.
    leat_fiber *start(std::function<void()> fn, int pin = 0)
    {
        struct leat_fiber_opts o = {};
        leat_fiber *f;
        o.size = sizeof(o);
        o.pool = p_;
        o.stack_size = size_t(256) << 10;
        o.pin = pin;
        MUST(leat_fiber_start(&f, &o, call, new std::function<void()>(std::move(fn))));
        return f;
    }

  private:
    static int call(void *arg)
    {
        auto *fn = static_cast<std::function<void()> *>(arg);
        (*fn)();
        delete fn;
        return 0;
    }
    leat_pool *p_ = nullptr;
};

// Who takes part in a benchmark of two: OS threads, or fibers in a pool of `workers`.
struct Party {
    const char *name;
    unsigned workers; // 0: threads

    // Runs `other` beside `measured`, and returns when both have returned.
    void run(const std::function<void()> &measured,
             const std::function<void()> &other) const
    {
        if (workers == 0) {
            std::thread t(other);
            measured();
            t.join();
            return;
        }
        Pool pool(workers);
        leat_fiber *f = pool.start(other);
        pool.run(measured);
        MUST(leat_fiber_join(f, nullptr));
    }
};

inline const Party parties[] = {
    {"threads:2", 0},
    {"fibers:2/workers:1", 1},
    {"fibers:2/workers:2", 2},
};

template <class Fn> void add(const std::string &name, Fn fn)
{
    benchmark::RegisterBenchmark(name.c_str(), std::move(fn))
        ->UseRealTime()
        ->MeasureProcessCPUTime();
}

} // namespace bench

#endif
