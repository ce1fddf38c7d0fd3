/* seed.c - chance and size. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "support/support.h"

static uint64_t mix(uint64_t x)
{
    /* Steele's splitmix64: neighbours become strangers. */
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

static uint64_t seed_value;

/* Before main: no race, and the line is there even when the test hangs. */
__attribute__((constructor)) static void seed_choose(void)
{
    const char *s = getenv("LEAT_SEED");
    seed_value = s && *s ? strtoull(s, NULL, 0) : mix((uint64_t)leat_now()) >> 32;
}

uint64_t support_seed(void)
{
    static uint8_t printed;
    if (!__atomic_exchange_n(&printed, (uint8_t)1, __ATOMIC_RELAXED)) {
        printf("LEAT_SEED=%llu\n", (unsigned long long)seed_value);
        fflush(stdout);
    }
    return seed_value;
}

struct support_rng support_rng(uint64_t who)
{
    struct support_rng r = {mix(support_seed() ^ mix(who)) | 1};
    return r;
}

uint64_t support_rand(struct support_rng *r)
{
    r->state += 0x9E3779B97F4A7C15ull;
    return mix(r->state);
}

uint32_t support_below(struct support_rng *r, uint32_t n)
{
    return (uint32_t)(((support_rand(r) >> 32) * n) >> 32);
}

static size_t from_environment(const char *name, size_t otherwise)
{
    const char *s = getenv(name);
    return s && *s ? (size_t)strtoull(s, NULL, 0) : otherwise;
}

size_t support_scale(size_t n)
{
    size_t scaled = n * from_environment("LEAT_SCALE", 100) / 100;
    return scaled ? scaled : 1;
}

bool support_emulated(void)
{
    return from_environment("LEAT_EMULATED", 0) != 0;
}

unsigned support_actors(unsigned n)
{
    return (unsigned)from_environment("LEAT_ACTORS", n);
}
