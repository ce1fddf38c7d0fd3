// bench_ring.cc - the rings of ring.h, and concurrencykit's ring as a peer.
// SPDX-License-Identifier: MIT
#include <atomic>

#include "bench.h"

// ck_ring.h is C: one of its functions returns `false` for a null pointer.
#define false 0
extern "C" {
#include <ck_ring.h>
}
#undef false

namespace
{

// One element. The first word counts, so that a consumer can check the order.
template <size_t Size> struct Elem {
    uint64_t word[Size / 8];
};

// The rings behind one shape: push and pop give 0 when done.
#define LEAT_RING(k)                                              \
    template <class T> struct k##_ring {                          \
        static constexpr const char *name = #k;                   \
        struct leat_##k r;                                        \
        void *mem;                                                \
        size_t cap;                                               \
        explicit k##_ring(size_t n) : cap(n)                      \
        {                                                         \
            size_t bytes = leat_##k##_footprint(sizeof(T), n);    \
            mem = std::aligned_alloc(64, (bytes + 63) / 64 * 64); \
            MUST(leat_##k##_init(&r, mem, bytes, sizeof(T), n));  \
        }                                                         \
        ~k##_ring()                                               \
        {                                                         \
            std::free(mem);                                       \
        }                                                         \
        int push(const T *v)                                      \
        {                                                         \
            return leat_##k##_push(&r, v);                        \
        }                                                         \
        int pop(T *v)                                             \
        {                                                         \
            return leat_##k##_pop(&r, v);                         \
        }                                                         \
        ptrdiff_t push_n(const T *v, size_t n)                    \
        {                                                         \
            return leat_##k##_push_n(&r, v, n);                   \
        }                                                         \
        ptrdiff_t pop_n(T *v, size_t n)                           \
        {                                                         \
            return leat_##k##_pop_n(&r, v, n);                    \
        }                                                         \
    }

LEAT_RING(spsc);
LEAT_RING(mpsc);
LEAT_RING(spmc);
LEAT_RING(mpmc);

// ck_ring carries pointers and keeps one slot free: for capacity 128 it has 127.
#define CK_RING(k)                                                            \
    template <class T> struct ck_##k##_ring {                                 \
        static constexpr const char *name = "peer/ck/" #k;                    \
        alignas(128) ck_ring_t r;                                             \
        std::vector<ck_ring_buffer_t> mem;                                    \
        size_t cap;                                                           \
        explicit ck_##k##_ring(size_t n) : mem(n), cap(n - 1)                 \
        {                                                                     \
            ck_ring_init(&r, (unsigned)n);                                    \
        }                                                                     \
        int push(const T *v)                                                  \
        {                                                                     \
            return !ck_ring_enqueue_##k(&r, mem.data(), (void *)v->word[0]);  \
        }                                                                     \
        int pop(T *v)                                                         \
        {                                                                     \
            return !ck_ring_dequeue_##k(&r, mem.data(), (void *)&v->word[0]); \
        }                                                                     \
    }

CK_RING(spsc);
CK_RING(mpsc);
CK_RING(spmc);
CK_RING(mpmc);

template <class R, class T> void alone(benchmark::State &state, size_t cap)
{
    R r(cap);
    T v = {}, got = {};
    for (auto _ : state) {
        v.word[0]++;
        MUST(r.push(&v));
        MUST(r.pop(&got));
        benchmark::DoNotOptimize(got);
    }
    state.SetItemsProcessed(state.iterations());
}

template <class R, class T>
void alone_batch(benchmark::State &state, size_t cap, size_t n)
{
    R r(cap);
    std::vector<T> v(n);
    for (auto _ : state) {
        bench::must(r.push_n(v.data(), n), (long)n, "push_n");
        bench::must(r.pop_n(v.data(), n), (long)n, "pop_n");
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * (int64_t)n);
}

// Runs produce(state) beside a consumer that takes up to n a call and checks the order.
template <class R, class T, class Pop, class Produce>
void beside(benchmark::State &state, R &r, Pop pop, Produce produce)
{
    std::atomic<bool> end{false};
    std::thread consumer([&] {
        uint64_t next = 1;
        bench::Spin spin;
        T v[64];
        for (;;) {
            bool last = end.load(std::memory_order_acquire);
            ptrdiff_t k = pop(r, v);
            for (ptrdiff_t i = 0; i < k; i++)
                bench::must((long)v[i].word[0], (long)next++, "order");
            if (k <= 0 && last)
                return;
            if (k <= 0)
                spin();
        }
    });
    produce();
    end.store(true, std::memory_order_release);
    consumer.join();
    (void)state;
}

template <class R, class T> void threads(benchmark::State &state, size_t cap)
{
    R r(cap);
    auto pop = [](R &from, T *v) -> ptrdiff_t { return from.pop(v) == 0; };
    beside<R, T>(state, r, pop, [&] {
        T v = {};
        bench::Spin spin;
        for (auto _ : state) {
            v.word[0]++;
            while (r.push(&v) != 0)
                spin();
        }
    });
    state.SetItemsProcessed(state.iterations());
}

template <class R, class T>
void threads_batch(benchmark::State &state, size_t cap, size_t n)
{
    R r(cap);
    auto pop = [n](R &from, T *v) { return from.pop_n(v, n); };
    beside<R, T>(state, r, pop, [&] {
        std::vector<T> v(n);
        uint64_t next = 0;
        bench::Spin spin;
        for (auto _ : state) {
            for (T &e : v)
                e.word[0] = ++next;
            for (size_t done = 0; done < n;) {
                ptrdiff_t k = r.push_n(&v[done], n - done);
                if (k > 0)
                    done += (size_t)k;
                else
                    spin();
            }
        }
    });
    state.SetItemsProcessed(state.iterations() * (int64_t)n);
}

// A try that fails.
template <class R, class T> void pop_empty(benchmark::State &state, size_t cap)
{
    R r(cap);
    T v;
    for (auto _ : state)
        bench::must(r.pop(&v) != 0, 1, "pop");
}

template <class R, class T> void push_full(benchmark::State &state, size_t cap)
{
    R r(cap);
    T v = {};
    while (r.push(&v) == 0)
        ;
    for (auto _ : state)
        bench::must(r.push(&v) != 0, 1, "push");
}

std::string name_of(const char *kind, size_t cap, size_t elem)
{
    return std::string("ring/") + kind + "/cap:" + std::to_string(cap) +
           "/elem:" + std::to_string(elem);
}

template <class R, class T> void add_one(size_t cap)
{
    std::string name = name_of(R::name, R(cap).cap, sizeof(T));
    bench::add(name + "/alone:push+pop",
               [cap](benchmark::State &s) { alone<R, T>(s, cap); });
    bench::add(name + "/threads:2",
               [cap](benchmark::State &s) { threads<R, T>(s, cap); });
}

template <class R, class T> void add_leat()
{
    for (size_t cap : {1, 100, 128, 1024})
        add_one<R, T>(cap);
    std::string name = name_of(R::name, 128, sizeof(T));
    bench::add(name + "/alone:push+pop/batch:16",
               [](benchmark::State &s) { alone_batch<R, T>(s, 128, 16); });
    bench::add(name + "/threads:2/batch:16",
               [](benchmark::State &s) { threads_batch<R, T>(s, 128, 16); });
    bench::add(name + "/alone:pop_empty",
               [](benchmark::State &s) { pop_empty<R, T>(s, 128); });
    bench::add(name + "/alone:push_full",
               [](benchmark::State &s) { push_full<R, T>(s, 128); });
}

template <template <class> class R> void add_sizes()
{
    add_leat<R<Elem<8>>, Elem<8>>();
    add_one<R<Elem<64>>, Elem<64>>(128);
}

template <template <class> class R> void add_peer()
{
    add_one<R<Elem<8>>, Elem<8>>(128);
    add_one<R<Elem<8>>, Elem<8>>(1024);
}

bool add_all()
{
    add_sizes<spsc_ring>();
    add_sizes<mpsc_ring>();
    add_sizes<spmc_ring>();
    add_sizes<mpmc_ring>();
    add_peer<ck_spsc_ring>();
    add_peer<ck_mpsc_ring>();
    add_peer<ck_spmc_ring>();
    add_peer<ck_mpmc_ring>();
    return true;
}

const bool added = add_all();

} // namespace
