/* stack.h - stacks of fibers.
 *
 * Idea        Stacks of one class (a power of two bytes) are carved one by one from
 *             arenas mapped for it and never given back before the pool ends. A worker
 *             keeps a LIFO of free ones, linked through their own top word, and a few
 *             fresh strides; of more than two chains of free ones it gives one to the
 *             pool, without walking it.
 * Layout      [guard page][size bytes], the stride being one page more than the size:
 *             an odd number of pages spreads the tops over all sets of TLB and cache,
 *             where a power of two would put them all into one. Stacks below a page
 *             have no guard and lie side by side.
 * Top         The first frame starts up to 1 KiB below the top, by the stack's number
 *             ("colour"): more would touch a second page of every parked fiber.
 * Canary      A stack without guard has a magic word at its bottom, checked at every
 *             switch away from it.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_MEM_STACK_H
#define LEATI_MEM_STACK_H

#include "arch/atomic.h"

enum {
    LEATI_STACK_CLASSES = 18, /* 2 KiB << class: up to 256 MiB */
    LEATI_STACK_CHAIN = 512,  /* free stacks that move to the pool together */
};
#define LEATI_STACK_CANARY 0x5AFE57ACC0DEB077ull

/* What the workers of a pool share. */
struct leati_stack_pile {
    void *chains; /* chains of LEATI_STACK_CHAIN free stacks */
    char *fresh;  /* what is left of the newest arena */
    size_t left;  /* strides at fresh */
    unsigned grown;
};

struct leati_arena;

struct leati_stacks {
    leati_a32 lock;
    leati_a32 unguarded; /* stacks made without guard page; for statistics */
    struct leati_arena *arenas;
    struct leati_stack_pile pile[LEATI_STACK_CLASSES];
};

/* What one worker has of one class: free stacks, a full chain of them, fresh strides. */
struct leati_stack_cache {
    void *first, *spare;
    unsigned count;
    unsigned left;
    char *fresh;
};

/* The class for a size, LEAT_STACK_MIN .. LEAT_STACK_MAX. */
unsigned leati_stack_class(size_t size);

LEATI_INLINE size_t leati_stack_size(unsigned class)
{
    return (size_t)2048 << class;
}

/* The link of a free stack, at its top. */
LEATI_INLINE void **leati_stack_link(char *lo, unsigned class)
{
    return (void **)(void *)(lo + leati_stack_size(class)) - 1;
}

/* A stack is named by its lowest usable address; NULL: none at hand. */
LEATI_INLINE char *leati_stack_take(struct leati_stack_cache *c, unsigned class)
{
    char *lo = (char *)c[class].first;
    if (leati_unlikely(!lo))
        return NULL;
    c[class].first = *leati_stack_link(lo, class);
    c[class].count--;
    return lo;
}

/* The same, from the pool or the system; NULL: no memory. Wants a thread's stack to run
 * on: it makes system calls. */
char *leati_stack_make(struct leati_stacks *s, struct leati_stack_cache *c,
                       unsigned class);

/* The cache is full: puts a chain aside. */
void leati_stack_spill(struct leati_stacks *s, struct leati_stack_cache *c,
                       unsigned class);

LEATI_INLINE void leati_stack_give(struct leati_stacks *s, struct leati_stack_cache *c,
                                   unsigned class, char *lo)
{
    *leati_stack_link(lo, class) = c[class].first;
    c[class].first = lo;
    if (leati_unlikely(++c[class].count == LEATI_STACK_CHAIN))
        leati_stack_spill(s, c, class);
}

/* Where the first frame of the stack goes. */
LEATI_INLINE char *leati_stack_top(char *lo, unsigned class)
{
    unsigned colours = class == 0 ? 4 : 16;
    uintptr_t at = (uintptr_t)lo;
    /* The page number counts stacks (odd strides) or, below a page, pairs of them. */
    unsigned n = (unsigned)(at >> 12) * 7 + (unsigned)(at >> 11 & 1) * 2;
    return lo + leati_stack_size(class) - (size_t)(n % colours) * 64;
}

/* Does this stack rely on its canary? */
LEATI_INLINE bool leati_stack_bare(const struct leati_stacks *s, const char *lo,
                                   unsigned class)
{
    /* relaxed: set before the first bare stack was handed out */
    return class == 0 || (leati_unlikely(leati_load_rlx(&s->unguarded) != 0) &&
                          *(const uint64_t *)(const void *)lo == LEATI_STACK_CANARY);
}

/* Is the word at the bottom of a bare stack as it was made? */
LEATI_INLINE bool leati_stack_intact(const char *lo)
{
    return *(const uint64_t *)(const void *)lo == LEATI_STACK_CANARY;
}

/* Bytes from the lowest word ever written to the top; for dumps, while it may run. */
size_t leati_stack_used(const char *lo, unsigned class);

/* Unmaps everything. */
void leati_stacks_fini(struct leati_stacks *s);

#endif
