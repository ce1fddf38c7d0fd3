/* elastic.h - the threads that run calls which block; see elastic.c.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_ELASTIC_H
#define LEATI_POOL_ELASTIC_H

#include <leat/pool.h>

bool leati_elastic_new(leat_pool *p);
void leati_elastic_stop(leat_pool *p); /* ends and joins its threads */
void leati_elastic_free(leat_pool *p);

/* For dumps: threads there are, calls that wait for one. */
void leati_elastic_numbers(const leat_pool *p, unsigned *ret_threads,
                           unsigned *ret_queued);

#endif
