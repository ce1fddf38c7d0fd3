/* count.h - reading the count of locked instructions; see count.c.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_COUNT_H
#define LEATI_BASE_COUNT_H

#include <leat/detail/atomic.h>
#include "arch/cc.h"

#ifdef LEATI_COUNT_RMW
uint64_t leati_rmw_count(void); /* of the calling thread */
#endif

#endif
