/* count.c - how many locked instructions this thread has executed, in the build whose
 * atomics are counted; empty in all others. SPDX-License-Identifier: MIT */
#include "base/count.h"

#ifdef LEATI_COUNT_RMW

static __thread uint64_t leati_rmws;

LEATI_NOINLINE void leati_count_rmw(void)
{
    leati_rmws++;
}

LEATI_NOINLINE uint64_t leati_rmw_count(void)
{
    return leati_rmws;
}

#endif
