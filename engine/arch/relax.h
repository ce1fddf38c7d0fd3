/* relax.h - telling the CPU, then the kernel, that we wait for another core.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_RELAX_H
#define LEATI_ARCH_RELAX_H

#include <sched.h>
#include <ck_pr.h>
#include "arch/cc.h"

LEATI_INLINE void leatp_pause(void)
{
    ck_pr_stall();
}

/* One step of waiting for a lock or a short critical section of a running peer:
 * pauses, then yields, then 50 us naps, so that a peer of lower real-time priority
 * gets the CPU. *step starts at 0. */
void leatp_relax(unsigned *step);

#endif
