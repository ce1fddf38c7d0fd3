/* process_life.c - the lives of a process pipe's workers: beginning, deadlines, deaths,
 * replacement.
 *
 * Settling    decides every item that is with a worker, by one exchange of its slot's word
 *             each: FINISHED counts; OFFERED -> RECALLED: it was not started, and goes to
 *             another worker; TAKEN -> REVOKED: its try failed. So a decision waits for no
 *             death, and a worker that is late after all finds the word changed.
 * Anew        A life in which an item was decided is followed by the next at once. Others
 *             by a pause, 10 ms doubling up to 1 s; five of them in a row that did not even
 *             get through init end the worker for good, and one whose init refused does.
 *             One that had no segment or could not be watched, for want of descriptors, is
 *             excused.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arch/message.h"
#include "arch/share.h"
#include "pipe/process.h"

#define PAUSE_NS     ((int64_t)10000000)
#define PAUSE_MAX_NS ((int64_t)1000000000)
#define ANSWER_NS    ((int64_t)5000000000) /* a helper that says nothing is no more */
#define BEGIN_NS     ((int64_t)100000000) /* to take an offered item, beside its time */
enum { STARTS = 5, LOOKS = 16 };

static uint32_t slot_of(const struct leati_herd *h, uint32_t i)
{
    return i & (h->nslot - 1);
}

/* --- ends --- */

/* One item. The worker may be alive and at it, so an exchange may fail; one that plays
 * with the word is not waited for. */
static void settle_one(struct leati_herd *h, struct leati_herded *w, uint32_t i,
                       int err)
{
    struct leati_item *it = w->item[slot_of(h, i)];
    for (unsigned look = 0; look < LOOKS; look++) {
        uint32_t phase = leati_lane_phase(&w->lane, i);
        if (phase == LEATI_FINISHED) {
            (void)leati_take_result(h, w, i); /* it is at its end either way */
            return;
        }
        if (phase == LEATI_OFFERED) {
            if (leati_lane_move(&w->lane, i, LEATI_OFFERED, LEATI_RECALLED)) {
                leati_item_back(h, it);
                return;
            }
        } else if (phase != LEATI_TAKEN ||
                   leati_lane_move(&w->lane, i, LEATI_TAKEN, LEATI_REVOKED)) {
            break;
        }
    }
    w->progress = true;
    leati_count(&w->items, 1);
    leati_item_failed(h, it, err, w->number);
}

/* From the last to the first: those that go back to the front of the queue keep their
 * order, and the worker finds nothing to begin anew. */
void leati_settle(struct leati_herd *h, struct leati_herded *w, int err)
{
    while (w->tail != w->head) {
        w->tail--;
        if (!w->recalled[slot_of(h, w->tail)])
            settle_one(h, w, w->tail, err);
    }
    w->taken_at = w->offered_at = 0;
}

void leati_life_end(struct leati_herd *h, struct leati_herded *w, int err)
{
    leati_settle(h, w, err);
    w->life = LEATI_LIFE_DYING;
    if (w->pidfd >= 0)
        leatp_pidfd_kill(w->pidfd); /* else as soon as it is here */
}

/* Takes the busy time out of the segment, where the worker may have written anything. */
static void note_busy(struct leati_herded *w)
{
    if (w->lane.base)
        leati_store_rlx(&w->busy_ns,
                        w->busy_before +
                            leati_load_rlx(&leati_lane_head(&w->lane)->busy_ns));
}

static void forget(struct leati_herd *h, struct leati_herded *w)
{
    note_busy(w);
    w->busy_before = leati_load_rlx(&w->busy_ns);
    if (w->bell >= 0)
        leatp_watch_remove(h->watch, w->bell);
    if (w->pidfd >= 0)
        leatp_watch_remove(h->watch, w->pidfd);
    leatp_close(w->bell);
    leatp_close(w->pidfd);
    leatp_share_unmap(w->lane.base, w->lane.bytes);
    w->bell = w->pidfd = -1;
    w->lane.base = NULL;
}

static void give_up(struct leati_herd *h, struct leati_herded *w, int err)
{
    const struct leat_pipe_error e = {
        .position = UINT64_MAX, .err = err, .worker = w->number, .final = true};
    w->life = LEATI_LIFE_OVER;
    if (h->stage != LEATI_HERD_RUN)
        return;
    h->start_err = err;
    if (h->o.on_error)
        h->o.on_error(&e, h->o.callback_arg);
    for (unsigned k = 0; k < h->o.workers; k++) {
        if (h->worker[k].life != LEATI_LIFE_OVER)
            return;
    }
    leati_herd_abort(h, h->start_err);
}

/* After a life: when the next one begins, if one does. */
static void next_life(struct leati_herd *h, struct leati_herded *w, bool begun,
                      int refused)
{
    if (h->stage != LEATI_HERD_RUN) {
        w->life = LEATI_LIFE_OVER;
        return;
    }
    w->failed_starts = begun || w->progress ? 0 : w->failed_starts + 1;
    w->failures = w->progress ? 0 : w->failures + 1;
    if (refused < 0 || w->failed_starts >= STARTS) {
        give_up(h, w, refused < 0 ? refused : LEAT_EOWNERDEAD);
        return;
    }
    unsigned doublings = w->failures < 8 ? w->failures : 8;
    int64_t pause = w->failures ? PAUSE_NS << (doublings - 1) : 0;
    w->retry_at = leat_now() + (pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS);
    w->life = LEATI_LIFE_WAITING;
}

/* excused: that it did not begin was no fault of the worker's. */
static void life_over(struct leati_herd *h, struct leati_herded *w, bool excused)
{
    leati_settle(h, w, LEAT_EOWNERDEAD);
    struct leati_lane_head *head = leati_lane_head(&w->lane);
    /* relaxed: its writer is dead or about to be */
    bool begun = leati_load_rlx(&head->begun) == 1 || excused;
    int refused = (int)leati_load_rlx(&head->refused);
    forget(h, w);
    next_life(h, w, begun, begun ? 0 : refused);
    if (w->life == LEATI_LIFE_WAITING)
        leati_count(&h->n.replaced, 1);
}

void leati_life_over(struct leati_herd *h, struct leati_herded *w)
{
    life_over(h, w, false);
}

/* --- beginnings --- */

static int make_segment(struct leati_herd *h, struct leati_herded *w)
{
    int fd = leatp_share_new(w->lane.bytes, "leat-pipe");
    if (fd < 0)
        return fd;
    w->lane.base = leatp_share_map(fd, w->lane.bytes);
    w->bell = w->lane.base ? leatp_bell_new() : -1;
    if (w->bell < 0 || leatp_watch_add(h->watch, w->bell, leati_key(LEATI_KEY_BELL, w),
                                       LEATP_READABLE | LEATP_EDGE) != 0) {
        leatp_close(fd);
        return LEAT_EAGAIN;
    }
    struct leati_process_config *c = leati_lane_extra(&w->lane);
    c->lane = w->lane;
    c->lane.base = NULL;
    c->out_size = h->out_size;
    c->any_size = h->po.unpack != NULL;
    c->worker = w->number;
    c->arg_size = h->o.arg_size;
    if (h->o.arg_size)
        memcpy(c->arg, h->arg, h->o.arg_size);
    return fd;
}

int leati_herd_connect(struct leati_herd *h)
{
    if (h->link >= 0)
        return 0;
    int r = leati_proc_connect(&h->link, &h->functions);
    if (r == 0 && leatp_watch_add(h->watch, h->link, leati_key(LEATI_KEY_LINK, NULL),
                                  LEATP_READABLE) != 0) {
        leatp_close(h->link);
        h->link = -1;
        r = LEAT_EAGAIN;
    }
    return r;
}

void leati_life_begin(struct leati_herd *h, struct leati_herded *w)
{
    struct leati_proc_message m = {
        .kind = LEATI_PROC_SPAWN,
        .bytes = w->lane.bytes,
        .limits = {h->po.cpu_seconds, h->po.memory_bytes, h->po.open_files}};
    memcpy(m.name, h->name, sizeof(m.name));
    w->id = m.id = ++h->next_id;
    w->head = w->tail = 0;
    w->retry_at = w->stopped_at = w->taken_at = w->offered_at = 0;
    w->poisoned = w->progress = w->begun = false;
    int r = leati_herd_connect(h);
    int fd = r ? r : make_segment(h, w);
    if (fd >= 0) {
        r = leati_proc_spawn(h->link, &m, fd, w->bell);
        leatp_close(fd);
    } else {
        r = fd;
    }
    if (r == 0) {
        w->life = LEATI_LIFE_ASKED;
        w->asked_at = leat_now();
        return;
    }
    forget(h, w);
    next_life(h, w, r == LEAT_EAGAIN, 0); /* no room now: no fault of the worker's */
}

/* --- news --- */

static struct leati_herded *find(struct leati_herd *h, uint64_t id)
{
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (w->id == id && w->lane.base)
            return w;
    }
    return NULL;
}

static void spawned(struct leati_herd *h, struct leati_herded *w, int pidfd)
{
    bool doomed = w->life == LEATI_LIFE_DYING;
    w->pidfd = pidfd;
    w->life = doomed ? LEATI_LIFE_DYING : LEATI_LIFE_RUNNING;
    if (pidfd < 0 || leatp_watch_add(h->watch, pidfd, leati_key(LEATI_KEY_PIDFD, w),
                                     LEATP_READABLE) != 0) {
        /* No descriptors: it cannot be watched, so it is not to live. */
        if (pidfd >= 0)
            leatp_pidfd_kill(pidfd);
        else
            (void)leati_proc_kill(h->link, w->id);
        life_over(h, w, true);
    } else if (doomed) {
        leatp_pidfd_kill(pidfd);
    }
}

/* Workers that have a pidfd will be told dead by it; the others by this. */
static void helper_gone(struct leati_herd *h)
{
    leatp_watch_remove(h->watch, h->link);
    leatp_close(h->link);
    h->link = -1;
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (w->lane.base && w->pidfd < 0)
            leati_life_over(h, w);
    }
}

static void tell(struct leati_herd *h, const struct leati_proc_message *m, int pidfd)
{
    struct leati_herded *w = find(h, m->id);
    if (w == NULL) {
        leatp_close(pidfd);
        return;
    }
    switch (m->kind) {
    case LEATI_PROC_SPAWNED:
        spawned(h, w, pidfd);
        break;
    case LEATI_PROC_FAILED:
        leati_life_over(h, w);
        break;
    case LEATI_PROC_STOPPED:
        w->stopped_at = w->stopped_at ? w->stopped_at : leat_now();
        break;
    case LEATI_PROC_CONTINUED:
        w->stopped_at = 0;
        break;
    default:
        break;
    }
}

void leati_life_news(struct leati_herd *h)
{
    struct leati_proc_message m;
    int pidfd;
    while (h->link >= 0) {
        int r = leati_proc_news(h->link, &m, &pidfd);
        if (r == LEAT_EAGAIN)
            return;
        if (r == 0)
            tell(h, &m, pidfd);
        else
            helper_gone(h);
    }
}

/* --- time --- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the worker is late: an item is counted from when it was first seen TAKEN; one that
 * a worker does not take though it could is its worker's fault, and goes to another. */
static int64_t watch_item(struct leati_herd *h, struct leati_herded *w, int64_t now)
{
    if (h->o.item_timeout <= 0 || w->head == w->tail)
        return INT64_MAX;
    /* relaxed: noted once, so that it cannot be taken back */
    w->begun |= leati_load_rlx(&leati_lane_head(&w->lane)->begun) != 0;
    bool taken = leati_lane_phase(&w->lane, w->head) == LEATI_TAKEN;
    int64_t *since = taken ? &w->taken_at : &w->offered_at;
    int64_t most = h->o.item_timeout + (taken ? 0 : BEGIN_NS);
    if (*since == 0)
        *since = now;
    if (now - *since < most ||
        (!taken && !w->begun)) /* TAKEN is to be seen soon enough */
        return taken ? *since + most : now + h->o.item_timeout / 8 + 1000000;
    leati_life_end(h, w, taken ? LEAT_ETIMEDOUT : LEAT_EOWNERDEAD);
    return INT64_MAX;
}

static int64_t watch_worker(struct leati_herd *h, struct leati_herded *w, int64_t now)
{
    note_busy(w);
    if (w->life == LEATI_LIFE_WAITING) {
        if (h->stage != LEATI_HERD_RUN)
            w->life = LEATI_LIFE_OVER;
        else if (now >= w->retry_at)
            leati_life_begin(h, w);
        return w->life == LEATI_LIFE_WAITING ? w->retry_at : INT64_MAX;
    }
    if (w->life == LEATI_LIFE_ASKED) {
        if (now - w->asked_at < ANSWER_NS)
            return w->asked_at + ANSWER_NS;
        helper_gone(h);
    }
    if (w->life != LEATI_LIFE_RUNNING)
        return INT64_MAX;
    if (w->stopped_at) {
        if (now - w->stopped_at < h->po.stop_grace)
            return w->stopped_at + h->po.stop_grace;
        leati_life_end(h, w, LEAT_EOWNERDEAD);
        return INT64_MAX;
    }
    return watch_item(h, w, now);
}

int64_t leati_life_watch(struct leati_herd *h)
{
    int64_t now = leat_now(), next = INT64_MAX;
    uint32_t running = 0;
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        next = earlier(next, watch_worker(h, w, now));
        if (h->stage != LEATI_HERD_RUN && now >= h->abort_at &&
            (w->life == LEATI_LIFE_RUNNING || w->life == LEATI_LIFE_ASKED))
            leati_life_end(h, w, LEAT_ECANCELED);
        running += w->life == LEATI_LIFE_RUNNING;
    }
    leati_store_rlx(&h->n.workers, running);
    return h->stage != LEATI_HERD_RUN && now < h->abort_at ? earlier(next, h->abort_at)
                                                           : next;
}

void leati_life_quit(struct leati_herd *h, enum leati_quit how)
{
    for (unsigned k = 0; k < h->o.workers; k++) {
        struct leati_herded *w = &h->worker[k];
        if (!w->lane.base)
            continue;
        leati_store_sc(&leati_lane_head(&w->lane)->quit, (uint32_t)how);
        leatp_fence_full(); /* pairs with a worker that goes to sleep */
        leati_lane_wake_worker(&w->lane);
    }
}
