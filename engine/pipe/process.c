/* process.c - starting a process pipe, and its handle. See process.h.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/message.h"
#include "arch/os.h"
#include "pipe/process.h"

#define GRACE_NS ((int64_t)1000000000)
enum { DEPTH = 64, DEPTH_MAX = 1024, SIZE_MAX_ = 1 << 30, IN_STAGE = 32 };

/* --- memory --- */

static void free_workers(struct leati_herd *h)
{
    for (unsigned k = 0; h->worker && k < h->o.workers; k++) {
        free(h->worker[k].item);
        free(h->worker[k].recalled);
    }
    free(h->worker);
}

static void destroy(struct leati_herd *h)
{
    leatp_close(h->link);
    leatp_close(h->watch);
    leatp_close(h->bell);
    free_workers(h);
    free(h->arg);
    free(h->in_stage);
    free(h->in_one);
    free(h->out_one);
    free(h->scratch);
    free(h->elems);
    free(h->results);
    free(h->items);
    free(h->ring);
    free(h);
}

void leati_herd_unref(struct leati_herd *h)
{
    if (leati_sub_ar(&h->refs, 1u) ==
        1) /* ar: the other one's last touch came before */
        destroy(h);
}

/* n places of `size` bytes, aligned for any element; never NULL for want of size. */
static char *array(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - 64)
        return NULL;
    return aligned_alloc(64, leati_lane_round(bytes ? bytes : 1));
}

static bool make_items(struct leati_herd *h)
{
    size_t stride = h->max_out; /* one output each lies side by side: sent at once */
    h->elems = array(h->bound, h->in_size);
    h->results = array(h->bound, stride);
    h->items = calloc(h->bound, sizeof(*h->items));
    h->ring = calloc(h->bound, sizeof(struct leati_item *));
    h->in_stage = array(IN_STAGE, h->in_size);
    h->in_one = array(1, h->in_size);
    h->out_one = array(1, h->out_size);
    h->scratch = array(1, h->max_in);
    if (!h->elems || !h->results || !h->items || !h->ring || !h->in_stage ||
        !h->in_one || !h->out_one || !h->scratch)
        return false;
    for (uint32_t i = 0; i < h->bound; i++) {
        h->items[i].elem = h->elems + (size_t)i * h->in_size;
        h->items[i].result = h->results + i * stride;
        leati_list_append(&h->free, &h->items[i].link);
    }
    return true;
}

static bool make_workers(struct leati_herd *h)
{
    h->worker = calloc(h->o.workers, sizeof(*h->worker));
    if (!h->worker)
        return false;
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        w->number = k;
        w->bell = w->pidfd = -1;
        leati_lane_shape(&w->lane, sizeof(struct leati_process_config) + h->o.arg_size,
                         h->nslot, h->max_in, h->max_out);
        w->item = calloc(h->nslot, sizeof(struct leati_item *));
        w->recalled = calloc(h->nslot, sizeof(bool));
        if (!w->item || !w->recalled)
            return false;
    }
    return true;
}

/* --- options --- */

static uint32_t up_to_power_of_two(uint32_t n)
{
    return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/* The sizes of everything, from the options and the channels. */
static int measure(struct leati_herd *h, leat_chan *in, leat_chan *out)
{
    struct leat_pipe_process *po = &h->po;
    size_t bound;
    h->in_size = in->elem_size;
    h->out_size = out->elem_size;
    h->unit = h->out_size ? h->out_size : 1;
    if (__builtin_add_overflow(h->o.buffer, (size_t)h->o.workers, &bound) ||
        bound > UINT32_MAX / 2 || po->max_in > SIZE_MAX_ || po->max_out > SIZE_MAX_)
        return LEAT_EOVERFLOW;
    if (po->depth > DEPTH_MAX || po->stop_grace < 0 ||
        (!po->pack && po->max_in && po->max_in < h->in_size) ||
        (!po->unpack && po->max_out && po->max_out < h->unit))
        return LEAT_EINVAL;
    h->bound = (uint32_t)bound;
    h->max_in = (uint32_t)(po->max_in ? po->max_in : h->in_size);
    h->max_out = (uint32_t)(po->max_out ? po->max_out : h->unit);
    if (po->unpack)
        h->max_out += LEATI_RECORD;
    uint32_t depth = po->depth ? po->depth : DEPTH;
    h->nslot = up_to_power_of_two(depth < h->bound ? depth : h->bound);
    po->stop_grace = po->stop_grace ? po->stop_grace : GRACE_NS;
    h->ordered = !(h->o.flags & LEAT_PIPE_UNORDERED);
    return 0;
}

static int copy_arg(struct leati_herd *h)
{
    if (h->o.arg == NULL || h->o.arg_size == 0) {
        h->o.arg_size = 0;
        return 0;
    }
    h->arg = malloc(h->o.arg_size);
    if (!h->arg)
        return LEAT_ENOMEM;
    memcpy(h->arg, h->o.arg, h->o.arg_size);
    return 0;
}

static int name_functions(struct leati_herd *h)
{
    void (*const fn[LEATI_PROC_FNS])(void) = {
        [LEATI_FN_ENTRY] = (void (*)(void))leati_process_worker,
        [LEATI_FN_RUN] = (void (*)(void))h->o.run,
        [LEATI_FN_INIT] = (void (*)(void))h->o.init,
        [LEATI_FN_EXIT] = (void (*)(void))h->o.exit,
        [LEATI_FN_CONFINE] = (void (*)(void))h->po.confine,
    };
    h->functions.kind = LEATI_PROC_OPEN;
    for (unsigned i = 0; i < LEATI_PROC_FNS; i++) {
        int r = leatp_function_name(&h->functions.fn[i], fn[i]);
        if (r != 0)
            return r;
    }
    return 0;
}

static int make_places(struct leati_herd *h)
{
    h->watch = leatp_watch_new();
    h->bell = leatp_bell_new();
    if (h->watch < 0 || h->bell < 0)
        return LEAT_EAGAIN;
    int r = leatp_watch_add(h->watch, h->bell, leati_key(LEATI_KEY_OWN, NULL),
                            LEATP_READABLE | LEATP_EDGE);
    return r ? r : leati_herd_connect(h);
}

/* --- the handle --- */

static struct leati_herd *herd_of(const struct leat_pipe *p)
{
    return (struct leati_herd *)(uintptr_t)p;
}

static void stats(const struct leat_pipe *p, struct leat_pipe_stats *ret)
{
    const struct leati_herd *h = herd_of(p);
    const struct leati_counters *n = &h->n;
    memset(ret, 0, sizeof(*ret));
    /* relaxed: numbers. What ends an item is read before what begins it: never negative. */
    ret->finished = leati_load_rlx(&n->finished);
    ret->failed = leati_load_rlx(&n->failed);
    ret->unstarted = leati_load_rlx(&n->unstarted);
    ret->discarded = leati_load_rlx(&n->discarded);
    ret->taken = leati_load_acq(&n->taken);
    ret->delivered = leati_load_rlx(&n->delivered);
    ret->retried = leati_load_rlx(&n->retried);
    ret->stolen = leati_load_rlx(&n->stolen);
    ret->replaced = leati_load_rlx(&n->replaced);
    ret->workers = leati_load_rlx(&n->workers);
    uint64_t gone = ret->finished + ret->failed + ret->unstarted + ret->discarded;
    ret->in_flight = ret->taken > gone ? ret->taken - gone : 0;
    for (unsigned k = 0; k < h->o.workers; k++)
        ret->busy_ns += leati_load_rlx(&h->worker[k].busy_ns);
}

static int worker_stats(const struct leat_pipe *p, unsigned worker, uint64_t *ret_items,
                        uint64_t *ret_busy_ns)
{
    const struct leati_herd *h = herd_of(p);
    if (worker >= h->o.workers)
        return LEAT_EINVAL;
    if (ret_items)
        *ret_items = leati_load_rlx(&h->worker[worker].items);
    if (ret_busy_ns)
        *ret_busy_ns = leati_load_rlx(&h->worker[worker].busy_ns);
    return 0;
}

static int join(struct leat_pipe *p, int *ret_result, struct leat_pipe_stats *ret,
                struct leat_deadline until)
{
    struct leati_herd *h = herd_of(p);
    int r = leat_wg_wait_until(&h->ended, until);
    if (r != 0)
        return r;
    (void)pthread_join(h->thread, NULL); /* it is at its very end */
    if (ret)
        stats(p, ret);
    *ret_result = h->result;
    leati_herd_unref(h);
    return 0;
}

static void cancel(struct leat_pipe *p)
{
    struct leati_herd *h = herd_of(p);
    leati_store_sc(&h->cancelled, 1u); /* pairs with the herder that goes to sleep */
    leati_herd_ring(h);
}

static void detach(struct leat_pipe *p)
{
    struct leati_herd *h = herd_of(p);
    (void)pthread_detach(h->thread);
    leati_herd_unref(h);
}

static const struct leati_pipe_ops ops = {
    .join = join,
    .cancel = cancel,
    .stats = stats,
    .worker_stats = worker_stats,
    .detach = detach,
};

/* By whoever closed it. */
static void out_closed(struct leati_feeder *f)
{
    leati_herd_ring(leati_container_of(f, struct leati_herd, end));
}

static int prepare(struct leati_herd *h, leat_chan *in, leat_chan *out)
{
    int r = measure(h, in, out);
    if (r == 0)
        r = copy_arg(h);
    if (r == 0)
        r = name_functions(h);
    if (r == 0 && (!make_items(h) || !make_workers(h)))
        r = LEAT_ENOMEM;
    return r ? r : make_places(h);
}

int leati_process_pipe_start(leat_pipe **ret, leat_chan *in, leat_chan *out,
                             const struct leat_pipe_opts *o)
{
    struct leati_herd *h =
        aligned_alloc(LEAT_CACHELINE, (sizeof(*h) + LEAT_CACHELINE - 1) /
                                          LEAT_CACHELINE * LEAT_CACHELINE);
    if (!h)
        return LEAT_ENOMEM;
    memset(h, 0, sizeof(*h));
    h->base.ops = &ops;
    h->o = *o;
    if (o->process)
        h->po = *o->process;
    h->watch = h->bell = h->link = -1;
    (void)snprintf(h->name, sizeof(h->name), "%s", o->name ? o->name : "leat-pipe");
    leati_store_rlx(&h->refs, 2u); /* the herder's and the handle's */
    leat_wg_add(&h->ended, 1);
    int r = prepare(h, in, out);
    if (r == 0) {
        leati_gate_init(&h->in, h, leat_chan_ref(in), LEAT_OP_RECV);
        leati_gate_init(&h->out, h, leat_chan_ref(out), LEAT_OP_SEND);
        h->end.chan = out;
        h->end.closed = out_closed;
        leati_feeder_add(&h->end);
        r = leatp_thread_start(&h->thread, leati_herd_main, h, h->name);
        if (r != 0) {
            leati_feeder_remove(&h->end);
            leat_chan_free(in);
            leat_chan_free(out);
        }
    }
    if (r != 0) {
        destroy(h);
        return r;
    }
    if (ret)
        *ret = &h->base;
    else
        detach(&h->base);
    return 0;
}
