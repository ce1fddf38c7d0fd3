/* buffers.h - channels with each kind of buffer, for the tests of buffer.h.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_BUFFERS_H
#define LEAT_TESTS_BUFFERS_H

#include "support/op.h"

/* A channel of 8-byte values with that buffer; what is dropped is told to d (may be
 * NULL). */
static inline leat_chan *buffer_open(const struct leat_buffer *b, size_t cap,
                                     struct dropped *d)
{
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = sizeof(uint64_t),
                               .capacity = cap,
                               .buffer = b,
                               .name = "buffer"};
    leat_chan *c = NULL;
    if (d) {
        o.drop = dropped_add;
        o.drop_arg = d;
    }
    expect_eq(leat_chan_open(&c, &o), 0);
    return c;
}

static const struct leat_buffer buffer_dropping = {.kind = LEAT_BUFFER_DROPPING};
static const struct leat_buffer buffer_sliding = {.kind = LEAT_BUFFER_SLIDING};
static const struct leat_buffer buffer_promise = {.kind = LEAT_BUFFER_PROMISE};

/* Level: the value's last decimal digit. */
static inline unsigned buffer_digit(const void *elem, void *arg)
{
    (void)arg;
    return (unsigned)(*(const uint64_t *)elem % 10);
}

static const struct leat_buffer buffer_digits = {
    .kind = LEAT_BUFFER_PRIORITY, .levels = 9, .level = buffer_digit};

static inline void give(leat_chan *c, uint64_t v)
{
    expect_eq(leat_chan_send(c, &v), 0);
}

/* The next value inside; OP_UNTOUCHED when there is none. */
static inline uint64_t got(leat_chan *c)
{
    uint64_t v = OP_UNTOUCHED;
    return leat_chan_try_recv(c, &v) == 0 ? v : OP_UNTOUCHED;
}

#endif
