/* local.c - start, end and handle of a pipe of fibers or threads.
 *
 * Life        One reference for the handle, one for each worker. The last worker to
 * leave ends the pipe: it has everything for itself by then, but for receivers of `out`
 * inside the feeder, who are waited for. Then it tells the joiners.
 * SPDX-License-Identifier: MIT */
#include "arch/os.h"
#include "pipe/local.h"

static struct leati_local *local(struct leat_pipe *p)
{
    return leati_container_of(p, struct leati_local, handle);
}

static const struct leati_local *local_const(const struct leat_pipe *p)
{
    return (const struct leati_local *)(const void *)p;
}

/* ---- ends ---- */

void leati_local_end(struct leati_local *p, int err)
{
    uint32_t none = 0;
    if (err != 0)
        (void)leati_cas_ar(&p->result, &none,
                           (uint32_t)err); /* ar: the first one counts */
    if (leati_xchg_sc(&p->ended, 1u))      /* sc: before the sleepers are woken */
        return;
    (void)leat_chan_close(p->end_chan);
    leati_pipe_wake_all(p);
}

void leati_local_stop(struct leati_local *p, int err)
{
    uint32_t none = 0;
    bool first = leati_cas_sc(&p->stopped, &none, (uint32_t)err);
    leati_local_end(p, err);
    if (first) {
        (void)leat_chan_close(p->stop_chan);
        leati_pipe_wake_all(p);
    }
}

/* Items that were never begun. */
static void drop_hand(struct leati_local *p, struct leati_pworker *w)
{
    struct leati_hand *h = &w->hand;
    uint32_t back = leati_load_rlx(&h->back); /* relaxed: everybody has left */
    uint32_t i =
        w->first_kept >= 0 ? (uint32_t)w->first_kept : leati_load_rlx(&h->front);
    for (; i < back; i++) {
        if (p->o.drop_in)
            p->o.drop_in(h->items + (size_t)i * p->in_size, p->o.callback_arg);
        leati_count_up(&p->unstarted, 1);
    }
}

void leati_local_over(struct leati_local *p)
{
    if (leati_load_acq(&p->began) == 0 &&
        !p->aborted) /* pairs with the worker's begin */
        leati_local_end(p, (int)leati_load_acq(&p->init_err));
    leati_watch_stop(p);
    leati_feeder_remove(&p->feeder);
    if (!p->aborted)
        (void)leati_deliver_all(p, true);
    for (unsigned i = 0, n = leati_slots(p); i < n; i++)
        drop_hand(p, &p->workers[i]);
    leati_drop_results(p);
    if (!p->aborted && (p->o.flags & LEAT_PIPE_CANCEL_IN) && leati_load_acq(&p->result))
        (void)leat_chan_cancel(p->in); /* acq: as in leati_local_end */
    if (!p->aborted && !(p->o.flags & LEAT_PIPE_KEEP_OPEN))
        (void)leat_chan_close(p->out);
    p->in = leat_chan_free(p->in);
    p->out = leat_chan_free(p->out);
    leat_wg_done(&p->over);
}

void leati_local_unref(struct leati_local *p)
{
    if (leati_sub_ar(&p->refs, 1u) == 1) /* ar: what the others did comes before */
        leati_local_free(p);
}

/* ---- the handle ---- */

static uint64_t delivered(const struct leati_local *p)
{
    uint64_t sum = leati_load_rlx(&p->order.delivered); /* relaxed: statistics */
    for (unsigned i = 0, n = leati_slots(p); i < n; i++)
        sum += leati_load_rlx(&p->workers[i].lane.delivered);
    return sum;
}

static void stats(const struct leat_pipe *handle, struct leat_pipe_stats *ret)
{
    const struct leati_local *p = local_const(handle);
    memset(ret, 0, sizeof(*ret));
    /* relaxed: statistics, each exact in itself */
    ret->failed = leati_load_rlx(&p->late);
    ret->retried = leati_load_rlx(&p->rescued);
    ret->replaced = leati_load_rlx(&p->replaced);
    ret->unstarted = leati_load_rlx(&p->unstarted);
    ret->discarded = leati_load_rlx(&p->discarded);
    for (unsigned i = 0, n = leati_slots(p); i < n; i++) {
        const struct leati_pworker *w = &p->workers[i];
        ret->failed += leati_load_rlx(&w->failed);
        ret->retried += leati_load_rlx(&w->retried);
        ret->unstarted += leati_load_rlx(&w->unstarted);
        ret->discarded += leati_load_rlx(&w->discarded);
        ret->stolen += leati_load_rlx(&w->stolen);
        ret->busy_ns += leati_load_rlx(&w->busy_ns);
    }
    ret->finished = leati_succeeded(p);
    ret->delivered = delivered(p);
    ret->taken = leati_load_acq(&p->taken); /* last: nothing else is more than this */
    uint64_t gone = ret->finished + ret->failed + ret->unstarted + ret->discarded;
    ret->in_flight = ret->taken > gone ? ret->taken - gone : 0;
    ret->workers = leati_load_rlx(&p->alive);
}

static int worker_stats(const struct leat_pipe *handle, unsigned worker,
                        uint64_t *ret_items, uint64_t *ret_busy_ns)
{
    const struct leati_local *p = local_const(handle);
    if (worker >= p->n)
        return LEAT_EINVAL;
    if (ret_items)
        *ret_items =
            leati_load_rlx(&p->workers[worker].items); /* relaxed: statistics */
    if (ret_busy_ns)
        *ret_busy_ns = leati_load_rlx(&p->workers[worker].busy_ns);
    return 0;
}

static int join(struct leat_pipe *handle, int *ret_result, struct leat_pipe_stats *ret,
                struct leat_deadline until)
{
    struct leati_local *p = local(handle);
    int r = leat_wg_wait_until(&p->over, until);
    if (r != 0)
        return r;
    if (ret)
        stats(handle, ret);
    *ret_result = (int)leati_load_acq(&p->result); /* pairs with leati_local_end */
    leati_local_unref(p);
    return 0;
}

static void cancel(struct leat_pipe *handle)
{
    leati_local_stop(local(handle), LEAT_ECANCELED);
}

static void detach(struct leat_pipe *handle)
{
    leati_local_unref(local(handle));
}

static const struct leati_pipe_ops ops = {join, cancel, stats, worker_stats, detach};

/* ---- running ---- */

static int fiber_main(void *arg)
{
    leati_work(arg);
    return 0;
}

static void *thread_main(void *arg)
{
    struct leati_pworker *w = arg;
    leatp_thread_name(w->p->name);
    leati_work(w);
    return NULL;
}

int leati_local_start_worker(struct leati_local *p, struct leati_pworker *w)
{
    if (p->o.mode == LEAT_PIPE_THREADS)
        return leatp_thread_detached(thread_main, w, p->o.stack_size);
    const struct leat_fiber_opts o = {.size = sizeof(o),
                                      .pool = p->o.pool,
                                      .stack_size = p->o.stack_size,
                                      .name = p->name};
    return leat_fiber_start(NULL, &o, fiber_main, w);
}

int leati_local_pipe_start(leat_pipe **ret, leat_chan *in, leat_chan *out,
                           const struct leat_pipe_opts *o)
{
    struct leati_local *p;
    int r = leati_local_make(&p, in, out, o);
    if (r != 0)
        return r;
    p->handle.ops = &ops;
    leati_feeder_add(&p->feeder);
    unsigned started = 0;
    r = leati_watch_start(p);
    while (started < p->n && r == 0) {
        (void)leati_add_rlx(&p->refs, 1u); /* relaxed: we hold one */
        r = leati_local_start_worker(p, &p->workers[started]);
        if (r == 0)
            started++;
        else
            leati_local_unref(p);
    }
    if (r != 0) {
        p->aborted = true;
        /* ar: as the worker's; with none started it is for us to end it */
        if (leati_sub_ar(&p->alive, p->n - started) == p->n - started)
            leati_local_over(p);
    }
    leat_wg_done(&p->gate);
    if (r != 0) {
        leat_wg_wait(&p->over);
        leati_local_unref(p);
    } else if (ret) {
        *ret = &p->handle;
    } else {
        leati_local_unref(p);
    }
    return r;
}
