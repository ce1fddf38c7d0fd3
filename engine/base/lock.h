/* lock.h - a word lock for critical sections of a few lines: one locked instruction to
 * take, a plain release store to leave. Never held across a park, a switch or a system
 * call. SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_LOCK_H
#define LEATI_BASE_LOCK_H

#include "arch/atomic.h"

void leati_lock_slow(leati_a32 *l); /* waits: pauses, yields, naps (arch/relax.h) */

LEATI_INLINE void leati_lock(leati_a32 *l)
{
    /* Pairs with the store in leati_unlock: the former holder's writes are seen. */
    if (leati_unlikely(leati_xchg_acq(l, 1u) != 0))
        leati_lock_slow(l);
}

LEATI_INLINE bool leati_try_lock(leati_a32 *l)
{
    return leati_load_rlx(l) == 0 && leati_xchg_acq(l, 1u) == 0;
}

LEATI_INLINE void leati_unlock(leati_a32 *l)
{
    leati_store_rel(l, 0u); /* pairs with the exchange in leati_lock */
}

#endif
