/* tls.h - reading the one hot thread-local in place. A compiler may keep the address of
 * a thread-local over a call, and a fiber may come back from that call on another
 * thread: so the read is one volatile instruction sequence, or a call that cannot be
 * inlined. SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_TLS_H
#define LEATI_ARCH_TLS_H

#include "arch/cc.h"

/* The variable itself: base/tls.c. */
void *leatp_tls_self_call(void);

LEATI_INLINE void *leatp_tls_self(void)
{
#if defined(__x86_64__) && defined(__LP64__)
    void *p;
    __asm__ __volatile__("movq leatp_tls_slot@gottpoff(%%rip), %0\n\t"
                         "movq %%fs:(%0), %0"
                         : "=r"(p)
                         :
                         : "memory");
    return p;
#else
    return leatp_tls_self_call();
#endif
}

#endif
