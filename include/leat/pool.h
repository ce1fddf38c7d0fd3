/* pool.h - the mill: worker threads that run fibers and steal them from each other.
 *
 * Programs that only use channels from their own threads need none of this and get
 * no thread. The default pool is made by its first use and ended at exit.
 * A fork child has no workers: there every call on a pool made before the fork, the
 * default one included, gives LEAT_ENOTSUP; it may make pools of its own. When a fiber
 * forks, the child runs on in that fiber and must not wait, yield or return from it: it
 * may only end (_exit) or become another program (exec).
 * Every thread of a pool is named, blocks all asynchronous signals and runs on the
 * pool's CPU set.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_POOL_H
#define LEAT_POOL_H

#include <leat/base.h>
#include <leat/err.h>
#include <leat/time.h>

LEAT_BEGIN_DECLS

typedef struct leat_pool leat_pool;
typedef struct leat_fiber leat_fiber;

/* Enough for printf and the like; what needs more belongs into leat_blocking() or gets
 * a stack size of its own. With 64 KiB each stack has a cache line of page table to
 * itself, and a hop round 10,000 fibers takes twice as long. */
#define LEAT_STACK_DEFAULT ((size_t)32 << 10)
#define LEAT_STACK_MIN     ((size_t)2 << 10) /* too small for printf or malloc */
#define LEAT_STACK_MAX     ((size_t)256 << 20)

enum leat_pool_flags {
    /* Do not bind workers to CPUs. By default each is bound to one CPU of the set
     * when there are no more workers than CPUs. */
    LEAT_POOL_UNBOUND = 1u << 0,
    /* Do not use membarrier: run queues pay a fence instead. For cores that must not
     * be interrupted; taken by itself where the kernel refuses membarrier. */
    LEAT_POOL_FENCED = 1u << 1,
    /* Report stack overflow with the fiber's name: installs a SIGSEGV handler on an
     * alternate stack of the workers, which chains to the former handler. */
    LEAT_POOL_FAULT_HANDLER = 1u << 2,
};

struct leat_pool_opts {
    size_t size;         /* sizeof(struct leat_pool_opts), exactly: see base.h    */
    unsigned workers;    /* at most 1024. 0: LEAT_WORKERS in the environment when it
                            is 1 .. 1024, else the CPUs that the process may use
                            (affinity and cgroup quota)                           */
    unsigned flags;      /* enum leat_pool_flags                                  */
    size_t stack_size;   /* default for its fibers; 0: LEAT_STACK_DEFAULT         */
    unsigned blocking;   /* most threads of leat_blocking(), at most 2^20; 0: 64.
                            They are started one by one as they are needed        */
    const char *name;    /* names its threads; NULL: "leat"; cut to 8 bytes       */
    const struct leat_alloc *alloc; /* records and tables; stacks are mapped      */
};

enum leat_shutdown {
    LEAT_DRAIN = 0, /* wait until every fiber has returned                        */
    LEAT_CANCEL,    /* cancel every fiber, then drain                             */
};

/* Makes a pool and starts its workers. Returns 0, LEAT_EINVAL, LEAT_ENOMEM,
 * LEAT_EAGAIN when threads could not be started (nothing is left behind). */
LEAT_API LEAT_NODISCARD int leat_pool_new(leat_pool **ret,
                                          const struct leat_pool_opts *opts);

/* Ends a pool: refuses new fibers from outside (LEAT_ECLOSED), drains or cancels,
 * joins the threads and frees everything. Returns 0; LEAT_ETIMEDOUT when fibers are
 * still alive at the deadline (dumped to stderr; the pool goes on and may be shut
 * down again); LEAT_EDEADLK from a fiber of this pool. Handles of its fibers must
 * have been joined or detached. */
LEAT_API LEAT_NODISCARD int leat_pool_shutdown(leat_pool *p, enum leat_shutdown how,
                                               struct leat_deadline until);

/* leat_pool_shutdown(p, LEAT_CANCEL, LEAT_NEVER); NULL allowed; returns NULL. */
LEAT_API leat_pool *leat_pool_free(leat_pool *p);

/* The default pool, made on first use; NULL when it could not be made. */
LEAT_API leat_pool *leat_pool_default(void);

/* The pool of the calling fiber, or NULL on a foreign thread. */
LEAT_API leat_pool *leat_pool_current(void);

LEAT_API unsigned leat_pool_workers(const leat_pool *p);

/* Counters since the pool began; each is a sum of plain per-worker counters, not
 * one instant. */
struct leat_pool_stats {
    uint64_t spawned, finished; /* fibers                                         */
    uint64_t switches;          /* times a worker went from one fiber to another  */
    uint64_t steals, stolen;    /* successful steals, fibers they moved           */
    uint64_t parks;             /* times a worker slept in the kernel             */
    uint64_t wakes;             /* futex wakes of workers                         */
    uint64_t late;              /* work found by the keeper that was owed a wake  */
    uint64_t unguarded;         /* stacks without guard page (canary instead)     */
};
LEAT_API void leat_pool_stats(const leat_pool *p, struct leat_pool_stats *ret);

LEAT_END_DECLS
#endif
