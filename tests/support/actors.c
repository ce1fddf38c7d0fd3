/* actors.c - see actors.h. SPDX-License-Identifier: MIT */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors.h"

const char *const mix_names[MIXES] = {"threads", "fibers", "mixed"};

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s: %d\n", what, r);
    abort();
}

static void *run(void *arg)
{
    struct actor *a = arg;
    a->result = a->fn(a->arg);
    return NULL;
}

void actor_start(struct actor *a, enum mix mix, unsigned i, int (*fn)(void *), void *arg)
{
    a->fn = fn;
    a->arg = arg;
    a->is_fiber = mix == FIBERS || (mix == MIXED && i % 2);
    if (a->is_fiber)
        must(leat_go(&a->fiber, fn, arg), "leat_go");
    else
        must(pthread_create(&a->thread, NULL, run, a), "pthread_create");
}

int actor_join(struct actor *a)
{
    if (a->is_fiber)
        must(leat_fiber_join(a->fiber, &a->result), "leat_fiber_join");
    else
        must(pthread_join(a->thread, NULL), "pthread_join");
    return a->result;
}

bool eventually(bool (*fn)(void *arg), void *arg)
{
    int64_t end = leat_now() + 10 * (int64_t)1000000000;
    while (!fn(arg)) {
        if (leat_now() > end)
            return false;
        sched_yield();
    }
    return true;
}

static unsigned number_of(const char *name, unsigned otherwise)
{
    const char *s = getenv(name);
    return s && *s ? (unsigned)strtoul(s, NULL, 0) : otherwise;
}

unsigned scaled(unsigned n)
{
    unsigned r = (unsigned)((uint64_t)n * number_of("LEAT_SCALE", 100) / 100);
    return r ? r : 1;
}

unsigned crowd(unsigned n)
{
    unsigned r = number_of("LEAT_ACTORS", n);
    return r > n ? r : n;
}

uint64_t seed(void)
{
    static uint64_t value;
    if (value == 0) {
        value = number_of("LEAT_SEED", (unsigned)leat_now()) | 1;
        printf("LEAT_SEED=%llu\n", (unsigned long long)value);
        fflush(stdout);
    }
    return value;
}
