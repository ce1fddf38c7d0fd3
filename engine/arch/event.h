/* event.h - file descriptors that are made readable: by a signal handler, for an event
 * loop, at an instant. SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_EVENT_H
#define LEATI_ARCH_EVENT_H

#include "arch/cc.h"

int leatp_event_new(void); /* a descriptor, or -1 */
void leatp_event_free(int fd);

/* Makes the next leatp_event_wait return. Async-signal-safe, keeps errno. */
void leatp_event_post(int fd);

/* Waits until something was posted since the last return. Blocks the thread. */
void leatp_event_wait(int fd);

/* One to be polled: readable from a post to the next clear, which never blocks. -1: none. */
int leatp_event_polled(void);
void leatp_event_clear(int fd);

/* One that is readable from an instant on: nanoseconds of CLOCK_MONOTONIC, 0 at once,
 * INT64_MAX never. -1: none. */
int leatp_timer_new(void);
void leatp_timer_set(int fd, int64_t at_ns);

#endif
