/* process_herd.c - the herder: its loop, its sleep, the ends of a process pipe.
 *
 * Ordering    Who completes an operation of a gate, or cancels, writes that (sc) and reads
 *             `asleep`; the herder writes `asleep` (sc) and looks at all of that once more.
 *             The workers have a word of their own each (proc/lane.h, psleep). What else
 *             there is to see is in the watch: level-triggered, or an edge that came after
 *             the last look.
 * SPDX-License-Identifier: MIT */
#include "arch/message.h"
#include "park/call.h"
#include "pipe/process.h"

/* Rounds without anything to do before it sleeps; rounds between looks at what only the
 * watch and the clock tell. */
enum { PAUSES = 32, YIELDS = 8, LOOK_EVERY = 64 };

void leati_herd_ring(struct leati_herd *h)
{
    /* sc: behind what the caller wrote; pairs with nap */
    if (leati_load_sc(&h->asleep) && leati_xchg_sc(&h->asleep, 0u))
        leatp_bell_ring(h->bell);
}

static void close_out(struct leati_herd *h)
{
    if (!(h->o.flags & LEAT_PIPE_KEEP_OPEN))
        (void)leat_chan_close(h->out.chan);
}

void leati_herd_abort(struct leati_herd *h, int result)
{
    if (h->stage != LEATI_HERD_RUN)
        return;
    h->stage = LEATI_HERD_ABORT; /* from here on nothing is offered or delivered */
    h->result = result;
    h->abort_at = leat_now() + h->po.stop_grace;
    leati_items_abort(h); /* first: an armed send would still be delivered */
    close_out(h);
    if (h->o.flags & LEAT_PIPE_CANCEL_IN)
        (void)leat_chan_cancel(h->in.chan);
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (w->lane.base)
            (void)leati_recall(h, w, UINT32_MAX);
    }
    leati_life_quit(h, LEATI_QUIT_STOP);
}

/* Has it been cancelled, and does that change anything? sc: pairs with the canceller's
 * look at asleep. */
static bool is_cancelled(struct leati_herd *h)
{
    return (h->stage == LEATI_HERD_RUN || h->abort_at == INT64_MAX) &&
           leati_load_sc(&h->cancelled);
}

/* The ends of RUN. */
static void look_for_the_end(struct leati_herd *h)
{
    if (h->stage != LEATI_HERD_RUN) {
        if (is_cancelled(h)) /* somebody's exit takes long */
            h->abort_at = leat_now() + h->po.stop_grace;
        return;
    }
    if (is_cancelled(h)) {
        leati_herd_abort(h, LEAT_ECANCELED);
    } else if (h->in_flight == 0 && h->in_over && !h->stopping) {
        h->stage = LEATI_HERD_QUIT;
        h->abort_at =
            h->o.item_timeout > 0 ? leat_now() + h->o.item_timeout : INT64_MAX;
        close_out(h);
        leati_life_quit(h, LEATI_QUIT_FINISH);
    } else if (h->in_flight == 0 && h->stopping) {
        leati_herd_abort(h, h->stop_err);
    } else if (leat_chan_closed(h->out.chan)) {
        leati_herd_abort(h, LEAT_ECLOSED);
    }
}

static bool over(const struct leati_herd *h)
{
    if (h->stage == LEATI_HERD_RUN)
        return false;
    for (unsigned k = 0; k < h->o.workers; k++) {
        if (h->worker[k].life != LEATI_LIFE_OVER)
            return false;
    }
    return true;
}

/* --- seeing --- */

static void see(struct leati_herd *h, int64_t ns)
{
    struct leatp_seen seen[16];
    leati_calls_flush(); /* peers of what was taken and sent */
    unsigned n = leatp_watch_wait(h->watch, seen, 16, ns);
    for (unsigned i = 0; i < n; i++) {
        struct leati_herded *w = &h->worker[(seen[i].key >> 2 & 0x3fff) % h->o.workers];
        switch (seen[i].key & 3) {
        case LEATI_KEY_LINK:
            leati_life_news(h);
            break;
        case LEATI_KEY_PIDFD:
            if (seen[i].key == leati_key(LEATI_KEY_PIDFD, w) && w->pidfd >= 0)
                leati_life_over(h, w);
            break;
        default: /* a bell: the loop looks */
            break;
        }
    }
}

static bool gate_ready(struct leati_gate *g)
{
    return g->armed && leati_load_sc(&g->state) != 0; /* sc: behind asleep */
}

/* Something to do that came before the words of sleep were set. */
static bool something(struct leati_herd *h)
{
    if (gate_ready(&h->in) || gate_ready(&h->out) || is_cancelled(h) ||
        (h->stage == LEATI_HERD_RUN && leat_chan_closed(h->out.chan)))
        return true;
    return leati_collect_all(h) || leati_share(h);
}

/* Lets `in` know that an item would be taken; when a timer does so itself, its time. */
static int64_t wait_for_input(struct leati_herd *h)
{
    leat_chan *c = h->in.chan;
    if (h->stage != LEATI_HERD_RUN || h->in_over || h->stopping || h->in.armed ||
        h->in_flight >= h->bound)
        return INT64_MAX;
    if (c->kind == LEATI_TIMER) {
        struct leat_deadline at = LEAT_NEVER;
        uint64_t ticket;
        return c->ops->ready(c, LEAT_OP_RECV, &ticket, &at) ? 0 : at.at_ns;
    }
    leati_gate_arm(&h->in, h->in_one);
    return INT64_MAX;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void nap(struct leati_herd *h)
{
    int64_t until = leati_life_watch(h);
    until = earlier(until, wait_for_input(h));
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (w->lane.base) /* sc: pairs with tell_parent */
            leati_store_sc(&leati_lane_head(&w->lane)->psleep, 1u);
    }
    leati_store_sc(&h->asleep, 1u); /* pairs with leati_herd_ring */
    if (!something(h) && !over(h)) {
        int64_t ns = until == INT64_MAX ? -1 : until - leat_now();
        see(h, ns >= 0 || until == INT64_MAX ? ns : 0);
    }
    leati_store_rlx(&h->asleep, 0u); /* a ring too many does no harm, here as below */
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (w->lane.base)
            leati_store_rlx(&leati_lane_head(&w->lane)->psleep, 0u);
    }
}

/* --- the loop --- */

static bool work(struct leati_herd *h)
{
    bool moved = leati_collect_all(h);
    moved |= leati_items_deliver(h);
    moved |= leati_items_take(h);
    moved |= leati_offer_all(h);
    return moved;
}

static void finish(struct leati_herd *h)
{
    leati_store_rlx(&h->n.workers, 0u);
    leatp_close(h->link); /* whoever is still there is killed */
    leatp_close(h->watch);
    h->link = h->watch = -1;
    leati_feeder_remove(&h->end);
    leat_chan_free(h->in.chan);
    leat_chan_free(h->out.chan);
}

void *leati_herd_main(void *arg)
{
    struct leati_herd *h = arg;
    unsigned idle = 0;
    (void)leati_life_watch(h);
    for (unsigned round = 1; !over(h); round++) {
        bool moved = work(h);
        look_for_the_end(h);
        if (round % LOOK_EVERY == 0) {
            see(h, 0);
            (void)leati_life_watch(h);
        }
        if (moved) {
            idle = 0;
        } else if (++idle <= PAUSES) {
            leatp_pause();
        } else if (idle <= PAUSES + YIELDS) {
            (void)sched_yield();
        } else {
            nap(h);
            idle = 0;
        }
    }
    finish(h);
    leat_wg_done(&h->ended);
    leati_herd_unref(h);
    return NULL;
}
