// bench_callback.cc - operations with callbacks, alone on one thread, and descriptors.
// SPDX-License-Identifier: MIT
#include "bench.h"

namespace
{

struct Kind {
    const char *name;
    size_t cap;
};

const Kind kinds[] = {{"rendezvous", 0}, {"cap:1", 1}, {"cap:128", 128}};

// Two calls that start themselves anew from their callbacks.
struct Pair {
    leat_chan *c;
    leat_call put, get;
    uint64_t in, out, left, sum;
};

void putting(leat_call *call, int result, void *arg)
{
    auto *p = static_cast<Pair *>(arg);
    MUST(result);
    if (p->left-- > 0) {
        p->out = p->left;
        MUST(leat_call_send(call, p->c, &p->out));
    }
}

void getting(leat_call *call, int result, void *arg)
{
    auto *p = static_cast<Pair *>(arg);
    if (result != 0)
        return;
    p->sum += p->in;
    MUST(leat_call_recv(call, p->c, &p->in));
}

void drop(void *, leat_task *t)
{
    leat_task_run(t);
}

const leat_executor at_once = {drop, nullptr};

// Both sides keep themselves going: a chain of completions that never comes to rest.
void chain(benchmark::State &state, size_t cap, const leat_executor *exec, unsigned flags)
{
    const uint64_t pairs = 1000;
    Pair p = {};
    MUST(leat_chan_new(&p.c, sizeof(uint64_t), cap));
    leat_call_init_flags(&p.put, putting, &p, exec, flags);
    leat_call_init_flags(&p.get, getting, &p, exec, flags);
    MUST(leat_call_recv(&p.get, p.c, &p.in));
    for (auto _ : state) {
        p.left = pairs - 1;
        p.out = p.left;
        MUST(leat_call_send(&p.put, p.c, &p.out));
    }
    state.SetItemsProcessed(int64_t(pairs) * state.iterations());
    MUST(leat_call_cancel(&p.get));
    leat_chan_free(p.c);
}

void count(leat_call *, int result, void *arg)
{
    *static_cast<int64_t *>(arg) += result == 0;
}

// One after the other from the outside: put, get; or get, put: the get waits.
void pair(benchmark::State &state, size_t cap, bool get_first)
{
    int64_t done = 0;
    uint64_t in = 0, out = 7;
    leat_chan *c;
    leat_call put, get;
    MUST(leat_chan_new(&c, sizeof(uint64_t), cap));
    leat_call_init(&put, count, &done, nullptr);
    leat_call_init(&get, count, &done, nullptr);
    for (auto _ : state) {
        if (get_first)
            MUST(leat_call_recv(&get, c, &in));
        MUST(leat_call_send(&put, c, &out));
        if (!get_first)
            MUST(leat_call_recv(&get, c, &in));
    }
    bench::must(done, 2 * int64_t(state.iterations()), "callbacks");
    state.SetItemsProcessed(int64_t(state.iterations()));
    leat_chan_free(c);
}

// 100,000 receives pending on 100 idle channels: start and cancel one of the middle.
void cancel(benchmark::State &state, size_t cap)
{
    const size_t n = 100000, chans = 100;
    std::vector<leat_call> calls(n);
    std::vector<leat_chan *> c(chans);
    int64_t done = 0;
    size_t i = 0;
    for (auto &one : c)
        MUST(leat_chan_new(&one, sizeof(uint64_t), cap));
    for (auto &call : calls) {
        leat_call_init(&call, count, &done, nullptr);
        MUST(leat_call_recv(&call, c[i++ % chans], nullptr));
    }
    i = 0;
    for (auto _ : state) {
        i = (i * 25214903917 + 11) % n;
        MUST(leat_call_cancel(&calls[i]));
        MUST(leat_call_recv(&calls[i], c[i % chans], nullptr));
    }
    state.counters["bytes"] = double(sizeof(leat_call));
    for (auto &call : calls)
        MUST(leat_call_cancel(&call));
    for (auto &one : c)
        leat_chan_free(one);
}

// A select over n channels that is completed through the last one.
void select(benchmark::State &state, size_t n)
{
    std::vector<leat_chan *> c(n);
    std::vector<struct leat_case> cases(n);
    int64_t done = 0;
    uint64_t in = 0, out = 7;
    leat_call call;
    leat_call_init(&call, count, &done, nullptr);
    for (size_t i = 0; i < n; i++) {
        MUST(leat_chan_new(&c[i], sizeof(uint64_t), 1));
        cases[i] = LEAT_RECV(c[i], &in);
    }
    for (auto _ : state) {
        MUST(leat_call_select(&call, cases.data(), n, LEAT_NEVER, 0));
        MUST(leat_chan_try_send(c[n - 1], &out));
    }
    bench::must(done, int64_t(state.iterations()), "callbacks");
    for (auto one : c)
        leat_chan_free(one);
}

// Sends to a channel with a descriptor that nobody polls, then one burst of receives.
void unpolled(benchmark::State &state, bool with_fd)
{
    const size_t burst = 1000;
    leat_chan *c;
    leat_fd *f = nullptr;
    uint64_t v = 7;
    MUST(leat_chan_new(&c, sizeof(uint64_t), 1024));
    if (with_fd)
        MUST(leat_fd_new(&f, c));
    for (auto _ : state) {
        for (size_t i = 0; i < burst; i++)
            MUST(leat_chan_send(c, &v));
        for (size_t i = 0; i < burst; i++)
            MUST(with_fd ? leat_fd_recv(f, &v) : leat_chan_try_recv(c, &v));
    }
    state.SetItemsProcessed(int64_t(burst) * int64_t(state.iterations()));
    leat_fd_free(f);
    leat_chan_free(c);
}

const bool registered = [] {
    for (const Kind &k : kinds) {
        const std::string name = std::string("callback/") + k.name;
        const size_t cap = k.cap;
        bench::add(name + "/chain", [=](benchmark::State &s) { chain(s, cap, nullptr, 0); });
        bench::add(name + "/chain/inline_executor", [=](benchmark::State &s) {
            chain(s, cap, &at_once, LEAT_CALL_INLINE);
        });
        bench::add(name + "/chain/executor",
                   [=](benchmark::State &s) { chain(s, cap, &at_once, 0); });
        bench::add(name + "/get_put", [=](benchmark::State &s) { pair(s, cap, true); });
        if (cap)
            bench::add(name + "/put_get", [=](benchmark::State &s) { pair(s, cap, false); });
        bench::add(name + "/cancel", [=](benchmark::State &s) { cancel(s, cap); });
    }
    for (size_t n : {1, 4, 16})
        bench::add("callback/select/n:" + std::to_string(n),
                   [=](benchmark::State &s) { select(s, n); });
    bench::add("fd/without", [](benchmark::State &s) { unpolled(s, false); });
    bench::add("fd/unpolled", [](benchmark::State &s) { unpolled(s, true); });
    return true;
}();

} // namespace
