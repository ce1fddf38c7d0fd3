/* ctx_ucontext.c - the portable context: getcontext and friends. A suspended context is
 * a pointer to a ucontext_t on its own stack. Each swap makes a system call for the
 * signal mask. SPDX-License-Identifier: MIT */
#include "arch/ctx.h"

#ifdef LEATI_UCONTEXT
#include <ucontext.h>

struct first {
    ucontext_t uc;
    leatp_ctx_fn *fn;
    void *arg;
};

struct saved {
    ucontext_t uc; /* first: a context is a pointer to it */
};

/* The value handed over by a swap; read by the landing before anything else runs. */
static __thread void *leatp_passed;

static LEATI_NOINLINE void *passed(void)
{
    return leatp_passed;
}

static LEATI_NOINLINE void set_passed(void *p)
{
    leatp_passed = p;
}

static void enter(unsigned hi, unsigned lo)
{
    struct first *f = (struct first *)(((uintptr_t)hi << 16 << 16) | lo);
    f->fn(f->arg, passed());
    __builtin_trap();
}

void *leatp_ctx_make(void *lo, void *hi, leatp_ctx_fn *fn, void *arg)
{
    uintptr_t at = ((uintptr_t)hi - sizeof(struct first)) & ~(uintptr_t)63;
    struct first *f = (struct first *)at;
    (void)getcontext(&f->uc);
    f->uc.uc_stack.ss_sp = lo;
    f->uc.uc_stack.ss_size = at - (uintptr_t)lo;
    f->uc.uc_link = NULL;
    f->fn = fn;
    f->arg = arg;
    makecontext(&f->uc, (void (*)(void))enter, 2, (unsigned)(at >> 16 >> 16),
                (unsigned)at);
    return f;
}

void *leatp_ctx_swap(void **save, void *to, void *pass)
{
    struct saved s;
    *save = &s;
    set_passed(pass);
    (void)swapcontext(&s.uc, (ucontext_t *)to);
    return passed();
}

#endif
