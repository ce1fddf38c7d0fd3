/* rate.c - steps that look at the clock: throttle, debounce, timeout.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"

struct rate {
    int64_t ns;
    struct leat_deadline until; /* throttle: until then values are left out */
    void *held;                 /* debounce: the newest value */
    bool holding;
};

static int start(leat_flow **ret, leat_chan *in, leat_chan *out, int64_t ns,
                 struct leat_step step, const struct leat_flow_opts *opts)
{
    struct rate r = {.ns = ns};
    step.arg = &r;
    step.arg_size = sizeof(r);
    return ns > 0 ? leati_flow_same(ret, in, out, &step, opts) : LEAT_EINVAL;
}

/* ---- throttle ---- */

static int throttle_run(leat_stage *s, const void *in, size_t len)
{
    struct rate *t = leat_stage_arg(s);
    (void)len;
    if (leat_now() < t->until.at_ns) {
        leati_flow_leave_out(&leati_flow_of(s)->opts, (void *)(uintptr_t)in);
        return 0;
    }
    t->until = leat_in_ns(t->ns);
    return leat_emit(s, in);
}

int leat_flow_throttle(leat_flow **ret, leat_chan *in, leat_chan *out, int64_t ns,
                       const struct leat_flow_opts *opts)
{
    return start(ret, in, out, ns, (struct leat_step){.run = throttle_run}, opts);
}

/* ---- debounce ---- */

static int debounce_init(leat_stage *s)
{
    struct rate *d = leat_stage_arg(s);
    d->held = aligned_alloc(64, (s->out_size + 64u) / 64u * 64u);
    return d->held ? 0 : LEAT_ENOMEM;
}

static int debounce_run(leat_stage *s, const void *in, size_t len)
{
    struct rate *d = leat_stage_arg(s);
    if (d->holding)
        leati_flow_leave_out(&leati_flow_of(s)->opts, d->held);
    d->holding = true;
    if (len)
        memcpy(d->held, in, len);
    leat_stage_wake_at(s, leat_in_ns(d->ns));
    return 0;
}

static int debounce_flush(leat_stage *s)
{
    struct rate *d = leat_stage_arg(s);
    bool holding = d->holding;
    d->holding = false;
    return holding ? leat_emit(s, d->held) : 0;
}

static void debounce_exit(leat_stage *s)
{
    struct rate *d = leat_stage_arg(s);
    if (d->holding)
        leati_flow_leave_out(&leati_flow_of(s)->opts, d->held);
    free(d->held);
}

int leat_flow_debounce(leat_flow **ret, leat_chan *in, leat_chan *out, int64_t ns,
                       const struct leat_flow_opts *opts)
{
    return start(ret, in, out, ns,
                 (struct leat_step){.init = debounce_init,
                                    .run = debounce_run,
                                    .end = debounce_flush,
                                    .due = debounce_flush,
                                    .exit = debounce_exit},
                 opts);
}

/* ---- timeout ---- */

static int timeout_init(leat_stage *s)
{
    leat_stage_wake_at(s, leat_in_ns(((struct rate *)leat_stage_arg(s))->ns));
    return 0;
}

static int timeout_run(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    int r = leat_emit(s, in);
    return r ? r : timeout_init(s);
}

static int timeout_due(leat_stage *s)
{
    (void)s;
    return LEAT_ETIMEDOUT;
}

int leat_flow_timeout(leat_flow **ret, leat_chan *in, leat_chan *out, int64_t ns,
                      const struct leat_flow_opts *opts)
{
    return start(ret, in, out, ns,
                 (struct leat_step){
                     .init = timeout_init, .run = timeout_run, .due = timeout_due},
                 opts);
}
