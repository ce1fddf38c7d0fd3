/* relax.c - see relax.h. SPDX-License-Identifier: MIT */
#include <time.h>

#include "arch/relax.h"

enum { PAUSES = 64, YIELDS = 8 };

void leatp_relax(unsigned *step)
{
    unsigned n = (*step)++;
    if (n < PAUSES) {
        leatp_pause();
    } else if (n < PAUSES + YIELDS) {
        sched_yield();
    } else {
        const struct timespec nap = {0, 50000};
        nanosleep(&nap, NULL);
    }
}
