/* actors.h - the threads and fibers of a test, started the same way, and what tests of
 * all families need: bounded waiting, seeds, scale.
 *
 * Assertions belong to the test thread: an actor returns or records what it saw.
 * SPDX-License-Identifier: MIT */
#ifndef SUPPORT_ACTORS_H
#define SUPPORT_ACTORS_H

#include <pthread.h>
#include <leat/leat.h>

enum mix { THREADS, FIBERS, MIXED, MIXES };

extern const char *const mix_names[MIXES];

struct actor {
    int (*fn)(void *arg);
    void *arg;
    bool is_fiber;
    pthread_t thread;
    leat_fiber *fiber;
    int result;
};

/* Starts the i-th actor of a test: a thread, a fiber of the default pool, or of a mix
 * every second one. Ends the program when it cannot. */
void actor_start(struct actor *a, enum mix mix, unsigned i, int (*fn)(void *), void *arg);

/* Waits for its end and returns what fn returned. */
int actor_join(struct actor *a);

/* Yields the thread until fn(arg) holds; false when it did not within 10 s. */
bool eventually(bool (*fn)(void *arg), void *arg);

/* n, scaled by LEAT_SCALE percent (sanitizer builds), at least 1. */
unsigned scaled(unsigned n);

/* LEAT_ACTORS when it is more than n: runs with more threads than CPUs. */
unsigned crowd(unsigned n);

/* LEAT_SEED or one of the clock; printed once. */
uint64_t seed(void);

#endif
