/* steps.c - see steps.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "oracle/clock.h"
#include "oracle/world.h"

enum {
    FULL =
        ORACLE_QUEUE - 2 * PROGRAM_BATCH, /* no more is sent to an unbounded channel */
    PATIENCE_S = 50,
    TURNS = 20000,
    QUIET = 3, /* fibers: turns until one that was started has parked */
};

/* ---- to rest ---- */

static void finish(struct world *w, struct party *p)
{
    p->busy = false;
    if (p != &w->party[PARTIES] && !call_join(&p->call))
        disagree(w, p, "the actor's end", 1, 0);
    if (p->knows == KNOWS_WAITS)
        w->count->parked++;
}

/* Hears of those that are through. Returns whether somebody is due and has not come;
 * *ret_heard: somebody was. */
static bool hear(struct world *w, bool *ret_heard)
{
    bool due = false;
    *ret_heard = false;
    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *p = &w->party[i];
        if (!p->busy || !expect_due(w, p))
            continue;
        if (call_done(&p->call) && expect_result(w, p)) {
            finish(w, p);
            *ret_heard = true;
        } else {
            due = true;
        }
    }
    return due;
}

static void check_nobody_returned(const struct world *w)
{
    for (unsigned i = 0; i < PARTIES; i++)
        if (w->party[i].busy && call_done(&w->party[i].call))
            disagree(w, &w->party[i], "returned, but should wait",
                     w->party[i].call.result, 0);
}

/* Fibers of one worker take turns, so some hundred turns do; threads need time. */
static bool too_long(const struct world *w, unsigned turn, int64_t *end)
{
    if (w->how == STEPS_FIBERS)
        return turn == TURNS;
    if (turn % 4096)
        return false;
    int64_t now = leat_now();
    if (*end == 0)
        *end = now + PATIENCE_S * INT64_C(1000000000);
    return now > *end;
}

static void to_rest(struct world *w)
{
    int64_t end = 0;
    unsigned quiet = w->how == STEPS_FIBERS ? QUIET : 0;
    for (unsigned turn = 1;; turn++) {
        bool heard, due = hear(w, &heard);
        if (!due && !heard && quiet == 0 && check_parked(w))
            break;
        quiet -= quiet > 0 && !due && !heard;
        leat_yield();
        if (too_long(w, turn, &end))
            disagree(w, NULL, "not at rest: somebody should return, or park", 0, 1);
    }
    check_nobody_returned(w);
    check_state(w);
}

/* ---- calls ---- */

static bool declared_free(const struct world *w, const struct program_op *o)
{
    if (o->kind == PROGRAM_SELECT) {
        for (unsigned i = 0; i < o->n; i++)
            if (o->k[i].chan < PROGRAM_CHANS &&
                !object_free_side(w, o->k[i].chan, o->k[i].dir))
                return false;
        return true;
    }
    if (o->kind == PROGRAM_SET_WAIT) {
        for (unsigned i = 0; i < PROGRAM_CHANS; i++)
            if (w->sets[o->set].in[i] && !object_free_side(w, i, LEAT_OP_RECV))
                return false;
        return !object_set_waits(w, o->set);
    }
    bool send = o->kind == PROGRAM_SEND || o->kind == PROGRAM_SEND_N;
    return object_free_side(w, o->chan, send ? LEAT_OP_SEND : LEAT_OP_RECV);
}

static bool overfull(const struct world *w, const struct program_op *o)
{
    if (o->kind == PROGRAM_SEND || o->kind == PROGRAM_SEND_N)
        return w->ch[o->chan].model.n > FULL;
    for (unsigned i = 0; i < o->n && o->kind == PROGRAM_SELECT; i++)
        if (o->k[i].chan < PROGRAM_CHANS && w->ch[o->k[i].chan].model.n > FULL)
            return true;
    return false;
}

/* A batch that waits goes on when it wakes, a set's owner tries again: one such party
 * at a time, or the results depend on who of them is faster. */
static bool somebody_goes_on(const struct world *w)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        enum program_kind k = w->party[i].call.op.kind;
        if (w->party[i].busy && (k == PROGRAM_SEND_N || k == PROGRAM_RECV_N))
            return true;
    }
    return false;
}

static bool set_owner_waits(const struct world *w)
{
    for (unsigned i = 0; i < PROGRAM_SETS; i++)
        if (object_set_waits(w, i))
            return true;
    return false;
}

/* What can be asked for here, in this way of running. */
static void adapt(const struct world *w, struct program_op *o, bool fiber)
{
    bool blocks = o->until == PROGRAM_NEVER || o->until == PROGRAM_HOURS;
    bool batch = o->kind == PROGRAM_SEND_N || o->kind == PROGRAM_RECV_N;
    bool dead = o->kind == PROGRAM_SELECT;
    for (unsigned i = 0; i < o->n && dead; i++)
        dead = o->k[i].chan == PROGRAM_CHANS;
    if (o->until == PROGRAM_HOURS && w->how != STEPS_FIBERS)
        o->until = PROGRAM_NEVER;
    if (blocks && dead && !fiber)
        o->until = PROGRAM_PAST;
    if (blocks && batch) {
        if (w->how != STEPS_FIBERS)
            o->n = o->n > 0;
        if (o->n > 1 && (somebody_goes_on(w) || set_owner_waits(w)))
            o->until = PROGRAM_NOW;
    }
    if (blocks && o->kind == PROGRAM_SET_WAIT) {
        o->discard = false; /* two sets that wait: the values say who was first */
        if (somebody_goes_on(w))
            o->until = PROGRAM_NOW;
    }
    if (o->kind == PROGRAM_SET_WAIT && w->how != STEPS_FIBERS)
        o->until = PROGRAM_NOW;
}

static void fill_elems(struct world *w, struct party *p)
{
    struct call *c = &p->call;
    const struct program_op *o = &c->op;
    size_t size = o->kind == PROGRAM_SET_WAIT || o->kind == PROGRAM_SELECT
                      ? CALL_SLOT
                      : w->ch[o->chan].opts.elem_size;
    unsigned n = o->kind == PROGRAM_SEND || o->kind == PROGRAM_RECV ||
                         o->kind == PROGRAM_SET_WAIT
                     ? 1
                     : o->n;
    memset(c->elems, 0xEE, n * size + 1);
    p->first = w->next_value;
    w->next_value += n;
    for (unsigned i = 0; i < n; i++) {
        if (o->kind == PROGRAM_SEND || o->kind == PROGRAM_SEND_N)
            program_encode(c->elems + i * size, size, p->first + i);
        if (o->kind != PROGRAM_SELECT)
            continue;
        const struct channel *ch =
            o->k[i].chan < PROGRAM_CHANS ? &w->ch[o->k[i].chan] : NULL;
        c->cases[i] = (struct leat_case){.chan = ch ? ch->c : NULL,
                                         .op = o->k[i].dir,
                                         .elem = c->elems + i * size,
                                         .err = 1};
        if (ch && o->k[i].dir == LEAT_OP_SEND)
            program_encode(c->elems + i * size, ch->opts.elem_size, p->first + i);
    }
}

static struct leat_deadline deadline(const struct world *w, struct party *p)
{
    switch (p->call.op.until) {
    case PROGRAM_NOW:
        return LEAT_NOW;
    case PROGRAM_PAST:
        return leat_at(1);
    case PROGRAM_HOURS: /* half an hour before the last of them has passed */
        p->hour = w->hour + p->call.op.hours;
        return leat_at(w->base + p->hour * HOUR - HOUR / 2);
    default:
        return LEAT_NEVER;
    }
}

static bool call_step(struct world *w, struct program_op *o, struct trace *t)
{
    unsigned i = 0;
    while (i < PARTIES && w->party[i].busy)
        i++;
    bool fiber = w->how == STEPS_FIBERS || (w->how == STEPS_MIXED && i % 2);
    adapt(w, o, fiber);
    if (o->until == PROGRAM_NOW)
        i = PARTIES;
    else if (i == PARTIES)
        return false;
    if (!declared_free(w, o) || overfull(w, o))
        return false;
    *t = (struct trace){*o, (int)i};
    struct party *p = &w->party[i];
    struct call *c = &p->call;
    c->op = *o;
    c->chan = w->ch[o->chan].c;
    c->set = w->sets[o->set].s;
    c->done = 0;
    c->pool = fiber ? w->pool : NULL;
    c->until = deadline(w, p);
    fill_elems(w, p);
    expect_call(w, p);
    if (i == PARTIES) {
        call_perform(c);
        if (!expect_result(w, p))
            disagree(w, p, "the value received from a set", c->elems[0], 0);
        if (o->kind == PROGRAM_SET_WAIT && w->how != STEPS_FIBERS)
            object_disarm(w, o->set);
        return true;
    }
    p->busy = true;
    if (!call_start(c))
        disagree(w, p, "the start of an actor", 0, 1);
    return true;
}

/* ---- the rest of the language ---- */

static bool waits(const struct party *p)
{
    return p->busy && p->knows == KNOWS_WAITS && !p->model.over;
}

static bool pass(struct world *w)
{
    if (w->how != STEPS_FIBERS)
        return false;
    w->hour++;
    clock_pass(HOUR);
    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *p = &w->party[i];
        if (waits(p) && p->call.op.until == PROGRAM_HOURS && p->hour <= w->hour)
            expect_leave(p, LEAT_ETIMEDOUT);
    }
    return true;
}

static bool cancel_fiber(struct world *w, unsigned from)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        struct party *p = &w->party[(from + i) % PARTIES];
        if (!waits(p) || !p->call.pool)
            continue;
        expect_leave(p, LEAT_ECANCELED);
        leat_fiber_cancel(p->call.fiber);
        return true;
    }
    return false;
}

static bool renew(struct world *w, unsigned chan, struct program *prog)
{
    struct channel *ch = &w->ch[chan];
    struct program_chan opts = program_chan(prog);
    if (object_waiting(w, chan, LEAT_OP_RECV) || object_waiting(w, chan, LEAT_OP_SEND))
        return false;
    object_free(w, ch);
    object_open(w, ch, opts);
    return true;
}

static void step(struct world *w, struct program_op *o, struct program *prog)
{
    bool did = true;
    struct trace *t = &w->trace[w->step++ % TRACE];
    *t = (struct trace){*o, PARTIES};
    if (o->kind <= PROGRAM_SELECT || o->kind == PROGRAM_SET_WAIT) {
        did = call_step(w, o, t);
    } else if (o->kind == PROGRAM_PASS) {
        did = pass(w);
    } else if (o->kind == PROGRAM_CANCEL_FIBER) {
        did = cancel_fiber(w, o->chan * 2);
    } else if (o->kind == PROGRAM_RENEW) {
        did = renew(w, o->chan, prog);
    } else if (o->kind == PROGRAM_YIELD) {
        leat_yield();
    } else {
        did = object_step(w, o);
    }
    if (!did)
        t->party = -1;
    w->count->ops += did;
    w->count->done[o->kind] += did;
    if (did)
        to_rest(w);
}

static void all_end(struct world *w)
{
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        (void)object_step(w, &(struct program_op){.kind = PROGRAM_CANCEL, .chan = i});
        to_rest(w);
    }
    while (
        cancel_fiber(w, 0)) /* of a select without channels, of a set that is empty */
        to_rest(w);
    for (unsigned i = 0; i < PARTIES; i++)
        if (w->party[i].busy)
            disagree(w, &w->party[i], "waits at the end", 1, 0);
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        object_free(w, &w->ch[i]);
    for (unsigned i = 0; i < PROGRAM_SETS; i++)
        w->sets[i].s = leat_set_free(w->sets[i].s);
}

void steps_run(const uint8_t *bytes, size_t n, enum steps_how how, leat_pool *pool,
               struct steps_count *count)
{
    struct program prog = {bytes, bytes + n};
    struct program_op o;
    struct world *w = calloc(1, sizeof(*w));
    if (w == NULL)
        abort();
    w->how = how;
    w->pool = pool;
    w->count = count;
    w->base = leat_now();
    for (unsigned i = 0; i < PROGRAM_SETS; i++)
        if (leat_set_new(&w->sets[i].s) != 0)
            abort();
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        object_open(w, &w->ch[i], program_chan(&prog));
    while (program_next(&prog, &o))
        step(w, &o, &prog);
    all_end(w);
    free(w);
}
