/* inject.c - see inject.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include "inject.h"

const char *const inject_name[INJECT_KINDS] = {
    "none",    "malloc", "caller's alloc", "mmap",    "mremap",     "pthread_create",
    "eventfd", "munmap", "mprotect",       "madvise", "membarrier", "futex wait",
    "futex wake"};

enum { GUARD_INSTALL = 102 }; /* MADV_GUARD_INSTALL */

/* Numbers that any thread adds to, and what it is told; relaxed, but for the plan. */
static struct {
    struct inject_plan plan;
    unsigned calls[INJECT_KINDS], fired;
    int64_t blocks, mapped, caller_blocks;
    bool mismatch;
    int64_t ahead_ns;
    bool old_kernel;
    void (*before)(void); /* a thread is started or refused */
    unsigned naps;
} in;

#define LOAD(x)   __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define SET(x, n) __atomic_store_n(&(x), (n), __ATOMIC_RELAXED)
#define ADD(x, n) __atomic_add_fetch(&(x), (n), __ATOMIC_RELAXED)

void inject_arm(const struct inject_plan *plan)
{
    const struct inject_plan none = {INJECT_NONE, 0, 0, 0, 0};
    const struct inject_plan *p = plan ? plan : &none;
    inject_disarm();
    for (unsigned k = 0; k < INJECT_KINDS; k++)
        SET(in.calls[k], 0);
    SET(in.fired, 0);
    SET(in.plan.from, p->from);
    SET(in.plan.n, p->n);
    SET(in.plan.every, p->every);
    SET(in.plan.error, p->error);
    __atomic_store_n(&in.plan.kind, p->kind, __ATOMIC_RELEASE); /* pairs with fails() */
}

/* Threads may be in calls: only what decides is changed. */
void inject_disarm(void)
{
    SET(in.plan.kind, INJECT_NONE);
}

unsigned inject_calls(enum inject_kind kind)
{
    return LOAD(in.calls[kind]);
}

unsigned inject_fired(void)
{
    return LOAD(in.fired);
}

struct inject_live inject_live(void)
{
    const struct inject_live l = {LOAD(in.blocks), LOAD(in.mapped),
                                  LOAD(in.caller_blocks), LOAD(in.mismatch)};
    return l;
}

/* Counts a call of the kind; true: it is to fail. */
static bool fails(enum inject_kind kind)
{
    unsigned k = ADD(in.calls[kind], 1);
    if (__atomic_load_n(&in.plan.kind, __ATOMIC_ACQUIRE) != kind)
        return false;
    unsigned every = LOAD(in.plan.every), from = LOAD(in.plan.from);
    bool hit = every ? k % every == 0 : k >= from && k - from < LOAD(in.plan.n);
    if (hit)
        ADD(in.fired, 1);
    return hit;
}

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *p);

static void *counted(void *p)
{
    if (p)
        ADD(in.blocks, 1);
    return p;
}

void *__wrap_malloc(size_t size)
{
    return fails(INJECT_MALLOC) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(INJECT_MALLOC) ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (fails(INJECT_MALLOC))
        return NULL;
    void *q = __real_realloc(p, size);
    if (q && !p)
        ADD(in.blocks, 1);
    return q;
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails(INJECT_MALLOC) ? NULL : counted(__real_aligned_alloc(align, size));
}

void __wrap_free(void *p)
{
    if (p)
        ADD(in.blocks, -1);
    __real_free(p);
}

/* In front of each block of the caller's: how much of it was asked for. */
struct block {
    size_t size, front;
};

static void *caller_alloc(size_t size, size_t align, void *arg)
{
    size_t front = align > sizeof(struct block) ? align : sizeof(struct block);
    (void)arg;
    if (fails(INJECT_CALLER))
        return NULL;
    if (align < sizeof(void *) || (align & (align - 1)))
        SET(in.mismatch, true);
    char *p = __real_aligned_alloc(front, (size + 2 * front - 1) / front * front);
    if (!p)
        return NULL;
    struct block *b = (struct block *)(void *)(p + front) - 1;
    b->size = size;
    b->front = front;
    ADD(in.caller_blocks, 1);
    return p + front;
}

static void caller_free(void *p, size_t size, void *arg)
{
    struct block *b = (struct block *)p - 1;
    (void)arg;
    if (b->size != size)
        SET(in.mismatch, true);
    ADD(in.caller_blocks, -1);
    __real_free((char *)p - b->front);
}

struct leat_alloc inject_alloc(void)
{
    const struct leat_alloc a = {caller_alloc, caller_free, NULL};
    return a;
}

/* ---- maps ---- */

void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
void *__real_mremap(void *p, size_t old, size_t n, int flags, ...);
int __real_munmap(void *p, size_t n);
int __real_mprotect(void *p, size_t n, int prot);
int __real_madvise(void *p, size_t n, int advice);
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
void *__wrap_mremap(void *p, size_t old, size_t n, int flags, ...);
int __wrap_munmap(void *p, size_t n);
int __wrap_mprotect(void *p, size_t n, int prot);
int __wrap_madvise(void *p, size_t n, int advice);

static int refuse(int error)
{
    errno = error;
    return -1;
}

void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at)
{
    if (fails(INJECT_MMAP)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *m = __real_mmap(p, n, prot, flags, fd, at);
    if (m != MAP_FAILED)
        ADD(in.mapped, (int64_t)n);
    return m;
}

void *__wrap_mremap(void *p, size_t old, size_t n, int flags, ...)
{
    if (fails(INJECT_MREMAP)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *m = __real_mremap(p, old, n, flags);
    if (m != MAP_FAILED)
        ADD(in.mapped, (int64_t)n - (int64_t)old);
    return m;
}

int __wrap_munmap(void *p, size_t n)
{
    ADD(in.mapped, -(int64_t)n); /* asked for: more the engine cannot do */
    return fails(INJECT_MUNMAP) ? refuse(ENOMEM) : __real_munmap(p, n);
}

int __wrap_mprotect(void *p, size_t n, int prot)
{
    return fails(INJECT_MPROTECT) ? refuse(ENOMEM) : __real_mprotect(p, n, prot);
}

int __wrap_madvise(void *p, size_t n, int advice)
{
    if (LOAD(in.old_kernel) && advice == GUARD_INSTALL)
        return refuse(EINVAL);
    return fails(INJECT_MADVISE) ? refuse(ENOMEM) : __real_madvise(p, n, advice);
}

void inject_old_kernel(void)
{
    SET(in.old_kernel, true);
}

/* ---- threads, descriptors ---- */

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __real_eventfd(unsigned value, int flags);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg);
int __wrap_eventfd(unsigned value, int flags);

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
    void (*before)(void) = LOAD(in.before);
    bool refused = fails(INJECT_THREAD);
    if (before)
        before();
    return refused ? EAGAIN : __real_pthread_create(ret, attr, fn, arg);
}

void inject_before_thread(void (*fn)(void))
{
    SET(in.before, fn);
}

int inject_thread(pthread_t *ret, void *(*fn)(void *), void *arg)
{
    return __real_pthread_create(ret, NULL, fn, arg);
}

int __wrap_eventfd(unsigned value, int flags)
{
    return fails(INJECT_EVENTFD) ? refuse(EMFILE) : __real_eventfd(value, flags);
}

/* ---- the clock, the futex, membarrier ---- */

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
long __real_syscall(long n, ...);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
long __wrap_syscall(long n, ...);

void inject_clock(int64_t ahead_ns)
{
    SET(in.ahead_ns, ahead_ns);
}

/* Nearer to the end than INT64_MAX - 1 the clock stands still. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    int r = __real_clock_gettime(clock, ret);
    int64_t ahead = LOAD(in.ahead_ns), ns;
    if (ahead == 0 || clock != CLOCK_MONOTONIC)
        return r;
    if (__builtin_add_overflow((int64_t)ret->tv_sec * 1000000000 + ret->tv_nsec, ahead,
                               &ns))
        ns = INT64_MAX - 1;
    ret->tv_sec = ns / 1000000000;
    ret->tv_nsec = ns % 1000000000;
    return r;
}

int __real_nanosleep(const struct timespec *nap, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *nap, struct timespec *rest);

int __wrap_nanosleep(const struct timespec *nap, struct timespec *rest)
{
    ADD(in.naps, 1);
    return __real_nanosleep(nap, rest);
}

unsigned inject_naps(void)
{
    return LOAD(in.naps);
}

static long futex_wait(const long *a)
{
    const struct timespec *at = (const struct timespec *)a[3];
    int64_t ahead = LOAD(in.ahead_ns);
    struct timespec moved;
    if (fails(INJECT_WAIT))
        return LOAD(in.plan.error) ? refuse(LOAD(in.plan.error)) : 0;
    if (at && ahead) {
        int64_t ns = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec - ahead;
        ns = ns < 0 ? 0 : ns;
        moved.tv_sec = ns / 1000000000;
        moved.tv_nsec = ns % 1000000000;
        at = &moved;
    }
    return __real_syscall(SYS_futex, a[0], a[1], a[2], at, a[4], a[5]);
}

long __wrap_syscall(long n, ...)
{
    long a[6];
    va_list ap;
    va_start(ap, n);
    for (unsigned i = 0; i < 6; i++)
        a[i] = va_arg(ap, long); /* each argument is a register, given or not */
    va_end(ap);
    if (n == SYS_futex && ((int)a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET)
        return futex_wait(a);
    if (n == SYS_membarrier && fails(INJECT_MEMBARRIER))
        return refuse(ENOMEM);
    long r = __real_syscall(n, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (n == SYS_futex && ((int)a[1] & FUTEX_CMD_MASK) == FUTEX_WAKE && fails(INJECT_WAKE))
        return refuse(LOAD(in.plan.error) ? LOAD(in.plan.error) : EFAULT);
    return r;
}
