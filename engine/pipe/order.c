/* order.c - results in the order of their items: the reorder ring.
 *
 * Idea        Item p has the slot p mod W, W >= workers + buffer. Whoever completes the
 *             item at the head takes the drain role and sends from the ring all that is
 *             complete in a row; others leave their results and go on. An item whose
 *             outputs do not fit its slot waits until it is at the head, gets the role
 *             handed over and sends as it emits (streaming).
 * Words       turn      of a slot: 4*lap + FULL or WANT when item p = lap*W + slot is; any
 *                       other value: it is not. w: the item's worker. Never reset
 *             word      head<<1 | busy. head: all items before it are finished with; busy:
 *                       somebody has the drain role. One word, so that a completer cannot
 *                       read an old head and leave
 *             has_role  of a worker: the role was handed to it
 *             cursor, part, gather
 *                       the holder's: positions before cursor and `part` outputs of the
 *                       one at it have been copied to gather, from where they are sent
 *                       many at once
 * Invariants  O1  head <= cursor <= taken; items are taken while taken - head < W only
 *             O2  the slot of an item that was taken is its worker's until FULL: before
 *                 the item could be taken, head had passed the slot's last one, whose
 *                 outputs had been copied out. A worker that may be late could write
 *                 into it when it is another's, so it collects its outputs beside
 *             O3  nothing ready stays unless somebody has the role, `out` was full, or
 *                 results are held back (feed.h)
 * Ordering    completer of p                     drainer leaving at p
 *             turn[p] = FULL (seq_cst)           word = p<<1 (seq_cst)
 *             load word: busy, leave             load turn[p]: not FULL, leave
 *             Both leaving is a cycle in the order of seq_cst accesses. A plain completer
 *             does not even look; feed.h says who does it for him. word, release /
 *             acquire: what the holder wrote, to the next one.
 * Stop        an item failed under STOP never becomes FULL, so head stays there: what is
 *             delivered is exactly what stood before the first of those.
 * SPDX-License-Identifier: MIT */
#include "pipe/local.h"

enum { FULL = 1, WANT = 2 };

struct slot {
    leati_a32 turn;
    uint32_t n; /* outputs */
    uint32_t failed;
    uint32_t unused;
    struct leati_pworker *want;
    char out[] __attribute__((aligned(16)));
};

static struct slot *slot_of(const struct leati_order *o, uint64_t p)
{
    return (struct slot *)(void *)(o->slots + (size_t)(p & o->mask) * o->stride);
}

static uint32_t turn_of(const struct leati_order *o, uint64_t p, uint32_t phase)
{
    return (uint32_t)(p >> o->shift) * 4 + phase;
}

static bool is(const struct leati_order *o, uint64_t p, uint32_t phase)
{
    /* sc: see Ordering; acquires the slot's contents */
    return leati_load_sc(&slot_of(o, p)->turn) == turn_of(o, p, phase);
}

size_t leati_order_slot_bytes(uint32_t per_slot, size_t out_size)
{
    size_t bytes = sizeof(struct slot) + per_slot * out_size;
    return (bytes + 63) / 64 * 64;
}

LEATI_INLINE void set_turn(struct leati_order *o, uint64_t p, uint32_t phase, bool plain)
{
    uint32_t turn = turn_of(o, p, phase);
    if (plain)
        leati_store_rel(&slot_of(o, p)->turn, turn); /* pairs with is() */
    else
        (void)leati_xchg_sc(&slot_of(o, p)->turn, turn); /* see Ordering */
}

/* ---- the holder of the role ---- */

/* One more item ends with the last element of gather. */
static void end_item(struct leati_order *o, uint32_t failed)
{
    uint32_t at = o->count - 1;
    if (at < o->singles) {
        o->singles = at;
        o->ends[at] = 1;
        o->skips[at] = 0;
    }
    o->ends[at]++;
    o->skips[at] = (uint8_t)(o->skips[at] + failed);
    o->part = 0;
    o->cursor++;
}

/* As many outputs of the item at the cursor as there is room for, and its end. Without
 * outputs it ends with the output before it, or at once: then *head moves. False: that is
 * all for now. */
static bool gather_item(struct leati_local *p, const struct slot *s, uint64_t *head)
{
    struct leati_order *o = &p->order;
    if (s->n == 0 && o->count == 0) {
        leati_count_up(&o->skipped, s->failed);
        *head = ++o->cursor;
        return true;
    }
    uint32_t n = s->n - o->part;
    if (n > o->most - o->count)
        n = o->most - o->count;
    memcpy(o->gather + o->count * p->out_size, s->out + o->part * p->out_size,
           n * p->out_size);
    for (uint32_t i = 0; i < n; i++)
        o->ends[o->count + i] = o->skips[o->count + i] = 0;
    o->count += n;
    o->part += n;
    if (o->part < s->n)
        return false;
    uint32_t at = o->count - 1;
    if (at >= o->singles && o->ends[at] == UINT8_MAX)
        return false; /* s->n == 0: the next round takes it */
    end_item(o, s->failed);
    return true;
}

/* Most items have one output: those that gather begins with need no bookkeeping. Their
 * number; to: as copy, a size that is a constant costs no call. */
LEATI_INLINE uint32_t gather_singles(struct leati_order *o, size_t size)
{
    uint32_t n = 0;
    uint64_t at = o->cursor;
    for (; n < o->most; n++, at++) {
        const struct slot *s = slot_of(o, at);
        if (!is(o, at, FULL) || s->n != 1)
            break;
        leati_copy(o->gather + n * size, s->out, size);
    }
    o->cursor = at;
    return n;
}

/* Outputs of complete items go to gather, as far as there is room. */
static void gather(struct leati_local *p, uint64_t *head)
{
    struct leati_order *o = &p->order;
    o->first = o->count = o->singles = 0;
    if (o->part == 0)
        o->count = o->singles = p->out_size == 8 ? gather_singles(o, 8)
                                                 : gather_singles(o, p->out_size);
    while (o->count < o->most && is(o, o->cursor, FULL) &&
           gather_item(p, slot_of(o, o->cursor), head))
        ;
}

/* Some of gather was accepted. Returns how many items end with it. */
static uint64_t advance(struct leati_local *p, uint32_t n)
{
    struct leati_order *o = &p->order;
    uint32_t i = o->first, end = o->first + n;
    uint64_t ends = 0, skips = 0;
    if (i < o->singles) {
        uint32_t to = end < o->singles ? end : o->singles;
        ends = to - i;
        i = to;
    }
    for (; i < end; i++) {
        ends += o->ends[i];
        skips += o->skips[i];
    }
    o->first = end;
    leati_count_up(&o->delivered, n);
    leati_count_up(&o->skipped, skips);
    return ends;
}

/* Sends what is ready. Returns 0: nothing more is; 1: the role was handed over; or as
 * leati_put. */
static int send_ready(struct leati_local *p, uint64_t *head, bool wait)
{
    struct leati_order *o = &p->order;
    for (;;) {
        if (o->first == o->count)
            gather(p, head);
        if (o->first < o->count) {
            ptrdiff_t r = leati_put(p, o->gather + o->first * p->out_size,
                                    o->count - o->first, wait);
            if (r <= 0)
                return (int)r;
            *head += advance(p, (uint32_t)r);
        } else if (is(o, o->cursor, WANT)) {
            struct leati_pworker *w = slot_of(o, o->cursor)->want;
            leati_store_sc(&o->word, *head << 1 | 1);
            leati_store_rel(&w->has_role, 1u); /* pairs with become_head */
            leat_sem_release(&w->sem, 1);
            return 1;
        } else {
            return 0;
        }
        leati_store_sc(&o->word, *head << 1 | 1); /* credits for the leader */
        leati_credit(p);
    }
}

static bool ready(const struct leati_order *o, uint64_t head)
{
    return is(o, head, FULL) || is(o, head, WANT);
}

bool leati_order_idle(const struct leati_local *p)
{
    uint64_t w = leati_load_sc(&p->order.word);
    return !(w & 1) && ready(&p->order, w >> 1);
}

bool leati_order_drain(struct leati_local *p, bool wait)
{
    struct leati_order *o = &p->order;
    while (leati_is_stopped(p) == 0) {
        uint64_t w = leati_load_sc(&o->word);
        if ((w & 1) || !ready(o, w >> 1))
            return false;
        if (!leati_cas_sc(&o->word, &w,
                          w | 1)) /* sc: acquires what the last one wrote */
            continue;
        uint64_t head = w >> 1;
        int r = send_ready(p, &head, wait);
        if (r == 1)
            return false;
        (void)leati_xchg_sc(&o->word, head << 1); /* see Ordering; then look again */
        leati_credit(p);
        if (r == LEAT_EAGAIN)
            return true;
    }
    return false;
}

/* ---- a worker and its item ---- */

/* The item's outputs do not fit: waits for its turn to send. */
static int become_head(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    int stopped;
    if (!leati_watch_sending(w))
        return LEAT_ECANCELED;
    slot_of(&p->order, w->stage.position)->want = w;
    set_turn(&p->order, w->stage.position, WANT, false);
    (void)leati_add_sc(&p->eager, 1u);
    leati_heavy_fence(); /* shows what was published plainly before it */
    /* acq: pairs with send_ready, what the holder wrote */
    while ((stopped = leati_is_stopped(p)) == 0 && !leati_load_acq(&w->has_role)) {
        (void)leati_order_drain(p, true);
        if (leati_load_acq(&w->has_role))
            break;
        int r = leat_sem_acquire(&w->sem, 1);
        if (r != 0)
            leati_local_stop(p, r);
    }
    (void)leati_sub_sc(&p->eager, 1u);
    if (stopped == 0)
        w->streaming = true;
    return stopped;
}

/* All of outs, with the role. */
static int stream(struct leati_pworker *w, const char *outs, uint32_t n)
{
    struct leati_local *p = w->p;
    while (n > 0) {
        ptrdiff_t r = leati_put(p, outs, n, true);
        if (r <= 0)
            return (int)r;
        leati_count_up(&p->order.delivered, (uint64_t)r);
        outs += (size_t)r * p->out_size;
        n -= (uint32_t)r;
    }
    return 0;
}

/* Where the running item's outputs are until it is complete: in its slot, or, if its
 * worker may lose it, beside. */
static char *outs_of(const struct leati_pworker *w)
{
    return w->outs ? w->outs : slot_of(&w->p->order, w->stage.position)->out;
}

/* As in lane.c: leati_order_emit is a leaf. */
static __attribute__((noinline)) int emit_slowly(struct leati_pworker *w, const void *out)
{
    struct leati_local *p = w->p;
    int r = leati_is_stopped(p);
    if (r != 0)
        return r;
    if (!w->streaming && w->nouts < p->order.per_slot) {
        leati_copy(outs_of(w) + w->nouts++ * p->out_size, out, p->out_size);
        return 0;
    }
    r = w->streaming ? 0 : become_head(w);
    if (r == 0 && w->nouts > 0 && (r = stream(w, outs_of(w), w->nouts)) == 0)
        w->nouts = 0;
    return r ? r : stream(w, out, 1);
}

int leati_order_emit(leat_stage *s, const void *out, size_t len)
{
    struct leati_pworker *w = leati_container_of(s, struct leati_pworker, stage);
    (void)len;
    if (leati_likely(leati_is_stopped(w->p) == 0 && !w->streaming &&
                     w->nouts < w->p->order.per_slot && s->out_size == 8)) {
        memcpy(outs_of(w) + w->nouts++ * (size_t)8, out, 8);
        return 0;
    }
    return emit_slowly(w, out);
}

/* The end of an item that has the role. */
static void end_streaming(struct leati_pworker *w, bool failed)
{
    struct leati_order *o = &w->p->order;
    leati_count_up(&o->skipped, failed);
    w->streaming = false;
    leati_store_rlx(&w->has_role, 0u); /* relaxed: the role orders it */
    o->cursor = w->stage.position + 1;
    (void)leati_xchg_sc(&o->word, o->cursor << 1);
    leati_credit(w->p);
    (void)leati_order_drain(w->p, false);
}

/* n outputs are in the slot. */
LEATI_INLINE void complete_with(struct leati_order *o, uint64_t p, uint32_t n,
                                bool failed, bool plain)
{
    slot_of(o, p)->n = n;
    slot_of(o, p)->failed = failed;
    set_turn(o, p, FULL, plain);
}

static LEATI_NOINLINE void complete_slowly(struct leati_pworker *w, bool failed)
{
    struct leati_local *p = w->p;
    uint64_t at = w->stage.position;
    if (w->streaming) {
        end_streaming(w, failed);
        return;
    }
    memcpy(slot_of(&p->order, at)->out, w->outs, w->nouts * p->out_size);
    complete_with(&p->order, at, w->nouts, failed, w->plain);
    w->nouts = 0;
}

void leati_order_complete(struct leati_pworker *w, bool failed)
{
    uint32_t n = w->nouts;
    if (leati_unlikely(w->streaming || w->outs)) {
        complete_slowly(w, failed);
        return;
    }
    w->nouts = 0;
    complete_with(&w->p->order, w->stage.position, n, failed, w->plain);
}

void leati_order_skip(struct leati_pworker *w)
{
    complete_with(&w->p->order, w->stage.position, 0, true, false);
}

void leati_order_discard(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    for (uint32_t i = 0; i < w->nouts; i++)
        if (p->o.drop_out)
            p->o.drop_out(outs_of(w) + i * p->out_size, p->o.callback_arg);
    w->nouts = 0;
}

/* ---- the end ---- */

static void drop_slot(struct leati_local *p, struct slot *s, uint32_t from)
{
    for (uint32_t i = from; i < s->n; i++)
        if (p->o.drop_out)
            p->o.drop_out(s->out + i * p->out_size, p->o.callback_arg);
    leati_count_up(&p->discarded, !s->failed);
}

void leati_order_drop(struct leati_local *p)
{
    struct leati_order *o = &p->order;
    uint64_t taken = leati_load_acq(&p->taken);
    for (; o->first < o->count; o->first++) {
        if (p->o.drop_out)
            p->o.drop_out(o->gather + o->first * p->out_size, p->o.callback_arg);
        leati_count_up(&p->discarded, o->first < o->singles
                                          ? 1
                                          : (uint64_t)(o->ends[o->first] -
                                                       o->skips[o->first]));
    }
    for (uint64_t at = o->cursor; at < taken; at++) {
        if (is(o, at, FULL))
            drop_slot(p, slot_of(o, at), at == o->cursor ? o->part : 0);
    }
}
