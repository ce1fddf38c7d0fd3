/* fanout.c - each value to one of several channels: distribute, split.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/select.h>
#include "flow/chans.h"
#include "flow/flow.h"

struct fanout {
    struct leati_sink s;
    struct leati_chans outs;
    struct leat_case *cases; /* distribute */
    size_t open;             /* distribute: cases that are left; they come first */
    leat_pred_fn *pred;      /* split: outs are yes, no */
    void *arg;
    bool closed[2];
    struct leat_flow_opts opts;
};

static void fanout_free(struct leati_sink *s, int result, bool keep_open)
{
    struct fanout *f = leati_container_of(s, struct fanout, s);
    (void)result;
    leati_chans_release(&f->outs, keep_open ? LEATI_CHANS_LEAVE : LEATI_CHANS_CLOSE);
    free(f->cases);
    free(f);
}

/* A send to whichever takes it first; closed ones leave on the way. */
static int distribute_put(struct leati_sink *s, const void *v)
{
    struct fanout *f = leati_container_of(s, struct fanout, s);
    size_t which;
    while (f->open > 0) {
        for (size_t i = 0; i < f->open; i++)
            f->cases[i].elem = (void *)(uintptr_t)v;
        int r = leat_select(f->cases, f->open, LEAT_NEVER, 0, &which);
        if (r != 0 || f->cases[which].err == 0)
            return r;
        f->cases[which].chan = f->cases[--f->open].chan;
    }
    return LEAT_ECLOSED;
}

static int split_put(struct leati_sink *s, const void *v)
{
    struct fanout *f = leati_container_of(s, struct fanout, s);
    unsigned to = f->pred(v, f->arg) ? 0 : 1;
    int r = f->closed[to] ? LEAT_ECLOSED : leat_chan_send(f->outs.c[to], v);
    if (r != LEAT_ECLOSED)
        return r;
    f->closed[to] = true;
    if (f->closed[1 - to])
        return LEAT_ECLOSED;
    if (f->opts.drop_out)
        f->opts.drop_out((void *)(uintptr_t)v, f->opts.callback_arg);
    return 0;
}

static struct fanout *fanout_new(leat_chan *const *outs, size_t n,
                                 const struct leati_sink_ops *ops,
                                 const struct leat_flow_opts *opts)
{
    struct fanout *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->s.ops = ops;
    f->cases = calloc(n ? n : 1, sizeof(struct leat_case));
    if (f->cases == NULL || !leati_chans_hold(&f->outs, outs, n)) {
        fanout_free(&f->s, 0, true);
        return NULL;
    }
    if (opts)
        f->opts = *opts;
    f->open = n;
    for (size_t i = 0; i < n; i++)
        f->cases[i] = (struct leat_case)LEAT_SEND(outs[i], NULL);
    return f;
}

static int start(leat_flow **ret, leat_chan *in, struct fanout *f,
                 const struct leat_flow_opts *opts)
{
    size_t size = leat_chan_elem_size(in);
    const struct leati_flow_parts p = {.source = leati_chan_source(in),
                                       .sink = f ? &f->s : NULL,
                                       .item_size = size,
                                       .out_size = size};
    return leati_flow_launch(ret, &p, opts);
}

int leat_flow_distribute(leat_flow **ret, leat_chan *in, leat_chan *const *outs,
                         size_t n, const struct leat_flow_opts *opts)
{
    static const struct leati_sink_ops ops = {distribute_put, fanout_free};
    if (in == NULL || n == 0 || !leati_chans_fit(outs, n, leat_chan_elem_size(in)) ||
        !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    return start(ret, in, fanout_new(outs, n, &ops, opts), opts);
}

int leat_flow_split(leat_flow **ret, leat_chan *in, leat_chan *yes, leat_chan *no,
                    leat_pred_fn *pred, void *arg, const struct leat_flow_opts *opts)
{
    static const struct leati_sink_ops ops = {split_put, fanout_free};
    leat_chan *const outs[2] = {yes, no};
    if (in == NULL || pred == NULL ||
        !leati_chans_fit(outs, 2, leat_chan_elem_size(in)) || !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    struct fanout *f = fanout_new(outs, 2, &ops, opts);
    if (f) {
        f->pred = pred;
        f->arg = arg;
    }
    return start(ret, in, f, opts);
}
