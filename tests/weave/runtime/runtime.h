/* runtime.h - simulated threads in one OS thread: what hooks, host and explorers share.
 *
 * Idea        The subject is compiled with the thread sanitizer's instrumentation and
 *             linked with hooks.c instead of the sanitizer. A thread is a coroutine. Before
 *             every atomic operation and every call that the host simulates it comes to
 *             weave_point(), where the policy says what happens next: a thread runs on,
 *             the oldest store of a buffer becomes visible, or time passes.
 * Memory      x86-TSO: stores that are not sequentially consistent wait in their thread's
 *             buffer, in order; the thread itself sees them. RMWs, sc stores, fences and
 *             system calls empty the own buffer, a membarrier empties all. Plain accesses
 *             go to memory at once: race-free code cannot tell.
 * State       Everything that survives an execution is in *weave, outside of the
 *             program's data, which is put back before each (snapshot.c).
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_RUNTIME_H
#define LEAT_WEAVE_RUNTIME_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEAVE_THREADS = 16,
    WEAVE_BUFFER = 24,          /* stores a buffer holds */
    WEAVE_STACK = 256 << 10,
    WEAVE_GRAIN = 16,           /* bytes of memory that die together */
    WEAVE_STEPS = 60000,        /* an execution with more never ends */
    WEAVE_TICK_NS = 2000,       /* time that a look at the clock takes */
    WEAVE_PAUSE_NS = 500,
    WEAVE_TRACE = 1 << 16,
};

enum weave_state {
    WEAVE_UNUSED,
    WEAVE_READY,   /* runs or could */
    WEAVE_FUTEX,   /* asleep on `futex`, until `until` */
    WEAVE_SLEEP,   /* asleep until `until` */
    WEAVE_JOIN,    /* waits for thread `target` */
    WEAVE_REST,    /* waits for the actors */
    WEAVE_GRACE,   /* waits for read-side sections */
    WEAVE_DONE,
};

struct weave_store {
    uintptr_t at;
    unsigned size;
    uint64_t value, history; /* its maker's */
};

struct weave_thread {
    void *sp;
    char *stack;
    uintptr_t low;      /* where the subject's frames ended when it came here last */
    enum weave_state state;
    uint64_t spun;      /* commits at its last pause + 1: it spins until there is another */
    uint64_t last_run;
    struct weave_store buffer[WEAVE_BUFFER];
    unsigned first, stores;
    uint64_t marks;     /* a bit for the word of each buffered store; others may share it */
    const uint32_t *futex;
    int64_t until;
    uint64_t queued;    /* order of sleepers */
    bool timed_out;
    unsigned target;
    unsigned sections;  /* read-side nesting */
    uint64_t section;   /* when the outermost began */
    uint64_t grace;     /* it waits for sections older than that */
    void *(*fn)(void *);
    void *arg, *result;
    int actor;          /* its number, or -1 */
    /* the engine's thread-locals */
    void *self;
    uint64_t past[4], calls[4], random;
    /* state.c */
    uint64_t history;      /* what it has learned */
    const void *library;   /* the object of a call in which the hooks see nothing */
};

enum weave_act { WEAVE_RUN, WEAVE_DRAIN, WEAVE_TIME };

struct weave_action {
    enum weave_act act;
    unsigned thread;
};

/* Who decides. Called with the current thread's state up to date; leave: it cannot go on,
 * or spins. Only what is possible may be returned. */
struct weave_policy {
    struct weave_action (*pick)(bool leave);
    bool (*hold)(void);            /* may this store wait in the buffer? */
    unsigned (*choose)(unsigned n);
    bool (*spurious)(void);        /* does this futex wait return for nothing? */
};

enum weave_op {
    OP_LOAD, OP_STORE, OP_RMW, OP_DRAIN, OP_FENCE, OP_BARRIER, OP_WAIT, OP_WAKE,
    OP_PAUSE, OP_START, OP_END, OP_TIME, OP_CALL
};

struct weave_event {
    uint8_t op, thread, size;
    uintptr_t at, pc;
    uint64_t value;
};

struct weave_runtime {
    struct weave_thread thread[WEAVE_THREADS];
    unsigned threads, current;
    void *host; /* stack pointer of whoever runs executions */
    const struct weave_policy *policy;
    uint64_t steps, commits, stamp, answers; /* of weave_step */
    int64_t now;
    uint64_t hash;     /* of the schedule */
    bool active;       /* the actors run: the explorer may deviate */
    bool states;       /* weave_state() is kept up to date */
    bool failed, over;
    char message[512];
    bool tracing;
    unsigned events;
    struct weave_event *trace;
    char *stacks; /* of all threads, one after the other */
    /* host.c */
    char *arena;
    size_t arena_bytes, used[WEAVE_THREADS]; /* an equal part for each thread */
    uint8_t *dead; /* a bit for each grain of the arena */
    bool clean;    /* arena and stacks are zeroed before each execution */
};

extern struct weave_runtime *weave;

#define weave_me (&weave->thread[weave->current])

static inline bool weave_runnable(unsigned t)
{
    return weave->thread[t].state == WEAVE_READY;
}

/* Runnable, but nothing was stored since it paused. */
static inline bool weave_spinning(unsigned t)
{
    return weave->thread[t].spun == weave->commits + 1;
}

/* --- sched.c --- */
void weave_point(void);
/* The current thread left READY, or spins: others run; returns when it is chosen. */
void weave_leave(void);
void weave_pause_point(void);
bool weave_timer(int64_t *ret);  /* the earliest sleeper's instant */
unsigned weave_thread_new(void *(*fn)(void *), void *arg, int actor);
void weave_wake_joiners(unsigned t);
void weave_give_up(void) __attribute__((noreturn)); /* the execution, without failure */
/* One execution of body(arg) and of what it starts. True: no failure. */
bool weave_execute(const struct weave_policy *policy, void *(*body)(void *), void *arg);
void weave_note(enum weave_op op, const volatile void *at, unsigned size, uint64_t value,
                const void *pc);
void weave_failv(const char *format, va_list ap) __attribute__((noreturn));
_Noreturn void weave_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- buffer.c --- */
void weave_commit(struct weave_thread *t); /* the oldest */
void weave_drain(struct weave_thread *t);
void weave_drain_all(void);
void weave_put(struct weave_thread *t, uintptr_t at, unsigned size, uint64_t value);
/* 1: *ret is what t itself sees there; 0: nothing of it is buffered. */
bool weave_forward(struct weave_thread *t, uintptr_t at, unsigned size, uint64_t *ret);
/* Plain access by the current thread: what is buffered there goes to memory first. */
void weave_plain(uintptr_t at, size_t size);

/* May some of it be in t's buffer? */
static inline bool weave_buffered(const struct weave_thread *t, uintptr_t at, size_t size)
{
    const uintptr_t WORD = 8;
    return t->stores && (size > WORD || (t->marks >> at / WORD % 64 & 1) ||
                         (t->marks >> (at + size - 1) / WORD % 64 & 1));
}

/* --- state.c; the calls are for while weave->states --- */
void weave_state_prepare(void);
void weave_state_begin(void);        /* all that is now is the same in all executions */
void weave_state_step(void);         /* the current thread comes to a point */
void weave_state_learn(uint64_t what);
void weave_state_read(uintptr_t at, size_t size);
void weave_state_write(uintptr_t at, size_t size);
void weave_state_written(uintptr_t at, size_t size, unsigned t, uint64_t history);
uint64_t weave_state(void);

/* --- snapshot.c --- */
void weave_snapshot_take(void);
void weave_snapshot_restore(void);
uint64_t weave_digest(uint64_t h, const void *p, size_t n);
uint64_t weave_snapshot_digest(void); /* of the program's data as it is now */

/* --- port.c --- */
void weave_exit(void);

/* --- host.c --- */
void weave_host_reset(void);
uint64_t weave_host_digest(void); /* of all that is allocated; stacks of fibers: nothing */
/* Thread t touches memory: fails when it was freed, or lies in a frame that another
 * thread has left. */
void weave_touch_stack(const struct weave_thread *t, uintptr_t at, const void *pc);
void weave_touch_dead(uintptr_t at, const void *pc) __attribute__((noreturn));

static inline void weave_touch_by(const struct weave_thread *t, uintptr_t at,
                                  const void *pc)
{
    uintptr_t off = at - (uintptr_t)weave->stacks;
    if (off < (uintptr_t)WEAVE_THREADS * WEAVE_STACK) {
        if (off / WEAVE_STACK != weave->current)
            weave_touch_stack(t, at, pc);
        return;
    }
    off = at - (uintptr_t)weave->arena;
    size_t i = off / WEAVE_GRAIN;
    if (off < weave->arena_bytes && (weave->dead[i / 8] >> i % 8 & 1))
        weave_touch_dead(at, pc);
}

static inline void weave_touch(uintptr_t at, const void *pc)
{
    weave_touch_by(weave_me, at, pc);
}

#endif
