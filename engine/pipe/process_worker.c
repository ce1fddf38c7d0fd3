/* process_worker.c - a worker process of a pipe: its beginning, its loop, its end. It is
 * the only thread of its process as far as leat is concerned, and any of its instructions
 * may be its last (proc/lane.h). SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipe/process_worker.h"
#include "pipe/stage.h"

struct worker {
    struct leat_stage stage;
    struct leati_lane lane;
    struct leati_proc_self *self;
    uint32_t use; /* the slot's, of the item */
    /* The result so far. */
    char *out;
    uint32_t len, count;
    bool overflown;
};

static int emit(leat_stage *s, const void *out, size_t len)
{
    struct worker *w = leati_container_of(s, struct worker, stage);
    size_t record = s->any_size ? LEATI_RECORD : 0;
    /* An output without bytes counts for one, so that there is an end to them. */
    size_t least = len + record ? len + record : 1;
    if (len > w->lane.max_out || least > w->lane.max_out - w->len) {
        w->overflown = true;
        return LEAT_EMSGSIZE;
    }
    if (record) {
        uint32_t n = (uint32_t)len;
        memcpy(w->out + w->len, &n, sizeof(n));
    }
    if (len)
        memcpy(w->out + w->len + record, out, len);
    w->len += (uint32_t)least;
    w->count++;
    return 0;
}

static bool stopping(const leat_stage *s)
{
    const struct worker *w =
        leati_container_of((struct leat_stage *)(uintptr_t)s, struct worker, stage);
    /* relaxed: a hint */
    return leati_load_rlx(&leati_lane_head(&w->lane)->quit) == LEATI_QUIT_STOP ||
           leati_load_rlx(&leati_lane_slot(&w->lane, w->use)->st) !=
               leati_lane_word(&w->lane, w->use, LEATI_TAKEN);
}

static const struct leati_stage_ops stage_ops = {emit, stopping};

/* Runs the item of the slot that was just taken. False: its time was up, the parent has
 * decided and this process is about to be killed. */
static bool run_one(struct worker *w)
{
    struct leati_slot *s = leati_lane_slot(&w->lane, w->use);
    leat_stage_fn *run = (leat_stage_fn *)w->self->fn[LEATI_FN_RUN];
    w->stage.position = s->position;
    w->out = leati_slot_out(&w->lane, s);
    w->len = w->count = 0;
    w->overflown = false;
    int rc = run(&w->stage, leati_slot_in(s), s->len);
    if (rc >= 0 && w->overflown)
        rc = LEAT_EMSGSIZE; /* nothing is lost in silence */
    /* relaxed: the move to FINISHED publishes them */
    leati_store_rlx(&s->rlen, w->len);
    leati_store_rlx(&s->count, w->count);
    leati_store_rlx(&s->rc, (uint32_t)rc);
    return leati_lane_move(&w->lane, w->use, LEATI_TAKEN, LEATI_FINISHED);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Busy time is counted from one idleness to the next: no clock is read between. */
static void loop(struct worker *w)
{
    struct leati_lane_head *h = leati_lane_head(&w->lane);
    uint64_t busy = 0;
    while (leati_lane_await(&w->lane, w->use)) {
        uint64_t from = now_ns();
        do {
            if (leati_lane_move(&w->lane, w->use, LEATI_OFFERED, LEATI_TAKEN)) {
                if (!run_one(w))
                    return;
            } else { /* recalled */
                (void)leati_lane_move(&w->lane, w->use, LEATI_RECALLED, LEATI_PASSED);
            }
            w->use++;
            leati_lane_tell_parent(&w->lane, w->self->bell);
        } while (leati_lane_pending(&w->lane, w->use));
        busy += now_ns() - from;
        leati_store_rlx(&h->busy_ns, busy); /* relaxed: a number */
    }
}

static int prepare(struct worker *w, const struct leati_process_config *c)
{
    struct leati_proc_self *self = w->self;
    int (*confine)(void *) = (int (*)(void *))self->fn[LEATI_FN_CONFINE];
    int (*init)(void *, unsigned, void **) =
        (int (*)(void *, unsigned, void **))self->fn[LEATI_FN_INIT];
    if (c->arg_size) {
        w->stage.arg = aligned_alloc(64, leati_lane_round(c->arg_size));
        if (w->stage.arg == NULL)
            return LEAT_ENOMEM;
        memcpy(w->stage.arg, c->arg, c->arg_size);
    }
    int r = confine ? confine(w->stage.arg) : 0;
    if (r >= 0 && !leatp_die_with(self->helper)) /* a change of user undoes it */
        r = LEAT_ECANCELED;
    if (r >= 0 && init)
        r = init(w->stage.arg, c->worker, &w->stage.state);
    return r;
}

void leati_process_worker(struct leati_proc_self *self)
{
    const struct leati_process_config *c =
        (const void *)((char *)self->segment + sizeof(struct leati_lane_head));
    struct worker w = {.stage = {.ops = &stage_ops,
                                 .worker = c->worker,
                                 .out_size = c->out_size,
                                 .any_size = c->any_size},
                       .lane = c->lane,
                       .self = self};
    w.lane.base = self->segment;
    struct leati_lane_head *h = leati_lane_head(&w.lane);
    int r = prepare(&w, c);
    if (r < 0) { /* relaxed: read after the end of this process */
        leati_store_rlx(&h->refused, (uint32_t)r);
        return;
    }
    leati_store_sc(&h->begun, 1u); /* as a slot that went forward: it can help others */
    leati_lane_tell_parent(&w.lane, self->bell);
    loop(&w);
    void (*end)(void *) = (void (*)(void *))self->fn[LEATI_FN_EXIT];
    if (end)
        end(w.stage.state);
}
