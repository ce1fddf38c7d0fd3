/* clock.h - who minds the deadlines of calls. SPDX-License-Identifier: MIT */
#ifndef LEATI_BRIDGE_CLOCK_H
#define LEATI_BRIDGE_CLOCK_H

#include "park/call.h"

/* From its w.until on the call is aborted with LEAT_ETIMEDOUT, by the clock's thread, as
 * soon as that is possible; until leati_clock_disarm. Marks it LEATI_CALL_TIMED. Returns
 * 0, LEAT_EAGAIN (no thread), LEAT_ENOTSUP (the child of a fork). */
int leati_clock_arm(struct leati_call *c);
/* On return the clock has nothing to do with it. By whoever owns the call. */
void leati_clock_disarm(struct leati_call *c);

#endif
