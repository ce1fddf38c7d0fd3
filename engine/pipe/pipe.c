/* pipe.c - the calls of pipe.h: checks, then whoever runs the mode.
 * SPDX-License-Identifier: MIT */
#include <leat/fiber.h>
#include "chan/chan.h"
#include "pipe/pipe.h"

enum { KNOWN_FLAGS = LEAT_PIPE_UNORDERED | LEAT_PIPE_KEEP_OPEN | LEAT_PIPE_CANCEL_IN };

/* Most items between `in` and `out`. */
#define BUFFER_MAX ((size_t)1 << 24)

static int check(const leat_chan *in, const leat_chan *out,
                 const struct leat_pipe_opts *o)
{
    if (in == NULL || out == NULL || in == out || o == NULL || o->size != sizeof(*o) ||
        o->run == NULL || o->workers > LEAT_PIPE_WORKERS_MAX ||
        (o->flags & ~(unsigned)KNOWN_FLAGS) || (unsigned)o->policy > LEAT_PIPE_STOP ||
        (unsigned)o->mode > LEAT_PIPE_PROCESSES || o->item_timeout < 0 ||
        (o->buffer > BUFFER_MAX && o->buffer != LEAT_PIPE_NO_BUFFER))
        return LEAT_EINVAL;
    /* Workers send their results themselves, several at once, unless they are in order. */
    if ((out->flags & LEAT_SINGLE_PRODUCER) && (o->flags & LEAT_PIPE_UNORDERED) &&
        o->mode != LEAT_PIPE_PROCESSES && o->workers != 1)
        return LEAT_EINVAL;
    if (out->kind == LEATI_TIMER)
        return LEAT_ENOTSUP;
    return 0;
}

/* As many as the pool has threads. */
static unsigned usual_workers(const struct leat_pipe_opts *o)
{
    const leat_pool *p = o->pool ? o->pool : leat_pool_current();
    if (p == NULL)
        p = leat_pool_default();
    unsigned n = leat_pool_workers(p);
    return n == 0 ? 1 : n < LEAT_PIPE_WORKERS_MAX ? n : LEAT_PIPE_WORKERS_MAX;
}

int leat_pipe_start(leat_pipe **ret, leat_chan *in, leat_chan *out,
                    const struct leat_pipe_opts *opts)
{
    int r = check(in, out, opts);
    if (r != 0)
        return r;
    struct leat_pipe_opts o = *opts;
    if (o.workers == 0)
        o.workers = usual_workers(&o);
    if (o.buffer == 0)
        o.buffer = 4 * (size_t)o.workers;
    else if (o.buffer == LEAT_PIPE_NO_BUFFER)
        o.buffer = 0;
    return o.mode == LEAT_PIPE_PROCESSES ? leati_process_pipe_start(ret, in, out, &o)
                                         : leati_local_pipe_start(ret, in, out, &o);
}

int leat_pipe_join_until(leat_pipe *p, int *ret_result, struct leat_pipe_stats *ret,
                         struct leat_deadline until)
{
    int dummy;
    return p ? p->ops->join(p, ret_result ? ret_result : &dummy, ret, until)
             : LEAT_EINVAL;
}

int leat_pipe_join(leat_pipe *p, struct leat_pipe_stats *ret)
{
    int result;
    int r = leat_pipe_join_until(p, &result, ret, LEAT_NEVER);
    return r == 0 ? result : r == LEAT_ECANCELED ? LEAT_EBUSY : r;
}

void leat_pipe_cancel(leat_pipe *p)
{
    if (p)
        p->ops->cancel(p);
}

void leat_pipe_stats(const leat_pipe *p, struct leat_pipe_stats *ret)
{
    if (p && ret)
        p->ops->stats(p, ret);
}

int leat_pipe_worker_stats(const leat_pipe *p, unsigned worker, uint64_t *ret_items,
                           uint64_t *ret_busy_ns)
{
    return p ? p->ops->worker_stats(p, worker, ret_items, ret_busy_ns) : LEAT_EINVAL;
}

leat_pipe *leat_pipe_detach(leat_pipe *p)
{
    if (p)
        p->ops->detach(p);
    return NULL;
}
