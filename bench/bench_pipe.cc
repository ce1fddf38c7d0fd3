// bench_pipe.cc - pipes of fibers and threads: 8-byte items, empty work, channels of 128.
// SPDX-License-Identifier: MIT
#include "bench.h"

namespace
{

int pass(leat_stage *s, const void *in, size_t)
{
    return leat_emit(s, in);
}

struct Shape {
    enum leat_pipe_mode mode;
    unsigned flags;
    unsigned workers;
};

// The other fiber sends without an end, the measured one receives; an iteration is an item.
// Both run in a pool of `threads`, and the pipe's workers too if they are fibers.
void stream(benchmark::State &state, const Shape &shape, unsigned threads)
{
    leat_chan *in, *out;
    leat_pipe *pipe;
    struct leat_pipe_opts o = {};
    MUST(leat_chan_new(&in, 8, 128));
    MUST(leat_chan_new(&out, 8, 128));
    bench::Pool pool(threads);
    o.size = sizeof(o);
    o.run = pass;
    o.workers = shape.workers;
    o.mode = shape.mode;
    o.flags = shape.flags;
    o.buffer = 128;
    o.pool = pool.get();
    MUST(leat_pipe_start(&pipe, in, out, &o));
    leat_fiber *feeder = pool.start([in] {
        for (uint64_t n = 0; leat_chan_send(in, &n) == 0;)
            n++;
    });
    pool.run([&] {
        uint64_t got, next = 0;
        for (auto _ : state) {
            MUST(leat_chan_recv(out, &got));
            if (!(shape.flags & LEAT_PIPE_UNORDERED))
                bench::must(long(got), long(next++), "order");
        }
    });
    leat_pipe_cancel(pipe);
    leat_chan_cancel(in);
    MUST(leat_fiber_join(feeder, nullptr));
    bench::must(leat_pipe_join(pipe, nullptr), LEAT_ECANCELED, "join");
    leat_chan_free(in);
    leat_chan_free(out);
}

bool add_all()
{
    for (enum leat_pipe_mode mode : {LEAT_PIPE_FIBERS, LEAT_PIPE_THREADS})
        for (unsigned flags : {0u, unsigned(LEAT_PIPE_UNORDERED)})
            for (unsigned workers : {1u, 2u, 4u})
                for (unsigned threads : {1u, 2u})
                    bench::add(std::string("pipe/") +
                                   (flags ? "unordered/" : "ordered/") +
                                   (mode == LEAT_PIPE_FIBERS ? "fibers:" : "threads:") +
                                   std::to_string(workers) +
                                   "/workers:" + std::to_string(threads),
                               [=](benchmark::State &s) {
                                   stream(s, Shape{mode, flags, workers}, threads);
                               });
    return true;
}

const bool added = add_all();

} // namespace
