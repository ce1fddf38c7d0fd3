/* fuzz_ops.c - fuzz target: any bytes are a program of operations, which runs on the
 * engine and on the oracle, step by step, with fibers of one worker. They agree, or the
 * process aborts. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "oracle/steps.h"

enum { BYTES_MAX = 4096 };

struct input {
    const uint8_t *bytes;
    size_t n;
    leat_pool *pool;
};

static int run(void *arg)
{
    struct input *in = arg;
    struct steps_count count = {0};
    steps_run(in->bytes, in->n, STEPS_FIBERS, in->pool, &count);
    return 0;
}

/* One pool serves all inputs of a process; a forked child makes its own. */
static leat_pool *pool(void)
{
    static leat_pool *made;
    static pid_t owner;
    const struct leat_pool_opts o = {.size = sizeof(o),
                                     .workers = 1,
                                     .flags = LEAT_POOL_UNBOUND,
                                     .stack_size = 256 << 10};
    if (owner != getpid()) {
        owner = getpid();
        if (leat_pool_new(&made, &o) != 0)
            abort();
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct input in = {bytes, n < BYTES_MAX ? n : BYTES_MAX, pool()};
    if (leat_pool_run(in.pool, run, &in) != 0)
        abort();
    return 0;
}
