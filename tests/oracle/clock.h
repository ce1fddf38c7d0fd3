/* clock.h - hours pass at once. A program that links clock.c has its own clock_gettime:
 * CLOCK_MONOTONIC runs as ever, plus all the time that was made to pass. The kernel
 * does not know: who sleeps in it until an instant is not woken by this. A worker that
 * has fibers to run sees it. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_CLOCK_H
#define LEAT_TESTS_ORACLE_CLOCK_H

#include <stdint.h>

void clock_pass(int64_t ns);

#endif
