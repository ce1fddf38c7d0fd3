/* rng.h - a small generator for choices that need no secrecy (select, victims).
 * Marsaglia's xorshift64*. SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_RNG_H
#define LEATI_BASE_RNG_H

#include "arch/cc.h"

LEATI_INLINE uint32_t leati_rng_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (uint32_t)((x * 0x2545F4914F6CDD1Dull) >> 32);
}

/* Uniform in [0, n), n >= 1 (Lemire's multiply; the bias below 2^-32 * n is far under
 * anything a program can see). */
LEATI_INLINE uint32_t leati_rng_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((uint64_t)leati_rng_next(state) * n) >> 32);
}

#endif
