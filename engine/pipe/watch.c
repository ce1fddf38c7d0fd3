/* watch.c - item deadlines: a worker that takes too long is given up and replaced.
 *
 * Idea        A thread of the pipe looks at what each worker runs and since when, and
 *             sleeps until the first of those can be late. Worker and watcher compete for
 *             the item with one word; whoever changes it decides. The loser of a worker
 *             is late: what it emitted is discarded when `run` returns, and it leaves. Its
 *             hand stays where it is, for others to steal from.
 * Words       run  of a worker: number of the try << 2 | IDLE, RUNNING, SENDING or LATE.
 *                  SENDING: outputs have gone out, the item is not timed any more.
 *                  RUNNING -> LATE by the watcher, all else by the worker
 *             since  when the try began; w: worker, before RUNNING
 *             watch_idle  the watcher sleeps without a limit: nobody runs anything
 *             slots, vacant  workers that were made; a slot that was left can be used
 * Invariants  of `alive` a worker owns one; with LATE the watcher gets it, for the
 *             replacement or to give it back: the pipe does not end between.
 * Ordering    run: acquire-release on both sides; the watcher sees the item, the worker's
 *             tries and since of exactly the try that it takes.
 *             sleep:  worker                       watcher
 *                     run = RUNNING                watch_idle = 1
 *                     light fence                  heavy fence
 *                     load watch_idle: wake        all IDLE: sleep
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "arch/os.h"
#include "pipe/local.h"

enum { IDLE, RUNNING, SENDING, LATE, STATE = 3 };

/* ---- the worker's side ---- */

void leati_watch_begin(struct leati_pworker *w, const void *item, unsigned tries)
{
    struct leati_local *p = w->p;
    w->item = item;
    w->tries = tries;
    leati_store_rlx(&w->since, (uint64_t)leat_now()); /* relaxed: before the release */
    leati_store_rel(&w->run, (leati_load_rlx(&w->run) | STATE) + 1 + RUNNING);
    leati_light_fence();
    /* relaxed: one of those who see it wakes */
    if (leati_unlikely(leati_load_rlx(&p->watch_idle)) &&
        leati_xchg_ar(&p->watch_idle, 0u))
        leat_sem_release(&p->watch_sem, 1);
}

/* RUNNING or SENDING -> state; false: it is late. */
static bool change(struct leati_pworker *w, uint64_t state)
{
    uint64_t run = leati_load_acq(&w->run); /* acq: as the CAS */
    while ((run & STATE) != LATE)
        if (leati_cas_ar(&w->run, &run,
                         (run & ~(uint64_t)STATE) | state)) /* see Ordering */
            return true;
    return false;
}

bool leati_watch_end(struct leati_pworker *w)
{
    return change(w, IDLE);
}

bool leati_watch_sending(struct leati_pworker *w)
{
    return !w->p->timed || change(w, SENDING);
}

bool leati_watch_late(const struct leati_pworker *w)
{
    return (leati_load_acq(&w->run) & STATE) == LATE; /* pairs with expire */
}

/* ---- the watcher ---- */

static struct leati_pworker *vacancy(struct leati_local *p)
{
    uint32_t n = leati_load_rlx(&p->slots); /* relaxed: only the watcher changes it */
    for (uint32_t i = 0; i < n; i++)
        if (leati_load_acq(&p->workers[i].vacant)) { /* pairs with leati_work */
            leati_store_rlx(&p->workers[i].vacant, 0u);
            return &p->workers[i];
        }
    if (n == p->most_slots || !leati_local_make_worker(p, n))
        return NULL;
    leati_store_rel(&p->slots, n + 1); /* pairs with those who go through the workers */
    return &p->workers[n];
}

static char *copy_of(const struct leati_local *p, const void *item)
{
    char *copy = malloc(p->in_size ? p->in_size : 1);
    if (copy)
        memcpy(copy, item, p->in_size);
    return copy;
}

/* Starts v in w's place; v->redo may be an item to be tried again. */
static bool replace(struct leati_pworker *w, struct leati_pworker *v)
{
    struct leati_local *p = w->p;
    v->stage.worker = w->stage.worker;
    v->redo_tries = w->tries;
    v->redo_position = w->stage.position;
    /* Counted before it may be seen; relaxed: the watcher has a reference. */
    leati_count_up(&p->replaced, 1);
    leati_count_up(&p->rescued, v->redo != NULL);
    (void)leati_add_rlx(&p->refs, 1u);
    if (leati_local_start_worker(p, v) == 0)
        return true;
    leati_local_unref(p);
    leati_count_up(&p->replaced, (uint64_t)-1);
    leati_count_up(&p->rescued, v->redo ? (uint64_t)-1 : 0);
    leati_store_rel(&v->vacant, 1u);
    return false;
}

/* w is late and ours to decide about. */
static void decide(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    struct leati_pworker *v = vacancy(p);
    if (v) {
        free(v->redo); /* of a worker that was late with it, and has left */
        bool again = w->tries <= p->o.retries && !leati_is_stopped(p);
        v->redo = again ? copy_of(p, w->item) : NULL;
    }
    bool rescue = v && v->redo;
    leati_report(w, w->item, LEAT_ETIMEDOUT, w->tries, !rescue);
    if (!rescue)
        leati_late_failed(w);
    bool replaced = v && replace(w, v);
    if (rescue && !replaced) {
        leati_report(w, w->item, LEAT_EAGAIN, w->tries, true);
        leati_late_failed(w);
    }
    /* ar: as at the end of leati_work */
    if (!replaced && leati_sub_ar(&p->alive, 1u) == 1)
        leati_local_over(p);
}

/* Gives up what is late at `now`. Returns when the next one can be. */
static int64_t look(struct leati_local *p, int64_t now)
{
    int64_t next = INT64_MAX;
    uint32_t n = leati_load_rlx(&p->slots); /* relaxed: the watcher's */
    for (uint32_t i = 0; i < n; i++) {
        struct leati_pworker *w = &p->workers[i];
        uint64_t run = leati_load_acq(&w->run); /* pairs with leati_watch_begin */
        if ((run & STATE) != RUNNING)
            continue;
        int64_t since =
            (int64_t)leati_load_rlx(&w->since); /* relaxed: the CAS proves it */
        int64_t at = since > INT64_MAX - p->o.item_timeout ? INT64_MAX
                                                           : since + p->o.item_timeout;
        if (at > now)
            next = at < next ? at : next;
        else if (leati_cas_ar(&w->run, &run, run | LATE)) /* see Ordering */
            decide(w);
    }
    return next;
}

static void *watcher(void *arg)
{
    struct leati_local *p = arg;
    leatp_thread_name(p->name);
    while (!leati_load_acq(&p->watch_over)) { /* pairs with leati_watch_stop */
        int64_t next = look(p, leat_now());
        if (next == INT64_MAX) {
            leati_store_sc(&p->watch_idle, 1u);
            leati_heavy_fence();
            next = look(p, leat_now());
        }
        int r = leat_sem_acquire_until(&p->watch_sem, 1, leat_at(next));
        (void)r; /* woken or late: it looks again */
        leati_store_rlx(&p->watch_idle, 0u);
    }
    leati_local_unref(p);
    return NULL;
}

int leati_watch_start(struct leati_local *p)
{
    if (!p->timed)
        return 0;
    (void)leati_add_rlx(&p->refs, 1u); /* relaxed: the caller has one */
    int r = leatp_thread_detached(watcher, p, 0);
    if (r != 0)
        leati_local_unref(p);
    return r;
}

void leati_watch_stop(struct leati_local *p)
{
    leati_store_rel(&p->watch_over, 1u); /* pairs with watcher */
    leat_sem_release(&p->watch_sem, 1);
}
