/* bytes.c - an allocator that counts and can fail. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include "support/support.h"

static void *bytes_alloc(size_t size, size_t align, void *arg)
{
    struct support_bytes *b = (struct support_bytes *)arg;
    uint64_t call = __atomic_add_fetch(&b->calls, 1, __ATOMIC_RELAXED);
    if (b->fail_at && call >= b->fail_at)
        return NULL;
    void *p = NULL;
    if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
        return NULL;
    uint64_t live = __atomic_add_fetch(&b->live, size, __ATOMIC_RELAXED);
    uint64_t peak = __atomic_load_n(&b->peak, __ATOMIC_RELAXED);
    while (live > peak && !__atomic_compare_exchange_n(&b->peak, &peak, live, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return p;
}

static void bytes_free(void *p, size_t size, void *arg)
{
    struct support_bytes *b = (struct support_bytes *)arg;
    __atomic_sub_fetch(&b->live, size, __ATOMIC_RELAXED);
    free(p);
}

struct leat_alloc support_alloc(struct support_bytes *b)
{
    struct leat_alloc a = {bytes_alloc, bytes_free, b};
    return a;
}
