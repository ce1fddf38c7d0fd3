/* cpu.c - cpu KIND N WORKERS: how many primes lie below each of the numbers 10, 20, ...
 * - work for the CPU, by threads or by processes. The line that makes processes
 * possible is LEAT_USE_PROCESSES. SPDX-License-Identifier: MIT */
#include <leat/process.h>
#include "example.h"

LEAT_USE_PROCESSES;

struct answer {
    int64_t below, primes;
};

static int count_primes(leat_stage *s, const void *in, size_t len)
{
    struct answer a = {0, 0};
    memcpy(&a.below, in, len);
    for (int64_t n = 2; n < a.below; n++) {
        int64_t d = 2;
        while (d * d <= n && n % d != 0)
            d++;
        a.primes += d * d > n;
    }
    return leat_emit(s, &a);
}

int main(int argc, char **argv)
{
    bool processes = argc > 1 && strcmp(argv[1], "processes") == 0;
    const struct leat_pipe_opts opts = {
        .size = sizeof(opts),
        .run = count_primes,
        .workers = (unsigned)argument(argc, argv, 3, 2),
        .mode = processes ? LEAT_PIPE_PROCESSES : LEAT_PIPE_THREADS,
    };
    leat_chan *in, *out;
    leat_pipe *p;
    must(leat_source_range(&in, 10, 10 * argument(argc, argv, 2, 20) + 1, 10));
    must(leat_chan_new(&out, sizeof(struct answer), 8));
    must(leat_pipe_start(&p, in, out, &opts));
    leat_for_each(out, struct answer, a)
        printf("%" PRId64 " primes below %" PRId64 "\n", a.primes, a.below);
    must(leat_pipe_join(p, NULL));
    leat_chan_free(in);
    leat_chan_free(out);
    return 0;
}
