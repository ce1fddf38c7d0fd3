/* event.h - an event count: threads wait for "something changed".
 *
 * A waiter reads the value, looks whether what it wants is there, and if not waits until
 * the value is another one. Whoever changes something raises the event afterwards. No
 * wake between the look and the wait is lost. Raising without waiters makes no system
 * call. All waiters wake.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PARK_EVENT_H
#define LEATI_PARK_EVENT_H

#include <leat/time.h>
#include "arch/atomic.h"

/* Zeroed memory is a valid start. */
struct leati_event {
    leati_a32 count;
};

uint32_t leati_event_value(struct leati_event *e);
void leati_event_raise(struct leati_event *e);
/* False: the deadline passed and the value is still `value`. Blocks the thread. */
bool leati_event_wait(struct leati_event *e, uint32_t value, struct leat_deadline until);

#endif
