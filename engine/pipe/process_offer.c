/* process_offer.c - items into the slots of workers, results out of them; see proc/lane.h
 * for the words. Nothing that is read from a slot is believed: which item lies there, if
 * it was recalled and what sizes are allowed is in the herder's own memory.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "pipe/process.h"

static bool takes_items(const struct leati_herded *w)
{
    return (w->life == LEATI_LIFE_RUNNING || w->life == LEATI_LIFE_ASKED) &&
           !w->poisoned && !w->stopped_at;
}

static uint32_t held(const struct leati_herded *w)
{
    return w->tail - w->head;
}

/* Puts the item into the worker's next slot. False: it cannot be put into bytes. */
static bool offer(struct leati_herd *h, struct leati_herded *w, struct leati_item *it)
{
    struct leati_slot *s = leati_lane_slot(&w->lane, w->tail);
    const char *from = it->elem;
    size_t len = h->in_size;
    if (h->po.pack) { /* into memory that no worker can reach */
        ptrdiff_t n = h->po.pack(it->elem, h->scratch, h->max_in, h->po.codec_arg);
        if (n < 0 || (size_t)n > h->max_in) {
            leati_item_unfit(h, it, n < 0 ? (int)n : LEAT_EMSGSIZE, w->number);
            return false;
        }
        from = h->scratch;
        len = (size_t)n;
    }
    s->len = (uint32_t)len;
    s->position = it->position;
    if (len)
        memcpy(leati_slot_in(s), from, len);
    w->item[w->tail & (h->nslot - 1)] = it;
    w->recalled[w->tail & (h->nslot - 1)] = false;
    it->state = LEATI_ITEM_OFFERED;
    leati_lane_offer(&w->lane, w->tail++);
    return true;
}

/* How many items each worker should have so that all have as many. */
static uint32_t fair_share(const struct leati_herd *h)
{
    uint32_t items = h->queued, workers = 0;
    for (unsigned k = 0; k < h->o.workers; k++) {
        const struct leati_herded *w = &h->worker[k];
        if (takes_items(w)) {
            workers++;
            items += held(w);
        }
    }
    uint32_t n = workers ? (items + workers - 1) / workers : 0;
    return n < h->nslot ? n : h->nslot;
}

bool leati_offer_all(struct leati_herd *h)
{
    if (h->queued == 0 || h->stage != LEATI_HERD_RUN)
        return false;
    uint32_t share = fair_share(h);
    bool moved = false;
    for (unsigned n = 0; n < h->o.workers && h->queued; n++) {
        struct leati_herded *w = &h->worker[(h->turn + n) % h->o.workers];
        /* In bursts: a worker that has half of its share is not interrupted. */
        if (!takes_items(w) || held(w) > share / 2)
            continue;
        while (held(w) < share && h->queued) {
            struct leati_item *it =
                leati_container_of(h->queue.first, struct leati_item, link);
            leati_list_remove(&h->queue, &it->link);
            h->queued--;
            (void)offer(h, w, it);
            moved = true;
        }
    }
    if (!moved)
        return false;
    h->turn = (h->turn + 1) % h->o.workers;
    leatp_fence_full(); /* pairs with a worker that goes to sleep */
    for (unsigned k = 0; k < h->o.workers; k++) {
        if (held(&h->worker[k]))
            leati_lane_wake_worker(&h->worker[k].lane);
    }
    return true;
}

/* --- results --- */

/* Are the bytes so many records, one behind the other? */
static bool records(const struct leati_item *it)
{
    uint32_t at = 0, len;
    for (uint32_t n = 0; n < it->count; n++) {
        if (it->len - at < LEATI_RECORD)
            return false;
        memcpy(&len, it->result + at, sizeof(len));
        at += LEATI_RECORD;
        if (len > it->len - at)
            return false;
        at += len;
    }
    return at == it->len;
}

bool leati_take_result(struct leati_herd *h, struct leati_herded *w, uint32_t i)
{
    struct leati_slot *s = leati_lane_slot(&w->lane, i);
    struct leati_item *it = w->item[i & (h->nslot - 1)];
    /* relaxed: published by FINISHED; once each */
    int rc = (int)leati_load_rlx(&s->rc);
    uint32_t len = leati_load_rlx(&s->rlen), count = leati_load_rlx(&s->count);
    leati_count(&w->items, 1);
    w->progress = true;
    if (rc < 0) {
        leati_item_failed(h, it, rc, w->number);
        return true;
    }
    if (len > h->max_out || count > len ||
        (!h->po.unpack && (uint64_t)count * h->unit != len)) {
        leati_item_failed(h, it, LEAT_EOWNERDEAD, w->number);
        return false;
    }
    memcpy(it->result, leati_slot_out(&w->lane, s), len);
    it->len = len;
    it->count = count;
    if (h->po.unpack && !records(it)) {
        leati_item_failed(h, it, LEAT_EOWNERDEAD, w->number);
        return false;
    }
    leati_item_ready(h, it);
    return true;
}

bool leati_collect(struct leati_herd *h, struct leati_herded *w)
{
    bool moved = false;
    if (w->life != LEATI_LIFE_RUNNING && w->life != LEATI_LIFE_ASKED)
        return false;
    while (w->head != w->tail && !w->poisoned) {
        bool recalled = w->recalled[w->head & (h->nslot - 1)];
        uint32_t phase = leati_lane_phase(&w->lane, w->head);
        if (phase == (recalled ? LEATI_RECALLED : LEATI_OFFERED) ||
            (phase == LEATI_TAKEN && !recalled))
            break;
        if (recalled ? phase != LEATI_PASSED : phase != LEATI_FINISHED) {
            w->poisoned = true; /* what it holds is settled at its end */
            break;
        }
        uint32_t i = w->head++;
        w->taken_at = w->offered_at = 0;
        moved = true;
        if (!recalled && !leati_take_result(h, w, i))
            w->poisoned = true;
    }
    if (w->poisoned) {
        leati_life_end(h, w, LEAT_EOWNERDEAD);
        moved = true;
    }
    return moved;
}

bool leati_collect_all(struct leati_herd *h)
{
    bool moved = false;
    for (unsigned k = 0; k < h->o.workers; k++)
        moved |= leati_collect(h, &h->worker[k]);
    return moved;
}

/* --- sharing --- */

/* Has the worker's start been done? sc: behind psleep, pairs with its tell_parent. */
static bool begun(const struct leati_herded *w)
{
    return leati_load_sc(&leati_lane_head(&w->lane)->begun) == 1;
}

/* How many of its items another worker could begin sooner: all but the first, which it is
 * at or, awake or not yet, about to take: so an item never goes to and fro between workers
 * that are slow to wake. All, of one that has not begun or is stopped. */
static uint32_t spare(const struct leati_herded *w)
{
    uint32_t n = 0;
    if (w->life != LEATI_LIFE_RUNNING && w->life != LEATI_LIFE_ASKED)
        return 0;
    for (uint32_t i = w->head; i != w->tail; i++)
        n += !w->recalled[i & (w->lane.nslot - 1)];
    return n && begun(w) && !w->stopped_at ? n - 1 : n;
}

uint32_t leati_recall(struct leati_herd *h, struct leati_herded *w, uint32_t most)
{
    uint32_t n = 0;
    for (uint32_t i = w->tail; i != w->head && n < most; i--) {
        uint32_t at = (i - 1) & (h->nslot - 1);
        if (w->recalled[at])
            continue;
        if (!leati_lane_move(&w->lane, i - 1, LEATI_OFFERED, LEATI_RECALLED))
            break; /* it is at it, and all before it are over */
        w->recalled[at] = true;
        leati_item_back(h, w->item[at]);
        w->item[at] = NULL;
        n++;
    }
    return n;
}

bool leati_share(struct leati_herd *h)
{
    struct leati_herded *most = NULL;
    uint32_t idle = 0, n = 0;
    if (h->queued || h->stage != LEATI_HERD_RUN)
        return false;
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (w->life == LEATI_LIFE_RUNNING && takes_items(w) && held(w) == 0 && begun(w)) {
            idle++;
            continue;
        }
        uint32_t s = spare(w);
        if (s > n) {
            n = s;
            most = w;
        }
    }
    n = idle && most ? leati_recall(h, most, (n + 1) / 2) : 0;
    leati_count(&h->n.stolen, n);
    return n > 0;
}
