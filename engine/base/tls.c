/* tls.c - the engine's thread-local state, read through functions that are never
 * inlined (the hot one: arch/tls.h): no address of a thread-local may live across a fiber switch, since the
 * fiber may come back on another thread. SPDX-License-Identifier: MIT */
#include "base/tls.h"

#define LOCAL __thread __attribute__((tls_model("initial-exec")))

/* Named in the assembly of arch/tls.h, which link-time optimisation does not read. */
extern LOCAL void *leatp_tls_slot;
__attribute__((used)) LOCAL void *leatp_tls_slot;

static LOCAL char leati_tls_id;
static LOCAL struct leati_wait_past leati_tls_past;
static LOCAL struct leati_calls leati_tls_called;
static LOCAL uint64_t leati_tls_random;

LEATI_NOINLINE void *leatp_tls_self_call(void)
{
    leati_barrier_compiler();
    return leatp_tls_slot;
}

LEATI_NOINLINE void leati_tls_set(void *p)
{
    leatp_tls_slot = p;
    leati_barrier_compiler();
}

LEATI_NOINLINE const void *leati_tls_thread_id(void)
{
    leati_barrier_compiler();
    return &leati_tls_id;
}

LEATI_NOINLINE struct leati_wait_past *leati_tls_wait_past(void)
{
    leati_barrier_compiler();
    return &leati_tls_past;
}

LEATI_NOINLINE struct leati_calls *leati_tls_calls(void)
{
    leati_barrier_compiler();
    return &leati_tls_called;
}

LEATI_NOINLINE uint64_t *leati_tls_rng(void)
{
    leati_barrier_compiler();
    if (leati_tls_random == 0)
        leati_tls_random = (uint64_t)(uintptr_t)&leati_tls_random * 0x9E3779B97F4A7C15ull | 1;
    return &leati_tls_random;
}
