/* sync.h - wait group, mutex, semaphore and once that fibers and threads share.
 *
 * All are by value; zeroed memory is a valid start (semaphore: zero permits). None
 * allocates. A fiber that waits does not hold its thread. LEAT_ECANCELED is returned
 * to a fiber cancelled while it waited, which then got nothing.
 * A fork child may use those of its copies that nobody was using, and new ones; a mutex
 * that another thread or fiber held stays locked there.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_SYNC_H
#define LEAT_SYNC_H

#include <leat/base.h>
#include <leat/err.h>
#include <leat/time.h>
#include <leat/detail/atomic.h>

LEAT_BEGIN_DECLS

/* A queue of waiters; leat's. Its lock lies in the library, so that an object may be
 * freed as soon as its last effect was seen. */
struct leat_waitq__ {
    void *first, *last;
};

/* Wait group: a count of things still to do. */
typedef struct leat_wg {
    leati_a64 count;
    struct leat_waitq__ q;
} leat_wg;
#define LEAT_WG_INIT {{0}, {NULL, NULL}}

/* Adds n things. Before the wait that is to see them. Never blocks. */
LEAT_API void leat_wg_add(leat_wg *wg, unsigned n);
/* One thing done; the last one wakes all waiters. More done than added is reported
 * and aborts in debug builds. Never blocks. The group may be freed as soon as a wait
 * that saw zero has returned. */
LEAT_API void leat_wg_done(leat_wg *wg);
/* Waits for zero. Returns 0, LEAT_ETIMEDOUT, LEAT_ECANCELED. */
LEAT_API LEAT_NODISCARD int leat_wg_wait_until(leat_wg *wg, struct leat_deadline until);
LEAT_API int leat_wg_wait(leat_wg *wg);

/* Mutex. The fiber (or thread) that locked it unlocks it, on whatever thread it then
 * runs. A newcomer may pass a parked waiter, at most once or for 1 ms. */
typedef struct leat_mutex {
    leati_a32 state;
    leati_a32 pad;
    leati_aptr owner;
    struct leat_waitq__ q;
} leat_mutex;
#define LEAT_MUTEX_INIT {{0}, {0}, {NULL}, {NULL, NULL}}

/* 0, LEAT_ECANCELED; LEAT_EDEADLK when the caller holds it already. */
LEAT_API LEAT_NODISCARD int leat_mutex_lock(leat_mutex *m);
LEAT_API LEAT_NODISCARD int leat_mutex_lock_until(leat_mutex *m,
                                                  struct leat_deadline until);
/* 0 or LEAT_EAGAIN. */
LEAT_API LEAT_NODISCARD int leat_mutex_try_lock(leat_mutex *m);
/* 0, or LEAT_EINVAL when the caller does not hold it. */
LEAT_API int leat_mutex_unlock(leat_mutex *m);

/* Semaphore: permits; waiters are served in order. */
typedef struct leat_sem {
    leati_a64 permits;
    struct leat_waitq__ q;
} leat_sem;
#define LEAT_SEM_INIT(n) {{(n)}, {NULL, NULL}}

LEAT_API void leat_sem_init(leat_sem *s, uint32_t permits);
/* Takes n permits at once. 0, LEAT_ETIMEDOUT, LEAT_ECANCELED. */
LEAT_API LEAT_NODISCARD int leat_sem_acquire(leat_sem *s, uint32_t n);
LEAT_API LEAT_NODISCARD int leat_sem_acquire_until(leat_sem *s, uint32_t n,
                                                   struct leat_deadline until);
/* 0 or LEAT_EAGAIN. */
LEAT_API LEAT_NODISCARD int leat_sem_try_acquire(leat_sem *s, uint32_t n);
LEAT_API void leat_sem_release(leat_sem *s, uint32_t n);

/* Once: fn runs exactly once; the others wait until it has. When fn returns non-zero
 * or its fiber was cancelled in it (fn returned LEAT_ECANCELED), the next one tries. */
typedef struct leat_once {
    leati_a32 state;
    leati_a32 pad;
    struct leat_waitq__ q;
} leat_once;
#define LEAT_ONCE_INIT {{0}, {0}, {NULL, NULL}}

/* Returns 0 when it has been done, fn's result when this call ran it and it failed,
 * LEAT_ECANCELED. */
LEAT_API int leat_once_do(leat_once *o, int (*fn)(void *), void *arg);

LEAT_END_DECLS
#endif
