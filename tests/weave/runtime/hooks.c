/* hooks.c - what the compiler's instrumentation calls. SPDX-License-Identifier: MIT */
#include "runtime.h"

#define PC __builtin_return_address(0)
#define HOOK __attribute__((used, visibility("default")))

/* --- plain accesses --- */

static void plain(const volatile void *p, size_t size, bool write, const void *pc)
{
    if (!weave)
        return; /* a constructor */
    weave_touch((uintptr_t)p, pc);
    if (weave_buffered(weave_me, (uintptr_t)p, size))
        weave_plain((uintptr_t)p, size);
    if (!weave->states)
        return;
    if (write)
        weave_state_write((uintptr_t)p, size);
    else
        weave_state_read((uintptr_t)p, size);
}

#define PLAIN(name, size, write)                                                         \
    HOOK void __tsan_##name(void *p);                                                    \
    void __tsan_##name(void *p)                                                          \
    {                                                                                    \
        plain(p, size, write, PC);                                                       \
    }
#define PLAIN_SIZE(size)                                                                 \
    PLAIN(read##size, size, false)                                                       \
    PLAIN(write##size, size, true)                                                       \
    PLAIN(unaligned_read##size, size, false)                                             \
    PLAIN(unaligned_write##size, size, true)                                             \
    PLAIN(volatile_read##size, size, false)                                              \
    PLAIN(volatile_write##size, size, true)
PLAIN_SIZE(1)
PLAIN_SIZE(2)
PLAIN_SIZE(4)
PLAIN_SIZE(8)
PLAIN_SIZE(16)

#define RANGE(name, write)                                                               \
    HOOK void __tsan_##name(void *p, size_t n);                                          \
    void __tsan_##name(void *p, size_t n)                                                \
    {                                                                                    \
        if (n)                                                                           \
            plain(p, n, write, PC);                                                      \
    }
RANGE(read_range, false)
RANGE(write_range, true)

HOOK void __tsan_init(void);
void __tsan_init(void) {}
HOOK void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc) { (void)pc; }
HOOK void __tsan_func_exit(void);
/* The frame goes, and what comes in its place is written without a hook: own stores to it
 * are made before. */
void __tsan_func_exit(void)
{
    enum { FRAME = 4096 };
    if (weave && weave_me->stores)
        weave_plain((uintptr_t)__builtin_frame_address(0), FRAME);
}

/* --- atomic operations --- */

/* Begins an RMW: everything before it is visible. */
static void locked(const volatile void *p, const void *pc)
{
    weave_point();
    weave_touch((uintptr_t)p, pc);
    weave_drain(weave_me);
    weave->commits++;
}

static void reads(const volatile void *p, size_t size)
{
    if (weave->states)
        weave_state_read((uintptr_t)p, size);
}

static void writes(const volatile void *p, size_t size)
{
    if (weave->states)
        weave_state_write((uintptr_t)p, size);
}

#define ATOMIC(T, bits)                                                                  \
    HOOK T __tsan_atomic##bits##_load(const volatile T *p, int order);                   \
    T __tsan_atomic##bits##_load(const volatile T *p, int order)                         \
    {                                                                                    \
        uint64_t v;                                                                      \
        (void)order;                                                                     \
        weave_point();                                                                   \
        weave_touch((uintptr_t)p, PC);                                                   \
        if (!weave_buffered(weave_me, (uintptr_t)p, sizeof(T)) ||                        \
            !weave_forward(weave_me, (uintptr_t)p, sizeof(T), &v)) {                     \
            reads(p, sizeof(T));                                                         \
            v = *p;                                                                      \
        }                                                                                \
        weave_note(OP_LOAD, p, sizeof(T), v, PC);                                        \
        return (T)v;                                                                     \
    }                                                                                    \
    HOOK void __tsan_atomic##bits##_store(volatile T *p, T v, int order);                \
    void __tsan_atomic##bits##_store(volatile T *p, T v, int order)                      \
    {                                                                                    \
        if (order == __ATOMIC_SEQ_CST) {                                                 \
            locked(p, PC);                                                               \
            weave_note(OP_RMW, p, sizeof(T), v, PC);                                     \
            writes(p, sizeof(T));                                                        \
            *p = v;                                                                      \
            return;                                                                      \
        }                                                                                \
        weave_point();                                                                   \
        weave_touch((uintptr_t)p, PC);                                                   \
        weave_note(OP_STORE, p, sizeof(T), v, PC);                                       \
        weave_put(weave_me, (uintptr_t)p, sizeof(T), v);                                 \
        if (weave_me->stores == 1 && !weave->policy->hold())                             \
            weave_commit(weave_me);                                                      \
    }                                                                                    \
    RMW(T, bits, exchange, v)                                                            \
    RMW(T, bits, fetch_add, (T)(old + v))                                                \
    RMW(T, bits, fetch_sub, (T)(old - v))                                                \
    RMW(T, bits, fetch_and, old &v)                                                      \
    RMW(T, bits, fetch_or, old | v)                                                      \
    RMW(T, bits, fetch_xor, old ^ v)                                                     \
    CAS(T, bits, strong)                                                                 \
    CAS(T, bits, weak)                                                                   \
    HOOK T __tsan_atomic##bits##_compare_exchange_val(volatile T *p, T want, T v, int ok,\
                                                      int ko);                           \
    T __tsan_atomic##bits##_compare_exchange_val(volatile T *p, T want, T v, int ok,     \
                                                 int ko)                                 \
    {                                                                                    \
        (void)__tsan_atomic##bits##_compare_exchange_strong(p, &want, v, ok, ko);        \
        return want;                                                                     \
    }

#define RMW(T, bits, name, result)                                                       \
    HOOK T __tsan_atomic##bits##_##name(volatile T *p, T v, int order);                  \
    T __tsan_atomic##bits##_##name(volatile T *p, T v, int order)                        \
    {                                                                                    \
        (void)order;                                                                     \
        locked(p, PC);                                                                   \
        T old = *p;                                                                      \
        reads(p, sizeof(T));                                                             \
        writes(p, sizeof(T));                                                            \
        *p = result;                                                                     \
        weave_note(OP_RMW, p, sizeof(T), *p, PC);                                        \
        return old;                                                                      \
    }

#define CAS(T, bits, kind)                                                               \
    HOOK int __tsan_atomic##bits##_compare_exchange_##kind(volatile T *p, T *want, T v,  \
                                                           int ok, int ko);              \
    int __tsan_atomic##bits##_compare_exchange_##kind(volatile T *p, T *want, T v,       \
                                                      int ok, int ko)                    \
    {                                                                                    \
        (void)ok, (void)ko;                                                              \
        locked(p, PC);                                                                   \
        bool same = *p == *want;                                                         \
        reads(p, sizeof(T));                                                             \
        if (same) {                                                                      \
            writes(p, sizeof(T));                                                        \
            *p = v;                                                                      \
        } else {                                                                         \
            *want = *p;                                                                  \
        }                                                                                \
        weave_note(OP_RMW, p, sizeof(T), *p, PC);                                        \
        return same;                                                                     \
    }

ATOMIC(uint8_t, 8)
ATOMIC(uint16_t, 16)
ATOMIC(uint32_t, 32)
ATOMIC(uint64_t, 64)

HOOK void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
    if (order != __ATOMIC_SEQ_CST)
        return;
    weave_point();
    weave_drain(weave_me);
    weave_note(OP_FENCE, NULL, 0, 0, PC);
}

HOOK void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order) { (void)order; }
