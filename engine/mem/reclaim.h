/* reclaim.h - read-copy-update for registries that dumps and statistics walk while
 * objects come and go, and for threads outside a pool that wake a fiber of it, which may
 * be the last before the pool ends. Not on a path that stays inside one pool.
 *
 * A reader's section covers a walk; whoever unlinks an object calls
 * leati_rcu_synchronize() before freeing it. Sections nest; nothing in them may park or
 * wait for a writer. Threads need no registration.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_MEM_RECLAIM_H
#define LEATI_MEM_RECLAIM_H

#include "arch/atomic.h"

void leati_rcu_read_lock(void);
void leati_rcu_read_unlock(void);

/* Returns when every section that was open at the call has ended. May block the thread
 * for milliseconds; never from inside a section. */
void leati_rcu_synchronize(void);

/* Around a fork, by the thread that forks; child: in the new process. */
void leati_rcu_before_fork(void);
void leati_rcu_after_fork(bool child);

#endif
