/* runner.h - runs a model's shapes, which must pass, and its mutations, which must not.
 *
 *   PROGRAM                  all of them
 *   PROGRAM shape N [COUNT]  one shape; its history when it fails
 *   PROGRAM mutation N       one mutation, with the history of what it leads to
 *
 * The choices of execution i are drawn from i: a run repeats itself. LEAT_DEEP in the
 * environment: DEEP instead of QUICK times a shape's number of executions.
 * SPDX-License-Identifier: MIT */
#ifndef RUNNER_H
#define RUNNER_H

enum {
    QUICK = 5,
    DEEP = 100,
    MUTANT = 20 /* times a shape's executions until a mutation is missed */
};

/* Does it pass? *count: executions until then. */
static bool passes(const shape &s, u64 executions, std::ostream *out, u64 *count)
{
    rl::test_params p;
    std::ofstream nothing("/dev/null");
    p.iteration_count = executions;
    p.output_stream = out ? out : &nothing;
    p.progress_stream = &nothing;
    p.execution_depth_limit = 4000;
    bool ok = s.run(p);
    *count = p.stop_iteration;
    return ok;
}

/* The same, with the history of an execution that fails. */
static bool explained(const shape &s, u64 executions, u64 *count)
{
    bool ok = passes(s, executions, NULL, count);
    if (!ok)
        (void)passes(s, executions, &std::cout, count);
    return ok;
}

static int run_one(const shape *shapes, const mutant *mutants, unsigned n, char **argv)
{
    bool is_shape = std::strcmp(argv[1], "shape") == 0;
    unsigned i = (unsigned)std::atoi(argv[2]);
    u64 count = argv[3] ? (u64)std::atoll(argv[3]) : 0;
    if (i == 0 || i > n)
        return 2;
    const shape &s = shapes[is_shape ? i - 1 : mutants[i - 1].shape - 1];
    mutation = is_shape ? 0 : (int)i;
    bool ok = explained(s, count ? count : (u64)s.executions * (is_shape ? 1 : MUTANT),
                        &count);
    std::printf("%s after %llu\n", ok ? "ok" : "error", (unsigned long long)count);
    return !ok;
}

static int runner(const char *name, const shape *shapes, unsigned nshapes,
                  const mutant *mutants, unsigned nmutants, int argc, char **argv)
{
    u64 count, times = std::getenv("LEAT_DEEP") ? DEEP : QUICK;
    unsigned found = 0;
    bool good = true;
    if (argc >= 3)
        return run_one(shapes, mutants, argv[1][0] == 's' ? nshapes : nmutants, argv);
    for (unsigned i = 0; i < nshapes; i++) {
        mutation = 0;
        bool ok = explained(shapes[i], shapes[i].executions * times, &count);
        std::printf("%s: %-50s %-6s %9llu executions\n", name, shapes[i].text,
                    ok ? "ok" : "ERROR", (unsigned long long)count);
        good = good && ok;
    }
    for (unsigned i = 0; i < nmutants; i++) {
        const shape &s = shapes[mutants[i].shape - 1];
        mutation = (int)i + 1;
        bool ok = passes(s, (u64)s.executions * MUTANT, NULL, &count);
        std::printf("%s: %-60s %-9s after %llu\n", name, mutants[i].text,
                    ok ? "NOT FOUND" : "found", (unsigned long long)count);
        std::fflush(stdout);
        found += !ok;
    }
    std::printf("%s score: %u/%u\n", name, found, nmutants);
    return !good || found != nmutants;
}

#endif
