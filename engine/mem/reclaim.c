/* reclaim.c - see reclaim.h; the only file that names liburcu's RCU (bp flavour: any
 * thread may read without registering). SPDX-License-Identifier: MIT */
#include <urcu/urcu-bp.h>

#include "arch/san.h"
#include "mem/reclaim.h"

/* The library orders a section before the end of a grace period, out of TSan's sight. */
static char ended;

void leati_rcu_read_lock(void)
{
    urcu_bp_read_lock();
}

void leati_rcu_read_unlock(void)
{
    leatp_san_release(&ended);
    urcu_bp_read_unlock();
}

void leati_rcu_synchronize(void)
{
    urcu_bp_synchronize_rcu();
    leatp_san_acquire(&ended);
}

void leati_rcu_before_fork(void)
{
    urcu_bp_before_fork();
}

void leati_rcu_after_fork(bool child)
{
    if (child)
        urcu_bp_after_fork_child();
    else
        urcu_bp_after_fork_parent();
}
