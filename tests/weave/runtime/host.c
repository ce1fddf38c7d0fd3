/* host.c - the C library as the subject sees it: memory from an arena in which nothing is
 * used twice in one execution, so that a late access is noticed; threads, clock, naps.
 * The linker leads the subject's calls here (--wrap). SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime.h"

/* --- memory --- */

struct block {
    size_t size;
    uint64_t magic;
};
#define MAGIC 0x6c656174776561f7u

void *weave_map(size_t bytes, size_t align);
void weave_unmap(void *p, size_t bytes);

static char *part(unsigned thread)
{
    return weave->arena + weave->arena_bytes / WEAVE_THREADS * thread;
}

void weave_host_reset(void)
{
    for (unsigned i = 0; i < WEAVE_THREADS; i++)
        if (weave->used[i]) {
            size_t from = (size_t)(part(i) - weave->arena) / WEAVE_GRAIN / 8;
            memset(weave->dead + from, 0, weave->used[i] / WEAVE_GRAIN / 8 + 1);
            if (weave->clean)
                memset(part(i), 0, weave->used[i]);
            weave->used[i] = 0;
        }
}

/* More than a few: there are stacks, with what their former frames left behind. */
uint64_t weave_host_digest(void)
{
    enum { FEW = 256 << 10 };
    uint64_t h = 1;
    for (unsigned i = 0; i < WEAVE_THREADS; i++) {
        if (weave->used[i] > FEW)
            return 0;
        h = weave_digest(h, part(i), weave->used[i]);
    }
    return h;
}

/* Of the current thread's part: what others allocate moves nothing. */
void *weave_map(size_t bytes, size_t align)
{
    unsigned t = weave->current;
    uintptr_t lo = (uintptr_t)part(t);
    uintptr_t at = (lo + weave->used[t] + align - 1) & ~(uintptr_t)(align - 1);
    uintptr_t hi = (uintptr_t)part(t + 1);
    if (at > hi || bytes > hi - at)
        return NULL;
    weave->used[t] = at - lo + ((bytes + WEAVE_GRAIN - 1) & ~(size_t)(WEAVE_GRAIN - 1));
    return (void *)at;
}

void weave_unmap(void *p, size_t bytes)
{
    size_t i = (size_t)((char *)p - weave->arena) / WEAVE_GRAIN;
    size_t end = i + (bytes + WEAVE_GRAIN - 1) / WEAVE_GRAIN;
    for (; i < end && i % 8 != 0; i++)
        weave->dead[i / 8] |= (uint8_t)(1u << i % 8);
    if (end > i) {
        memset(weave->dead + i / 8, 0xff, (end - i) / 8);
        i = end & ~(size_t)7;
    }
    for (; i < end; i++)
        weave->dead[i / 8] |= (uint8_t)(1u << i % 8);
}

/* A thread that does not run has nothing below its lowest frame; one that runs a fiber has
 * that elsewhere. */
void weave_touch_stack(const struct weave_thread *by, uintptr_t at, const void *pc)
{
    unsigned i = (unsigned)((at - (uintptr_t)weave->stacks) / WEAVE_STACK);
    const struct weave_thread *t = &weave->thread[i];
    bool fiber = t->low - (uintptr_t)t->stack >= WEAVE_STACK;
    if (t == by || (t->state != WEAVE_DONE && (fiber || at >= t->low)))
        return;
    weave_note(OP_CALL, (void *)at, 0, 0, pc);
    weave_fail("touches a frame that thread %u has left, at %p, from %p", i, (void *)at, pc);
}

void weave_touch_dead(uintptr_t at, const void *pc)
{
    weave_note(OP_CALL, (void *)at, 0, 0, pc);
    weave_fail("touches freed memory at %p, from %p", (void *)at, pc);
}

static void *allocate(size_t size, size_t align)
{
    char *p = weave_map(size + align, align);
    if (!p)
        return NULL;
    struct block *b = (struct block *)(void *)(p + align) - 1;
    *b = (struct block){size, MAGIC};
    return p + align;
}

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return allocate(size, 64);
}

void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    void *p = allocate(n * size, 64);
    return p ? memset(p, 0, n * size) : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return allocate(size, align < 64 ? 64 : align);
}

void __wrap_free(void *p);
void __wrap_free(void *p)
{
    if (!p)
        return;
    struct block *b = (struct block *)p - 1;
    if (b->magic != MAGIC)
        weave_fail("free of %p, which is no block or freed already", p);
    b->magic = 0;
    weave_plain((uintptr_t)p, b->size);
    memset(p, 0xdb, b->size);
    weave_unmap(p, b->size);
}

/* Block moves of the subject: the own stores come first. */
static void moved(const void *to, const void *from, size_t n)
{
    if (n && weave_me->stores) {
        weave_plain((uintptr_t)to, n);
        if (from)
            weave_plain((uintptr_t)from, n);
    }
    if (n && weave->states) {
        if (from)
            weave_state_read((uintptr_t)from, n);
        weave_state_write((uintptr_t)to, n);
    }
}

void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n)
{
    moved(to, from, n);
    return memcpy(to, from, n);
}

void *__wrap_memset(void *to, int c, size_t n);
void *__wrap_memset(void *to, int c, size_t n)
{
    moved(to, NULL, n);
    return memset(to, c, n);
}

/* --- time --- */

int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    (void)id;
    weave->now += WEAVE_TICK_NS;
    if (weave->states)
        weave_state_learn((uint64_t)weave->now);
    ret->tv_sec = weave->now / 1000000000;
    ret->tv_nsec = weave->now % 1000000000;
    return 0;
}

int __wrap_sched_yield(void);
int __wrap_sched_yield(void)
{
    weave_pause_point();
    return 0;
}

/* --- threads --- */

static void *ended(unsigned i)
{
    struct weave_thread *me = weave_me;
    weave_point();
    weave_drain(me);
    while (weave->thread[i].state != WEAVE_DONE) {
        me->state = WEAVE_JOIN;
        me->target = i;
        weave_leave();
    }
    if (weave->states)
        weave_state_learn(weave->thread[i].history);
    return weave->thread[i].result;
}

int __wrap_pthread_create(pthread_t *ret, const void *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const void *attr, void *(*fn)(void *), void *arg)
{
    (void)attr;
    weave_point();
    weave_drain(weave_me);
    *ret = (pthread_t)weave_thread_new(fn, arg, -1) + 1;
    return 0;
}

int __wrap_pthread_join(pthread_t t, void **ret);
int __wrap_pthread_join(pthread_t t, void **ret)
{
    void *r = ended((unsigned)t - 1);
    if (ret)
        *ret = r;
    return 0;
}

int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void));
int __wrap_pthread_atfork(void (*a)(void), void (*b)(void), void (*c)(void))
{
    (void)a, (void)b, (void)c;
    return 0;
}
