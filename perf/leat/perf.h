/* perf.h - what the scenarios of leat's side share.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_PERF_H
#define LEAT_PERF_H

#include <leat/leat.h>

/* What the command line asks for. */
struct job {
    const char *name;
    unsigned workers;
    long n;             /* operations of one repetition                  */
    long work;          /* iterations of burn() in one piece of work     */
    size_t p, c, cap;   /* producers, consumers, capacity, from the name */
    unsigned flags;     /* of the channel or pipe                        */
    enum leat_spin spin;
    leat_pool *pool;    /* NULL in a scenario that runs on threads       */
};

#define NOTES 4

/* Adds up the timed parts of a sample. */
struct watch {
    int64_t wall, cpu; /* ns */
    int64_t began, began_cpu;
    long ops;
    uint64_t check;    /* of one repetition; equal on both sides */
    int64_t *delays;   /* of every repetition                    */
    size_t n_delays;
    struct {
        const char *name;
        double value;
    } notes[NOTES];
};

void watch_start(struct watch *w);
void watch_stop(struct watch *w, long ops);
void watch_delay(struct watch *w, int64_t ns);
void watch_note(struct watch *w, const char *name, double value);

/* Where a scenario runs. */
enum place {
    IN_FIBER,  /* as a fiber of a pool with job->workers workers */
    ON_THREAD, /* on the main thread, beside such a pool         */
    NO_POOL,   /* on the main thread; no pool is made            */
};

struct scenario {
    const char *name; /* or the part before the first digit, see find() */
    void (*run)(struct job *j, struct watch *w);
    enum place place;
};

/* The scenario of that name; fills in what the name says about counts and capacity. */
const struct scenario *find(const char *name, struct job *j);

/* Ends the process with a message. */
_Noreturn void fail(const char *what, int err);

/* Result of a call that must not fail here. */
static inline void must(int err, const char *what)
{
    if (__builtin_expect(err < 0, 0))
        fail(what, err);
}

/* A value that came through a channel must be right. */
static inline void check(bool ok, const char *what)
{
    if (__builtin_expect(!ok, 0))
        fail(what, 0);
}

/* 0 + 1 + ... + (n - 1). */
static inline int64_t triangle(long n)
{
    return (int64_t)n * (n - 1) / 2;
}

/* A channel of 8-byte values; calloc that does not fail. */
leat_chan *channel(size_t capacity);
void *room(size_t n, size_t size);

/* One figure of /proc/self/status, in bytes. */
double status_bytes(const char *name);

uint64_t burn(uint64_t x, long iterations);

void seq(struct job *j, struct watch *w);
void try_recv_empty(struct job *j, struct watch *w);
void select_default_8(struct job *j, struct watch *w);
void pingpong(struct job *j, struct watch *w);
void spsc(struct job *j, struct watch *w);
void spsc_typed(struct job *j, struct watch *w);
void stream(struct job *j, struct watch *w);
void batch64(struct job *j, struct watch *w);
void sieve(struct job *j, struct watch *w);
void ring(struct job *j, struct watch *w);
void fanin_select(struct job *j, struct watch *w);
void spawn_join(struct job *j, struct watch *w);
void spawn_block(struct job *j, struct watch *w);
void close_wake(struct job *j, struct watch *w);
void threads_pingpong(struct job *j, struct watch *w);
void idle(struct job *j, struct watch *w);
void work64(struct job *j, struct watch *w);
void mpmc_work(struct job *j, struct watch *w);
void work64_threads(struct job *j, struct watch *w);
void mpmc_work_threads(struct job *j, struct watch *w);
void calibrate(struct job *j, struct watch *w);
void wake_computing(struct job *j, struct watch *w);
void wake_sleeping(struct job *j, struct watch *w);
void memory(struct job *j, struct watch *w);
void memory_small(struct job *j, struct watch *w);
void channel_bytes(struct job *j, struct watch *w);
void callback_pairs(struct job *j, struct watch *w);
void callback_pending(struct job *j, struct watch *w);
void pipe_items(struct job *j, struct watch *w);
void pipe_sleepers(struct job *j, struct watch *w);
void pipe_processes(struct job *j, struct watch *w);

#endif
