/* mill.h - the pool's own types: fiber record, worker, pool. Reading order: this,
 * rq.h, sched.c, wait.c, idle.c, timers.h, life.c.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_POOL_MILL_H
#define LEATI_POOL_MILL_H

#include <pthread.h>

#include <leat/fiber.h>
#include "arch/ctx.h"
#include "arch/os.h"
#include "arch/san.h"
#include "base/lock.h"
#include "base/tls.h"
#include "mem/stack.h"
#include "park/event.h"
#include "park/wait.h"
#include "pool/inject.h"
#include "pool/rq.h"

struct leati_worker;

/* Bits of a fiber's attn. */
enum {
    LEATI_ATTN_CANCEL = 1,  /* set by leat_fiber_cancel, for good                   */
    LEATI_ATTN_MASKED = 2,  /* by the fiber itself: waits do not see CANCEL         */
    LEATI_ATTN_TIMEOUT = 4, /* by its timer; cleared by the fiber after the wait    */
};

enum leati_fiber_state {
    LEATI_FIBER_FREE, /* in a free list */
    LEATI_FIBER_NEW,  /* never ran: has no stack */
    LEATI_FIBER_READY, /* or running, as its worker's `current` tells */
    LEATI_FIBER_PARKED,
};

/* A fiber. Type-stable: memory of a record stays one until the pool ends, so kick() and
 * dumps may look at one that is no more. A fiber that is started without a handle, runs
 * and ends without having waited needs the first cache line only. */
struct leat_fiber {
    struct leati_party party; /* first */
    void *sp;                 /* where it goes on; NULL: it never ran */
    leat_pool *pool;          /* for the record's life */
    int (*fn)(void *);
    void *arg;
    struct leat_fiber *qnext; /* in a private list, a batch, a free list */
    char *stack;              /* lowest usable address; while it has none: the record
                                 LEATI_AHEAD places further in the list it is in, or any
                                 other: whoever walks the list fetches it early */
    leati_a8 refs;            /* the fiber and its handle */
    leati_a8 attn;            /* LEATI_ATTN_... */
    leati_a8 state;           /* enum leati_fiber_state; for dumps */
    leati_a8 gen;             /* odd: alive; for dumps */
    uint8_t class;            /* of its stack: 5 bits */
    uint8_t traits;           /* LEATI_TRAIT_... */
    uint16_t pin;             /* worker + 1, 0: any */

    leati_aptr waiting;          /* struct leati_wait * while in park(); w: the fiber */
    leati_a64 join;              /* RUNNING, DONE or the joiner's struct leati_wait *;
                                    valid when it was started with a handle */
    struct leati_inject_node in; /* in an injection or remote queue */
    struct leati_worker *heap;   /* whose timer heap it is in, or was last */
    leati_a32 tix;               /* position there + 1; 0: not armed */
    leati_a32 klock;             /* held by a kick: park() does not return meanwhile */
    int result;
    bool sleeping; /* the timer is the wait itself */
    char name[16]; /* with LEATI_TRAIT_NAMED */
    struct leatp_san san;
};

enum {
    LEATI_TRAIT_BARE = 1,  /* its stack has a canary instead of a guard */
    LEATI_TRAIT_NAMED = 2,
};

/* Lists of records were last written by another worker as a rule: a walk that fetches one
 * record after the other waits for each of them. */
enum { LEATI_AHEAD = 4 };

/* What has to be done for the fiber just left, on the next stack. */
enum leati_post {
    LEATI_POST_NONE,
    LEATI_POST_PARK, /* publish its wait */
    LEATI_POST_YIELD,
    LEATI_POST_EXIT,
    LEATI_POST_ASIDE, /* run something on the loop's stack, then go on */
};

/* Plain counters, written by the owner, read by anybody. */
struct leati_counts {
    leati_a64 born, died;
    leati_a64 steals, stolen, parks, wakes, late;
};

struct leati_timer {
    int64_t at;
    struct leat_fiber *f;
};

struct leati_victim {
    uint64_t tick, first; /* at the last look, at the start of the search */
    int64_t at, start;    /* when that was */
    int64_t since;        /* it has not moved since then */
    bool queued;
};

struct leati_worker {
    struct leati_party *current; /* first: leati_self() finds it; NULL in the loop */
    leat_pool *pool;
    struct leat_fiber *prev; /* left by the last switch ... */
    enum leati_post post;    /* ... and what to do for it */
    void (*aside)(void *);
    void *aside_arg;
    uint32_t hand;           /* hand-overs in a row */
    void *loop;              /* context of the worker's own stack */
    struct leat_fiber *pinned_first, *pinned_last; /* ready, of this worker only */
    bool pinned_turn;
    uint16_t id;
    unsigned stuck;  /* attempts on a half-linked injection queue */
    unsigned misses; /* fresh fibers in a row that got no stack */
    struct leat_fiber *starved; /* taken, but without a stack yet */
    struct leat_fiber *free, *spare; /* records, as with stacks */
    unsigned nfree;
    struct leat_fiber *freed[4]; /* the last ones put, LEATI_AHEAD of them */

    struct leati_rq rq;

    leati_a64 tick;           /* switches; w: owner, r: searchers */
    struct leati_counts count;

    LEATI_OWN_LINE leati_a32 trust; /* w: searchers */
    uint32_t good, need;            /* by the searcher */

    LEATI_OWN_LINE leati_a32 wake;  /* futex: see idle.c */
    leati_a32 waker;                /* worker id + 1 that woke it; a hint */

    LEATI_OWN_LINE leati_a32 tlock; /* guards the heap */
    leati_a64 first;                /* earliest instant, INT64_MAX: none */
    struct leati_timer *timers;
    uint32_t ntimers, timer_room;

    struct leati_inject remote; /* pinned fibers readied elsewhere */
    struct leati_stack_cache stacks[LEATI_STACK_CLASSES];
    struct leati_victim *seen; /* one per worker of the pool */
    uint64_t rng;
    pthread_t thread;
    struct leatp_san san;
    void *fault_stack;
};

/* The idle word; see idle.c. */
#define LEATI_IDLE_SLEEPERS ((uint64_t)0xffff)
#define LEATI_IDLE_SEARCH   ((uint64_t)1 << 16)
#define LEATI_IDLE_LOOK     ((uint64_t)1 << 17)
#define LEATI_IDLE_KEEPER   32 /* shift: keeper id + 1, 16 bits */

enum { LEATI_WORKERS_MAX = 1024 };

struct leat_pool {
    LEATI_OWN_LINE leati_a64 idle; /* read at every ready */
    LEATI_OWN_LINE leati_a32 idle_lock;
    leati_a64 asleep[LEATI_WORKERS_MAX / 64]; /* bits; w: under idle_lock */

    LEATI_OWN_LINE struct leati_inject inject;

    LEATI_OWN_LINE leati_a32 lock; /* guards the records below */
    struct leat_fiber *free_chains;
    struct leat_fiber *free_single;
    leati_aptr slabs; /* struct leati_slab *, newest first */
    uint32_t records, timer_room;

    /* Read-only from here on, but for the counters. */
    LEATI_OWN_LINE struct leati_worker **workers;
    unsigned n;
    bool fenced, bound, faults;
    uint8_t class; /* default stack */
    unsigned first_cpu;
    struct leatp_cpuset cpus; /* of all its threads */
    unsigned max_blocking;
    uint32_t forks; /* process generation that made it */
    char name[9];
    struct leat_alloc alloc;
    leati_aptr next;        /* registry */
    unsigned threads;       /* started */

    leati_a32 closing; /* 1: draining, 2: cancelling */
    leati_a32 stop;

    LEATI_OWN_LINE leati_a64 foreign_born;
    leati_a64 foreign_died, foreign_wakes;
    struct leati_event drained;
    struct leati_stacks stacks;
    struct leati_elastic *elastic;
};

/* The calling worker, or NULL. Never kept over a switch. */
LEATI_INLINE struct leati_worker *leati_worker_self(void)
{
    return leati_tls_get();
}

/* The asymmetric pair of atomic.h, honouring the pool's wish to do without membarrier. */
LEATI_INLINE void leati_pool_light(const leat_pool *p)
{
    leati_barrier_compiler();
    if (leati_unlikely(p->fenced))
        leatp_fence_full();
}

LEATI_INLINE void leati_pool_heavy(const leat_pool *p)
{
    if (p->fenced)
        leatp_fence_full();
    else
        leatp_membarrier();
}

/* Owner only; relaxed: readers want a number, not an order. */
LEATI_INLINE void leati_count(leati_a64 *c, uint64_t by)
{
    leati_store_rlx(c, leati_load_rlx(c) + by);
}

/* --- sched.c --- */
/* Leaves the running fiber f for whatever comes next, having `post` done for it there.
 * Returns when it goes on, on the worker that it then runs on. */
struct leati_worker *leati_leave(struct leati_worker *w, struct leat_fiber *f,
                                 enum leati_post post);
/* Has fn(arg) run on the stack of the worker's loop, for what needs a large one. */
void leati_aside(struct leati_worker *w, struct leat_fiber *f, void (*fn)(void *),
                 void *arg);
void leati_loop(struct leati_worker *w); /* until the pool stops */
/* What a fiber does in its life; its stack is left afterwards. */
void leati_live(struct leat_fiber *f);

/* f may run; it is in no queue. From anywhere. */
void leati_ready(struct leat_fiber *f, enum leati_wake_place place);
/* The same for one that was just made; w: the calling worker of its pool, or NULL. */
void leati_ready_new(struct leati_worker *w, struct leat_fiber *f);
/* f may run, on this worker, behind the others; no wake rule. */
void leati_push(struct leati_worker *w, struct leat_fiber *f);

/* --- idle.c --- */
/* Something was queued that another worker could run; wakes one if the rule says so. */
void leati_rule_slow(leat_pool *p, struct leati_worker *w);

enum leati_why {
    LEATI_WHY_READY, /* by a running fiber: its worker may be trusted to run it soon */
    LEATI_WHY_NEW,   /* spawned, or from outside the pool */
    LEATI_WHY_TIMER, /* armed: a keeper that looks sees it in time */
};

LEATI_INLINE void leati_rule(leat_pool *p, struct leati_worker *w, enum leati_why why)
{
    leati_pool_light(p); /* P1 | P2: see idle.c */
    uint64_t s = leati_load_rlx(&p->idle);
    if (leati_likely((s & LEATI_IDLE_SLEEPERS) == 0 || (s & LEATI_IDLE_SEARCH)))
        return;
    if (why != LEATI_WHY_NEW && (s & LEATI_IDLE_LOOK) &&
        (why == LEATI_WHY_TIMER || leati_load_rlx(&w->trust)))
        return;
    leati_rule_slow(p, w);
}

void leati_wake_worker(struct leati_worker *target); /* it has remote work */
void leati_wake_all(leat_pool *p);
/* Searches, sleeps; a fiber to run, or NULL: look again, or the pool stops. */
struct leat_fiber *leati_idle(struct leati_worker *w);

/* --- timers.c --- */
/* Room for n timers in each worker's heap; false: no memory. Pool lock held. */
bool leati_timers_reserve(leat_pool *p, uint32_t n);
void leati_timers_arm(struct leati_worker *w, struct leat_fiber *f, int64_t at,
                      bool sleeping);
/* false: it has fired, or was never armed. */
bool leati_timers_disarm(struct leat_fiber *f);
/* Fires what is due in v's heap; true: something was. */
bool leati_timers_expire(struct leati_worker *v, int64_t now);
void leati_timers_fini(struct leati_worker *w);

/* --- wait.c --- */
extern const struct leati_party_ops leati_fiber_ops;
/* Has its wait aborted, if it is in one, for what its attn says. From anywhere. */
void leati_kick(struct leat_fiber *f);
/* The party's park: sched.c, where the switch is. */
int leati_fiber_park(struct leati_party *party, struct leati_wait *wt);
void leati_wait_arm(struct leati_worker *w, struct leat_fiber *f, int64_t at);
void leati_wait_disarm(struct leat_fiber *f);
void leati_wait_for_kick(struct leat_fiber *f);

/* The error for these bits; 0: nothing to abort. */
LEATI_INLINE int leati_attn_error(uint32_t attn)
{
    if ((attn & (LEATI_ATTN_CANCEL | LEATI_ATTN_MASKED)) == LEATI_ATTN_CANCEL)
        return LEAT_ECANCELED;
    return attn & LEATI_ATTN_TIMEOUT ? LEAT_ETIMEDOUT : 0;
}

/* --- record.c --- */
/* A record, all but party, pool, gen zero; NULL: no memory. w NULL: a foreign thread. */
struct leat_fiber *leati_record_get(leat_pool *p, struct leati_worker *w);
void leati_record_put(struct leat_fiber *f, struct leati_worker *w);
/* Drops a reference; w may be NULL. */
void leati_record_unref(struct leat_fiber *f, struct leati_worker *w);
void leati_record_walk(leat_pool *p, void (*fn)(struct leat_fiber *, void *), void *arg);
void leati_records_fini(leat_pool *p);

/* --- pool.c --- */
bool leati_pool_foreign(const leat_pool *p); /* made before a fork, used in the child */
void *leati_pool_alloc(const leat_pool *p, size_t size, size_t align);
void leati_pool_dealloc(const leat_pool *p, void *m, size_t size);
/* Born and died agree: nobody is alive. */
bool leati_pool_quiet(const leat_pool *p);
/* Stops and joins the threads; nobody may be alive. */
void leati_pool_halt(leat_pool *p);
/* Frees everything; without threads. */
void leati_pool_destroy(leat_pool *p);

/* --- shutdown.c --- */
/* A fiber died while the pool is closing. */
void leati_pool_death(leat_pool *p);
/* Refuses new fibers from outside, cancels if asked, waits until nobody is alive; false
 * at the deadline. */
bool leati_pool_close(leat_pool *p, enum leat_shutdown how, struct leat_deadline until);

/* --- overflow.c --- */
/* Ends the process. */
void leati_overflow(const struct leat_fiber *f) __attribute__((noreturn));
bool leati_overflow_fault(void *addr);

#endif
