// bench_process.cc - pipes whose workers are processes: items of 64 bytes, empty work.
// SPDX-License-Identifier: MIT
#include <cstring>

#include "bench.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <leat/pipe.h>
#pragma GCC diagnostic pop
#include <leat/process.h>

LEAT_USE_PROCESSES;

namespace
{

struct Item {
    uint64_t number;
    char rest[56];
};

int pass(leat_stage *s, const void *in, size_t)
{
    return leat_emit(s, in);
}

struct Shape {
    unsigned workers;
    unsigned flags;
    size_t buffer;
    size_t batch; // items with one call of the user's
};

// A thread sends without an end, the measured one receives; one iteration is one item.
void stream(benchmark::State &state, const Shape &shape)
{
    leat_chan *in, *out;
    leat_pipe *pipe;
    struct leat_pipe_opts o = {};
    MUST(leat_chan_new(&in, sizeof(Item), 128));
    MUST(leat_chan_new(&out, sizeof(Item), 128));
    o.size = sizeof(o);
    o.run = pass;
    o.workers = shape.workers;
    o.mode = LEAT_PIPE_PROCESSES;
    o.flags = shape.flags;
    o.buffer = shape.buffer;
    MUST(leat_pipe_start(&pipe, in, out, &o));
    std::thread feeder([&] {
        std::vector<Item> items(shape.batch);
        for (uint64_t n = 0;;) {
            for (Item &i : items)
                i.number = n++;
            size_t done = 0;
            while (done < items.size()) {
                ptrdiff_t k =
                    leat_chan_send_n(in, &items[done], items.size() - done, LEAT_NEVER);
                if (k < 0)
                    return;
                done += size_t(k);
            }
        }
    });
    std::vector<Item> got(shape.batch);
    uint64_t next = 0;
    ptrdiff_t have = 0, at = 0;
    for (auto _ : state) {
        if (at == have) {
            have = leat_chan_recv_n(out, got.data(), got.size(), LEAT_NEVER);
            at = 0;
        }
        if (!(shape.flags & LEAT_PIPE_UNORDERED))
            bench::must(long(got[size_t(at)].number), long(next), "order");
        next++;
        at++;
    }
    leat_pipe_cancel(pipe);
    leat_chan_cancel(in);
    feeder.join();
    bench::must(leat_pipe_join(pipe, nullptr), LEAT_ECANCELED, "join");
    leat_chan_free(in);
    leat_chan_free(out);
}

// One item there and back, nothing else under way.
void round_trip(benchmark::State &state)
{
    leat_chan *in, *out;
    leat_pipe *pipe;
    struct leat_pipe_opts o = {};
    Item item = {};
    MUST(leat_chan_new(&in, sizeof(Item), 1));
    MUST(leat_chan_new(&out, sizeof(Item), 1));
    o.size = sizeof(o);
    o.run = pass;
    o.workers = 1;
    o.mode = LEAT_PIPE_PROCESSES;
    MUST(leat_pipe_start(&pipe, in, out, &o));
    for (auto _ : state) {
        MUST(leat_chan_send(in, &item));
        MUST(leat_chan_recv(out, &item));
    }
    leat_chan_close(in);
    MUST(leat_pipe_join(pipe, nullptr));
    leat_chan_free(in);
    leat_chan_free(out);
}

// A pipe of two workers from its start to its end, with one item.
void life(benchmark::State &state)
{
    for (auto _ : state) {
        leat_chan *in, *out;
        leat_pipe *pipe;
        struct leat_pipe_opts o = {};
        Item item = {};
        MUST(leat_chan_new(&in, sizeof(Item), 1));
        MUST(leat_chan_new(&out, sizeof(Item), 1));
        o.size = sizeof(o);
        o.run = pass;
        o.workers = 2;
        o.mode = LEAT_PIPE_PROCESSES;
        MUST(leat_pipe_start(&pipe, in, out, &o));
        MUST(leat_chan_send(in, &item));
        MUST(leat_chan_close(in));
        MUST(leat_chan_recv(out, &item));
        MUST(leat_pipe_join(pipe, nullptr));
        leat_chan_free(in);
        leat_chan_free(out);
    }
}

bool add_all()
{
    for (unsigned flags : {0u, unsigned(LEAT_PIPE_UNORDERED)}) {
        for (unsigned workers : {1u, 2u, 4u}) {
            for (size_t buffer : {size_t(4) * workers, size_t(126)}) {
                for (size_t batch : {1, 32}) {
                    std::string name = std::string("process/") +
                                       (flags ? "unordered" : "ordered") +
                                       "/elem:64/buffer:" + std::to_string(buffer) +
                                       "/calls_of:" + std::to_string(batch) +
                                       "/workers:" + std::to_string(workers);
                    bench::add(name, [=](benchmark::State &s) {
                        stream(s, {workers, flags, buffer, batch});
                    });
                }
            }
        }
    }
    bench::add("process/round_trip/workers:1", round_trip);
    bench::add("process/life/workers:2", life);
    return true;
}

const bool added = add_all();

} // namespace
