/* idle.c - what an idle pool and threads blocked in receive burn.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <pthread.h>
#include <time.h>

enum { THREADS = 100 };

static void *wait_for_close(void *arg)
{
    int64_t v;
    check(leat_chan_recv(arg, &v) == LEAT_ECLOSED, "idle: a value from nowhere");
    return NULL;
}

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* j->n milliseconds. */
void idle(struct job *j, struct watch *w)
{
    pthread_t thread[THREADS];
    leat_chan *c = channel(0);
    must(leat_pool_run(j->pool, nothing, NULL), "leat_pool_run");
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, wait_for_close, c) != 0)
            fail("pthread_create", 0);
    sleep_ms(300);
    watch_start(w);
    sleep_ms(j->n);
    watch_stop(w, 1);
    watch_note(w, "cpu_ms", (double)w->cpu / 1e6);
    leat_chan_close(c);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    leat_chan_free(c);
}
