/* process_item.c - the items of a process pipe between `in` and `out`; see process.h.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "pipe/process.h"

enum { AT_ONCE = 32 }; /* items received with one call */

static struct leati_item *first_of(struct leati_list *l)
{
    return l->first ? leati_container_of(l->first, struct leati_item, link) : NULL;
}

/* --- ends of an item --- */

static void release(struct leati_herd *h, struct leati_item *it)
{
    it->state = LEATI_ITEM_FREE;
    leati_list_append(&h->free, &it->link);
    h->in_flight--;
}

/* Its place in the order is kept until its turn; without an order it is gone at once. */
static void settled(struct leati_herd *h, struct leati_item *it,
                    enum leati_item_state how)
{
    it->state = (uint8_t)how;
    if (!h->ordered || h->stage != LEATI_HERD_RUN)
        release(h, it);
}

static void drop_unstarted(struct leati_herd *h, struct leati_item *it)
{
    leati_count(&h->n.unstarted, 1);
    if (h->o.drop_in)
        h->o.drop_in(it->elem, h->o.callback_arg);
    settled(h, it, LEATI_ITEM_DROPPED);
}

/* Does an error before it make it worthless? */
static bool behind_the_stop(const struct leati_herd *h, const struct leati_item *it)
{
    return h->stage != LEATI_HERD_RUN ||
           (h->stopping && (!h->ordered || it->position > h->stop_at));
}

static void queue(struct leati_herd *h, struct leati_item *it, bool first)
{
    it->state = LEATI_ITEM_QUEUED;
    if (first)
        leati_list_prepend(&h->queue, &it->link);
    else
        leati_list_append(&h->queue, &it->link);
    h->queued++;
}

void leati_item_back(struct leati_herd *h, struct leati_item *it)
{
    if (behind_the_stop(h, it))
        drop_unstarted(h, it);
    else
        queue(h, it, true);
}

void leati_items_drop(struct leati_herd *h)
{
    struct leati_list kept = {NULL, NULL};
    struct leati_item *it;
    uint32_t n = 0;
    while ((it = first_of(&h->queue)) != NULL) {
        leati_list_remove(&h->queue, &it->link);
        if (behind_the_stop(h, it)) {
            drop_unstarted(h, it);
        } else {
            leati_list_append(&kept, &it->link);
            n++;
        }
    }
    h->queue = kept;
    h->queued = n;
}

/* --- in --- */

static void accept(struct leati_herd *h, const char *elem)
{
    struct leati_item *it = first_of(&h->free);
    leati_list_remove(&h->free, &it->link);
    if (h->in_size)
        memcpy(it->elem, elem, h->in_size);
    it->position = h->next++;
    it->tries = 0;
    h->in_flight++;
    if (h->ordered)
        h->ring[it->position % h->bound] = it;
    leati_count(&h->n.taken, 1);
    queue(h, it, false);
}

static bool ended(struct leati_herd *h, int r)
{
    if (r == LEAT_EAGAIN || r == LEAT_EBUSY)
        return false;
    h->in_over = true; /* closed and drained */
    return true;
}

bool leati_items_take(struct leati_herd *h)
{
    int r;
    if (h->stage != LEATI_HERD_RUN)
        return false;
    if (h->in.armed) {
        if (!leati_gate_done(&h->in, &r))
            return false;
        if (r != 0)
            return ended(h, r);
        accept(h, h->in_one);
        if (h->stopping)
            leati_items_drop(h);
    }
    bool moved = false;
    while (!h->in_over && !h->stopping && h->in_flight < h->bound) {
        size_t n = h->bound - h->in_flight;
        n = n < AT_ONCE ? n : AT_ONCE;
        leat_chan *c = h->in.chan;
        ptrdiff_t k = c->ops->attempt_n(c, LEAT_OP_RECV, h->in_stage, n);
        if (k <= 0)
            return ended(h, (int)k) || moved;
        for (ptrdiff_t i = 0; i < k; i++)
            accept(h, h->in_stage + (size_t)i * h->in_size);
        moved = true;
    }
    return moved;
}

/* --- results --- */

static void report(struct leati_herd *h, const struct leati_item *it, int err,
                   unsigned worker, bool final)
{
    const struct leat_pipe_error e = {.item = it->elem,
                                      .position = it->position,
                                      .err = err,
                                      .worker = worker,
                                      .tries = it->tries,
                                      .final = final};
    if (h->o.on_error)
        h->o.on_error(&e, h->o.callback_arg);
}

/* The policy is to stop: what comes behind the item is worth nothing any more. */
static void stop_at(struct leati_herd *h, const struct leati_item *it, int err)
{
    if (h->stopping && it->position >= h->stop_at)
        return;
    h->stopping = true;
    h->stop_at = it->position;
    h->stop_err = err;
    leati_items_drop(h);
}

static void failed(struct leati_herd *h, struct leati_item *it, int err,
                   unsigned worker, bool hopeless)
{
    it->tries++;
    bool final = hopeless || it->tries > h->o.retries || behind_the_stop(h, it);
    report(h, it, err, worker, final);
    if (!final) {
        leati_count(&h->n.retried, 1);
        queue(h, it, true);
        return;
    }
    leati_count(&h->n.failed, 1);
    if (h->o.policy == LEAT_PIPE_STOP && h->stage == LEATI_HERD_RUN)
        stop_at(h, it, err);
    settled(h, it, LEATI_ITEM_FAILED);
}

void leati_item_failed(struct leati_herd *h, struct leati_item *it, int err,
                       unsigned worker)
{
    failed(h, it, err, worker, false);
}

void leati_item_unfit(struct leati_herd *h, struct leati_item *it, int err,
                      unsigned worker)
{
    failed(h, it, err, worker, true);
}

/* --- out --- */

/* The next output of it, in memory that stays until it is accepted; NULL: what the worker
 * sent as one is none. */
static char *next_output(struct leati_herd *h, struct leati_item *it)
{
    if (!h->po.unpack)
        return it->result + it->at;
    if (h->out_made)
        return h->out_one;
    uint32_t len;
    memcpy(&len, it->result + it->at, sizeof(len));
    int r = h->po.unpack(it->result + it->at + LEATI_RECORD, len, h->out_one,
                         h->po.codec_arg);
    if (r < 0) {
        report(h, it, r, 0, true);
        return NULL;
    }
    h->out_made = true;
    return h->out_one;
}

/* n outputs of it are over and done with. */
static void passed(struct leati_herd *h, struct leati_item *it, uint32_t n)
{
    uint32_t len = h->unit * n;
    if (h->po.unpack) {
        memcpy(&len, it->result + it->at, sizeof(len));
        len += LEATI_RECORD;
    }
    h->out_made = false;
    it->at += len;
    it->sent += n;
}

/* The pipe has been ended: nobody will receive what is left of it. */
static void discard(struct leati_herd *h, struct leati_item *it)
{
    leati_count(&h->n.discarded, 1);
    while (it->sent < it->count) {
        char *elem = next_output(h, it);
        if (elem && h->o.drop_out)
            h->o.drop_out(elem, h->o.callback_arg);
        passed(h, it, 1);
    }
    settled(h, it, LEATI_ITEM_DROPPED);
}

void leati_item_ready(struct leati_herd *h, struct leati_item *it)
{
    it->sent = it->at = 0;
    it->state = LEATI_ITEM_READY;
    if (h->stage != LEATI_HERD_RUN)
        discard(h, it);
    else if (!h->ordered)
        leati_list_append(&h->ready, &it->link);
}

/* What of an item that is not with a worker? */
static void give_up(struct leati_herd *h, struct leati_item *it)
{
    if (it->state == LEATI_ITEM_READY)
        discard(h, it);
    else if (it->state == LEATI_ITEM_FAILED || it->state == LEATI_ITEM_DROPPED)
        release(h, it);
}

void leati_items_abort(struct leati_herd *h)
{
    struct leati_item *it, *first = h->ordered ? NULL : first_of(&h->ready);
    int r;
    if (h->ordered && h->head < h->next)
        first = h->ring[h->head % h->bound];
    bool sending = h->out.armed;
    leati_gate_disarm(&h->out, &r);
    if (sending && r == 0) {
        leati_count(&h->n.delivered, 1);
        passed(h, first, 1);
    }
    bool receiving = h->in.armed;
    leati_gate_disarm(&h->in, &r);
    if (receiving && r == 0)
        accept(h, h->in_one);
    if (h->ordered) {
        for (uint64_t p = h->head; p < h->next; p++)
            give_up(h, h->ring[p % h->bound]);
    }
    while ((it = first_of(&h->ready)) != NULL) {
        leati_list_remove(&h->ready, &it->link);
        give_up(h, it);
    }
    leati_items_drop(h);
}

/* Sends what is left of a ready item. True: all of it; false: the gate is armed, or the
 * pipe has been ended. */
static bool send(struct leati_herd *h, struct leati_item *it)
{
    leat_chan *c = h->out.chan;
    while (it->sent < it->count) {
        char *elem = next_output(h, it);
        if (elem == NULL) {
            passed(h, it, 1);
            continue;
        }
        size_t n = h->po.unpack ? 1 : it->count - it->sent;
        ptrdiff_t k = c->ops->attempt_n(c, LEAT_OP_SEND, elem, n);
        if (k > 0) {
            leati_count(&h->n.delivered, (uint64_t)k);
            passed(h, it, (uint32_t)k);
        } else if (k == LEAT_EAGAIN || k == LEAT_EBUSY) {
            leati_gate_arm(&h->out, elem);
            return false;
        } else {
            leati_herd_abort(h, (int)k);
            return false;
        }
    }
    return true;
}

/* The item whose turn it is, if it is over; those that have nothing to deliver are passed
 * by. Ordered only. */
static struct leati_item *head_item(struct leati_herd *h, bool *moved)
{
    while (h->head < h->next) {
        struct leati_item *it = h->ring[h->head % h->bound];
        if (h->stopping && h->head == h->stop_at) {
            leati_herd_abort(h, h->stop_err);
            return NULL;
        }
        if (it->state == LEATI_ITEM_READY)
            return it;
        if (it->state != LEATI_ITEM_FAILED && it->state != LEATI_ITEM_DROPPED)
            return NULL;
        h->head++;
        release(h, it);
        *moved = true;
    }
    return NULL;
}

/* The ready item that is delivered after `it`; NULL: none yet. */
static struct leati_item *next_ready(const struct leati_herd *h,
                                     const struct leati_item *it)
{
    struct leati_item *next;
    if (!h->ordered)
        return it->link.next
                   ? leati_container_of(it->link.next, struct leati_item, link)
                   : NULL;
    if (it->position + 1 == h->next || (h->stopping && it->position + 1 == h->stop_at))
        return NULL;
    next = h->ring[(it->position + 1) % h->bound];
    return next->state == LEATI_ITEM_READY ? next : NULL;
}

static bool is_plain(const struct leati_herd *h, const struct leati_item *it)
{
    return !h->po.unpack && it->count == 1 && it->sent == 0;
}

/* How many items from `it` on have one output each, side by side in memory. */
static size_t run_of(const struct leati_herd *h, const struct leati_item *it)
{
    size_t n = 1;
    while (n < AT_ONCE) {
        const struct leati_item *next = next_ready(h, it);
        if (!next || !is_plain(h, next) || next->result != it->result + h->unit)
            break;
        it = next;
        n++;
    }
    return n;
}

static void finish_first(struct leati_herd *h, struct leati_item *it)
{
    leati_count(&h->n.finished, 1);
    if (h->ordered)
        h->head++;
    else
        leati_list_remove(&h->ready, &it->link);
    release(h, it);
}

/* Sends what lies side by side with one call. False: nothing was sent. */
static bool send_run(struct leati_herd *h, struct leati_item *it)
{
    leat_chan *c = h->out.chan;
    if (!is_plain(h, it))
        return false;
    ptrdiff_t k = c->ops->attempt_n(c, LEAT_OP_SEND, it->result, run_of(h, it));
    if (k <= 0)
        return false;
    leati_count(&h->n.delivered, (uint64_t)k);
    while (k--) {
        struct leati_item *next = next_ready(h, it);
        finish_first(h, it);
        it = next;
    }
    return true;
}

bool leati_items_deliver(struct leati_herd *h)
{
    bool moved = false;
    int r;
    struct leati_item *it;
    while (h->stage == LEATI_HERD_RUN &&
           (it = h->ordered ? head_item(h, &moved) : first_of(&h->ready)) != NULL) {
        if (h->out.armed) {
            if (!leati_gate_done(&h->out, &r))
                return moved;
            moved = true;
            if (r != 0) {
                leati_herd_abort(h, r);
                return true;
            }
            leati_count(&h->n.delivered, 1);
            passed(h, it, 1);
        }
        moved = true;
        if (send_run(h, it))
            continue;
        if (!send(h, it))
            return true;
        finish_first(h, it);
    }
    return moved;
}
