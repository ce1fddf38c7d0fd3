/* What a scenario of the interleaver sees. SPDX-License-Identifier: MIT
 *
 * A scenario is a few actors, each a simulated thread, that call the engine; the
 * explorer runs it again and again, each time under another interleaving. Every
 * execution starts from the same memory: static data of a scenario has its first
 * values again, allocations of the last execution are gone. Real time, real threads
 * and output are not for scenarios. Pools, fibers and pthread_create may be used. */
#ifndef LEAT_WEAVE_H
#define LEAT_WEAVE_H

struct weave_scenario {
    const char *name;          /* protocol.property */
    unsigned actors;           /* simulated threads, started together */
    void (*setup)(void);       /* before them, alone; may be NULL */
    void (*actor)(unsigned i); /* body of actor i */
    void (*check)(void);       /* after all have returned, alone; may be NULL */
    unsigned bound;            /* deviations searched of more than two threads; 0: two */
    unsigned broken;           /* self tests: it must fail with that many, not with fewer */
};

/* Registers a scenario:
 *     WEAVE_SCENARIO(two, .name = "chan.two", .actors = 2, .actor = two_actor) */
#define WEAVE_SCENARIO(id, ...)                                                        \
    static const struct weave_scenario weave_scenario_##id = {__VA_ARGS__};            \
    __attribute__((constructor)) static void weave_register_##id(void)                 \
    {                                                                                  \
        weave_register(&weave_scenario_##id);                                          \
    }                                                                                  \
    _Static_assert(1, "takes the semicolon")

/* Fails the execution, which ends there: with file, line, text and how to replay. */
#define weave_check(cond)                                                              \
    ((cond) ? (void)0 : weave_fail("%s:%d: %s", __FILE__, __LINE__, #cond))
_Noreturn void weave_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

unsigned weave_choose(unsigned n); /* 0 .. n-1, a choice that the explorer makes */
unsigned weave_self(void);         /* the number of the actor that calls */

/* The global count of steps: of two calls the one with the smaller answer was first.
 * Each call takes a step, no two answers are the same. */
unsigned long weave_step(void);

/* Calls what the engine wants called at the end of the process. */
void weave_exit(void);

void weave_register(const struct weave_scenario *scenario);

#endif
