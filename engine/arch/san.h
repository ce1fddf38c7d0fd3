/* san.h - telling sanitizers and valgrind about stacks and switches. Without them all
 * of this is nothing. SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_SAN_H
#define LEATI_ARCH_SAN_H

#include "arch/cc.h"

#if defined(__SANITIZE_ADDRESS__)
#define LEATP_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define LEATP_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEATP_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define LEATP_TSAN 1
#endif
#endif

#ifdef LEATP_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef LEATP_TSAN
#include <sanitizer/tsan_interface.h>
#define LEATP_NO_TSAN __attribute__((no_sanitize_thread, noinline))
#else
#define LEATP_NO_TSAN
#endif

/* May a value be read that another thread is writing, if it is only a hint? */
#ifdef LEATP_TSAN
#define LEATP_RACY_HINTS 0
#else
#define LEATP_RACY_HINTS 1
#endif

/* What the sanitizers know about one context. */
struct leatp_san {
#ifdef LEATP_TSAN
    void *tsan;
    struct leatp_tsan *life; /* what `tsan` came from; NULL: a thread */
#endif
#ifdef LEATP_ASAN
    void *fake;
    const void *lo;
    size_t size;
#endif
#if !defined(LEATP_TSAN) && !defined(LEATP_ASAN)
    char nothing[0];
#endif
};

/* The context of a thread's own stack; by that thread. */
LEATI_INLINE void leatp_san_thread(struct leatp_san *s, const void *lo, size_t size)
{
    (void)s, (void)lo, (void)size;
#ifdef LEATP_TSAN
    s->tsan = __tsan_get_current_fiber();
#endif
#ifdef LEATP_ASAN
    s->lo = lo;
    s->size = size;
    s->fake = NULL;
#endif
}

/* TSan's contexts are kept for further lives, since making one costs 400 us. */
void leatp_san_tsan_begin(struct leatp_san *s);
void leatp_san_tsan_first(struct leatp_san *s);
void leatp_san_tsan_end(struct leatp_san *s);

/* A fresh context on [lo, lo + size); what former users left there is forgotten. */
LEATI_INLINE void leatp_san_begin(struct leatp_san *s, const void *lo, size_t size)
{
    (void)s, (void)lo, (void)size;
#ifdef LEATP_TSAN
    leatp_san_tsan_begin(s);
#endif
#ifdef LEATP_ASAN
    __asan_unpoison_memory_region(lo, size);
    s->lo = lo;
    s->size = size;
    s->fake = NULL;
#endif
}

/* It will never be swapped to again; called from another context. */
LEATI_INLINE void leatp_san_end(struct leatp_san *s)
{
    (void)s;
#ifdef LEATP_TSAN
    leatp_san_tsan_end(s);
#endif
}

/* First thing in a fresh context, in a LEATP_NO_TSAN function. Its last swap must be made
 * by an instrumented function that this function calls: one frame, taken off here. */
LEATI_INLINE void leatp_san_first(struct leatp_san *s)
{
    (void)s;
#ifdef LEATP_TSAN
    leatp_san_tsan_first(s);
#endif
#ifdef LEATP_ASAN
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}

/* Just before the swap; `last`: `from` never comes back. */
LEATI_INLINE void leatp_san_leave(struct leatp_san *from, struct leatp_san *to, bool last)
{
    (void)from, (void)to, (void)last;
#ifdef LEATP_ASAN
    __sanitizer_start_switch_fiber(last ? NULL : &from->fake, to->lo, to->size);
#endif
#ifdef LEATP_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
}

/* First thing on the stack arrived at. */
LEATI_INLINE void leatp_san_arrive(struct leatp_san *at)
{
    (void)at;
#ifdef LEATP_ASAN
    __sanitizer_finish_switch_fiber(at->fake, NULL, NULL);
#endif
}

/* What the releaser did before is seen by the acquirer: where a library orders them by
 * means that TSan does not see. */
LEATI_INLINE void leatp_san_release(void *p)
{
    (void)p;
#ifdef LEATP_TSAN
    __tsan_release(p);
#endif
}

LEATI_INLINE void leatp_san_acquire(void *p)
{
    (void)p;
#ifdef LEATP_TSAN
    __tsan_acquire(p);
#endif
}

/* A stack is made: valgrind then takes no switch for a frame that grows or goes. The
 * stacks of a region are no more. */
void leatp_san_stack(void *lo, size_t size);
void leatp_san_stacks_end(void *lo, size_t size);

#endif
