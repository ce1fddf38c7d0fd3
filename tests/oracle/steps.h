/* steps.h - a program runs on the engine and on the oracle, one operation at a time.
 *
 * Each operation is made by an actor of its own. The next one comes when all is at
 * rest: every actor has returned or is parked. So the oracle knows what each call
 * gives, who returns, in which order values come and how much is where; only the choice
 * of a select among ready cases, and of a set among its channels, is the engine's: the
 * oracle checks that it was one of the possible ones and follows. The first
 * disagreement is printed with the operations before it, and the process is aborted.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_STEPS_H
#define LEAT_TESTS_ORACLE_STEPS_H

#include "oracle/program.h"

enum steps_how {
    STEPS_FIBERS, /* in one worker; time can pass, fibers can be cancelled, sets wait */
    STEPS_THREADS,
    STEPS_MIXED,
};

struct steps_count {
    uint64_t ops, parked, done[PROGRAM_KINDS]; /* done: an operation was possible */
};

/* Runs it. pool: for the fibers; with STEPS_FIBERS it has one worker and the caller is
 * one of its fibers. Adds to *count. */
void steps_run(const uint8_t *bytes, size_t n, enum steps_how how, leat_pool *pool,
               struct steps_count *count);

#endif
