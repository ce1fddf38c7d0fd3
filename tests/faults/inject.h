/* inject.h - calls of the system that fail when they are told to.
 *
 * The tests of this family are linked with --wrap (tests/CMakeLists.txt): what the engine
 * asks of malloc, mmap, pthread_create, eventfd, the futex and the clock goes through
 * inject.c, under sanitizers too. Each kind of call is counted; a plan says which ones
 * fail. Nothing fails while no plan is armed. What libraries ask for themselves goes past.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_INJECT_H
#define LEAT_TESTS_INJECT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <leat/base.h>

enum inject_kind {
    INJECT_NONE,
    INJECT_MALLOC,     /* malloc and its family: NULL                               */
    INJECT_CALLER,     /* the functions of inject_alloc(): NULL                     */
    INJECT_MMAP,       /* MAP_FAILED, ENOMEM                                        */
    INJECT_MREMAP,     /* the same                                                  */
    INJECT_THREAD,     /* pthread_create: EAGAIN                                    */
    INJECT_EVENTFD,    /* -1, EMFILE                                                */
    INJECT_MUNMAP,     /* -1, ENOMEM, still mapped                                  */
    INJECT_MPROTECT,   /* -1, ENOMEM                                                */
    INJECT_MADVISE,    /* -1, ENOMEM                                                */
    INJECT_MEMBARRIER, /* -1, ENOMEM                                                */
    INJECT_WAIT,       /* FUTEX_WAIT: returns at once, with `error` or, 0, as woken */
    INJECT_WAKE,       /* FUTEX_WAKE: wakes, but returns -1, `error`                */
    INJECT_KINDS,
};
extern const char *const inject_name[INJECT_KINDS];

/* Calls number from, from + 1, .. from + n - 1 of the kind fail; with `every`, each
 * every-th one. */
struct inject_plan {
    enum inject_kind kind;
    unsigned from, n; /* from: 1 is the first */
    unsigned every;
    int error;
};

/* Counts from 0 again; NULL: nothing fails. No thread may be inside a call. */
void inject_arm(const struct inject_plan *plan);
void inject_disarm(void);

/* Since arm; fired: how many failed. */
unsigned inject_calls(enum inject_kind kind);
unsigned inject_fired(void);

/* Blocks and bytes of maps that were taken and not given back, in this process. */
struct inject_live {
    int64_t blocks, mapped, caller_blocks;
    bool mismatch; /* free of the caller was told another size than alloc */
};
struct inject_live inject_live(void);

/* Counted memory functions; they check what free is told. */
struct leat_alloc inject_alloc(void);

/* Called inside each pthread_create, by its caller, before it starts one or fails; NULL:
 * nothing is. */
void inject_before_thread(void (*fn)(void));

/* How often somebody has napped: who waits for a lock, or a short section, for long. */
unsigned inject_naps(void);

/* Not counted, never fails by a plan. */
int inject_thread(pthread_t *ret, void *(*fn)(void *), void *arg);

/* leat_now() tells the real time plus that much; deadlines of the futex are moved back. */
void inject_clock(int64_t ahead_ns);

/* A kernel before 6.13: guards are mappings of their own. */
void inject_old_kernel(void);

#endif
