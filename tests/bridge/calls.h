/* calls.h - a call that notes what became of it, for the tests of callbacks.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_CALLS_H
#define LEAT_TESTS_CALLS_H

#include "support/op.h"

struct call {
    leat_call call;
    uint64_t value;
    int result;
    unsigned times;  /* called */
    unsigned number; /* its place among all that were called: of *order */
    unsigned *order;
};

static void call_done(leat_call *call, int result, void *arg)
{
    struct call *k = (struct call *)arg;
    expect(call == &k->call);
    k->result = result;
    k->times++;
    if (k->order)
        k->number = (*k->order)++;
}

static inline void call_init(struct call *k, const struct leat_executor *exec)
{
    memset(k, 0, sizeof(*k));
    k->value = OP_UNTOUCHED;
    k->result = 1;
    leat_call_init(&k->call, call_done, k, exec);
}

static inline void call_recv(struct call *k, leat_chan *c)
{
    call_init(k, NULL);
    expect_eq(leat_call_recv(&k->call, c, &k->value), 0);
}

static inline void call_send(struct call *k, leat_chan *c, uint64_t value)
{
    call_init(k, NULL);
    k->value = value;
    expect_eq(leat_call_send(&k->call, c, &k->value), 0);
}

/* It was called once, with that. */
static inline void call_was(const struct call *k, int result, uint64_t value)
{
    expect_eq(k->times, 1);
    expect_eq(k->result, result);
    expect_eq(k->value, value);
}

#endif
