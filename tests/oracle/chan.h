/* chan.h - the oracle: channels so simple that they are right.
 *
 * The contract of <leat/chan.h> and <leat/select.h> as plain data: a queue of values
 * and a list of waiting operations for each direction, first come, first served.
 * Nothing here blocks. An operation that must wait is an object in the lists; a later
 * call ends it and says so in it. One caller at a time: the stepwise runs have one, the
 * free ones (locked.h) a lock. Values are numbers. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_CHAN_H
#define LEAT_TESTS_ORACLE_CHAN_H

#include <leat/leat.h>

enum {
    ORACLE_QUEUE =
        2048,         /* most values inside; an unbounded channel's user sees to it */
    ORACLE_WAIT = 64, /* most waiting cases per direction                            */
    ORACLE_CASES = 4,
};

struct oracle_op;

struct oracle_entry {
    struct oracle_op *op;
    unsigned which;
};

struct oracle_chan {
    size_t cap;
    enum leat_buffer_kind buffer; /* 0: none */
    bool levels;                  /* PRIORITY: value v is of level v % 4; else of 0 */
    uint64_t v[ORACLE_QUEUE];     /* v[first % ORACLE_QUEUE], ... */
    unsigned first, n;
    bool closed, cancelled;
    unsigned handles[2];                       /* counted ones, by enum leat_op */
    struct oracle_entry waits[2][ORACLE_WAIT]; /* by enum leat_op, oldest first */
    unsigned nwaits[2];
    uint64_t *dropped; /* where values go that are never delivered, NULL: nowhere */
    unsigned ndropped;
};

struct oracle_case {
    struct oracle_chan *chan; /* NULL: never ready */
    unsigned dir;             /* enum leat_op */
    uint64_t value;           /* sent, or received */
};

/* A plain operation is a select of one case. */
struct oracle_op {
    unsigned n;
    struct oracle_case k[ORACLE_CASES];
    bool over; /* and then: */
    unsigned which;
    int result; /* of case `which`; or, when it did not take effect, of the whole */
};

/* Makes an open channel of it. dropped: room for what it may have to drop, or NULL. */
void oracle_open(struct oracle_chan *c, size_t cap, uint64_t *dropped);

/* The same with a buffer, after oracle_open. */
void oracle_buffer(struct oracle_chan *c, enum leat_buffer_kind buffer, bool levels);

/* What leat_chan_len says. */
unsigned oracle_len(const struct oracle_chan *c);

/* The value that the next receive takes; 0 when there is none. */
uint64_t oracle_next(const struct oracle_chan *c);

/* Never waits: 0, LEAT_EAGAIN, LEAT_ECLOSED. */
int oracle_attempt(struct oracle_chan *c, unsigned dir, uint64_t *value);

/* Would an attempt give something else than LEAT_EAGAIN? */
bool oracle_ready(const struct oracle_chan *c, unsigned dir);

/* Lists an operation of which no case is ready. */
void oracle_wait(struct oracle_op *op);

/* Ends a listed operation without effect: its deadline, its cancellation. */
void oracle_leave(struct oracle_op *op, int err);

int oracle_close(struct oracle_chan *c);  /* 0, LEAT_EALREADY */
int oracle_cancel(struct oracle_chan *c); /* 0, LEAT_EALREADY */

/* One counted handle more, one less. */
void oracle_handle(struct oracle_chan *c, unsigned dir);
void oracle_unhandle(struct oracle_chan *c, unsigned dir);

/* Drops what is inside. */
void oracle_fini(struct oracle_chan *c);

#endif
