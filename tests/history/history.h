/* history.h - was that a FIFO channel? Checks recorded operations against a sequential
 * channel with close.
 *
 * An operation has two stamps of one total order: before the call and after its return.
 * Two that do not overlap took effect in that order; those that overlap in any. Values
 * are distinct and not 0.
 *
 * history_linear() decides exactly: is there an order of effects, within those bounds,
 * in which a queue gives these results? Its cost is exponential in the overlap, so it
 * is for short histories. history_patterns() looks, at any length, for the ways in
 * which queues go wrong; what it reports is wrong, what it does not report it has not
 * proved. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_HISTORY_H
#define LEAT_TESTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum history_op { HISTORY_SEND, HISTORY_RECV, HISTORY_CLOSE };

enum history_result {
    HISTORY_DONE,    /* of a receive: `value` came out */
    HISTORY_NOTHING, /* a try: it was full, or empty, at one instant of the call */
    HISTORY_TIMEOUT, /* did nothing, says nothing */
    HISTORY_CLOSED,  /* of a close: it was closed before */
};

struct history_event {
    uint8_t op, result;
    uint64_t value;
    uint64_t from, to; /* from < to */
};

enum {
    HISTORY_SHORT = 64,        /* events history_linear() takes */
    HISTORY_ANY_CAPACITY = -1, /* unbounded */
    HISTORY_RENDEZVOUS = 0,    /* a value passes from a call to a call */
};

/* capacity: of the channel, or one of the two above. */
bool history_linear(const struct history_event *e, size_t n, long capacity);

/* NULL, or what is wrong; e is sorted on the way. */
const char *history_patterns(struct history_event *e, size_t n, long capacity);

#endif
