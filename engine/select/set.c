/* set.c - receiving from very many channels at O(1) an event.
 *
 * Idea        An entry parks an *event* node on its channel. A sender that finds it
 *             unlinks it and puts the entry into the set's ready list; nothing is
 *             consumed, so nothing is ever owed and other receivers are served as
 *             before. The owner tries the ready channels in turn; one that is empty is
 *             armed again, one that had a value stays in the owner's own list, so a
 *             busy channel costs nothing per message beside the receive.
 * Words       ready, parked: under set->lock. turn: the owner's alone.
 * Ordering    arming is a registration like any other (chan/): after it the tickets are
 *             read again, and an entry whose channel became ready is fired. Going to
 *             sleep is one critical section with looking at the ready list.
 * Lock order  a channel's side lock, then set->lock.
 * Callers     one owner at a time calls add, del, wait; anybody fires.
 * Timers      have nobody who fires them: they are looked at on every wait, and the
 *             earliest one bounds the sleep.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <leat/set.h>
#include "base/map.h"
#include "chan/feed.h"
#include "park/call.h"

struct entry {
    struct leati_keyed key; /* the channel */
    struct leati_node node;
    struct leati_event event;
    struct leati_link link; /* in ready, turn or timers */
    struct leat_set *set;
    void *user;
};

struct leat_set {
    struct leati_map *map;
    struct leati_list turn;   /* owner */
    struct leati_list timers; /* owner */
    leati_a32 lock;
    leati_a32 nready;         /* entries in ready; a look without the lock */
    struct leati_list ready;
    struct leati_wait *parked;
};

static struct leat_chan *chan_of(struct entry *e)
{
    return (struct leat_chan *)(uintptr_t)e->key.key;
}

/* By a sender, under its channel's side lock; the node is already unlinked. */
static struct leati_wait *fire(struct leati_event *event)
{
    struct entry *e = leati_container_of(event, struct entry, event);
    struct leat_set *s = e->set;
    leati_lock(&s->lock);
    leati_list_append(&s->ready, &e->link);
    leati_store_rlx(&s->nready, leati_load_rlx(&s->nready) + 1);
    struct leati_wait *w = s->parked;
    s->parked = NULL;
    leati_unlock(&s->lock);
    if (w)
        w->result = 0;
    return w;
}

/* Its channel was seen empty: whoever sends next fires it. */
static void arm(struct leat_set *s, struct entry *e)
{
    struct leat_chan *c = chan_of(e);
    if (c->ops->enlist(c, &e->node) != LEATI_LISTED)
        leati_list_append(&s->turn, &e->link);
    else if (leati_fed(c))
        leati_feed(c);
}

/* Moves what was fired to the end of the owner's turn. */
static void collect(struct leat_set *s)
{
    struct leati_list fired = {NULL, NULL};
    if (leati_load_rlx(&s->nready) == 0) /* relaxed: parking looks again, locked */
        return;
    leati_lock(&s->lock);
    fired = s->ready;
    memset(&s->ready, 0, sizeof(s->ready));
    leati_store_rlx(&s->nready, 0u);
    leati_unlock(&s->lock);
    while (fired.first) {
        struct leati_link *l = fired.first;
        leati_list_remove(&fired, l);
        leati_list_append(&s->turn, l);
    }
}

static bool set_publish(struct leati_wait *w)
{
    struct leat_set *s = (struct leat_set *)(uintptr_t)w->object;
    leati_lock(&s->lock);
    bool sleep = s->ready.first == NULL;
    if (sleep)
        s->parked = w;
    leati_unlock(&s->lock);
    w = sleep ? NULL : w; /* gone once it is parked */
    if (w)
        w->result = 0;
    return sleep;
}

static bool set_abort(struct leati_wait *w, int err)
{
    struct leat_set *s = (struct leat_set *)(uintptr_t)w->object;
    leati_lock(&s->lock);
    bool mine = s->parked == w;
    if (mine)
        s->parked = NULL;
    leati_unlock(&s->lock);
    if (mine)
        w->result = err;
    return mine;
}

static const struct leati_wait_ops set_ops = {set_publish, set_abort, "set"};

static void forget(struct leat_set *s, struct entry *e)
{
    leati_map_remove(s->map, &e->key);
    leat_chan_free(chan_of(e));
    free(e);
}

struct found {
    void *ret;
    leat_chan **chan;
    void **user;
};

/* Tries one entry, which is in no list. True: *ret_result is the call's. */
static bool try_entry(struct leat_set *s, struct entry *e, const struct found *f,
                      int *ret_result)
{
    struct leat_chan *c = chan_of(e);
    int r = c->ops->attempt(c, LEAT_OP_RECV, f->ret);
    if (r == LEAT_EAGAIN || r == LEAT_EBUSY)
        return false;
    if (f->chan)
        *f->chan = c;
    if (f->user)
        *f->user = e->user;
    *ret_result = r;
    if (r == LEAT_ECLOSED)
        forget(s, e);
    return true;
}

/* Timers: any that is due; else *until is lowered to the first that will be. */
static bool try_timers(struct leat_set *s, const struct found *f,
                       struct leat_deadline *until, int *ret_result)
{
    struct leati_link *next;
    for (struct leati_link *l = s->timers.first; l; l = next) {
        struct entry *e = leati_container_of(l, struct entry, link);
        uint64_t ticket;
        next = l->next;
        if (!chan_of(e)->ops->ready(chan_of(e), LEAT_OP_RECV, &ticket, until))
            continue;
        leati_list_remove(&s->timers, l);
        bool took = try_entry(s, e, f, ret_result);
        if (!took || *ret_result != LEAT_ECLOSED)
            leati_list_append(&s->timers, l);
        if (took)
            return true;
    }
    return false;
}

static bool try_turn(struct leat_set *s, const struct found *f, int *ret_result)
{
    collect(s);
    while (s->turn.first) {
        struct entry *e = leati_container_of(s->turn.first, struct entry, link);
        leati_list_remove(&s->turn, &e->link);
        if (try_entry(s, e, f, ret_result)) {
            if (*ret_result != LEAT_ECLOSED)
                leati_list_append(&s->turn, &e->link);
            return true;
        }
        arm(s, e);
    }
    return false;
}

int leat_set_wait(leat_set *s, void *ret, leat_chan **ret_chan, void **ret_user,
                  struct leat_deadline until)
{
    const struct found f = {ret, ret_chan, ret_user};
    int r;
    if (s == NULL)
        return LEAT_EINVAL;
    for (;;) {
        struct leat_deadline at = until;
        bool took = try_turn(s, &f, &r) || try_timers(s, &f, &at, &r);
        leati_calls_flush();
        if (took)
            return r;
        if (leati_load_rlx(&s->nready))
            continue;
        if (until.at_ns <= 0)
            return LEAT_EAGAIN;
        struct leati_wait w = {
            .ops = &set_ops, .until = at, .spin = LEAT_SPIN_ADAPTIVE, .object = s};
        r = leati_park(&w);
        if (r != 0 && (r != LEAT_ETIMEDOUT || at.at_ns >= until.at_ns))
            return r;
    }
}

int leat_set_new(leat_set **ret)
{
    if (ret == NULL)
        return LEAT_EINVAL;
    struct leat_set *s = calloc(1, sizeof(*s));
    if (s == NULL || (s->map = leati_map_new(0)) == NULL) {
        free(s);
        return LEAT_ENOMEM;
    }
    leatp_membarrier_init();
    *ret = s;
    return 0;
}

leat_set *leat_set_free(leat_set *s)
{
    struct leati_keyed *k;
    if (s == NULL)
        return NULL;
    while ((k = leati_map_any(s->map)) != NULL)
        (void)leat_set_del(s, (leat_chan *)(uintptr_t)k->key);
    leati_map_free(s->map);
    free(s);
    return NULL;
}

int leat_set_add(leat_set *s, leat_chan *c, void *user)
{
    if (s == NULL || c == NULL)
        return LEAT_EINVAL;
    if (leati_map_find(s->map, c))
        return LEAT_EALREADY;
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return LEAT_ENOMEM;
    e->key.key = c;
    e->set = s;
    e->user = user;
    e->event.fire = fire;
    e->node.kind = LEATI_EVENT;
    e->node.dir = LEAT_OP_RECV;
    e->node.of.event = &e->event;
    if (!leati_map_put(s->map, &e->key)) {
        free(e);
        return LEAT_ENOMEM;
    }
    leat_chan_ref(c);
    leati_list_append(c->kind == LEATI_TIMER ? &s->timers : &s->turn, &e->link);
    return 0;
}

int leat_set_del(leat_set *s, leat_chan *c)
{
    struct entry *e =
        s && c ? (struct entry *)(void *)leati_map_find(s->map, c) : NULL;
    if (e == NULL)
        return LEAT_EINVAL;
    if (c->kind == LEATI_TIMER) {
        leati_list_remove(&s->timers, &e->link);
    } else if (!c->ops->delist(c, &e->node)) {
        collect(s); /* it had been fired: now it is in turn */
        leati_list_remove(&s->turn, &e->link);
    }
    forget(s, e);
    leati_calls_flush();
    return 0;
}

size_t leat_set_len(const leat_set *s)
{
    return s ? leati_map_count(s->map) : 0;
}
