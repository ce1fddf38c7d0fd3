/* detail/atomic.h - shared words and the operations on them, the order in the name.
 *
 * A shared word is wrapped in a struct, so that a plain access does not compile.
 * The builtins (not <stdatomic.h>) make the same text valid C11 and C++17. Orders:
 * rlx relaxed, acq acquire, rel release, ar acquire-release, sc sequentially
 * consistent. On x86-64 every xchg, cas, add, or, and, and every sc store is one
 * locked instruction; LEATI_RMW() counts them in the build that asks for it.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_DETAIL_ATOMIC_H
#define LEAT_DETAIL_ATOMIC_H

#include <leat/base.h>

typedef struct { uint8_t v; } leati_a8;
typedef struct { uint32_t v; } leati_a32;
typedef struct { uint64_t v; } leati_a64;
typedef struct { void *v; } leati_aptr;

#ifdef LEATI_COUNT_RMW
LEAT_BEGIN_DECLS
LEAT_API void leati_count_rmw(void);
LEAT_END_DECLS
#define LEATI_RMW() leati_count_rmw()
#else
#define LEATI_RMW() ((void)0)
#endif

#define leati_load_rlx(a) __atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define leati_load_acq(a) __atomic_load_n(&(a)->v, __ATOMIC_ACQUIRE)
#define leati_load_sc(a)  __atomic_load_n(&(a)->v, __ATOMIC_SEQ_CST)

#define leati_store_rlx(a, x) __atomic_store_n(&(a)->v, (x), __ATOMIC_RELAXED)
#define leati_store_rel(a, x) __atomic_store_n(&(a)->v, (x), __ATOMIC_RELEASE)
#define leati_store_sc(a, x)                                                             \
    (LEATI_RMW(), __atomic_store_n(&(a)->v, (x), __ATOMIC_SEQ_CST))

#define leati_xchg_acq(a, x)                                                             \
    (LEATI_RMW(), __atomic_exchange_n(&(a)->v, (x), __ATOMIC_ACQUIRE))
#define leati_xchg_ar(a, x)                                                              \
    (LEATI_RMW(), __atomic_exchange_n(&(a)->v, (x), __ATOMIC_ACQ_REL))
#define leati_xchg_sc(a, x)                                                              \
    (LEATI_RMW(), __atomic_exchange_n(&(a)->v, (x), __ATOMIC_SEQ_CST))

/* On failure the word's value is left in *want, relaxed unless said. */
#define leati_cas_acq(a, want, x)                                                        \
    (LEATI_RMW(), __atomic_compare_exchange_n(&(a)->v, (want), (x), false,               \
                                              __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
#define leati_cas_rel(a, want, x)                                                        \
    (LEATI_RMW(), __atomic_compare_exchange_n(&(a)->v, (want), (x), false,               \
                                              __ATOMIC_RELEASE, __ATOMIC_RELAXED))
#define leati_cas_ar(a, want, x)                                                         \
    (LEATI_RMW(), __atomic_compare_exchange_n(&(a)->v, (want), (x), false,               \
                                              __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
#define leati_cas_sc(a, want, x)                                                         \
    (LEATI_RMW(), __atomic_compare_exchange_n(&(a)->v, (want), (x), false,               \
                                              __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))

/* These return the value before the operation. */
#define leati_add_rlx(a, x)                                                              \
    (LEATI_RMW(), __atomic_fetch_add(&(a)->v, (x), __ATOMIC_RELAXED))
#define leati_add_ar(a, x)                                                               \
    (LEATI_RMW(), __atomic_fetch_add(&(a)->v, (x), __ATOMIC_ACQ_REL))
#define leati_add_sc(a, x)                                                               \
    (LEATI_RMW(), __atomic_fetch_add(&(a)->v, (x), __ATOMIC_SEQ_CST))
#define leati_sub_ar(a, x)                                                               \
    (LEATI_RMW(), __atomic_fetch_sub(&(a)->v, (x), __ATOMIC_ACQ_REL))
#define leati_sub_sc(a, x)                                                               \
    (LEATI_RMW(), __atomic_fetch_sub(&(a)->v, (x), __ATOMIC_SEQ_CST))
#define leati_or_sc(a, x)                                                                \
    (LEATI_RMW(), __atomic_fetch_or(&(a)->v, (x), __ATOMIC_SEQ_CST))
#define leati_and_sc(a, x)                                                               \
    (LEATI_RMW(), __atomic_fetch_and(&(a)->v, (x), __ATOMIC_SEQ_CST))

/* The compiler may not move memory accesses across; no instruction. */
#define leati_barrier_compiler() __asm__ __volatile__("" ::: "memory")

#endif
