// bench_pool.cc - the pool: switch, yield, spawn, steal, wake.
// SPDX-License-Identifier: MIT
#include <time.h>
#include <atomic>

#include "bench.h"

extern "C" {
#include "arch/ctx.h"
}

namespace
{

std::string workers(unsigned w)
{
    return "/workers:" + std::to_string(w);
}

// Two contexts on one thread, no pool: an iteration is there and back.
struct Pair {
    void *here, *there;
};

void echo(void *arg, void *pass)
{
    (void)pass;
    auto *p = static_cast<Pair *>(arg);
    for (;;)
        leatp_ctx_swap(&p->there, p->here, nullptr);
}

void swap_raw(benchmark::State &state)
{
    std::vector<char> stack(64 << 10);
    Pair p = {};
    p.there = leatp_ctx_make(stack.data(), stack.data() + stack.size(), echo, &p);
    for (auto _ : state)
        leatp_ctx_swap(&p.here, p.there, nullptr);
    state.SetItemsProcessed(state.iterations() * 2);
}

// n fibers that yield: an iteration is one round over all of them.
void yield_round(benchmark::State &state, unsigned n)
{
    bench::Pool pool(1);
    std::atomic<bool> end{false};
    std::vector<leat_fiber *> others;
    pool.run([&] {
        for (unsigned i = 1; i < n; i++)
            others.push_back(pool.start([&] {
                while (!end.load(std::memory_order_relaxed))
                    leat_yield();
            }));
        for (auto _ : state)
            leat_yield();
        end.store(true);
    });
    for (leat_fiber *f : others)
        MUST(leat_fiber_join(f, nullptr));
    state.SetItemsProcessed(state.iterations() * n);
}

int nothing(void *)
{
    return 0;
}

void spawn_join(benchmark::State &state, unsigned w)
{
    bench::Pool pool(w);
    pool.run([&] {
        for (auto _ : state) {
            leat_fiber *f;
            MUST(leat_go(&f, nothing, nullptr));
            MUST(leat_fiber_join(f, nullptr));
        }
    });
}

int done(void *wg)
{
    leat_wg_done(static_cast<leat_wg *>(wg));
    return 0;
}

// An iteration is n detached fibers, all started before the wait.
void spawn_many(benchmark::State &state, unsigned w, unsigned n)
{
    bench::Pool pool(w);
    pool.run([&] {
        leat_wg wg = LEAT_WG_INIT;
        for (auto _ : state) {
            leat_wg_add(&wg, n);
            for (unsigned i = 0; i < n; i++)
                MUST(leat_go(nullptr, done, &wg));
            MUST(leat_wg_wait(&wg));
        }
    });
    state.SetItemsProcessed(state.iterations() * n);
}

// From a thread outside, which then sleeps until the fiber has returned.
void run_foreign(benchmark::State &state, unsigned w)
{
    bench::Pool pool(w);
    for (auto _ : state)
        MUST(leat_pool_run(pool.get(), nothing, nullptr));
}

struct Stamp {
    std::atomic<int64_t> at{0};
};

int stamp(void *arg)
{
    static_cast<Stamp *>(arg)->at.store(leat_now(), std::memory_order_release);
    return 0;
}

int64_t await(const Stamp &s)
{
    int64_t at;
    while ((at = s.at.load(std::memory_order_acquire)) == 0)
        leatp_pause();
    return at;
}

// A fiber starts another and computes on: only a thief can run it. The time from the
// start to its first instruction.
void steal_delay(benchmark::State &state)
{
    bench::Pool pool(2);
    pool.run([&] {
        for (auto _ : state) {
            Stamp s;
            leat_fiber *f;
            int64_t begin = leat_now();
            MUST(leat_go(&f, stamp, &s));
            state.SetIterationTime((double)(await(s) - begin) * 1e-9);
            MUST(leat_fiber_join(f, nullptr));
        }
    });
}

// Until the pool's workers have gone to sleep in the kernel once more than before.
void await_idle(leat_pool *p, uint64_t *ret_parks)
{
    struct leat_pool_stats s;
    struct timespec nap = {0, 50000};
    do {
        nanosleep(&nap, nullptr);
        leat_pool_stats(p, &s);
    } while (s.parks <= *ret_parks);
    nanosleep(&nap, nullptr); // from the count into the kernel
    leat_pool_stats(p, &s);
    *ret_parks = s.parks;
}

// A thread starts a fiber in a pool whose only worker sleeps in the kernel. The time
// from the start to its first instruction.
void wake_by_go(benchmark::State &state)
{
    bench::Pool pool(1);
    uint64_t parks = 0;
    for (auto _ : state) {
        Stamp s;
        leat_fiber *f;
        await_idle(pool.get(), &parks);
        int64_t begin = leat_now();
        MUST(leat_pool_go(pool.get(), &f, stamp, &s));
        state.SetIterationTime((double)(await(s) - begin) * 1e-9);
        MUST(leat_fiber_join(f, nullptr));
    }
}

// A thread sends to a fiber parked in receive, its worker asleep. The time from the
// send to the instruction after the receive.
void wake_by_send(benchmark::State &state)
{
    bench::Pool pool(1);
    uint64_t parks = 0;
    leat_chan *c;
    Stamp *s = nullptr;
    MUST(leat_chan_new(&c, sizeof(s), 0));
    leat_fiber *f = pool.start([&] {
        Stamp *got;
        while (leat_chan_recv(c, &got) == 0)
            stamp(got);
    });
    for (auto _ : state) {
        Stamp here;
        s = &here;
        await_idle(pool.get(), &parks);
        int64_t begin = leat_now();
        MUST(leat_chan_send(c, &s));
        state.SetIterationTime((double)(await(here) - begin) * 1e-9);
    }
    MUST(leat_chan_close(c));
    MUST(leat_fiber_join(f, nullptr));
    leat_chan_free(c);
}

// How late a fiber wakes from a sleep in an idle pool.
void sleep_late(benchmark::State &state, int64_t ns)
{
    bench::Pool pool(1);
    pool.run([&] {
        for (auto _ : state) {
            int64_t at = leat_now() + ns;
            MUST(leat_sleep_until(leat_at(at)));
            state.SetIterationTime((double)(leat_now() - at) * 1e-9);
        }
    });
}

int nothing_blocking(void *)
{
    return 0;
}

// There and back between a fiber and a thread of leat_blocking.
void blocking(benchmark::State &state)
{
    bench::Pool pool(1);
    pool.run([&] {
        for (auto _ : state)
            MUST(leat_blocking(nothing_blocking, nullptr, nullptr));
    });
}

template <class Fn> void add_delay(const std::string &name, Fn fn)
{
    // A fixed number: these wait between the measured parts.
    benchmark::RegisterBenchmark(name.c_str(), std::move(fn))
        ->UseManualTime()
        ->Iterations(500);
}

bool add_all()
{
    bench::add("pool/switch/raw/there+back", swap_raw);
    for (unsigned n : {1u, 2u, 100u, 10000u})
        bench::add("pool/yield/fibers:" + std::to_string(n) + "/round" + workers(1),
                   [n](benchmark::State &s) { yield_round(s, n); });
    for (unsigned w : {1u, 2u}) {
        bench::add("pool/spawn+join" + workers(w),
                   [w](benchmark::State &s) { spawn_join(s, w); });
        bench::add("pool/spawn/detached/batch:1000" + workers(w),
                   [w](benchmark::State &s) { spawn_many(s, w, 1000); });
        bench::add("pool/run/from_thread" + workers(w),
                   [w](benchmark::State &s) { run_foreign(s, w); });
    }
    add_delay("pool/steal/from_computing/delay" + workers(2), steal_delay);
    add_delay("pool/wake/sleeping/go/delay" + workers(1), wake_by_go);
    add_delay("pool/wake/sleeping/send/delay" + workers(1), wake_by_send);
    add_delay("pool/sleep/us:100/late" + workers(1),
              [](benchmark::State &s) { sleep_late(s, 100000); });
    bench::add("pool/blocking/there+back" + workers(1), blocking);
    return true;
}

const bool added = add_all();

} // namespace
