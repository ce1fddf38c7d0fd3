/* worker.c - what a worker does: items, tries, errors. The loop is compiled for each kind
 * of pipe: `timed` and `ordered` are constants in it.
 * SPDX-License-Identifier: MIT */
#include "pipe/local.h"

LEATI_INLINE void complete(struct leati_pworker *w, bool ordered, bool failed)
{
    if (ordered)
        leati_order_complete(w, failed);
    else
        leati_lane_complete(w);
}

/* Somebody may be waiting for the result that was just published. */
LEATI_INLINE void prompt(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    /* feed.h: the light fence of one who is plain; else the publication was a barrier */
    leati_barrier_compiler();
    if (leati_unlikely(leati_feed_wanted(p->rx) | leati_is_awaited(p))) {
        w->wanted = true;
        (void)leati_deliver(w, !p->holds);
    }
}

void leati_report(struct leati_pworker *w, const void *item, int err, unsigned tries,
                  bool final)
{
    struct leati_local *p = w->p;
    if (p->o.on_error == NULL)
        return;
    const struct leat_pipe_error e = {.item = item,
                                      .position = w->stage.position,
                                      .err = err,
                                      .worker = w->stage.worker,
                                      .tries = tries,
                                      .final = final};
    p->o.on_error(&e, p->o.callback_arg);
}

/* Items from this position on are not begun, and nothing more is taken. */
static void stop_from(struct leati_local *p, uint64_t position, int err)
{
    uint64_t at = leati_load_rlx(&p->stop_at); /* relaxed: the CAS decides */
    while (position < at && !leati_cas_ar(&p->stop_at, &at, position))
        ; /* ar: pairs with the load in is_past */
    leati_local_end(p, err);
}

/* The item has failed for good. */
static void give_up(struct leati_pworker *w, int err)
{
    struct leati_local *p = w->p;
    leati_count_up(&w->failed, 1);
    if (p->o.policy == LEAT_PIPE_SKIP) {
        complete(w, p->ordered, true);
        return;
    }
    stop_from(p, p->ordered ? w->stage.position : 0, err);
    if (!p->ordered)
        complete(w, false, true);
}

void leati_late_failed(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    if (p->o.policy == LEAT_PIPE_STOP)
        stop_from(p, p->ordered ? w->stage.position : 0, LEAT_ETIMEDOUT);
    else if (p->ordered)
        leati_order_skip(w);
    leati_store_rel(&p->late,
                    leati_load_rlx(&p->late) + 1); /* pairs with leati_finished */
    leati_credit(p);
    if (p->ordered) /* for whom? whoever asks comes himself, but the head may be this one */
        (void)leati_order_drain(p, false);
}

/* One try. Negative: it has failed, or the worker is late. */
LEATI_INLINE int try_it(struct leati_pworker *w, bool timed, const void *item,
                        unsigned tries)
{
    struct leati_local *p = w->p;
    if (timed)
        leati_watch_begin(w, item, tries);
    int r = p->o.run(&w->stage, item, p->in_size);
    if (timed && !leati_watch_end(w)) {
        w->late = true;
        return LEAT_ETIMEDOUT;
    }
    return r;
}

/* The try of that number has failed with r. Tries on, as far as the pipe allows. False:
 * the item was given up, or the worker is late. */
static bool try_again(struct leati_pworker *w, const void *item, unsigned tries, int r)
{
    struct leati_local *p = w->p;
    for (;; tries++, r = try_it(w, p->timed, item, tries)) {
        if (r >= 0)
            return true;
        leati_discard(w);
        if (w->late)
            return false;
        if (leati_is_stopped(p)) {
            leati_count_up(&w->discarded, 1);
            return false;
        }
        bool final = tries > p->o.retries;
        leati_report(w, item, r, tries, final);
        if (final) {
            give_up(w, r);
            return false;
        }
        leati_count_up(&w->retried, 1);
    }
}

/* An item that sent as it emitted, in a pipe that has stopped since. */
static void cut_short(struct leati_pworker *w)
{
    leati_discard(w);
    leati_count_up(&w->discarded, 1);
}

LEATI_INLINE void work_on(struct leati_pworker *w, bool timed, bool ordered,
                          const void *item, unsigned tries)
{
    int r = try_it(w, timed, item, tries);
    if (leati_likely(r >= 0) || try_again(w, item, tries, r)) {
        leati_count_up(&w->items, 1);
        if (leati_unlikely(w->streaming) && leati_is_stopped(w->p))
            cut_short(w);
        else
            complete(w, ordered, false);
    }
    if (!timed || leati_likely(!w->late)) /* else the pipe may be over */
        prompt(w);
}

/* A pipe that ends. True: the item is not begun. */
static bool is_past(struct leati_pworker *w, char *in)
{
    struct leati_local *p = w->p;
    if (w->stage.position < leati_load_acq(&p->stop_at)) /* acq: as in stop_from */
        return false;
    if (p->o.drop_in)
        p->o.drop_in(in, p->o.callback_arg);
    leati_count_up(&w->unstarted, 1);
    return true;
}

/* False: nothing is delivered any more, it stays where it is. */
LEATI_INLINE bool item(struct leati_pworker *w, bool timed, bool ordered, char *in)
{
    bool ended = leati_is_ended(w->p); /* and so is what has stopped */
    if (leati_unlikely(ended) && leati_is_stopped(w->p))
        return false;
    if (leati_likely(!ended) || !is_past(w, in))
        work_on(w, timed, ordered, in, 1);
    return true;
}

/* The items of his hand, the first of which is the owner's already. Returns how many were
 * his. */
LEATI_INLINE uint32_t work_hand(struct leati_pworker *w, bool timed, bool ordered)
{
    struct leati_hand *h = &w->hand;
    size_t size = w->p->in_size;
    uint32_t i = 0, n = h->filled;
    char *in = h->items;
    uint64_t position = h->base;
    do {
        w->stage.position = position++;
        if (leati_unlikely(!item(w, timed, ordered, in))) {
            w->first_kept = (int)i;
            return i;
        }
        in += size;
        i++;
    } while (!(timed && w->late) && i < n && leati_hand_take(h, i));
    return i;
}

/* Short items that nobody waits for are published without a barrier, and whoever comes to
 * wait pays one, if he can; all others the other way round. See feed.h. */
void leati_publish_plainly(struct leati_pworker *w, bool plain)
{
    plain = plain && !leatp_no_membarrier;
    if (w->plain == plain)
        return;
    w->plain = plain;
    if (plain)
        (void)leati_add_sc(&w->p->feeder.plain, 1u);
    else
        (void)leati_sub_sc(&w->p->feeder.plain, 1u);
}

/* One look at the clock for the n items of each claim: what it takes to claim, without
 * waiting, counts as work. */
static void account(struct leati_pworker *w, uint32_t n)
{
    if (n == 0)
        return;
    int64_t now = leat_now(), ns = now - w->busy_since, each = ns / n;
    w->busy_since = now;
    leati_count_up(&w->busy_ns, (uint64_t)ns);
    if (w->wanted || leati_load_rlx(&w->p->feeder.asked)) { /* relaxed: a hint */
        leati_store_rlx(&w->p->feeder.asked, 0u);
        w->fenced = LEATI_FENCED_CLAIMS;
    } else if (w->fenced > 0) {
        w->fenced--;
    }
    w->wanted = false;
    leati_publish_plainly(w, w->p->holds && each < LEATI_PLAIN_NS && w->fenced == 0);
    w->quick = each < LEATI_PLAIN_NS;
    /* relaxed: a hint */
    leati_store_rlx(&w->each, each < UINT32_MAX ? (uint32_t)each : UINT32_MAX);
    w->most = each > LEATI_TURN_NS / 2 ? 1 : (uint32_t)(LEATI_TURN_NS / (each + 1));
    w->worked += ns;
}

/* An item that a late worker left: it is tried again, in its old place. */
static void redo(struct leati_pworker *w)
{
    const void *in = w->redo;
    if (in == NULL)
        return;
    w->stage.position = w->redo_position;
    w->busy_since = leat_now();
    work_on(w, true, w->p->ordered, in, w->redo_tries + 1);
    account(w, 1);
}

static bool begin(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    int r = p->o.init ? p->o.init(p->o.arg, w->stage.worker, &w->stage.state) : 0;
    if (r < 0) {
        leati_store_rel(&p->init_err, (uint32_t)r); /* pairs with leati_local_over */
        return false;
    }
    (void)leati_add_ar(&p->began, 1u); /* ar: as init_err */
    return true;
}

void leati_give_turn(struct leati_pworker *w)
{
    w->worked = w->busy_since = 0;
    leat_yield();
}

LEATI_INLINE void loop_as(struct leati_pworker *w, bool timed, bool ordered)
{
    bool fiber = w->p->o.mode == LEAT_PIPE_FIBERS;
    while (!(timed && w->late) && leati_claim(w)) {
        if (w->busy_since == 0)
            w->busy_since = leat_now();
        account(w, work_hand(w, timed, ordered));
        if (fiber && w->worked > LEATI_TURN_NS && !(timed && w->late)) {
            (void)leati_deliver(w, false);
            leati_give_turn(w);
        }
    }
}

static void loop(struct leati_pworker *w)
{
    if (w->p->timed) {
        redo(w);
        loop_as(w, true, w->p->ordered);
    } else if (w->p->ordered) {
        loop_as(w, false, true);
    } else {
        loop_as(w, false, false);
    }
}

/* Its item was given up, another worker has its place. */
static void leave_late(struct leati_pworker *w)
{
    w->late = false;
    leati_store_rlx(&w->run,
                    (leati_load_rlx(&w->run) | 3) + 1); /* idle, published by: */
    leati_store_rel(&w->vacant, 1u); /* pairs with the watcher, who may use the slot */
}

/* init failed: an item that waits for this worker fails with it. */
static void cannot_redo(struct leati_pworker *w)
{
    const void *in = w->redo;
    if (in == NULL)
        return;
    w->stage.position = w->redo_position;
    leati_report(w, in, (int)leati_load_acq(&w->p->init_err), w->redo_tries, true);
    give_up(w, (int)leati_load_acq(&w->p->init_err));
    prompt(w);
}

void leati_work(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    bool masked = leat_fiber_mask(true);
    leat_wg_wait(&p->gate);
    (void)leat_fiber_mask(masked);
    bool late = false;
    if (!p->aborted && begin(w)) {
        loop(w);
        leati_publish_plainly(w, false);
        if (p->o.exit)
            p->o.exit(w->stage.state);
        late = w->late;
    } else if (!p->aborted) {
        cannot_redo(w);
    }
    if (late) {
        leave_late(w);
    } else {
        leati_turnstile_leave(w);
        /* ar: what this worker left comes before the last one's end of the pipe */
        if (leati_sub_ar(&p->alive, 1u) == 1)
            leati_local_over(p);
    }
    leati_local_unref(p);
}
