/* ctx_make.c - the initial frame of a context; see ctx.h and the ctx_*.S files.
 * SPDX-License-Identifier: MIT */
#include "arch/ctx.h"

#ifndef LEATI_UCONTEXT

extern void leatp_ctx_entry(void);

void *leatp_ctx_make(void *lo, void *hi, leatp_ctx_fn *fn, void *arg)
{
    (void)lo;
    uintptr_t *sp = (uintptr_t *)((uintptr_t)hi & ~(uintptr_t)15);
#if defined(__x86_64__)
    /* After the entry has popped its three words the stack is 16-aligned at its call. */
    *--sp = 0;
    *--sp = 0;
    *--sp = (uintptr_t)arg;
    *--sp = (uintptr_t)fn;
    *--sp = (uintptr_t)leatp_ctx_entry;
#else
    *--sp = (uintptr_t)arg;
    *--sp = (uintptr_t)fn;
    *--sp = (uintptr_t)leatp_ctx_entry;
    *--sp = 0;
#endif
    return sp;
}

#endif
