/* order.c - order KIND N WORKERS SEED: squares by workers that take different times.
 *
 *   ordered     results come in the order of the items
 *   unordered   as they are ready: here put in order again to be shown
 *   flatten     ordered, and item i gives i % 3 results
 *
 * Prints the results. SPDX-License-Identifier: MIT */
#include "example.h"

struct job {
    int64_t n;
    int64_t us; /* how long it takes */
};

static int square(leat_stage *s, const void *in, size_t len)
{
    struct job j;
    memcpy(&j, in, len);
    must(leat_sleep_ns(j.us * 1000));
    int64_t v = j.n * j.n;
    return leat_emit(s, &v);
}

static int several(leat_stage *s, const void *in, size_t len)
{
    struct job j;
    memcpy(&j, in, len);
    must(leat_sleep_ns(j.us * 1000));
    for (int64_t i = 0; i < j.n % 3; i++) {
        int64_t v = 10 * j.n + i;
        must(leat_emit(s, &v));
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "ordered";
    size_t n = (size_t)argument(argc, argv, 2, 20), got;
    uint64_t seed = (uint64_t)argument(argc, argv, 4, 1);
    struct job *jobs = calloc(n, sizeof(*jobs));
    int64_t *result = calloc(2 * n, sizeof(*result));
    leat_chan *in, *out;
    bool unordered = strcmp(kind, "unordered") == 0;
    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job){(int64_t)i, chance(&seed, 2000)};
    const struct leat_pipe_opts opts = {
        .size = sizeof(opts),
        .run = strcmp(kind, "flatten") == 0 ? several : square,
        .workers = (unsigned)argument(argc, argv, 3, 4),
        .flags = unordered ? LEAT_PIPE_UNORDERED : 0,
    };
    must(leat_source_array(&in, jobs, n, sizeof(*jobs)));
    must(leat_chan_new(&out, sizeof(int64_t), 4));
    must(leat_pipe_start(NULL, in, out,
                         &opts)); /* nobody joins: the end of `out` says it */
    (void)!leat_chan_collect(out, result, 2 * n, &got, LEAT_NEVER);
    if (unordered)
        qsort(result, got, sizeof(*result), by_value);
    for (size_t i = 0; i < got; i++)
        printf("%" PRId64 "\n", result[i]);
    leat_chan_free(in);
    leat_chan_free(out);
    free(jobs);
    free(result);
    return 0;
}
