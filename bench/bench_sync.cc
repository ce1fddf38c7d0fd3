// bench_sync.cc - mutex, semaphore, wait group and once, alone and contended.
// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <atomic>

#include "bench.h"

namespace
{

// Both kinds of mutex behind one shape.
struct Leat {
    static constexpr const char *name = "sync/mutex";
    leat_mutex m = LEAT_MUTEX_INIT;
    void lock()
    {
        MUST(leat_mutex_lock(&m));
    }
    void unlock()
    {
        MUST(leat_mutex_unlock(&m));
    }
};

struct Pthread {
    static constexpr const char *name = "sync/peer/pthread_mutex";
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    void lock()
    {
        MUST(pthread_mutex_lock(&m));
    }
    void unlock()
    {
        MUST(pthread_mutex_unlock(&m));
    }
};

template <class M> void lock_alone(benchmark::State &state)
{
    M m;
    for (auto _ : state) {
        m.lock();
        m.unlock();
    }
}

void lock_alone_fiber(benchmark::State &state)
{
    bench::Pool pool(1);
    pool.run([&] { lock_alone<Leat>(state); });
}

// The other party locks and unlocks all the time too. Fibers yield in between: they
// would never meet on one worker.
template <class M> void lock_both(benchmark::State &state, const bench::Party &party)
{
    M m;
    uint64_t count = 0;
    std::atomic<bool> end{false};
    auto once = [&] {
        m.lock();
        count++;
        m.unlock();
        if (party.workers)
            leat_yield();
    };
    party.run(
        [&] {
            for (auto _ : state)
                once();
            end.store(true);
        },
        [&] {
            while (!end.load(std::memory_order_relaxed))
                once();
        });
    benchmark::DoNotOptimize(count);
}

void sem_alone(benchmark::State &state)
{
    leat_sem s = LEAT_SEM_INIT(1);
    for (auto _ : state) {
        MUST(leat_sem_acquire(&s, 1));
        leat_sem_release(&s, 1);
    }
}

// A permit there and one back: both park.
void sem_ping_pong(benchmark::State &state, const bench::Party &party)
{
    leat_sem there = LEAT_SEM_INIT(0), back = LEAT_SEM_INIT(0);
    bool end = false; // handed over by the permits
    party.run(
        [&] {
            for (auto _ : state) {
                leat_sem_release(&there, 1);
                MUST(leat_sem_acquire(&back, 1));
            }
            end = true;
            leat_sem_release(&there, 1);
        },
        [&] {
            for (;;) {
                MUST(leat_sem_acquire(&there, 1));
                if (end)
                    return;
                leat_sem_release(&back, 1);
            }
        });
}

void wg_alone(benchmark::State &state)
{
    leat_wg wg = LEAT_WG_INIT;
    for (auto _ : state) {
        leat_wg_add(&wg, 1);
        leat_wg_done(&wg);
        MUST(leat_wg_wait(&wg));
    }
}

int nothing(void *)
{
    return 0;
}

void once_done(benchmark::State &state)
{
    leat_once o = LEAT_ONCE_INIT;
    for (auto _ : state)
        MUST(leat_once_do(&o, nothing, nullptr));
}

bool add_all()
{
    bench::add("sync/mutex/alone/thread:lock+unlock", lock_alone<Leat>);
    bench::add("sync/mutex/alone/fiber:lock+unlock", lock_alone_fiber);
    bench::add("sync/peer/pthread_mutex/alone/thread:lock+unlock", lock_alone<Pthread>);
    for (const bench::Party &p : bench::parties) {
        std::string tail = std::string("/both/") + p.name;
        bench::add(Leat::name + tail +
                       (p.workers ? ":lock+unlock+yield" : ":lock+unlock"),
                   [&p](benchmark::State &s) { lock_both<Leat>(s, p); });
        if (p.workers == 0)
            bench::add(Pthread::name + tail + ":lock+unlock",
                       [&p](benchmark::State &s) { lock_both<Pthread>(s, p); });
        bench::add(std::string("sync/sem/ping_pong/") + p.name,
                   [&p](benchmark::State &s) { sem_ping_pong(s, p); });
    }
    bench::add("sync/sem/alone/thread:acquire+release", sem_alone);
    bench::add("sync/wg/alone/thread:add+done+wait", wg_alone);
    bench::add("sync/once/done", once_done);
    return true;
}

const bool added = add_all();

} // namespace
