/* test_fenced.c - test_stress.c where the kernel refuses membarrier: all the light fences
 * are full ones. SPDX-License-Identifier: MIT */
#include "arch/atomic.h"

__attribute__((constructor)) static void refuse_membarrier(void)
{
    leatp_membarrier_init();
    leatp_no_membarrier = true;
}

#include "test_stress.c"
