/* expect.c - what the oracle says of a call, and whether the engine agrees: see
 * world.h. SPDX-License-Identifier: MIT */
#include <string.h>

#include "oracle/world.h"

static bool is_batch(const struct party *p)
{
    return p->call.op.kind == PROGRAM_SEND_N || p->call.op.kind == PROGRAM_RECV_N;
}

static unsigned dir_of(const struct party *p)
{
    enum program_kind k = p->call.op.kind;
    return k == PROGRAM_SEND || k == PROGRAM_SEND_N ? LEAT_OP_SEND : LEAT_OP_RECV;
}

/* As many values as go at once, beside those taken already; expect is the result. */
static void attempts(struct world *w, struct party *p)
{
    struct oracle_chan *c = &w->ch[p->call.op.chan].model;
    unsigned n = is_batch(p) ? p->call.op.n : 1;
    int r = 0;
    while (p->taken < n) {
        uint64_t v = p->first + p->taken;
        r = oracle_attempt(c, dir_of(p), &v);
        if (r != 0)
            break;
        p->values[p->taken++] = v;
    }
    p->expect = p->taken == 0 ? r : is_batch(p) ? (ptrdiff_t)p->taken : 0;
}

static bool set_ready(const struct world *w, const struct set *s)
{
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        if (s->in[i] && oracle_ready(&w->ch[i].model, LEAT_OP_RECV))
            return true;
    return false;
}

static bool select_ready(const struct party *p)
{
    for (unsigned i = 0; i < p->model.n; i++)
        if (p->model.k[i].chan && oracle_ready(p->model.k[i].chan, p->model.k[i].dir))
            return true;
    return false;
}

static void model_of(struct world *w, struct party *p)
{
    const struct program_op *o = &p->call.op;
    memset(&p->model, 0, sizeof(p->model));
    if (o->kind == PROGRAM_SET_WAIT)
        return;
    if (o->kind != PROGRAM_SELECT) {
        p->model.n = 1;
        p->model.k[0] =
            (struct oracle_case){&w->ch[o->chan].model, dir_of(p), p->first};
        return;
    }
    p->model.n = o->n;
    for (unsigned i = 0; i < o->n; i++) {
        struct oracle_chan *c =
            o->k[i].chan < PROGRAM_CHANS ? &w->ch[o->k[i].chan].model : NULL;
        p->model.k[i] = (struct oracle_case){c, o->k[i].dir, p->first + i};
    }
}

void expect_call(struct world *w, struct party *p)
{
    const struct program_op *o = &p->call.op;
    p->taken = 0;
    p->expect = LEAT_EAGAIN;
    p->knows = KNOWS_RESULT;
    model_of(w, p);
    if (o->kind == PROGRAM_SET_WAIT ? set_ready(w, &w->sets[o->set])
                                    : o->kind == PROGRAM_SELECT && select_ready(p)) {
        p->knows = KNOWS_CHOICE;
        return;
    }
    if (o->kind == PROGRAM_SET_WAIT) /* none is ready: from now on they queue anew */
        memset(w->sets[o->set].missed, 0, sizeof(w->sets[o->set].missed));
    else if (o->kind != PROGRAM_SELECT)
        attempts(w, p);
    if (p->expect != LEAT_EAGAIN || o->until == PROGRAM_NOW)
        return;
    p->expect = LEAT_ETIMEDOUT;
    if (o->until != PROGRAM_PAST) {
        p->knows = KNOWS_WAITS;
        oracle_wait(&p->model);
    }
}

bool expect_due(const struct world *w, const struct party *p)
{
    if (p->knows != KNOWS_WAITS || p->model.over)
        return true;
    return p->call.op.kind == PROGRAM_SET_WAIT &&
           set_ready(w, &w->sets[p->call.op.set]);
}

void expect_leave(struct party *p, int err)
{
    oracle_leave(&p->model, err);
}

/* The elements received are those, and nothing else has been written. */
static void compare_elems(const struct world *w, const struct party *p,
                          const uint8_t *at, size_t size, size_t room)
{
    for (unsigned i = 0; i < p->taken && !p->call.op.discard; i++, at += size, room--)
        if (!program_is(at, size, p->values[i]))
            disagree(w, p, "the value received", at[0], (long long)p->values[i]);
    for (size_t i = 0; i < room * size + 1; i++)
        if (at[i] != 0xEE)
            disagree(w, p, "memory behind what was received", at[i], 0xEE);
}

static void compare_plain(struct world *w, struct party *p)
{
    const struct call *c = &p->call;
    if (c->result != p->expect)
        disagree(w, p, "the result", c->result, p->expect);
    if (dir_of(p) == LEAT_OP_RECV)
        compare_elems(w, p, c->elems, w->ch[c->op.chan].opts.elem_size,
                      is_batch(p) ? c->op.n : 1);
}

/* The case that took effect had this outcome; value is what it received, if it did. */
static void compare_case(struct world *w, struct party *p, int err, uint64_t value)
{
    const struct call *c = &p->call;
    const struct program_case *k = &c->op.k[c->which];
    if (c->result != 0)
        disagree(w, p, "the result of a select", c->result, 0);
    if (c->cases[c->which].err != err)
        disagree(w, p, "err of the case", c->cases[c->which].err, err);
    if (k->dir == LEAT_OP_SEND)
        return;
    p->taken = err == 0;
    p->values[0] = value;
    compare_elems(w, p, c->elems + c->which * CALL_SLOT, w->ch[k->chan].opts.elem_size,
                  1);
}

static void follow_select(struct world *w, struct party *p)
{
    struct call *c = &p->call;
    if (c->result != 0 || c->which >= c->op.n)
        disagree(w, p, "the result of a select with a ready case", c->result, 0);
    struct oracle_case *k = &p->model.k[c->which];
    if (k->chan == NULL || !oracle_ready(k->chan, k->dir))
        disagree(w, p, "the case of a select is not ready", (long long)c->which, -1);
    for (unsigned i = 0; i < c->which && c->op.priority; i++)
        if (p->model.k[i].chan && oracle_ready(p->model.k[i].chan, p->model.k[i].dir))
            disagree(w, p, "an earlier case was ready", (long long)c->which, i);
    int err = oracle_attempt(k->chan, k->dir, &k->value);
    compare_case(w, p, err, k->value);
}

/* Round robin: each of the others comes at most once before one that is ready. */
static void count_missed(struct world *w, struct party *p, unsigned served)
{
    struct set *s = &w->sets[p->call.op.set];
    unsigned n = 0;
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        n += s->in[i];
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        bool due =
            s->in[i] && i != served && oracle_ready(&w->ch[i].model, LEAT_OP_RECV);
        if (s->missed[i] == 0) /* those that leave later may have been before it */
            s->most[i] = n - 1;
        s->missed[i] = due ? s->missed[i] + 1 : 0;
        if (due && s->missed[i] > s->most[i])
            disagree(w, p, "passed over by a set", i, served);
    }
}

static bool follow_set(struct world *w, struct party *p)
{
    struct call *c = &p->call;
    struct set *s = &w->sets[c->op.set];
    unsigned i = 0;
    while (i < PROGRAM_CHANS && w->ch[i].c != c->from)
        i++;
    if (i == PROGRAM_CHANS || !s->in[i])
        disagree(w, p, "the channel of a set's result", i, c->result);
    struct oracle_chan *m = &w->ch[i].model;
    size_t size = w->ch[i].opts.elem_size;
    uint64_t next = oracle_next(m);
    if (c->result == 0 && !c->op.discard && !program_is(c->elems, size, next))
        return false;
    count_missed(w, p, i);
    int err = oracle_attempt(m, LEAT_OP_RECV, &p->values[0]);
    if (c->result != err)
        disagree(w, p, "the result of a set", c->result, err);
    p->taken = err == 0;
    s->in[i] = s->in[i] && err != LEAT_ECLOSED;
    compare_elems(w, p, c->elems, size, 1);
    return true;
}

bool expect_result(struct world *w, struct party *p)
{
    struct call *c = &p->call;
    enum program_kind kind = c->op.kind;
    if (kind == PROGRAM_SET_WAIT) {
        if (p->knows == KNOWS_CHOICE || (p->knows == KNOWS_WAITS && !p->model.over))
            return follow_set(w, p);
        if (c->result != (p->knows == KNOWS_WAITS ? p->model.result : p->expect))
            disagree(w, p, "the result of a set", c->result, p->expect);
        return true;
    }
    if (kind != PROGRAM_SELECT) {
        if (p->knows == KNOWS_WAITS && p->model.result == 0) {
            p->taken = 1;
            p->values[0] = p->model.k[0].value;
            attempts(w, p);
        } else if (p->knows == KNOWS_WAITS) {
            p->expect = p->model.result;
        }
        compare_plain(w, p);
    } else if (p->knows == KNOWS_CHOICE) {
        follow_select(w, p);
    } else if (p->knows == KNOWS_WAITS && p->model.which < p->model.n) {
        if (c->which != p->model.which)
            disagree(w, p, "the case of a select", (long long)c->which, p->model.which);
        compare_case(w, p, p->model.result, p->model.k[p->model.which].value);
    } else {
        int want = p->knows == KNOWS_WAITS ? p->model.result : (int)p->expect;
        if (c->result != want)
            disagree(w, p, "the result of a select", c->result, want);
    }
    return true;
}
