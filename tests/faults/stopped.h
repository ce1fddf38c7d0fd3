/* stopped.h - the child's side of test_stopped.c: the calls in which a thread is stopped,
 * and what another thread tries meanwhile. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_STOPPED_H
#define LEAT_TESTS_STOPPED_H

#include "support/kinds.h"
#include "support/stepper.h"

/* The victim's call. */
enum call {
    CALL_SEND,   /* there is room, or a receiver is parked        */
    CALL_RECV,   /* there is a value, or a sender is parked       */
    CALL_SELECT, /* the same with a second channel, where nothing is */
    CALL_CLOSE,
    CALL_WAIT,   /* a receive that has to park                    */
    CALL_SELECT_WAIT,
    CALLS,
};
extern const char *const call_name[CALLS];

enum probe { PROBE_SEND, PROBE_RECV, PROBE_TIMED, PROBE_LOOK, PROBE_CLOSE, PROBE_OTHER,
             PROBES };
extern const char *const probe_name[PROBES];

struct stopped_plan {
    struct kind kind;
    enum call call;
    bool parked; /* somebody is, whom the call serves */
    enum probe probe;
};

struct stopped_board {
    struct stepper_board board;
    struct stopped_plan plan;
};

/* Orders: makes the channels; tries; cancels them, so that a parked victim returns;
 * counts what was sent, received and dropped, when the victim's call is over. */
enum { ORDER_PREPARE, ORDER_PROBE, ORDER_RELEASE, ORDER_FINISH };

void stopped_victim(void);
void stopped_other(int order);

/* Does such a plan make sense? */
bool stopped_sensible(const struct stopped_plan *p);

extern struct stepper stopped_stepper;

#endif
