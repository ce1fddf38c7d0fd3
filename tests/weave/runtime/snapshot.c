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
