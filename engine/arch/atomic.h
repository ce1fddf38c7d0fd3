/* atomic.h - the engine's door to atomics (leat/detail/atomic.h) and the asymmetric
 * fence pair.
 *
 * leati_light_fence / leati_heavy_fence: if one party stores X, light, loads Y and the
 * other stores Y, heavy, loads X, at least one of them sees the other's store. The
 * light side is free (a compiler barrier) where the kernel has membarrier, the heavy
 * side pays 0.3-0.8 us; without membarrier both are full fences.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_ATOMIC_H
#define LEATI_ARCH_ATOMIC_H

#include <leat/detail/atomic.h>
#include "arch/cc.h"

/* Set once by leatp_membarrier_init() when the kernel refuses membarrier. */
extern bool leatp_no_membarrier;

void leatp_membarrier_init(void); /* idempotent; again in a fork child */
void leatp_membarrier(void);      /* every thread of the process executes a full fence */

void leatp_fence_full(void); /* on x86 a locked instruction, which TSan sees too */

LEATI_INLINE void leati_light_fence(void)
{
    leati_barrier_compiler();
    if (leati_unlikely(leatp_no_membarrier))
        leatp_fence_full();
}

LEATI_INLINE void leati_heavy_fence(void)
{
    if (leati_unlikely(leatp_no_membarrier))
        leatp_fence_full();
    else
        leatp_membarrier();
}

#endif
