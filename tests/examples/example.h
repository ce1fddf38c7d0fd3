/* example.h - what the examples share: their arguments, and the end of a program whose
 * calls must not fail. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_EXAMPLE_H
#define LEAT_TESTS_EXAMPLE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <leat/leat.h>

/* The i-th argument as a number, or what stands for it when it is not given. */
static inline long argument(int argc, char **argv, int i, long otherwise)
{
    return i < argc ? strtol(argv[i], NULL, 10) : otherwise;
}

/* r must be 0 (or a count). */
static inline void must(int r)
{
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", leat_err_name(r), leat_err_text(r));
        exit(1);
    }
}

/* A small generator of numbers, so that a seed repeats a run: 0 .. n-1. */
static inline uint32_t chance(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % n);
}

#endif
