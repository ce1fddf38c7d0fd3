/* time.h - instants of CLOCK_MONOTONIC in nanoseconds, and deadlines.
 *
 * A deadline is an absolute instant: one value serves a whole loop of waits and
 * all cases of a select. NOW never blocks, NEVER waits for ever, an instant in the
 * past is NOW. A call that reports LEAT_ETIMEDOUT returns at or after the instant
 * and did nothing; a completion that came first wins over the deadline.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TIME_H
#define LEAT_TIME_H

#include <leat/base.h>

/* `at_ns`: an instant as leat_now() counts it; <= 0 is NOW, INT64_MAX is NEVER. */
struct leat_deadline {
    int64_t at_ns;
};

LEAT_BEGIN_DECLS

/* CLOCK_MONOTONIC, nanoseconds. Never blocks; async-signal-safe. */
LEAT_API int64_t leat_now(void);

/* An absolute instant as a deadline. */
static inline struct leat_deadline leat_at(int64_t at_ns)
{
    struct leat_deadline d;
    d.at_ns = at_ns;
    return d;
}

#define LEAT_NOW   leat_at(0)
#define LEAT_NEVER leat_at(INT64_MAX)

/* That long from now; saturates at NEVER, and <= 0 is NOW. */
LEAT_API struct leat_deadline leat_in_ns(int64_t ns);
LEAT_API struct leat_deadline leat_in_us(int64_t us);
LEAT_API struct leat_deadline leat_in_ms(int64_t ms);
LEAT_API struct leat_deadline leat_in_s(int64_t s);

LEAT_END_DECLS
#endif
