/* cc.h - compiler attributes and small helpers. SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_CC_H
#define LEATI_ARCH_CC_H

#include <leat/base.h>

#define leati_likely(x)   __builtin_expect(!!(x), 1)
#define leati_unlikely(x) __builtin_expect(!!(x), 0)

#define LEATI_NOINLINE __attribute__((noinline))
#define LEATI_COLD     __attribute__((noinline, cold))
#define LEATI_INLINE   static inline __attribute__((always_inline))

/* Starts a group of fields on cache lines of its own. */
#define LEATI_OWN_LINE __attribute__((aligned(LEAT_CACHELINE)))

#define leati_container_of(p, type, field)                                               \
    ((type *)(void *)((char *)(p) - offsetof(type, field)))

#endif
