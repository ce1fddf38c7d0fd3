/* lone.h - actors started one by one, where a crew starts all at once: for tests in
 * which the order of arrival matters. Fibers run in the default pool.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_LONE_H
#define LEAT_TESTS_LONE_H

#include <pthread.h>
#include "support/support.h"

struct lone {
    int (*fn)(void *arg);
    void *arg;
    bool is_fiber;
    pthread_t thread;
    leat_fiber *fiber;
    int result;
};

/* Starts the i-th actor of a test: a thread, a fiber, or of a mix every second one a
 * fiber. Fails the test when it cannot. */
void lone_start(struct lone *a, enum crew_kind kind, unsigned i, int (*fn)(void *),
                void *arg);

/* Waits for its end, 100 s at most, and returns what fn returned. */
int lone_join(struct lone *a);

#endif
