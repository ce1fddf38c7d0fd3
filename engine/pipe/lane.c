/* lane.c - the results of one worker, unordered.
 *
 * Idea        A ring of outputs that its owner fills by plain stores. Whoever takes the
 *             lane's role sends from it, many at once: the owner at the end of a claim or
 *             when somebody waits for results, a receiver of `out` that would wait, a
 *             leader that lacks credits. Only what is published may be sent: what the
 *             running item emits is published when the item is done, so that one that
 *             fails can be undone. An item that outgrows the ring is published piece by
 *             piece (streaming).
 * Words       tail  end of what is published; w: owner
 *             open  end of what has been emitted; owner only
 *             room_end  head + size as the owner saw it last: he may have more room than
 *                   that, never less; owner only
 *             head  next to be sent; w: holder of the role
 *             role  1: somebody sends. Taken and given back by exchanges
 *             owner_waits  the owner sleeps until the role is free or there is room
 *             finished, delivered  items, outputs accepted by `out`; w: holder
 * Invariants  head <= tail <= open <= head + size (all modulo 2^32)
 * Ordering    owner                              holder
 *             tail (release)                     role = 0 by exchange
 *             exchange role: 1, leave            look at tail again
 *             The holder's exchange reads the owner's, so it sees the tail.
 *             A receiver that would wait: feed.h; plain workers execute no barrier.
 * SPDX-License-Identifier: MIT */
#include "pipe/local.h"

static struct leati_pworker *owner_of(struct leati_lane *l)
{
    return leati_container_of(l, struct leati_pworker, lane);
}

static char *element(const struct leati_local *p, const struct leati_lane *l,
                     uint32_t i)
{
    return l->ring + (size_t)(i & l->mask) * p->out_size;
}

/* How many of n bytes are 1, the others being 0; eight at a time. */
static uint64_t set_flags(const uint8_t *flags, size_t n)
{
    uint64_t sum = 0, eight;
    for (; n >= sizeof(eight); n -= sizeof(eight), flags += sizeof(eight)) {
        memcpy(&eight, flags, sizeof(eight));
        sum += eight * UINT64_C(0x0101010101010101) >> 56; /* their sum in the top byte */
    }
    while (n-- > 0)
        sum += *flags++;
    return sum;
}

/* One run of elements that lie in a row. Returns as leati_put; 0: the lane is empty. */
static ptrdiff_t send_run(struct leati_local *p, struct leati_lane *l, bool wait)
{
    uint32_t h = leati_load_rlx(&l->head);     /* relaxed: the holder's */
    uint32_t n = leati_load_acq(&l->tail) - h; /* acq: pairs with the owner's release */
    if (n == 0)
        return 0;
    uint32_t row = l->mask + 1 - (h & l->mask);
    ptrdiff_t r = leati_put(p, element(p, l, h), n < row ? n : row, wait);
    if (r <= 0)
        return r;
    uint64_t items = set_flags(l->last + (h & l->mask), (size_t)r);
    leati_store_rel(&l->head, h + (uint32_t)r); /* pairs with room */
    leati_count_up(&l->delivered, (uint64_t)r);
    /* rel: pairs with leati_finished, all that the item was is behind */
    leati_store_rel(&l->finished, leati_load_rlx(&l->finished) + items);
    leati_credit(p);
    return r;
}

static bool empty(const struct leati_lane *l)
{
    return leati_load_acq(&l->head) == leati_load_acq(&l->tail); /* as in send_run */
}

bool leati_lane_idle(const struct leati_lane *l)
{
    return !empty(l) && leati_load_rlx(&l->role) == 0; /* relaxed: send takes it */
}

static void give_back(struct leati_lane *l)
{
    (void)leati_xchg_ar(&l->role, 0u); /* ar: see Ordering */
    /* ar, after an exchange: pairs with that of make_room */
    if (leati_unlikely(leati_load_sc(&l->owner_waits)) &&
        leati_xchg_ar(&l->owner_waits, 0u))
        leat_sem_release(&owner_of(l)->sem, 1);
}

bool leati_lane_send(struct leati_local *p, struct leati_lane *l, bool wait)
{
    while (!empty(l) && !leati_is_stopped(p)) {
        ptrdiff_t r;
        if (leati_xchg_ar(&l->role, 1u)) /* ar: see Ordering */
            return false;
        do
            r = send_run(p, l, wait);
        while (r > 0);
        give_back(l);
        if (r == LEAT_EAGAIN)
            return true;
    }
    return false;
}

/* Owner. Looks at head, which is the holder's, on another CPU perhaps: not for each
 * output. */
static bool has_room(struct leati_lane *l)
{
    /* acq: pairs with send_run: what stood there has been copied out */
    l->room_end = leati_load_acq(&l->head) + l->mask + 1;
    return l->open != l->room_end;
}

/* The ring looked full. If it is, the running item has outgrown it: what is here goes. */
static __attribute__((noinline)) int make_room(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    struct leati_lane *l = &w->lane;
    if (has_room(l))
        return 0;
    if (!leati_watch_sending(w))
        return LEAT_ECANCELED;
    leati_lane_publish(w, l->open);
    w->streaming = true;
    for (;;) {
        int stopped = leati_is_stopped(p);
        if (stopped)
            return stopped;
        (void)leati_lane_send(p, l, true);
        if (has_room(l))
            return 0;
        /* Somebody else sends from it, and may be waiting for `out`. */
        (void)leati_xchg_sc(&l->owner_waits, 1u);
        if (leati_load_sc(&l->role) == 0 || has_room(l))
            continue;
        int r = leat_sem_acquire(&w->sem, 1);
        if (r != 0)
            leati_local_stop(p, r);
    }
}

LEATI_INLINE void append(struct leati_lane *l, const void *out, size_t size)
{
    uint32_t open = l->open, at = open & l->mask;
    l->open = open + 1;
    l->last[at] = 0;
    leati_copy(l->ring + at * size, out, size);
}

/* Where nobody takes outputs any more, there is no room, or the size is not the common
 * one: leati_lane_emit is a leaf, which saves no registers. */
static __attribute__((noinline)) int emit_slowly(struct leati_pworker *w,
                                                 const void *out)
{
    int r = leati_is_stopped(w->p);
    if (r == 0 && w->lane.open == w->lane.room_end)
        r = make_room(w);
    if (r == 0)
        append(&w->lane, out, w->p->out_size);
    return r;
}

int leati_lane_emit(leat_stage *s, const void *out, size_t len)
{
    struct leati_pworker *w = leati_container_of(s, struct leati_pworker, stage);
    struct leati_lane *l = &w->lane;
    (void)len;
    if (leati_likely(leati_is_stopped(w->p) == 0 && l->open != l->room_end &&
                     s->out_size == 8)) {
        append(l, out, 8);
        return 0;
    }
    return emit_slowly(w, out);
}

void leati_lane_complete_empty(struct leati_pworker *w)
{
    /* rel: pairs with leati_finished */
    leati_store_rel(&w->direct, leati_load_rlx(&w->direct) + 1);
    leati_credit(w->p);
}

void leati_lane_discard(struct leati_pworker *w)
{
    struct leati_lane *l = &w->lane;
    struct leati_local *p = w->p;
    for (uint32_t i = leati_load_rlx(&l->tail); i != l->open; i++)
        if (p->o.drop_out)
            p->o.drop_out(element(p, l, i), p->o.callback_arg);
    l->open = leati_load_rlx(&l->tail); /* relaxed: the owner's */
}

void leati_lane_drop(struct leati_local *p, struct leati_lane *l)
{
    uint32_t h = leati_load_acq(&l->head),
             t = leati_load_acq(&l->tail); /* all are gone */
    for (; h != t; h++) {
        if (p->o.drop_out)
            p->o.drop_out(element(p, l, h), p->o.callback_arg);
        leati_count_up(&p->discarded, l->last[h & l->mask]);
    }
    leati_store_rel(&l->head, t);
}
