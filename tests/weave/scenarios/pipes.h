/* pipes.h - a pipe of threads between two channels, its start and its end.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_PIPES_H
#define LEAT_WEAVE_PIPES_H

#include "common.h"
#include "pipe/local.h"

static leat_chan *in, *out;
static leat_pipe *pipe_;

static inline void start_into(leat_stage_fn *run, unsigned workers, size_t buffer,
                              unsigned flags)
{
    struct leat_pipe_opts o = {.size = sizeof(o),
                               .run = run,
                               .workers = workers,
                               .mode = LEAT_PIPE_THREADS,
                               .buffer = buffer ? buffer : LEAT_PIPE_NO_BUFFER,
                               .flags = flags};
    o.drop_in = o.drop_out = on_drop;
    weave_check(leat_pipe_start(&pipe_, in, out, &o) == 0);
}

static inline void start(leat_stage_fn *run, unsigned workers, size_t buffer,
                         unsigned flags, size_t out_cap)
{
    if (in == NULL)
        in = open_kind(4, 0);
    out = open_kind(out_cap, 0);
    start_into(run, workers, buffer, flags);
}

/* 1 .. n, and the end. */
static inline void fill_in(uint64_t n)
{
    in = open_kind(n, 0);
    for (uint64_t v = 1; v <= n; v++)
        weave_check(leat_chan_try_send(in, &v) == 0);
    leat_chan_close(in);
}

/* The end; the threads have returned but for their last instructions. */
static inline void join(struct leat_pipe_stats *st, int want)
{
    struct leati_local *p = leati_container_of(pipe_, struct leati_local, handle);
    while (leati_load_sc(&p->refs) > 1)
        leat_yield();
    for (unsigned i = 0; i < 20; i++)
        leat_yield(); /* those too */
    int r = leat_pipe_join(pipe_, st);
    weave_check(want == 1 || r == want);
}

#endif
