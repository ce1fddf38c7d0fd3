/* stat.h - looking at a running program.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_STAT_H
#define LEAT_STAT_H

#include <leat/base.h>

LEAT_BEGIN_DECLS

/* Writes every open channel (name, kind, length, capacity, parked senders and
 * receivers, closed or not), every pool (workers, counters) and every living fiber
 * (name, state, what it waits for, stack high-water mark) to file descriptor fd, to
 * find a deadlock. Not one instant: objects may change while it is written. From any
 * thread or fiber; does not stop anybody. */
LEAT_API void leat_dump(int fd);

LEAT_END_DECLS
#endif
