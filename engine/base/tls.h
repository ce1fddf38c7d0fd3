/* tls.h - accessors of the engine's thread-local state; see tls.c.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_TLS_H
#define LEATI_BASE_TLS_H

#include "arch/atomic.h"
#include "arch/tls.h"

/* The place where the party that this thread runs is found (park/self.c; for pool/: the
 * worker, which begins with it), or NULL. */
LEATI_INLINE void *leati_tls_get(void)
{
    return leatp_tls_self();
}

void leati_tls_set(void *p);

/* A value that no other living thread has. */
const void *leati_tls_thread_id(void);

/* How long this thread waited lately, ns; for threads only (park/thread.c). */
int64_t *leati_tls_wait_average(void);

/* State of this thread's generator (base/rng.h). */
uint64_t *leati_tls_rng(void);

#endif
