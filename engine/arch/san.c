/* san.c - see san.h. SPDX-License-Identifier: MIT */
#include "arch/san.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

void leatp_san_stacks(void *lo, size_t size)
{
    (void)lo, (void)size;
#ifdef VALGRIND_STACK_REGISTER
    (void)VALGRIND_STACK_REGISTER(lo, (char *)lo + size);
#endif
}
