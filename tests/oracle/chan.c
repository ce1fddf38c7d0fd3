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

void oracle_buffer(struct oracle_chan *c, enum leat_buffer_kind buffer, bool levels)
{
    c->buffer = buffer;
    c->levels = levels;
}

static bool loses(const struct oracle_chan *c)
{
    return c->buffer && c->buffer != LEAT_BUFFER_PRIORITY;
}

static bool something(const struct oracle_chan *c)
{
    return c->n > 0 && !c->cancelled;
}

unsigned oracle_len(const struct oracle_chan *c)
{
    return something(c) ? c->n : 0;
}

static void lose(struct oracle_chan *c, uint64_t v)
{
    if (c->dropped && c->ndropped < ORACLE_QUEUE)
        c->dropped[c->ndropped] = v;
    c->ndropped++;
}

static void push(struct oracle_chan *c, uint64_t v)
{
    if (c->n == ORACLE_QUEUE)
        abort(); /* the program should not have let it come to this */
    c->v[(c->first + c->n++) % ORACLE_QUEUE] = v;
}

static uint64_t *at(struct oracle_chan *c, unsigned i)
{
    return &c->v[(c->first + i) % ORACLE_QUEUE];
}

/* The place of the value that leaves next: the first of the lowest level. */
static unsigned place(const struct oracle_chan *c)
{
    unsigned best = 0;
    for (unsigned i = 1; i < c->n && c->levels; i++)
        if (c->v[(c->first + i) % ORACLE_QUEUE] % 4 <
            c->v[(c->first + best) % ORACLE_QUEUE] % 4)
            best = i;
    return best;
}

static uint64_t pop(struct oracle_chan *c)
{
    unsigned i = place(c);
    uint64_t v = *at(c, i);
    for (; i > 0; i--) /* those before it move up */
        *at(c, i) = *at(c, i - 1);
    c->n--;
    c->first++;
    return v;
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
    while (c->closed && !something(c) && !oldest(c, LEAT_OP_SEND) &&
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

/* Everybody who waits gets it, and it stays. */
static void promise(struct oracle_chan *c, uint64_t v)
{
    struct oracle_entry *e;
    push(c, v);
    while ((e = oldest(c, LEAT_OP_RECV)) != NULL) {
        e->op->k[e->which].value = v;
        end(e->op, e->which, 0);
    }
}

/* It is full, and no sender ever waits. */
static void send_lossy(struct oracle_chan *c, uint64_t v)
{
    if (c->buffer == LEAT_BUFFER_SLIDING) {
        lose(c, pop(c));
        push(c, v);
    } else {
        lose(c, v);
    }
}

static int attempt_send(struct oracle_chan *c, uint64_t v)
{
    struct oracle_entry *e = oldest(c, LEAT_OP_RECV);
    if (c->closed)
        return LEAT_ECLOSED;
    if (c->buffer == LEAT_BUFFER_PROMISE && c->n == 0) {
        promise(c, v);
    } else if (e) {
        e->op->k[e->which].value = v;
        end(e->op, e->which, 0);
    } else if (c->n < c->cap) {
        push(c, v);
    } else if (loses(c)) {
        send_lossy(c, v);
    } else {
        return LEAT_EAGAIN;
    }
    return 0;
}

static int attempt_recv(struct oracle_chan *c, uint64_t *ret)
{
    struct oracle_entry *e = oldest(c, LEAT_OP_SEND);
    if (!e && !something(c))
        return c->closed ? LEAT_ECLOSED : LEAT_EAGAIN;
    if (c->buffer == LEAT_BUFFER_PROMISE) {
        *ret = *at(c, 0);
        return 0;
    }
    if (e && c->cap == 0)
        push(c, e->op->k[e->which].value);
    *ret = pop(c);
    if (e && c->cap > 0)
        push(c, e->op->k[e->which].value);
    if (e)
        end(e->op, e->which, 0);
    tell_receivers(c);
    return 0;
}

uint64_t oracle_next(const struct oracle_chan *c)
{
    if (c->n > 0)
        return c->v[(c->first + place(c)) % ORACLE_QUEUE];
    const struct oracle_entry *e = c->waits[LEAT_OP_SEND];
    return c->nwaits[LEAT_OP_SEND] ? e->op->k[e->which].value : 0;
}

int oracle_attempt(struct oracle_chan *c, unsigned dir, uint64_t *value)
{
    return dir == LEAT_OP_SEND ? attempt_send(c, *value) : attempt_recv(c, value);
}

bool oracle_ready(const struct oracle_chan *c, unsigned dir)
{
    if (dir == LEAT_OP_SEND)
        return c->closed || c->nwaits[LEAT_OP_RECV] > 0 || c->n < c->cap || loses(c);
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
    while (c->n > 0)
        lose(c, pop(c));
}

int oracle_cancel(struct oracle_chan *c)
{
    struct oracle_entry *e;
    if (c->cancelled)
        return LEAT_EALREADY;
    c->cancelled = c->closed = true;
    while ((e = oldest(c, LEAT_OP_SEND)) != NULL)
        end(e->op, e->which, LEAT_ECLOSED);
    if (c->buffer != LEAT_BUFFER_PROMISE) /* the value is the channel's until the end */
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
