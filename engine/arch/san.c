/* san.c - see san.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "arch/atomic.h"
#include "arch/relax.h"
#include "arch/san.h"

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

#ifdef RUNNING_ON_VALGRIND

/* Its list of stacks: it wants to be told the number that it gave. */
struct known {
    struct known *next;
    char *lo;
    unsigned id;
};

static leati_a32 known_lock;
static struct known *known;

static void known_take(void)
{
    unsigned step = 0;
    while (leati_xchg_acq(&known_lock, 1u) != 0) /* pairs with the releases below */
        leatp_relax(&step);
}

void leatp_san_stack(void *lo, size_t size)
{
    if (!RUNNING_ON_VALGRIND)
        return;
    struct known *k = malloc(sizeof(*k));
    if (!k)
        return; /* it will complain about switches to this one */
    k->lo = lo;
    k->id = (unsigned)VALGRIND_STACK_REGISTER(lo, (char *)lo + size - 1);
    known_take();
    k->next = known;
    known = k;
    leati_store_rel(&known_lock, 0u);
}

void leatp_san_stacks_end(void *lo, size_t size)
{
    if (!RUNNING_ON_VALGRIND)
        return;
    known_take();
    for (struct known **at = &known; *at;) {
        struct known *k = *at;
        if (k->lo < (char *)lo || k->lo >= (char *)lo + size) {
            at = &k->next;
            continue;
        }
        VALGRIND_STACK_DEREGISTER(k->id);
        *at = k->next;
        free(k);
    }
    leati_store_rel(&known_lock, 0u);
}

#else

void leatp_san_stack(void *lo, size_t size)
{
    (void)lo, (void)size;
}

void leatp_san_stacks_end(void *lo, size_t size)
{
    (void)lo, (void)size;
}

#endif

#ifdef LEATP_TSAN
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
