/* registry.h - the pools of the process, for dumps; and forks.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_REGISTRY_H
#define LEATI_POOL_REGISTRY_H

#include <leat/pool.h>

void leati_registry_add(leat_pool *p);
/* Nobody walks p any more when this returns. Blocks the thread. */
void leati_registry_remove(leat_pool *p);
void leati_registry_walk(void (*fn)(leat_pool *, void *), void *arg);

/* How many forks lie between this process and the one that first used a pool. */
uint32_t leati_forks(void);

#endif
