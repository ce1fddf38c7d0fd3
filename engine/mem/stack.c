/* stack.c - carving, spilling and measuring stacks; see stack.h.
 * SPDX-License-Identifier: MIT */
#include "arch/ctx.h"
#include "arch/os.h"
#include "arch/san.h"
#include "base/lock.h"
#include "mem/stack.h"

enum {
    FIRST_ARENA = 16, /* strides */
    FRESH = 16,       /* strides a worker takes at once */
};
#define ARENA_BYTES ((size_t)64 << 20)

/* At the start of the arena's memory. */
struct leati_arena {
    struct leati_arena *next;
    size_t bytes;
};

unsigned leati_stack_class(size_t size)
{
    unsigned class = 0;
    if (size < LEATP_CTX_LEAST)
        size = LEATP_CTX_LEAST;
    while (leati_stack_size(class) < size)
        class++;
    return class;
}

static bool has_guard_page(unsigned class)
{
    return leati_stack_size(class) >= leatp_page();
}

static size_t stride_of(unsigned class)
{
    return leati_stack_size(class) + (has_guard_page(class) ? leatp_page() : 0);
}

/* With the lock held, so that two workers do not both map; mapping is rare. */
static bool grow(struct leati_stacks *s, struct leati_stack_pile *p, unsigned class)
{
    size_t stride = stride_of(class), n = ARENA_BYTES / stride;
    if (p->grown < 16 && n > (size_t)FIRST_ARENA << p->grown)
        n = (size_t)FIRST_ARENA << p->grown;
    if (n == 0)
        n = 1;
    size_t page = leatp_page(), bytes;
    struct leati_arena *a;
    for (;; n = (n + 1) / 2) { /* when memory is short, a smaller one */
        bytes = page + (n * stride + page - 1) / page * page;
        a = leatp_map(bytes);
        if (a || n == 1)
            break;
    }
    if (!a)
        return false;
    leatp_map_sparse(a, bytes);
    a->bytes = bytes;
    a->next = s->arenas;
    s->arenas = a;
    p->fresh = (char *)a + page;
    p->left = n;
    p->grown++;
    return true;
}

/* Refills from the pool: a chain of used stacks, or else fresh strides. */
static bool refill(struct leati_stacks *s, struct leati_stack_cache *c, unsigned class)
{
    struct leati_stack_pile *p = &s->pile[class];
    bool ok = true;
    leati_lock(&s->lock);
    if (p->chains) {
        c->first = p->chains;
        c->count = LEATI_STACK_CHAIN;
        p->chains = leati_stack_link(p->chains, class)[-1];
    } else if (p->left || grow(s, p, class)) {
        unsigned n = p->left < FRESH ? (unsigned)p->left : FRESH;
        c->fresh = p->fresh;
        c->left = n;
        p->fresh += n * stride_of(class);
        p->left -= n;
    } else {
        ok = false;
    }
    leati_unlock(&s->lock);
    return ok;
}

static char *carve(struct leati_stacks *s, struct leati_stack_cache *c, unsigned class)
{
    char *lo = c->fresh;
    bool guarded = false;
    c->fresh += stride_of(class);
    c->left--;
    if (has_guard_page(class)) {
        guarded = leatp_guard(lo);
        lo += leatp_page();
    }
    if (!guarded) {
        *(uint64_t *)(void *)lo = LEATI_STACK_CANARY;
        (void)leati_add_rlx(&s->unguarded, 1u);
    }
    leatp_san_stack(lo, leati_stack_size(class));
    return lo;
}

char *leati_stack_make(struct leati_stacks *s, struct leati_stack_cache *c,
                       unsigned class)
{
    char *lo = leati_stack_take(c, class);
    if (lo)
        return lo;
    c += class;
    if (c->spare) {
        c->first = c->spare;
        c->count = LEATI_STACK_CHAIN;
        c->spare = NULL;
    } else if (c->left || refill(s, c, class)) {
        if (!c->first)
            return carve(s, c, class);
    } else {
        return NULL;
    }
    return leati_stack_take(c - class, class);
}

void leati_stack_spill(struct leati_stacks *s, struct leati_stack_cache *c,
                       unsigned class)
{
    c += class;
    if (c->spare) {
        leati_lock(&s->lock);
        /* Chains are linked through the word below the link. */
        leati_stack_link(c->spare, class)[-1] = s->pile[class].chains;
        s->pile[class].chains = c->spare;
        leati_unlock(&s->lock);
    }
    c->spare = c->first;
    c->first = NULL;
    c->count = 0;
}

/* Reads, for a number in a dump, what was never written, where the address sanitizer has
 * fenced off frames, and what the stack's owner may be writing. */
__attribute__((no_sanitize_address, no_sanitize_thread)) size_t
leati_stack_used(const char *lo, unsigned class)
{
    size_t size = leati_stack_size(class), page = leatp_page();
    size_t at = leatp_first_resident(lo, size);
    size_t end = at + page < size ? at + page : size;
    const uint64_t *word = (const uint64_t *)(const void *)(lo + at);
    const uint64_t *last = (const uint64_t *)(const void *)(lo + end);
    if (at == 0 && *word == LEATI_STACK_CANARY)
        word++;
    while (word < last && leati_load_rlx((const leati_a64 *)word) == 0)
        word++;
    return size - (size_t)((const char *)word - lo);
}

void leati_stacks_fini(struct leati_stacks *s)
{
    while (s->arenas) {
        struct leati_arena *a = s->arenas;
        s->arenas = a->next;
        leatp_san_stacks_end(a, a->bytes);
        leatp_unmap(a, a->bytes);
    }
}
