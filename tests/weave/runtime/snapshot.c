/* snapshot.c - the program's data as it was before the first execution.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

extern char __data_start[], _end[];

struct weave_runtime *weave;

static char *saved; /* both pointers are part of what is put back, and never change */

void weave_snapshot_take(void)
{
    size_t n = (size_t)(_end - __data_start);
    saved = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (saved == MAP_FAILED)
        abort();
    memcpy(saved, __data_start, n);
}

void weave_snapshot_restore(void)
{
    char *from = saved;
    memcpy(__data_start, from, (size_t)(_end - __data_start));
}

uint64_t weave_digest(uint64_t h, const void *p, size_t n)
{
    const char *from = p;
    uint64_t word;
    for (size_t i = 0; i + sizeof(word) <= n; i += sizeof(word)) {
        memcpy(&word, from + i, sizeof(word));
        h = (h ^ word) * 0xBF58476D1CE4E5B9u;
        h ^= h >> 32;
    }
    return h;
}

uint64_t weave_snapshot_digest(void)
{
    return weave_digest(1, __data_start, (size_t)(_end - __data_start));
}
