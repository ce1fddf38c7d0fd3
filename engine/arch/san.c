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

#ifdef LEATP_TSAN
#include <stdlib.h>

#include "arch/atomic.h"

extern void leatp_tsan_func_exit(void) __asm__("__tsan_func_exit");

struct leatp_tsan {
    struct leatp_tsan *next;
    void *tsan;
    bool used; /* a former life left one frame on its shadow stack */
};

static leati_a32 lock;
static struct leatp_tsan *kept;

static void take(void)
{
    while (leati_xchg_acq(&lock, 1u) != 0)
        ;
}

void leatp_san_tsan_begin(struct leatp_san *s)
{
    take();
    struct leatp_tsan *life = kept;
    if (life)
        kept = life->next;
    leati_store_rel(&lock, 0u); /* pairs with take() */
    if (!life) {
        life = calloc(1, sizeof(*life));
        if (!life)
            abort();
        life->tsan = __tsan_create_fiber(0);
    }
    s->life = life;
    s->tsan = life->tsan;
}

LEATP_NO_TSAN void leatp_san_tsan_first(struct leatp_san *s)
{
    if (s->life->used)
        leatp_tsan_func_exit();
    s->life->used = true;
}

void leatp_san_tsan_end(struct leatp_san *s)
{
    take();
    s->life->next = kept;
    kept = s->life;
    leati_store_rel(&lock, 0u); /* pairs with take() */
}
#endif
