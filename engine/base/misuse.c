/* misuse.c - see misuse.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/misuse.h"

static struct iovec leati_part(const char *s)
{
    return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

void leati_misuse(const char *call, const char *what)
{
    const struct iovec v[] = {leati_part("leat: "), leati_part(call), leati_part(": "),
                              leati_part(what), leati_part("\n")};
    ssize_t n = writev(STDERR_FILENO, v, sizeof(v) / sizeof(v[0]));
    (void)n;
#ifdef LEATI_DEBUG
    abort();
#endif
}
