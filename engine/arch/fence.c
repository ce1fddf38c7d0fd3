/* fence.c - membarrier, with a locked instruction where the kernel refuses it.
 * SPDX-License-Identifier: MIT */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/atomic.h"

bool leatp_no_membarrier;

static leati_a32 leatp_ready;

void leatp_membarrier_init(void)
{
    if (leati_load_acq(&leatp_ready)) /* pairs with the store below: the verdict */
        return;
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
        leatp_no_membarrier = true;
    leati_store_rel(&leatp_ready, 1u);
}

/* On x86 any RMW is a full fence, and one on the own stack keeps the line private. On
 * others a later load may pass even a seq_cst one: there it is for TSan alone. */
void leatp_fence_full(void)
{
    leati_a32 own = {0};
    (void)leati_add_sc(&own, 0u);
#if !defined(__x86_64__) && !defined(__i386__)
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
    leati_barrier_compiler();
}

void leatp_membarrier(void)
{
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0)
        return;
    /* Not registered: first use in this process, or a fork child. */
    (void)syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    (void)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}
