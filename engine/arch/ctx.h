/* ctx.h - leaving one stack and going on with another.
 *
 * A suspended context is one pointer, its stack pointer; what must come back is on
 * its stack. leatp_ctx_swap() is expanded in its caller and declares every register
 * clobbered, so the compiler saves just the live ones; the frame pointer is pushed by
 * hand. It ends in a jump through a register: a `ret` would be predicted to go where
 * the *former* stack was called from. The FP control words are not saved: they belong
 * to the thread. Defining LEATI_UCONTEXT takes the portable way instead.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_CTX_H
#define LEATI_ARCH_CTX_H

#include <stdint.h>
#include "arch/cc.h"

#if !defined(LEATI_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define LEATI_UCONTEXT 1
#endif

/* A context that will call fn(arg, pass) on the stack [lo, hi) when it is first swapped
 * to; fn must not return. hi is rounded down to 16. At most LEATP_CTX_FRAME bytes at
 * the top of the stack are written. */
typedef void leatp_ctx_fn(void *arg, void *pass);
void *leatp_ctx_make(void *lo, void *hi, leatp_ctx_fn *fn, void *arg);

#ifdef LEATI_UCONTEXT

enum {
    LEATP_CTX_FRAME = 1024,
    LEATP_CTX_LEAST = 8192, /* the smallest stack: 1 KiB goes to a suspended context */
};
void *leatp_ctx_swap(void **save, void *to, void *pass);

#elif defined(__x86_64__)

enum { LEATP_CTX_FRAME = 64, LEATP_CTX_LEAST = 2048 };

#if defined(__CET__) && (__CET__ & 1)
#define LEATP_LANDING "endbr64\n\t"
#else
#define LEATP_LANDING ""
#endif

/* Stores this context in *save, continues `to`; returns, when somebody swaps to *save,
 * the `pass` of that swap. The lea skips the red zone of the caller's frame. */
LEATI_INLINE void *leatp_ctx_swap(void **save, void *to, void *pass)
{
    __asm__ __volatile__("leaq -128(%%rsp), %%rsp\n\t"
                         "pushq %%rbp\n\t"
                         "leaq 1f(%%rip), %%rax\n\t"
                         "pushq %%rax\n\t"
                         "movq %%rsp, (%%rdi)\n\t"
                         "movq %%rsi, %%rsp\n\t"
                         "popq %%rax\n\t"
                         "jmpq *%%rax\n\t"
                         "1:\n\t" LEATP_LANDING "popq %%rbp\n\t"
                         "leaq 128(%%rsp), %%rsp\n\t"
                         : "+d"(pass), "+D"(save), "+S"(to)
                         :
                         : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13",
                           "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                           "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
                           "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)",
                           "st(4)", "st(5)", "st(6)", "st(7)", "cc", "memory");
    return pass;
}

#else /* __aarch64__ */

enum { LEATP_CTX_FRAME = 64, LEATP_CTX_LEAST = 2048 };

/* hint #36 is `bti j`: a no-op where branch targets are not checked. */
LEATI_INLINE void *leatp_ctx_swap(void **save, void *to, void *pass)
{
    register void **r_save __asm__("x0") = save;
    register void *r_to __asm__("x1") = to;
    register void *r_pass __asm__("x2") = pass;
    __asm__ __volatile__("adr x16, 1f\n\t"
                         "stp x29, x16, [sp, #-16]!\n\t"
                         "mov x17, sp\n\t"
                         "str x17, [x0]\n\t"
                         "mov sp, x1\n\t"
                         "ldp x29, x16, [sp], #16\n\t"
                         "br x16\n\t"
                         "1:\n\t"
                         "hint #36\n\t"
                         : "+r"(r_pass), "+r"(r_save), "+r"(r_to)
                         :
                         : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
                           "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
                           "x22",
                           "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1",
                           "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
                           "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20",
                           "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                           "v30", "v31", "cc", "memory");
    return r_pass;
}

#endif
#endif
