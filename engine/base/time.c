/* time.c - the clock, and deadlines that saturate. SPDX-License-Identifier: MIT */
#include <time.h>

#include <leat/time.h>

int64_t leat_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct leat_deadline in(int64_t n, int64_t unit_ns)
{
    int64_t ns, at;
    if (n <= 0)
        return LEAT_NOW;
    if (__builtin_mul_overflow(n, unit_ns, &ns) ||
        __builtin_add_overflow(leat_now(), ns, &at))
        return LEAT_NEVER;
    return leat_at(at);
}

struct leat_deadline leat_in_ns(int64_t ns)
{
    return in(ns, 1);
}

struct leat_deadline leat_in_us(int64_t us)
{
    return in(us, 1000);
}

struct leat_deadline leat_in_ms(int64_t ms)
{
    return in(ms, 1000000);
}

struct leat_deadline leat_in_s(int64_t s)
{
    return in(s, 1000000000);
}
