/* timers.c - deadlines and sleeps of fibers: one 4-ary heap per worker.
 *
 * Idea        A fiber arms in the heap of the worker it runs on; the worker fires what
 *             is due every few switches and before it sleeps, searchers and the keeper
 *             fire for those that compute. Removal is eager: a fiber knows its place.
 * Words       timers[], ntimers  under tlock; first: earliest instant, read by sleepers
 *             f->tix             place + 1, 0: not armed; written under the lock of
 *                                f->heap, which only changes while not armed
 * Two kinds   A wait's deadline: firing sets TIMEOUT and kicks. A sleep: the heap itself
 *             is the wait, and whoever takes the fiber out of it owns the wake.
 * Ordering    tix = 0 (release) is the last touch of a firing under the lock / the
 *             resumed fiber's acquire load in disarm: it sees TIMEOUT, or takes the lock.
 *             tix = place + 1 (release, by whoever moves it last) after f->heap / the same
 *             load by a canceller: it takes the lock of the right heap.
 * Memory      Every heap has room for every record of the pool, reserved where a record
 *             is made: arming cannot fail. Untouched room is not backed by memory.
 * SPDX-License-Identifier: MIT */
#include "arch/os.h"
#include "park/call.h"
#include "pool/mill.h"

enum {
    ARY = 4,
    BATCH = 32, /* fired in one critical section */
};

/* Puts t at place i or, while it is earlier than the parent, above. */
static void rise(struct leati_worker *w, uint32_t i, struct leati_timer t)
{
    while (i > 0) {
        uint32_t up = (i - 1) / ARY;
        if (w->timers[up].at <= t.at)
            break;
        w->timers[i] = w->timers[up];
        leati_store_rel(&w->timers[i].f->tix, i + 1);
        i = up;
    }
    w->timers[i] = t;
    leati_store_rel(&t.f->tix, i + 1);
}

/* Fills the hole at i, below which everything is in order, with t. */
static void sink(struct leati_worker *w, uint32_t i, struct leati_timer t)
{
    for (;;) {
        uint32_t child = i * ARY + 1, least = child;
        if (child >= w->ntimers)
            break;
        for (uint32_t k = child + 1; k < child + ARY && k < w->ntimers; k++)
            least = w->timers[k].at < w->timers[least].at ? k : least;
        if (w->timers[least].at >= t.at)
            break;
        w->timers[i] = w->timers[least];
        leati_store_rel(&w->timers[i].f->tix, i + 1);
        i = least;
    }
    rise(w, i, t);
}

static void note_first(struct leati_worker *w)
{
    int64_t first = w->ntimers ? w->timers[0].at : INT64_MAX;
    leati_store_rel(&w->first, (uint64_t)first); /* pairs with looks before a sleep */
}

/* Takes place i out. The removed fiber's tix is the caller's to clear. */
static void take_out(struct leati_worker *w, uint32_t i)
{
    struct leati_timer last = w->timers[--w->ntimers];
    if (i < w->ntimers)
        sink(w, i, last);
    note_first(w);
}

void leati_timers_arm(struct leati_worker *w, struct leat_fiber *f, int64_t at,
                      bool sleeping)
{
    const struct leati_timer t = {at, f};
    leati_lock(&w->tlock);
    f->heap = w;
    f->sleeping = sleeping;
    rise(w, w->ntimers++, t);
    bool first = w->timers[0].f == f;
    note_first(w);
    leati_unlock(&w->tlock);
    if (first) /* f may be running again: only w is touched */
        leati_rule(w->pool, w, LEATI_WHY_TIMER);
}

bool leati_timers_disarm(struct leat_fiber *f)
{
    if (leati_load_acq(&f->tix) == 0) /* pairs with the store in leati_timers_expire */
        return false;
    struct leati_worker *w = f->heap;
    leati_lock(&w->tlock);
    uint32_t tix = leati_load_rlx(&f->tix);
    if (tix) {
        take_out(w, tix - 1);
        leati_store_rlx(&f->tix, 0u);
    }
    leati_unlock(&w->tlock);
    return tix != 0;
}

bool leati_timers_expire(struct leati_worker *v, int64_t now)
{
    struct leat_fiber *due[BATCH];
    bool sleeping[BATCH], any = false;
    unsigned n;
    do {
        n = 0;
        leati_lock(&v->tlock);
        while (n < BATCH && v->ntimers && v->timers[0].at <= now) {
            struct leat_fiber *f = v->timers[0].f;
            take_out(v, 0);
            due[n] = f;
            sleeping[n] = f->sleeping;
            if (!sleeping[n])
                (void)leati_or_sc(&f->attn, (uint8_t)LEATI_ATTN_TIMEOUT);
            leati_store_rel(&f->tix, 0u); /* last touch; pairs with disarm */
            n++;
        }
        leati_unlock(&v->tlock);
        for (unsigned i = 0; i < n; i++) {
            if (sleeping[i])
                leati_ready(due[i], LEATI_WAKE_TAIL);
            else
                leati_kick(due[i]);
        }
        any |= n > 0;
    } while (n == BATCH);
    leati_calls_flush(); /* on the loop's stack */
    return any;
}

static bool grow(struct leati_worker *w, size_t old_bytes, size_t new_bytes)
{
    leati_lock(&w->tlock);
    void *m = w->timers ? leatp_remap(w->timers, old_bytes, new_bytes)
                        : leatp_map(new_bytes);
    if (m)
        w->timers = m;
    leati_unlock(&w->tlock);
    return m != NULL;
}

bool leati_timers_reserve(leat_pool *p, uint32_t n)
{
    uint32_t room = p->timer_room ? p->timer_room : 1024;
    if (n <= p->timer_room)
        return true;
    while (room < n)
        room *= 2;
    for (unsigned i = 0; i < p->n; i++) {
        /* On failure the former ones keep their larger map; its size is remembered. */
        struct leati_worker *w = p->workers[i];
        if (w->timer_room >= room)
            continue;
        if (!grow(w, w->timer_room * sizeof(struct leati_timer),
                  room * sizeof(struct leati_timer)))
            return false;
        w->timer_room = room;
    }
    p->timer_room = room;
    return true;
}

void leati_timers_fini(struct leati_worker *w)
{
    if (w->timers)
        leatp_unmap(w->timers, w->timer_room * sizeof(struct leati_timer));
}
