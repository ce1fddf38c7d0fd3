/* call.h - one call of the engine, made by an actor of its own: a thread or a fiber.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_CALL_H
#define LEAT_TESTS_ORACLE_CALL_H

#include <pthread.h>

#include "oracle/program.h"

enum { CALL_SLOT = PROGRAM_ELEM_MAX + 4 };

struct call {
    /* What is to be called; chan also of a batch, set of a wait. */
    struct program_op op;
    leat_chan *chan;
    leat_set *set;
    struct leat_deadline until;
    struct leat_case cases[PROGRAM_CASES];
    /* The elements: of a batch one after the other, of a select CALL_SLOT apart. */
    uint8_t elems[PROGRAM_BATCH * PROGRAM_ELEM_MAX + 1];
    /* What came of it. */
    ptrdiff_t result;
    size_t which;
    leat_chan *from;
    int done; /* atomic: all of it is there */
    /* Who makes it. */
    leat_pool *pool; /* of the fiber; NULL: a thread */
    leat_fiber *fiber;
    pthread_t thread;
};

/* Makes the call, here. */
void call_perform(struct call *c);

/* Lets an actor make it. False: it could not be started. */
bool call_start(struct call *c);
bool call_done(const struct call *c);

/* After call_done: the actor ends. */
bool call_join(struct call *c);

#endif
