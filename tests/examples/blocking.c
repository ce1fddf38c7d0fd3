/* blocking.c - blocking KIND N WORKERS MS ORDER: N items, each of which waits for MS
 * milliseconds, are worked on by WORKERS workers: N * MS / WORKERS in all.
 *
 *   fibers    wait with leat_sleep_ns: no thread is held
 *   threads   wait in the kernel, as a call to a database would
 *
 * ORDER: ordered, or unordered; prints the results, sorted when unordered.
 * SPDX-License-Identifier: MIT */
#include <time.h>
#include "example.h"

static int wait_in_fiber(leat_stage *s, const void *in, size_t len)
{
    const long *ms = leat_stage_arg(s);
    int64_t v;
    memcpy(&v, in, len);
    must(leat_sleep_ns(*ms * 1000000));
    return leat_emit(s, &v);
}

static int wait_in_thread(leat_stage *s, const void *in, size_t len)
{
    const long *ms = leat_stage_arg(s);
    const struct timespec pause = {*ms / 1000, *ms % 1000 * 1000000};
    int64_t v;
    memcpy(&v, in, len);
    nanosleep(&pause, NULL);
    return leat_emit(s, &v);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    bool threads = argc > 1 && strcmp(argv[1], "threads") == 0;
    long n = argument(argc, argv, 2, 20), ms = argument(argc, argv, 4, 100);
    bool unordered = argc > 5 && strcmp(argv[5], "unordered") == 0;
    const struct leat_pipe_opts opts = {
        .size = sizeof(opts),
        .run = threads ? wait_in_thread : wait_in_fiber,
        .arg = &ms,
        .workers = (unsigned)argument(argc, argv, 3, 10),
        .mode = threads ? LEAT_PIPE_THREADS : LEAT_PIPE_FIBERS,
        .flags = unordered ? LEAT_PIPE_UNORDERED : 0,
    };
    int64_t *result = calloc((size_t)n, sizeof(*result));
    leat_chan *in, *out;
    leat_pipe *p;
    size_t got;
    must(leat_source_range(&in, 0, n, 1));
    must(leat_chan_new(&out, sizeof(int64_t), 0));
    must(leat_pipe_start(&p, in, out, &opts));
    must(leat_chan_collect(out, result, (size_t)n, &got, LEAT_NEVER));
    must(leat_pipe_join(p, NULL));
    if (unordered)
        qsort(result, got, sizeof(*result), by_value);
    for (size_t i = 0; i < got; i++)
        printf("%" PRId64 "\n", result[i]);
    leat_chan_free(in);
    leat_chan_free(out);
    free(result);
    return 0;
}
