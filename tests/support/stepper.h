/* stepper.h - runs one thread instruction by instruction while others act.
 *
 * A child process has two threads: the victim, its main thread, which makes one call
 * again and again under ptrace, and the other, which does what the test orders. The test
 * single-steps the victim into its call, leaves it stopped and orders something: so
 * every interleaving of one call with the complete actions of others is tried, always in
 * the same way. A victim that sleeps in the kernel is seen to sleep.
 * Only where single steps get through an atomic operation (x86-64), and not under
 * sanitizers, whose runtime has locks of its own that a stopped thread may hold.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_STEPPER_H
#define LEAT_TESTS_STEPPER_H

#include <sys/types.h>
#include "support/support.h"

/* Shared by the processes. The test's own data follows it in the same mapping. */
struct stepper_board {
    volatile int over;         /* the victim's call has returned */
    volatile int failed_line;  /* of a check in the child; 0: all well */
    volatile long long got;
};

enum { STEPPER_MAX = 20000 };

struct stepper {
    pid_t pid;
    int to[2], from[2];
    struct stepper_board *board;
    bool pending; /* a step has begun that ends when the victim wakes */
    unsigned n;   /* instructions in the recorded call, and their addresses */
    uint64_t at[STEPPER_MAX];
};

enum stepper_state { STEPPER_INSIDE, STEPPER_ASLEEP, STEPPER_OVER };

/* Starts the child; the victim is stopped before its first call. bytes: the board with
 * the test's data. False: not possible here, the test is to be skipped. */
bool stepper_start(struct stepper *s, size_t bytes, void (*victim)(void),
                   void (*other)(int order));
void stepper_end(struct stepper *s);

/* One instruction of the victim, which is inside its call. */
enum stepper_state stepper_step(struct stepper *s);

/* Lets the victim run until it sleeps or its call is over. */
void stepper_run(struct stepper *s);

/* Runs the victim by single steps until it sleeps or its call is over, and notes the way
 * it takes. Returns the number of instructions. */
unsigned stepper_record(struct stepper *s);

/* Stops the victim where it was recorded to be after k instructions: a breakpoint of the
 * CPU, passed as often as the recorded way passes it. When the victim takes another way,
 * where that ends. wakes: it wakes by itself, a sleep is not the end of the way. */
enum stepper_state stepper_stop_at(struct stepper *s, unsigned k, bool wakes);

/* Lets the victim run to the end of its call; one that does not return within 10 s
 * fails the test. */
void stepper_finish(struct stepper *s);

/* From the end of its call to the beginning of the next. */
void stepper_next(struct stepper *s);

/* Orders something of the other thread. ask = tell and hear. hear: waits for the answer;
 * without one within `ms` it returns false. */
void stepper_tell(struct stepper *s, int order);
bool stepper_hear(struct stepper *s, int ms);
void stepper_ask(struct stepper *s, int order);

/* In the child: records the first failure; assert_well tells it in the test. */
void stepper_check(struct stepper_board *b, bool ok, int line, long long got);
void stepper_assert_well(struct stepper *s, const char *what, unsigned step);

#endif
