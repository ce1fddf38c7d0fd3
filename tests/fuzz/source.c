/* source.c - see source.h. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/source.h"

uint8_t source_byte(struct source *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

uint32_t source_u32(struct source *s)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++)
        v = v << 8 | source_byte(s);
    return v;
}

uint64_t source_u64(struct source *s)
{
    return (uint64_t)source_u32(s) << 32 | source_u32(s);
}

size_t source_size(struct source *s)
{
    static const size_t limits[] = {LEAT_ELEM_MAX,
                                    LEAT_ELEM_MAX + 1,
                                    LEAT_CAP_MAX - 1,
                                    LEAT_UNBOUNDED - 1,
                                    LEAT_UNBOUNDED,
                                    UINT32_MAX,
                                    LEAT_STACK_MIN,
                                    LEAT_STACK_MIN - 1,
                                    LEAT_STACK_MAX,
                                    LEAT_STACK_MAX + 1,
                                    1024,
                                    4096};
    uint8_t b = source_byte(s);
    switch (b % 8) {
    case 0:
        return limits[source_byte(s) % (sizeof(limits) / sizeof(limits[0]))];
    case 1:
        return (size_t)source_u64(s);
    case 2:
        return source_u32(s) >> 12;
    case 3:
        return (size_t)8 << b / 8;
    default:
        return b / 8;
    }
}

size_t source_struct_size(struct source *s, size_t right)
{
    uint8_t b = source_byte(s);
    return b % 16 ? right : b == 16 ? right - 1 : b == 32 ? right + 8 : source_size(s);
}

unsigned source_flags(struct source *s, unsigned known)
{
    uint8_t b = source_byte(s);
    return b >= 240 ? source_u32(s) : b & ((1u << known) - 1);
}

const char *source_name(struct source *s)
{
    static char name[80];
    uint8_t n = source_byte(s);
    if (n % 4 == 0)
        return NULL;
    n %= sizeof(name);
    for (uint8_t i = 0; i < n; i++)
        name[i] = (char)source_byte(s);
    name[n] = '\0';
    return name;
}

/* Threads of a pool come here too. */
static void *give(size_t size, size_t align, void *arg)
{
    struct source_memory *m = arg;
    void *p = NULL;
    unsigned call = __atomic_add_fetch(&m->calls, 1u, __ATOMIC_RELAXED);
    size_t live = __atomic_add_fetch(&m->live, size, __ATOMIC_RELAXED);
    if (call != m->fail_at && live >= size && live <= m->limit &&
        posix_memalign(&p, align < sizeof(p) ? sizeof(p) : align, size ? size : 1) == 0)
        return p;
    __atomic_sub_fetch(&m->live, size, __ATOMIC_RELAXED);
    __atomic_store_n(&m->refused, true, __ATOMIC_RELAXED);
    return NULL;
}

static void take(void *p, size_t size, void *arg)
{
    struct source_memory *m = arg;
    if (p == NULL || __atomic_fetch_sub(&m->live, size, __ATOMIC_RELAXED) < size)
        source_fail("what is freed was given, with that size", __FILE__, __LINE__);
    free(p);
}

struct leat_alloc source_alloc(struct source *s, struct source_memory *m)
{
    uint8_t b = source_byte(s);
    m->fail_at = b % 4 == 0 ? b / 32 : 0;
    return (struct leat_alloc){b == 3 ? NULL : give, b == 5 ? NULL : take, m};
}

void source_fail(const char *text, const char *file, int line)
{
    fprintf(stderr, "%s:%d: expected %s\n", file, line, text);
    abort();
}
