/* dump.h - pools in readable form. SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_DUMP_H
#define LEATI_POOL_DUMP_H

#include <leat/pool.h>

/* Every pool: workers, counters, living fibers. */
void leati_pool_dump(int fd);
void leati_pool_dump_one(leat_pool *p, int fd);

#endif
