/* pipes.h - what the tests of pipes share: every mode and order, channels of each kind,
 * items that carry their number. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_PIPES_H
#define LEAT_TESTS_PIPES_H

#include <stdlib.h>

#include "support/support.h"

struct form {
    enum leat_pipe_mode mode;
    unsigned flags;
    const char *name;
};

static const struct form forms[] = {
    {LEAT_PIPE_FIBERS, 0, "fibers, ordered"},
    {LEAT_PIPE_FIBERS, LEAT_PIPE_UNORDERED, "fibers, unordered"},
    {LEAT_PIPE_THREADS, 0, "threads, ordered"},
    {LEAT_PIPE_THREADS, LEAT_PIPE_UNORDERED, "threads, unordered"},
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static inline bool form_ordered(const struct form *f)
{
    return !(f->flags & LEAT_PIPE_UNORDERED);
}

static inline leat_chan *channel(size_t cap)
{
    leat_chan *c = NULL;
    assert_int_equal(leat_chan_new(&c, 8, cap), 0);
    return c;
}

/* Options of a form, to be completed. */
static inline struct leat_pipe_opts form_opts(const struct form *f, leat_stage_fn *run)
{
    struct leat_pipe_opts o = {.size = sizeof(o), .run = run};
    o.mode = f->mode;
    o.flags = f->flags;
    o.workers = 3;
    support_about = f->name;
    return o;
}

static inline uint64_t item_of(const void *in)
{
    uint64_t v;
    memcpy(&v, in, 8);
    return v;
}

/* One output: the item itself. */
static inline int same(leat_stage *s, const void *in, size_t len)
{
    expect_eq(len, 8);
    return leat_emit(s, in);
}

/* A closed channel with 0 .. n-1 in it. */
static inline leat_chan *filled(uint64_t n)
{
    leat_chan *c = channel(n);
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(leat_chan_try_send(c, &i), 0);
    leat_chan_close(c);
    return c;
}

/* Sends 0 .. n-1 and closes. */
struct feed {
    leat_chan *c;
    uint64_t n;
};

static inline void feed_all(struct actor *a)
{
    const struct feed *f = a->arg;
    for (uint64_t i = 0; i < f->n; i++)
        if (!expect_eq(leat_chan_send(f->c, &i), 0))
            break;
    leat_chan_close(f->c);
}

#endif
