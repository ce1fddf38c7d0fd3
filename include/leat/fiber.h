/* fiber.h - fibers: functions that run on stacks of their own in a pool and wait
 * without holding a thread.
 *
 * A fiber may move to another worker thread at any blocking call: no address of a
 * thread-local (errno included) and no pthread mutex may be held across one; sync.h
 * has a mutex that may. A fiber that computes for ever delays nobody while another
 * worker is free.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_FIBER_H
#define LEAT_FIBER_H

#include <leat/pool.h>

LEAT_BEGIN_DECLS

/* Runs fn(arg) as a new fiber of the caller's pool (on a foreign thread: the default
 * pool). ret NULL: detached, else *ret is a handle that must be joined or detached.
 * The fiber never starts on the spawner's stack. Returns 0, LEAT_EINVAL (fn NULL),
 * LEAT_ENOMEM, LEAT_EAGAIN (no thread could be started), LEAT_ECLOSED (the pool is
 * being shut down). Does not block; allocates only when the free lists are empty. */
LEAT_API LEAT_NODISCARD int leat_go(leat_fiber **ret, int (*fn)(void *), void *arg);
LEAT_API LEAT_NODISCARD int leat_pool_go(leat_pool *p, leat_fiber **ret,
                                         int (*fn)(void *), void *arg);

struct leat_fiber_opts {
    size_t size;       /* sizeof(struct leat_fiber_opts), exactly: see base.h     */
    leat_pool *pool;   /* NULL: as leat_go                                        */
    size_t stack_size; /* bytes, LEAT_STACK_MIN .. LEAT_STACK_MAX; 0: the pool's  */
    int pin;           /* worker 1 .. n it always runs on; 0: any                 */
    const char *name;  /* for dumps and overflow reports; copied, cut to 15 bytes */
};
LEAT_API LEAT_NODISCARD int leat_fiber_start(leat_fiber **ret,
                                             const struct leat_fiber_opts *opts,
                                             int (*fn)(void *), void *arg);

/* Runs fn(arg) as a fiber of the default pool and waits for it on this thread: what
 * main() calls. Returns what fn returned, or a negative LEAT_E... when it could not
 * be started. From inside a fiber: LEAT_EDEADLK. */
LEAT_API int leat_run(int (*fn)(void *), void *arg);
/* The same in a pool of one's own. */
LEAT_API int leat_pool_run(leat_pool *p, int (*fn)(void *), void *arg);

/* Waits until the fiber has returned, stores what it returned in *ret_result (may be
 * NULL) and gives the handle back. From threads and fibers. Returns 0; LEAT_EDEADLK
 * on oneself; LEAT_EBUSY when somebody else is joining; LEAT_ETIMEDOUT and
 * LEAT_ECANCELED leave the handle valid; LEAT_ENOTSUP in a fork child, where detaching
 * and cancelling a fiber of the parent do nothing. */
LEAT_API LEAT_NODISCARD int leat_fiber_join(leat_fiber *f, int *ret_result);
LEAT_API LEAT_NODISCARD int leat_fiber_join_until(leat_fiber *f, int *ret_result,
                                                  struct leat_deadline until);

/* Gives the handle back without waiting; NULL allowed; returns NULL. */
LEAT_API leat_fiber *leat_fiber_detach(leat_fiber *f);

/* Asks the fiber to end: the call it waits in, and every later one that would have to
 * wait, returns LEAT_ECANCELED; a value it was already given is not taken back. A fiber
 * that never ran still runs and sees it at its first wait. Needs a valid handle. */
LEAT_API void leat_fiber_cancel(leat_fiber *f);

/* Has the calling fiber been cancelled? false on a foreign thread. */
LEAT_API bool leat_fiber_cancelled(void);

/* While masked, blocking calls of the calling fiber do not see its cancellation: for
 * cleanup. Returns the former setting. No effect on a foreign thread. */
LEAT_API bool leat_fiber_mask(bool masked);

/* The calling fiber (valid while it runs; not a counted handle), or NULL. */
LEAT_API leat_fiber *leat_fiber_self(void);

/* Lets the others run: the fiber goes to the end of its worker's queue. On a foreign
 * thread: sched_yield. */
LEAT_API void leat_yield(void);

/* Waits until the instant. Returns 0, or LEAT_ECANCELED when cancelled before. */
LEAT_API int leat_sleep_until(struct leat_deadline at);
LEAT_API int leat_sleep_ns(int64_t ns);

/* Runs fn(arg), which may block its thread, on a thread of the pool's elastic set,
 * while the worker goes on with other fibers; returns what fn returned. On a foreign
 * thread it just calls fn. Returns LEAT_ECANCELED when cancelled before fn began,
 * LEAT_EAGAIN when no thread could be had; then fn was not called, see *ret_ran
 * (may be NULL). */
LEAT_API int leat_blocking(int (*fn)(void *), void *arg, bool *ret_ran);

LEAT_END_DECLS
#endif
