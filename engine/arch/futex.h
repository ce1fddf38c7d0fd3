/* futex.h - the only caller of SYS_futex. Futexes on 32-bit words, private to the
 * process but for two calls.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_FUTEX_H
#define LEATI_ARCH_FUTEX_H

#include <leat/time.h>
#include "arch/atomic.h"

/* Sleeps while *word == expect, until woken or the deadline. Returns 0 (woken, value
 * differed, or interrupted: look at the word again) or LEAT_ETIMEDOUT. */
int leatp_futex_wait(leati_a32 *word, uint32_t expect, struct leat_deadline until);

/* Wakes up to n sleepers. The word's memory may be gone already: nothing is read. */
void leatp_futex_wake(leati_a32 *word, int n);

/* The same for a word in memory that processes share, which must be mapped for both. */
void leatp_futex_wait_shared(leati_a32 *word, uint32_t expect);
void leatp_futex_wake_shared(leati_a32 *word, int n);

#endif
