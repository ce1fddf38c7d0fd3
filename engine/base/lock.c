/* lock.c - see lock.h. SPDX-License-Identifier: MIT */
#include "arch/relax.h"
#include "base/lock.h"

void leati_lock_slow(leati_a32 *l)
{
    unsigned step = 0;
    do {
        while (leati_load_rlx(l) != 0)
            leatp_relax(&step);
    } while (leati_xchg_acq(l, 1u) != 0); /* pairs with leati_unlock */
}
