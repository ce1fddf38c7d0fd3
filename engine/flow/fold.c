/* fold.c - reduce and scan: an accumulator that grows with each value.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"

struct fold {
    leat_fold_fn *fn;
    void *arg;
    void *acc;
    bool seeded, every; /* every: scan */
};

static void fold_exit(leat_stage *s)
{
    free(((struct fold *)leat_stage_arg(s))->acc);
}

static int fold_init(leat_stage *s)
{
    struct fold *f = leat_stage_arg(s);
    return f->seeded && f->every ? leat_emit(s, f->acc) : 0;
}

static int fold_run(leat_stage *s, const void *in, size_t len)
{
    struct fold *f = leat_stage_arg(s);
    int r = 0;
    if (f->seeded)
        r = f->fn(f->acc, in, f->arg);
    else if (len)
        memcpy(f->acc, in, len);
    f->seeded = true;
    if (r < 0 || !f->every)
        return r;
    int sent = leat_emit(s, f->acc);
    return sent < 0 ? sent : r;
}

static int fold_end(leat_stage *s)
{
    struct fold *f = leat_stage_arg(s);
    return f->seeded && !f->every ? leat_emit(s, f->acc) : 0;
}

static int start(leat_flow **ret, leat_chan *in, leat_chan *out, struct fold *f,
                 const void *init, const struct leat_flow_opts *opts)
{
    size_t size = leat_chan_elem_size(out);
    const struct leat_step step = {.init = fold_init,
                                   .run = fold_run,
                                   .end = fold_end,
                                   .exit = fold_exit,
                                   .arg = f,
                                   .arg_size = sizeof(*f)};
    /* Without a start value the first input is one. */
    if (f->fn == NULL || out == NULL ||
        (init == NULL && leat_chan_elem_size(in) != size))
        return LEAT_EINVAL;
    if ((f->acc = aligned_alloc(64, (size + 64) / 64 * 64)) == NULL)
        return LEAT_ENOMEM;
    if (init && size)
        memcpy(f->acc, init, size);
    f->seeded = init != NULL;
    int r = leati_flow_step(ret, in, out, &step, opts);
    if (r != 0)
        free(f->acc);
    return r;
}

int leat_flow_reduce(leat_flow **ret, leat_chan *in, leat_chan *out, leat_fold_fn *fold,
                     const void *init, void *arg, const struct leat_flow_opts *opts)
{
    struct fold f = {.fn = fold, .arg = arg};
    return start(ret, in, out, &f, init, opts);
}

int leat_flow_scan(leat_flow **ret, leat_chan *in, leat_chan *out, leat_fold_fn *fold,
                   const void *init, void *arg, const struct leat_flow_opts *opts)
{
    struct fold f = {.fn = fold, .arg = arg, .every = true};
    return start(ret, in, out, &f, init, opts);
}
