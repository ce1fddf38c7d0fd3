/* mallocs.c - counts every allocation of the process by standing before glibc's.
 * SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include "support/support.h"

static uint64_t mallocs;

uint64_t support_mallocs(void)
{
    return __atomic_load_n(&mallocs, __ATOMIC_RELAXED);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool support_mallocs_counted(void)
{
    return false;
}

#else

bool support_mallocs_counted(void)
{
    return true;
}

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);

static void count(void)
{
    __atomic_fetch_add(&mallocs, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    count();
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    count();
    return __libc_memalign(align, size);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
    count();
    void *p = __libc_memalign(align, size);
    if (!p)
        return ENOMEM;
    *ret = p;
    return 0;
}

#endif
