/* chan.c - see chan.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "oracle/chan.h"

void oracle_open(struct oracle_chan *c, size_t cap, uint64_t *dropped)
{
    memset(c, 0, sizeof(*c));
    c->cap = cap;
    c->dropped = dropped;
}

static void push(struct oracle_chan *c, uint64_t v)
{
    if (c->n == ORACLE_QUEUE)
        abort(); /* the program should not have let it come to this */
    c->v[(c->first + c->n++) % ORACLE_QUEUE] = v;
}

static uint64_t pop(struct oracle_chan *c)
{
    c->n--;
    return c->v[c->first++ % ORACLE_QUEUE];
}

/* The oldest waiting case in that direction. */
static struct oracle_entry *oldest(struct oracle_chan *c, unsigned dir)
{
    return c->nwaits[dir] ? &c->waits[dir][0] : NULL;
}

static void unlist(struct oracle_chan *c, unsigned dir, const struct oracle_op *op)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < c->nwaits[dir]; i++)
        if (c->waits[dir][i].op != op)
            c->waits[dir][kept++] = c->waits[dir][i];
    c->nwaits[dir] = kept;
}

static void end(struct oracle_op *op, unsigned which, int result);

/* Closed, empty, and no sender is waiting: receivers are told. */
static void tell_receivers(struct oracle_chan *c)
{
    struct oracle_entry *e;
    while (c->closed && c->n == 0 && !oldest(c, LEAT_OP_SEND) &&
           (e = oldest(c, LEAT_OP_RECV)) != NULL)
        end(e->op, e->which, LEAT_ECLOSED);
}

static void end(struct oracle_op *op, unsigned which, int result)
{
    op->over = true;
    op->which = which;
    op->result = result;
    for (unsigned i = 0; i < op->n; i++)
        if (op->k[i].chan)
            unlist(op->k[i].chan, op->k[i].dir, op);
    for (unsigned i = 0; i < op->n; i++)
        if (op->k[i].chan)
            tell_receivers(op->k[i].chan);
}

static int attempt_send(struct oracle_chan *c, uint64_t v)
{
    struct oracle_entry *e = oldest(c, LEAT_OP_RECV);
    if (c->closed)
        return LEAT_ECLOSED;
    if (e) {
        e->op->k[e->which].value = v;
        end(e->op, e->which, 0);
        return 0;
    }
    if (c->n >= c->cap)
        return LEAT_EAGAIN;
    push(c, v);
    return 0;
}

static int attempt_recv(struct oracle_chan *c, uint64_t *ret)
{
    struct oracle_entry *e = oldest(c, LEAT_OP_SEND);
    if (e)
        push(c, e->op->k[e->which].value); /* behind the others; capacity 0: alone */
    else if (c->n == 0)
        return c->closed ? LEAT_ECLOSED : LEAT_EAGAIN;
    *ret = pop(c);
    if (e)
        end(e->op, e->which, 0);
    tell_receivers(c);
    return 0;
}

int oracle_attempt(struct oracle_chan *c, unsigned dir, uint64_t *value)
{
    return dir == LEAT_OP_SEND ? attempt_send(c, *value) : attempt_recv(c, value);
}

bool oracle_ready(const struct oracle_chan *c, unsigned dir)
{
    if (dir == LEAT_OP_SEND)
        return c->closed || c->nwaits[LEAT_OP_RECV] > 0 || c->n < c->cap;
    return c->closed || c->nwaits[LEAT_OP_SEND] > 0 || c->n > 0;
}

void oracle_wait(struct oracle_op *op)
{
    op->over = false;
    for (unsigned i = 0; i < op->n; i++) {
        struct oracle_chan *c = op->k[i].chan;
        unsigned dir = op->k[i].dir;
        if (c == NULL)
            continue;
        if (c->nwaits[dir] == ORACLE_WAIT)
            abort(); /* as in push */
        c->waits[dir][c->nwaits[dir]++] = (struct oracle_entry){op, i};
    }
}

void oracle_leave(struct oracle_op *op, int err)
{
    end(op, op->n, err);
}

int oracle_close(struct oracle_chan *c)
{
    if (c->closed)
        return LEAT_EALREADY;
    c->closed = true;
    tell_receivers(c);
    return 0;
}

static void drop_inside(struct oracle_chan *c)
{
    while (c->n > 0) {
        uint64_t v = pop(c);
        if (c->dropped)
            c->dropped[c->ndropped++] = v;
    }
}

int oracle_cancel(struct oracle_chan *c)
{
    struct oracle_entry *e;
    if (c->cancelled)
        return LEAT_EALREADY;
    c->cancelled = c->closed = true;
    while ((e = oldest(c, LEAT_OP_SEND)) != NULL)
        end(e->op, e->which, LEAT_ECLOSED);
    drop_inside(c);
    tell_receivers(c);
    return 0;
}

void oracle_handle(struct oracle_chan *c, unsigned dir)
{
    c->handles[dir]++;
}

void oracle_unhandle(struct oracle_chan *c, unsigned dir)
{
    if (--c->handles[dir] == 0)
        (void)(dir == LEAT_OP_SEND ? oracle_close(c) : oracle_cancel(c));
}

void oracle_fini(struct oracle_chan *c)
{
    drop_inside(c);
}
