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

/* What this thread has learnt from its waits; for threads only (park/thread.c). */
struct leati_wait_past {
    int64_t average;  /* how long it waited lately, ns */
    bool after_yield; /* the last spin ended just behind a yield */
};
struct leati_wait_past *leati_tls_wait_past(void);

/* Completed calls that are still to be made by this thread (park/call.c). */
struct leati_call;
struct leati_calls {
    struct leati_call *first, *last;
    bool running; /* it is at it */
};
struct leati_calls *leati_tls_calls(void);

/* State of this thread's generator (base/rng.h). */
uint64_t *leati_tls_rng(void);

#endif
