/* make.c - memory of a pipe of fibers or threads.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "arch/os.h"
#include "chan/bounded.h"
#include "pipe/local.h"

enum { SLOT_BYTES = 256, SLOT_MOST = 64 }; /* outputs in a slot of the reorder ring */
enum { MOST_LANES = 64 };                  /* that a receiver may have to ask */

/* ---- the feeder: receivers of out ---- */

static struct leati_local *fed_by(struct leati_feeder *f)
{
    return leati_container_of(f, struct leati_local, feeder);
}

static void feed(struct leati_feeder *f)
{
    (void)leati_deliver_all(fed_by(f), false);
}

static void out_closed(struct leati_feeder *f)
{
    leati_local_stop(fed_by(f), LEAT_ECLOSED);
}

static bool stopping(const leat_stage *s)
{
    const struct leati_pworker *w = (const struct leati_pworker *)(const void *)s;
    return leati_is_stopped(w->p) != 0 || (w->p->timed && leati_watch_late(w));
}

/* For p->rx: where results are not held back, workers deliver each one. */
static const leati_a32 always_waiting = {1};

static const struct leati_stage_ops lane_ops = {leati_lane_emit, stopping},
                                    order_ops = {leati_order_emit, stopping},
                                    timed_ops = {leati_timed_emit, stopping};

void leati_local_free(struct leati_local *p)
{
    for (unsigned i = 0; p->workers && i < p->most_slots; i++) {
        struct leati_pworker *w = &p->workers[i];
        free(w->hand.items);
        free(w->spare);
        free(w->lane.ring);
        free(w->lane.last);
        free(w->outs);
        free(w->redo);
    }
    free(p->workers);
    free(p->order.slots);
    free(p->order.gather);
    leat_chan_free(p->in);
    leat_chan_free(p->out);
    leat_chan_free(p->end_chan);
    leat_chan_free(p->stop_chan);
    free(p);
}

/* ---- making one ---- */

static void *array(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - LEAT_CACHELINE)
        return NULL;
    return aligned_alloc(LEAT_CACHELINE, (bytes / LEAT_CACHELINE + 1) * LEAT_CACHELINE);
}

/* Elements of that size, at most n, in LEATI_BATCH_BYTES; at least 1. */
static uint32_t fitting(size_t n, size_t size)
{
    size_t most = size ? LEATI_BATCH_BYTES / size : n;
    most = most < n ? most : n;
    return most ? (uint32_t)most : 1;
}

static uint32_t power_of_two(uint64_t n)
{
    uint32_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

static bool make_order(struct leati_local *p)
{
    struct leati_order *o = &p->order;
    uint32_t slots = power_of_two(p->limit);
    o->mask = slots - 1;
    o->shift = (uint32_t)__builtin_ctz(slots);
    o->per_slot = p->out_size ? (uint32_t)(SLOT_BYTES / p->out_size) : SLOT_MOST / 2;
    o->per_slot = o->per_slot ? o->per_slot : 1;
    o->per_slot = o->per_slot < SLOT_MOST ? o->per_slot : SLOT_MOST;
    o->stride = leati_order_slot_bytes(o->per_slot, p->out_size);
    o->most = fitting(LEATI_BATCH, p->out_size);
    o->slots = array(slots, o->stride);
    o->gather = array(o->most, p->out_size);
    for (uint32_t i = 0; o->slots && i < slots; i++)
        leati_store_rlx((leati_a32 *)(void *)(o->slots + i * o->stride), 0u);
    return o->slots && o->gather;
}

bool leati_local_make_worker(struct leati_local *p, unsigned i)
{
    struct leati_pworker *w = &p->workers[i];
    w->p = p;
    w->stage.ops = p->timed ? &timed_ops : p->ordered ? &order_ops : &lane_ops;
    w->stage.arg = p->o.arg;
    w->stage.worker = i;
    w->stage.out_size = (uint32_t)p->out_size;
    w->first_kept = -1;
    w->hand.items = array(p->batch, p->in_size);
    w->spare = array(p->batch, p->in_size);
    if (p->ordered) {
        w->outs = p->timed ? array(p->order.per_slot, p->out_size) : NULL;
        return w->hand.items && w->spare && (w->outs || !p->timed);
    }
    uint64_t most = p->limit < 1024 ? p->limit : 1024;
    uint32_t size = power_of_two(most);
    uint32_t fit = fitting(size, p->out_size);
    while (size > fit && size > 1)
        size /= 2;
    w->lane.mask = size - 1;
    w->lane.room_end = size;
    w->lane.ring = array(size, p->out_size);
    w->lane.last = array(size, 1);
    return w->hand.items && w->spare && w->lane.ring && w->lane.last;
}

static void set_up(struct leati_local *p, leat_chan *in, leat_chan *out,
                   const struct leat_pipe_opts *o)
{
    p->o = *o;
    if (p->o.pool == NULL) /* replacements are started by a thread */
        p->o.pool = leat_pool_current();
    p->in = leat_chan_ref(in);
    p->out = leat_chan_ref(out);
    p->in_size = leat_chan_elem_size(in);
    p->out_size = leat_chan_elem_size(out);
    p->n = o->workers;
    p->timed = o->item_timeout > 0;
    p->spins = o->mode == LEAT_PIPE_FIBERS && leatp_cpus() > 1 && !leatp_cpus_by_quota();
    p->most_slots = p->timed ? 2 * p->n : p->n;
    p->limit = (uint64_t)o->workers + o->buffer;
    p->batch = fitting(p->limit < LEATI_BATCH ? p->limit : LEATI_BATCH, p->in_size);
    p->ordered = !(o->flags & LEAT_PIPE_UNORDERED);
    /* Held back only where receivers ask for it, and are not kept long by asking. */
    bool bounded = out->kind == LEATI_BOUNDED;
    p->holds = bounded && (p->ordered || p->n <= MOST_LANES);
    p->rx = p->holds ? &leati_bounded(out)->rx.word : &always_waiting;
    if (o->name)
        memcpy(p->name, o->name, strnlen(o->name, sizeof(p->name) - 1));
    else
        memcpy(p->name, "pipe", 5);
    p->feeder.chan = out;
    p->feeder.drain = p->holds ? feed : NULL;
    p->feeder.closed = out_closed;
    p->theft_ns = LEATI_THEFT_NS;
    p->stop_at.v = UINT64_MAX;
    p->refs.v = 1;
    p->alive.v = p->n;
    leat_wg_add(&p->gate, 1);
    leat_wg_add(&p->over, 1);
}

int leati_local_make(struct leati_local **ret, leat_chan *in, leat_chan *out,
                     const struct leat_pipe_opts *o)
{
    struct leati_local *p = array(1, sizeof(*p));
    if (p == NULL)
        return LEAT_ENOMEM;
    memset(p, 0, sizeof(*p));
    set_up(p, in, out, o);
    bool ok = leat_chan_new(&p->end_chan, 0, 1) == 0 &&
              leat_chan_new(&p->stop_chan, 0, 1) == 0 &&
              (!p->ordered || make_order(p)) &&
              (p->workers = array(p->most_slots, sizeof(*p->workers))) != NULL;
    if (p->workers)
        memset(p->workers, 0, p->most_slots * sizeof(*p->workers));
    for (unsigned i = 0; ok && i < p->n; i++)
        ok = leati_local_make_worker(p, i);
    if (!ok) {
        leati_local_free(p);
        return LEAT_ENOMEM;
    }
    leati_store_rel(&p->slots, p->n); /* with the pipe, pairs with leati_slots */
    *ret = p;
    return 0;
}
