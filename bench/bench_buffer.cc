// bench_buffer.cc - channels over buffers, streams, loops that read ahead; one thread.
// SPDX-License-Identifier: MIT
#include "bench.h"

namespace
{

unsigned level(const void *elem, void *)
{
    return (unsigned)(*static_cast<const uint64_t *>(elem) % 4);
}

void count(void *, void *arg)
{
    ++*static_cast<uint64_t *>(arg);
}

leat_chan *open(leat_buffer_kind kind, size_t cap, uint64_t *dropped)
{
    struct leat_buffer b = {};
    struct leat_chan_opts o = {};
    leat_chan *c;
    b.kind = kind;
    b.levels = 4;
    b.level = level;
    o.size = sizeof(o);
    o.elem_size = 8;
    o.capacity = cap;
    o.buffer = &b;
    o.drop = dropped ? count : nullptr;
    o.drop_arg = dropped;
    MUST(leat_chan_open(&c, &o));
    return c;
}

void send_recv(benchmark::State &state, leat_buffer_kind kind)
{
    leat_chan *c = open(kind, 128, nullptr);
    uint64_t v = 0;
    for (auto _ : state) {
        MUST(leat_chan_send(c, &v));
        MUST(leat_chan_recv(c, &v));
        v++;
    }
    leat_chan_free(c);
}

// Every send loses a value.
void send_full(benchmark::State &state, leat_buffer_kind kind, bool drop)
{
    uint64_t v = 0, dropped = 0;
    leat_chan *c = open(kind, 128, drop ? &dropped : nullptr);
    while (leat_chan_len(c) < 128)
        MUST(leat_chan_send(c, &v));
    for (auto _ : state)
        MUST(leat_chan_send(c, &v));
    bench::must((long)dropped, drop ? (long)state.iterations() : 0, "dropped");
    leat_chan_free(c);
}

void promise(benchmark::State &state)
{
    leat_chan *c = open(LEAT_BUFFER_PROMISE, 1, nullptr);
    uint64_t v = 7;
    MUST(leat_chan_send(c, &v));
    for (auto _ : state)
        MUST(leat_chan_recv(c, &v));
    leat_chan_free(c);
}

int next(void *arg, void *ret)
{
    *static_cast<uint64_t *>(ret) = ++*static_cast<uint64_t *>(arg);
    return 0;
}

leat_chan *generator(uint64_t *state)
{
    struct leat_source_opts o = {};
    leat_chan *c;
    o.size = sizeof(o);
    o.elem_size = 8;
    o.next = next;
    o.arg = state;
    MUST(leat_source_new(&c, &o));
    return c;
}

leat_chan *range(uint64_t *)
{
    leat_chan *c;
    MUST(leat_source_range(&c, 0, INT64_MAX, 1));
    return c;
}

void stream(benchmark::State &state, leat_chan *(*make)(uint64_t *), size_t ahead)
{
    uint64_t at = 0, v[64];
    leat_chan *c = make(&at);
    struct leat_iter it;
    MUST(leat_iter_begin(&it, c, v, ahead));
    for (auto _ : state)
        benchmark::DoNotOptimize(leat_iter_next(&it));
    leat_iter_end(&it, nullptr, nullptr);
    leat_chan_free(c);
}

const int added = [] {
    const struct {
        const char *name;
        leat_buffer_kind kind;
    } kinds[] = {{"dropping", LEAT_BUFFER_DROPPING},
                 {"sliding", LEAT_BUFFER_SLIDING},
                 {"priority", LEAT_BUFFER_PRIORITY}};
    for (const auto &k : kinds) {
        std::string name = std::string("chan/") + k.name + "/cap:128/elem:8/alone:";
        bench::add(name + "send+recv",
                   [k](benchmark::State &s) { send_recv(s, k.kind); });
        if (k.kind == LEAT_BUFFER_PRIORITY)
            continue;
        for (bool drop : {false, true})
            bench::add(name + (drop ? "send_full_drop" : "send_full"),
                       [k, drop](benchmark::State &s) { send_full(s, k.kind, drop); });
    }
    bench::add("chan/promise/elem:8/alone:recv", promise);
    for (size_t ahead : {1, 64}) {
        std::string n = "/elem:8/alone:iter/ahead:" + std::to_string(ahead);
        bench::add("source/range" + n,
                   [ahead](benchmark::State &s) { stream(s, range, ahead); });
        bench::add("source/function" + n,
                   [ahead](benchmark::State &s) { stream(s, generator, ahead); });
    }
    return 0;
}();

} // namespace
