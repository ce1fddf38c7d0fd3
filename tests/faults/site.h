/* site.h - what a scenario of test_each_site.c may use.
 *
 * A scenario makes calls of which any may meet a fault. TRY(call, errors) makes one: it
 * must succeed, or fail with one of the errors when a fault really was planted and may be
 * told; planted once, the same call must then succeed. THAT(cond, got) checks anything.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_SITE_H
#define LEAT_TESTS_SITE_H

#include "arch/san.h"
#include "inject.h"
#include "support/kinds.h"

/* Under the thread sanitizer a fiber has more memory, which the engine allocates for the
 * sanitizer and keeps: not counted, not refused, and not so much of it that the timers of
 * a pool must move to a larger map. */
#if defined(LEATP_TSAN)
#define FIBERS_COST true
#else
#define FIBERS_COST false
#endif

/* Shared by the test and the child that runs the scenario. */
struct site_board {
    int failed_line; /* of the first failure; 0: all well */
    const char *failed_file, *failed_text;
    long long got;
    struct inject_plan plan;
    bool old_kernel;
    bool quiet; /* the fault must not be seen by callers */
    unsigned calls[INJECT_KINDS], fired, refused;
    struct inject_live live;
};
extern struct site_board *site_board;

/* From any thread or fiber. */
void site_check(bool ok, const char *file, int line, const char *text, long long got);
#define THAT(cond, got) site_check((cond), __FILE__, __LINE__, #cond, (long long)(got))

/* Is `r` an error that may be here? Records what is wrong. */
bool site_refused(int r, int error, int other, const char *file, int line,
                  const char *text);

/* 0, or the error of a call that failed for good. `other` may equal `error`. */
#define TRY2(call, error, other)                                                         \
    (site_refused((call), (error), (other), __FILE__, __LINE__, #call)                   \
         ? (site_once() ? (THAT((call) == 0, 0), 0) : (error))                           \
         : 0)
#define TRY(call, error) TRY2(call, error, error)

/* Is only one call to fail? */
static inline bool site_once(void)
{
    return site_board->plan.n <= 1 && site_board->plan.every == 0;
}

void scenario_channels(void);
void scenario_select(void);
void scenario_mailbox(void);
void scenario_parking(void);
void scenario_pool(void);
void scenario_blocking(void);

#endif
