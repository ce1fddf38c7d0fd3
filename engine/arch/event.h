/* event.h - a file descriptor that a signal handler can make readable.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_EVENT_H
#define LEATI_ARCH_EVENT_H

#include "arch/cc.h"

int leatp_event_new(void); /* a descriptor, or -1 */
void leatp_event_free(int fd);

/* Makes the next leatp_event_wait return. Async-signal-safe, keeps errno. */
void leatp_event_post(int fd);

/* Waits until something was posted since the last return. Blocks the thread. */
void leatp_event_wait(int fd);

#endif
