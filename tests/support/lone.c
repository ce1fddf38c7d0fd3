/* lone.c - see lone.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/lone.h"

enum { PATIENCE_S = 100 };

static void *run(void *arg)
{
    struct lone *a = (struct lone *)arg;
    a->result = a->fn(a->arg);
    return NULL;
}

void lone_start(struct lone *a, enum crew_kind kind, unsigned i, int (*fn)(void *),
                void *arg)
{
    a->fn = fn;
    a->arg = arg;
    a->is_fiber = kind == CREW_FIBERS || (kind == CREW_MIXED && i % 2 == 1);
    if (a->is_fiber)
        assert_int_equal(leat_go(&a->fiber, fn, arg), 0);
    else
        assert_int_equal(pthread_create(&a->thread, NULL, run, a), 0);
}

int lone_join(struct lone *a)
{
    int r;
    if (a->is_fiber) {
        r = leat_fiber_join_until(a->fiber, &a->result, leat_in_s(PATIENCE_S));
    } else {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec += PATIENCE_S;
        r = pthread_timedjoin_np(a->thread, NULL, &t); /* known to TSan, clockjoin is not */
    }
    if (r != 0) {
        print_error("an actor did not end; LEAT_SEED=%llu\n",
                    (unsigned long long)support_seed());
        leat_dump(STDERR_FILENO);
        abort();
    }
    return a->result;
}
