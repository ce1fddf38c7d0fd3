/* form.h - the forms in which one operation can be written: plain, with a deadline, a
 * batch of one, a select of one case, a select with an idle or a NULL case beside it.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_FORM_H
#define LEAT_TESTS_FORM_H

#include "support/op.h"

enum form { PLAIN, UNTIL, BATCH, ONE_CASE, BESIDE_IDLE, BESIDE_NULL, FORMS };

static inline int form_select(enum form f, struct leat_case c, leat_chan *idle,
                              struct leat_deadline until)
{
    struct leat_case cs[2] = {LEAT_RECV(idle, NULL), c};
    struct leat_case *first = f == ONE_CASE ? &cs[1] : &cs[0];
    size_t which = 9;
    if (f == BESIDE_NULL)
        cs[0].chan = NULL;
    int r = leat_select(first, f == ONE_CASE ? 1 : 2, until, 0, &which);
    if (r != 0)
        return r;
    expect_eq(which, f == ONE_CASE ? 0 : 1);
    return cs[1].err;
}

static inline int form_of_batch(ptrdiff_t r)
{
    return r == 1 ? 0 : (int)r;
}

/* One send. idle: a channel on which nothing ever happens. */
static inline int form_send(enum form f, leat_chan *c, leat_chan *idle, uint64_t v,
                            struct leat_deadline until)
{
    bool now = until.at_ns <= 0;
    if (f == PLAIN && (now || until.at_ns == INT64_MAX))
        return now ? leat_chan_try_send(c, &v) : leat_chan_send(c, &v);
    if (f == PLAIN || f == UNTIL)
        return leat_chan_send_until(c, &v, until);
    if (f == BATCH)
        return form_of_batch(leat_chan_send_n(c, &v, 1, until));
    return form_select(f, (struct leat_case)LEAT_SEND(c, &v), idle, until);
}

/* One receive; ret may be NULL. */
static inline int form_recv(enum form f, leat_chan *c, leat_chan *idle, uint64_t *ret,
                            struct leat_deadline until)
{
    bool now = until.at_ns <= 0;
    if (f == PLAIN && (now || until.at_ns == INT64_MAX))
        return now ? leat_chan_try_recv(c, ret) : leat_chan_recv(c, ret);
    if (f == PLAIN || f == UNTIL)
        return leat_chan_recv_until(c, ret, until);
    if (f == BATCH)
        return form_of_batch(leat_chan_recv_n(c, ret, 1, until));
    return form_select(f, (struct leat_case)LEAT_RECV(c, ret), idle, until);
}

/* A blocking operation of that form by an actor of its own. */
struct form_op {
    struct lone actor;
    enum form form;
    leat_chan *chan, *idle;
    unsigned dir;
    uint64_t value;
};

static int form_main(void *arg)
{
    struct form_op *o = (struct form_op *)arg;
    if (o->dir == LEAT_OP_SEND)
        return form_send(o->form, o->chan, o->idle, o->value, LEAT_NEVER);
    return form_recv(o->form, o->chan, o->idle, &o->value, LEAT_NEVER);
}

static inline void form_start(struct form_op *o, enum crew_kind crew, enum form f,
                              leat_chan *c, leat_chan *idle, unsigned dir,
                              uint64_t value)
{
    o->form = f;
    o->chan = c;
    o->idle = idle;
    o->dir = dir;
    o->value = dir == LEAT_OP_SEND ? value : OP_UNTOUCHED;
    lone_start(&o->actor, crew, 1, form_main, o);
}

#endif
