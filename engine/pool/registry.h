/* registry.h - the pools of the process, for dumps; and forks.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_REGISTRY_H
#define LEATI_POOL_REGISTRY_H

#include <leat/pool.h>

void leati_registry_add(leat_pool *p);
/* Nobody walks p any more when this returns. Blocks the thread. */
void leati_registry_remove(leat_pool *p);
void leati_registry_walk(void (*fn)(leat_pool *, void *), void *arg);

/* How many forks made this process of the one that loaded the library. */
uint32_t leati_forks(void);

/* Around a fork: the making of the default pool, in default.c. */
void leati_default_before_fork(void);
void leati_default_after_fork(void);

#endif
