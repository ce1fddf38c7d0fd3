/* steps.c - steps that look at one value at a time: map, filter, take, drop, distinct.
 * Each is a run function and the few words it needs, which the flow copies.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"

/* Passes `in` on, or leaves it out. */
static int pass_if(leat_stage *s, const void *in, bool pass)
{
    if (pass)
        return leat_emit(s, in);
    leati_flow_leave_out(&leati_flow_of(s)->opts, (void *)(uintptr_t)in);
    return 0;
}

/* ---- map ---- */

struct map {
    leat_map_fn *fn;
    void *arg;
    void *out;
};

static int map_init(leat_stage *s)
{
    struct map *m = leat_stage_arg(s);
    size_t room = (s->out_size + 63u) / 64u * 64u;
    m->out = room ? aligned_alloc(64, room) : NULL;
    return room && m->out == NULL ? LEAT_ENOMEM : 0;
}

static int map_run(leat_stage *s, const void *in, size_t len)
{
    struct map *m = leat_stage_arg(s);
    (void)len;
    int r = m->fn(in, m->out, m->arg);
    return r < 0 ? r : leat_emit(s, m->out);
}

static void map_exit(leat_stage *s)
{
    free(((struct map *)leat_stage_arg(s))->out);
}

int leat_flow_map(leat_flow **ret, leat_chan *in, leat_chan *out, leat_map_fn *fn,
                  void *arg, const struct leat_flow_opts *opts)
{
    struct map m = {fn, arg, NULL};
    const struct leat_step step = {.init = map_init,
                                   .run = map_run,
                                   .exit = map_exit,
                                   .arg = &m,
                                   .arg_size = sizeof(m)};
    return fn ? leati_flow_step(ret, in, out, &step, opts) : LEAT_EINVAL;
}

/* ---- By a predicate ---- */

struct pred {
    leat_pred_fn *fn;
    void *arg;
    bool open; /* drop_while: the first that is passed on has come */
};

static int start_pred(leat_flow **ret, leat_chan *in, leat_chan *out, leat_pred_fn *fn,
                      void *arg, leat_stage_fn *run, const struct leat_flow_opts *opts)
{
    struct pred p = {fn, arg, false};
    const struct leat_step step = {.run = run, .arg = &p, .arg_size = sizeof(p)};
    return fn ? leati_flow_same(ret, in, out, &step, opts) : LEAT_EINVAL;
}

static int filter_run(leat_stage *s, const void *in, size_t len)
{
    struct pred *p = leat_stage_arg(s);
    (void)len;
    return pass_if(s, in, p->fn(in, p->arg));
}

int leat_flow_filter(leat_flow **ret, leat_chan *in, leat_chan *out, leat_pred_fn *pred,
                     void *arg, const struct leat_flow_opts *opts)
{
    return start_pred(ret, in, out, pred, arg, filter_run, opts);
}

static int take_while_run(leat_stage *s, const void *in, size_t len)
{
    struct pred *p = leat_stage_arg(s);
    (void)len;
    bool pass = p->fn(in, p->arg);
    int r = pass_if(s, in, pass);
    return pass ? r : LEAT_STAGE_ENOUGH;
}

int leat_flow_take_while(leat_flow **ret, leat_chan *in, leat_chan *out,
                         leat_pred_fn *pred, void *arg,
                         const struct leat_flow_opts *opts)
{
    return start_pred(ret, in, out, pred, arg, take_while_run, opts);
}

static int drop_while_run(leat_stage *s, const void *in, size_t len)
{
    struct pred *p = leat_stage_arg(s);
    (void)len;
    p->open = p->open || !p->fn(in, p->arg);
    return pass_if(s, in, p->open);
}

int leat_flow_drop_while(leat_flow **ret, leat_chan *in, leat_chan *out,
                         leat_pred_fn *pred, void *arg,
                         const struct leat_flow_opts *opts)
{
    return start_pred(ret, in, out, pred, arg, drop_while_run, opts);
}

/* ---- By number ---- */

static int take_init(leat_stage *s)
{
    return *(uint64_t *)leat_stage_arg(s) == 0 ? LEAT_STAGE_ENOUGH : 0;
}

static int take_run(leat_stage *s, const void *in, size_t len)
{
    uint64_t *left = leat_stage_arg(s);
    (void)len;
    int r = leat_emit(s, in);
    return r == 0 && --*left == 0 ? LEAT_STAGE_ENOUGH : r;
}

int leat_flow_take(leat_flow **ret, leat_chan *in, leat_chan *out, uint64_t n,
                   const struct leat_flow_opts *opts)
{
    const struct leat_step step = {
        .init = take_init, .run = take_run, .arg = &n, .arg_size = sizeof(n)};
    return leati_flow_same(ret, in, out, &step, opts);
}

static int drop_run(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    return pass_if(s, in, leat_stage_position(s) >= *(uint64_t *)leat_stage_arg(s));
}

int leat_flow_drop(leat_flow **ret, leat_chan *in, leat_chan *out, uint64_t n,
                   const struct leat_flow_opts *opts)
{
    const struct leat_step step = {.run = drop_run, .arg = &n, .arg_size = sizeof(n)};
    return leati_flow_same(ret, in, out, &step, opts);
}

/* ---- distinct ---- */

struct distinct {
    leat_equal_fn *equal;
    void *arg;
    void *last;
    bool seen;
};

static int distinct_run(leat_stage *s, const void *in, size_t len)
{
    struct distinct *d = leat_stage_arg(s);
    if (len && d->last == NULL &&
        (d->last = aligned_alloc(64, (len + 63) / 64 * 64)) == NULL)
        return LEAT_ENOMEM;
    bool same = d->seen && (d->equal ? d->equal(d->last, in, d->arg)
                                     : len == 0 || memcmp(d->last, in, len) == 0);
    d->seen = true;
    if (!same && len)
        memcpy(d->last, in, len);
    return pass_if(s, in, !same);
}

static void distinct_exit(leat_stage *s)
{
    free(((struct distinct *)leat_stage_arg(s))->last);
}

int leat_flow_distinct(leat_flow **ret, leat_chan *in, leat_chan *out,
                       leat_equal_fn *equal, void *arg,
                       const struct leat_flow_opts *opts)
{
    struct distinct d = {equal, arg, NULL, false};
    const struct leat_step step = {
        .run = distinct_run, .exit = distinct_exit, .arg = &d, .arg_size = sizeof(d)};
    return leati_flow_same(ret, in, out, &step, opts);
}
