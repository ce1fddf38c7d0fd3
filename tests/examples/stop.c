/* stop.c - stop N: a worker that looks at its stop channel first. There is always work,
 * but once it was told to stop it takes none. SPDX-License-Identifier: MIT */
#include "example.h"

struct worker {
    leat_chan *jobs, *done, *stop;
};

static int work(void *arg)
{
    struct worker *w = arg;
    for (;;) {
        int64_t job;
        size_t which;
        struct leat_case cases[] = {LEAT_RECV(w->stop, NULL), LEAT_RECV(w->jobs, &job)};
        must(leat_select(cases, 2, LEAT_NEVER, LEAT_PRIORITY, &which));
        if (which == 0)
            return 0; /* closed: told to stop */
        must(leat_chan_send(w->done, &job));
    }
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 10);
    struct worker w;
    leat_fiber *f;
    int64_t job;
    must(leat_chan_new(&w.jobs, sizeof(job), (size_t)n));
    must(leat_chan_new(&w.done, sizeof(job), 0));
    must(leat_chan_new(&w.stop, 0, 0));
    must(leat_go(&f, work, &w));
    for (job = 0; job < n; job++)
        must(leat_chan_send(w.jobs, &job));
    for (long i = 0; i < n; i++) {
        must(leat_chan_recv(w.done, &job));
        printf("done %" PRId64 "\n", job);
    }
    leat_chan_close(w.stop);
    for (job = n; job < 2 * n; job++)
        must(leat_chan_send(w.jobs, &job));
    must(leat_fiber_join(f, NULL));
    int r = leat_chan_try_recv(w.done, &job);
    printf("left %zu, done after the stop: %s\n", leat_chan_len(w.jobs),
           r == LEAT_EAGAIN ? "none" : "some");
    leat_chan_free(w.jobs);
    leat_chan_free(w.done);
    leat_chan_free(w.stop);
    return 0;
}
