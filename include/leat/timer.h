/* timer.h - instants as messages: channels that deliver the time.
 *
 * The element is an int64_t: the instant that was due, as leat_now() counts. Timer
 * channels can be received from, selected on, put into sets, closed and freed; a
 * send gives LEAT_ENOTSUP. They need no thread and no pool.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TIMER_H
#define LEAT_TIMER_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

/* One value at the instant `at`, then closed. LEAT_EINVAL, LEAT_ENOMEM. */
LEAT_API LEAT_NODISCARD int leat_after(leat_chan **ret, struct leat_deadline at);

/* A value at start + k * period_ns, k = 1, 2, ... without drift; ticks that nobody
 * took are dropped, never piled up: a slow reader gets the newest one due, once.
 * LEAT_EINVAL when period_ns <= 0. */
LEAT_API LEAT_NODISCARD int leat_tick(leat_chan **ret, int64_t period_ns);

LEAT_END_DECLS
#endif
