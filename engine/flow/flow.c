/* flow.c - the life and the loop of a flow. See flow.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "chan/open.h"
#include "flow/flow.h"

enum { ALIGN = 64 };

static size_t rounded(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static void *item_of(struct leat_flow *f)
{
    return (char *)f + rounded(sizeof(*f));
}

/* ---- The stage ---- */

static int emit(leat_stage *s, const void *out, size_t len)
{
    struct leat_flow *f = leati_flow_of(s);
    (void)len;
    int r = f->refused ? f->refused : f->sink->ops->put(f->sink, out);
    if (r != 0) {
        f->refused = r;
        if (f->opts.drop_out)
            f->opts.drop_out((void *)(uintptr_t)out, f->opts.callback_arg);
    }
    return r;
}

static bool stopping(const leat_stage *s)
{
    (void)s;
    return leat_fiber_cancelled();
}

static const struct leati_stage_ops flow_stage = {emit, stopping};

void leat_stage_wake_at(leat_stage *s, struct leat_deadline at)
{
    leati_flow_of(s)->wake_at = at;
}

void leati_flow_leave_out(const struct leat_flow_opts *o, void *item)
{
    if (o->drop_in)
        o->drop_in(item, o->callback_arg);
}

/* ---- The loop ---- */

/* One item; also says whether the flow goes on after an error. */
static int run_item(struct leat_flow *f, void *item)
{
    const struct leat_step *step = &f->step;
    int r = step->run ? step->run(&f->stage, item, f->item_size)
                      : leat_emit(&f->stage, item);
    f->stage.position++;
    if (f->refused)
        return f->refused;
    if (r >= 0 || leat_fiber_cancelled())
        return r;
    bool skip = f->opts.on_error && f->opts.on_error(item, r, f->opts.callback_arg);
    return skip ? 0 : r;
}

/* Until the input ends (0), the step has enough, or an error. */
static int run_items(struct leat_flow *f)
{
    void *item = item_of(f);
    for (;;) {
        int r = f->source->ops->next(f->source, item, f->wake_at);
        if (r == 0) {
            r = run_item(f, item);
        } else if (r == LEAT_ECLOSED) {
            f->ended = true;
            return 0;
        } else if (r == LEAT_ETIMEDOUT && f->wake_at.at_ns != INT64_MAX) {
            f->wake_at = LEAT_NEVER;
            r = f->step.due ? f->step.due(&f->stage) : 0;
        }
        if (r != 0)
            return f->refused ? f->refused : r;
    }
}

static void flow_unref(struct leat_flow *f)
{
    /* ar: what the other holder wrote is behind us when we free. */
    if (leati_sub_ar(&f->refs, 1u) == 1) {
        leat_chan_free(f->room);
        free(f);
    }
}

static int flow_main(void *arg)
{
    struct leat_flow *f = arg;
    int r = f->step.init ? f->step.init(&f->stage) : 0;
    if (r == 0)
        r = run_items(f);
    if (r >= 0 && f->step.end)
        r = f->step.end(&f->stage);
    if (f->refused)
        r = f->refused;
    r = r > 0 ? 0 : r;
    if (f->step.exit)
        f->step.exit(&f->stage);
    (void)leat_fiber_mask(true); /* what follows is cleanup */
    bool cancel = !f->ended && (f->opts.flags & LEAT_FLOW_CANCEL_IN);
    f->source->ops->free(f->source, &f->opts, cancel);
    f->sink->ops->free(f->sink, r, f->opts.flags & LEAT_FLOW_KEEP_OPEN);
    flow_unref(f);
    return r;
}

/* ---- Start ---- */

bool leati_flow_opts_ok(const struct leat_flow_opts *o)
{
    const unsigned known = LEAT_FLOW_KEEP_OPEN | LEAT_FLOW_CANCEL_IN;
    return o == NULL || (o->size == sizeof(*o) && (o->flags & ~known) == 0);
}

static void free_parts(const struct leati_flow_parts *p)
{
    if (p->source)
        p->source->ops->free(p->source, NULL, false);
    if (p->sink)
        p->sink->ops->free(p->sink, LEAT_ENOMEM, true);
    leat_chan_free(p->room);
}

static struct leat_flow *flow_new(const struct leati_flow_parts *p,
                                  const struct leat_flow_opts *o)
{
    size_t item = rounded(p->item_size), own = rounded(sizeof(struct leat_flow));
    struct leat_flow *f;
    if (p->source == NULL || p->sink == NULL ||
        (f = aligned_alloc(ALIGN, own + item + rounded(p->step.arg_size))) == NULL)
        return NULL;
    memset(f, 0, own);
    f->stage.ops = &flow_stage;
    f->stage.out_size = (uint32_t)p->out_size;
    f->source = p->source;
    f->sink = p->sink;
    f->step = p->step;
    f->wake_at = LEAT_NEVER;
    f->item_size = p->item_size;
    f->room = p->room;
    if (p->step.arg_size) {
        f->step.arg = (char *)f + own + item;
        memcpy(f->step.arg, p->step.arg, p->step.arg_size);
    }
    f->stage.arg = f->step.arg;
    if (o)
        f->opts = *o;
    strncpy(f->name, o && o->name ? o->name : "flow", sizeof(f->name) - 1);
    return f;
}

int leati_flow_launch(leat_flow **ret, const struct leati_flow_parts *parts,
                      const struct leat_flow_opts *o)
{
    struct leat_flow *f = flow_new(parts, o);
    if (f == NULL) {
        free_parts(parts);
        return LEAT_ENOMEM;
    }
    const struct leat_fiber_opts fo = {.size = sizeof(fo),
                                       .pool = f->opts.pool,
                                       .stack_size = f->opts.stack_size,
                                       .name = f->name};
    leati_store_rlx(&f->refs, ret ? 2u : 1u); /* relaxed: published by the start */
    int r = leat_fiber_start(ret ? &f->fiber : NULL, &fo, flow_main, f);
    if (r != 0) {
        free_parts(parts);
        free(f);
    } else if (ret) {
        *ret = f;
    }
    return r;
}

/* ---- The handle ---- */

int leat_flow_join_until(leat_flow *f, int *ret_result, struct leat_deadline until)
{
    if (f == NULL)
        return LEAT_EINVAL;
    int r = leat_fiber_join_until(f->fiber, ret_result, until);
    if (r == 0)
        flow_unref(f);
    return r;
}

int leat_flow_join(leat_flow *f, int *ret_result)
{
    return leat_flow_join_until(f, ret_result, LEAT_NEVER);
}

void leat_flow_cancel(leat_flow *f)
{
    if (f)
        leat_fiber_cancel(f->fiber);
}

leat_flow *leat_flow_detach(leat_flow *f)
{
    if (f) {
        leat_fiber_detach(f->fiber);
        flow_unref(f);
    }
    return NULL;
}

/* ---- Channel to channel ---- */

struct chan_source {
    struct leati_source s;
    leat_chan *in;
};

static int chan_next(struct leati_source *s, void *buf, struct leat_deadline until)
{
    return leat_chan_recv_until(leati_container_of(s, struct chan_source, s)->in, buf,
                                until);
}

static void chan_source_free(struct leati_source *s, const struct leat_flow_opts *o,
                             bool cancel)
{
    (void)o;
    struct chan_source *c = leati_container_of(s, struct chan_source, s);
    if (cancel)
        (void)leat_chan_cancel(c->in);
    leat_chan_free(c->in);
    free(c);
}

struct leati_source *leati_chan_source(leat_chan *in)
{
    static const struct leati_source_ops ops = {chan_next, chan_source_free};
    struct chan_source *c = malloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    c->s.ops = &ops;
    c->in = leat_chan_ref(in);
    return &c->s;
}

struct chan_sink {
    struct leati_sink s;
    leat_chan *out;
};

static int chan_put(struct leati_sink *s, const void *v)
{
    return leat_chan_send(leati_container_of(s, struct chan_sink, s)->out, v);
}

static void chan_sink_free(struct leati_sink *s, int result, bool keep_open)
{
    struct chan_sink *c = leati_container_of(s, struct chan_sink, s);
    (void)result;
    if (!keep_open)
        (void)leat_chan_close(c->out);
    leat_chan_free(c->out);
    free(c);
}

struct leati_sink *leati_chan_sink(leat_chan *out)
{
    static const struct leati_sink_ops ops = {chan_put, chan_sink_free};
    struct chan_sink *c = malloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    c->s.ops = &ops;
    c->out = leat_chan_ref(out);
    return &c->s;
}

int leati_flow_step(leat_flow **ret, leat_chan *in, leat_chan *out,
                    const struct leat_step *step, const struct leat_flow_opts *o)
{
    if (in == NULL || out == NULL || !leati_flow_opts_ok(o))
        return LEAT_EINVAL;
    const struct leati_flow_parts p = {.source = leati_chan_source(in),
                                       .sink = leati_chan_sink(out),
                                       .item_size = leat_chan_elem_size(in),
                                       .out_size = leat_chan_elem_size(out),
                                       .step = *step};
    return leati_flow_launch(ret, &p, o);
}

int leati_flow_same(leat_flow **ret, leat_chan *in, leat_chan *out,
                    const struct leat_step *step, const struct leat_flow_opts *o)
{
    return leat_chan_elem_size(in) == leat_chan_elem_size(out)
               ? leati_flow_step(ret, in, out, step, o)
               : LEAT_EINVAL;
}

int leat_flow_start(leat_flow **ret, leat_chan *in, leat_chan *out,
                    const struct leat_step *step, const struct leat_flow_opts *opts)
{
    if (step == NULL || (step->arg_size && step->arg == NULL))
        return LEAT_EINVAL;
    return step->run ? leati_flow_step(ret, in, out, step, opts)
                     : leati_flow_same(ret, in, out, step, opts);
}

int leat_flow_pipe(leat_flow **ret, leat_chan *in, leat_chan *out,
                   const struct leat_flow_opts *opts)
{
    const struct leat_step step = {.run = NULL};
    return leati_flow_same(ret, in, out, &step, opts);
}
