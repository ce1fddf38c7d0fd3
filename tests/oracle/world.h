/* world.h - what a stepwise run (steps.h) consists of. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_WORLD_H
#define LEAT_TESTS_ORACLE_WORLD_H

#include "oracle/call.h"
#include "oracle/chan.h"
#include "oracle/steps.h"

enum {
    PARTIES = 8,
    REFS = 4,   /* most further references, and handles per direction, of a channel */
    TRACE = 64, /* operations that are printed */
};

#define HOUR INT64_C(3600000000000)

struct world;

struct channel {
    leat_chan *c;
    struct program_chan opts;
    struct oracle_chan model;
    unsigned refs;
    leat_tx *tx[REFS]; /* as many as model.handles says */
    leat_rx *rx[REFS];
    /* What was dropped: by the oracle, by the engine. */
    uint64_t dropped[ORACLE_QUEUE];
    uint8_t *told; /* ORACLE_QUEUE elements */
    unsigned ntold;
};

struct set {
    leat_set *s;
    bool in[PROGRAM_CHANS];
    unsigned missed[PROGRAM_CHANS]; /* results of others while it was ready */
    unsigned most[PROGRAM_CHANS];   /* as many there may be */
};

/* What the oracle knows of a call. */
enum knows {
    KNOWS_RESULT, /* expect, values                                          */
    KNOWS_CHOICE, /* it is one of several: follow it                         */
    KNOWS_WAITS,  /* it is parked: model says when it is over                */
};

struct party {
    struct call call;
    bool busy;
    enum knows knows;
    struct oracle_op model;
    int64_t hour;   /* of its deadline */
    uint64_t first; /* the value of its first element, or case */
    unsigned taken; /* values sent or received so far */
    ptrdiff_t expect;
    uint64_t values[PROGRAM_BATCH];
};

struct trace {
    struct program_op op;
    int party; /* PARTIES: the driver itself; -1: not possible */
};

struct world {
    enum steps_how how;
    leat_pool *pool;
    struct channel ch[PROGRAM_CHANS];
    struct set sets[PROGRAM_SETS];
    struct party party[PARTIES + 1]; /* the last one: the driver's own calls */
    uint64_t next_value;
    int64_t base, hour; /* the clock at the start, hours since then */
    uint64_t step;
    struct trace trace[TRACE];
    struct steps_count *count;
};

/* ---- disagree.c ---- */

/* Prints what was done, and aborts. */
_Noreturn void disagree(const struct world *w, const struct party *p, const char *text,
                        long long got, long long want);

/* ---- expect.c: what the oracle says of a call, and whether the engine agrees ---- */

/* Before the call: what is to be expected. */
void expect_call(struct world *w, struct party *p);

/* Something is due for it: it has been done, or will be soon. */
bool expect_due(const struct world *w, const struct party *p);

/* It has been done: compares, and follows. False: another one's result must have come
 * first (of a set). */
bool expect_result(struct world *w, struct party *p);

/* It ends without effect. */
void expect_leave(struct party *p, int err);

/* ---- check.c: the state of all channels ---- */

/* Are as many parked as the oracle says? */
bool check_parked(const struct world *w);
void check_state(const struct world *w);

/* ---- objects.c: channels, sets, references ---- */

void object_open(struct world *w, struct channel *ch, struct program_chan opts);
/* Gives everything back; nobody may be using it. */
void object_free(struct world *w, struct channel *ch);
/* The operations on references, handles, sets and ends. False: not possible now. */
bool object_step(struct world *w, const struct program_op *o);

/* How many are waiting in that direction, sets' owners included. */
unsigned object_waiting(const struct world *w, unsigned chan, unsigned dir);
/* May another one operate there: is the side shared, or free? */
bool object_free_side(const struct world *w, unsigned chan, unsigned dir);
bool object_set_waits(const struct world *w, unsigned set);
/* Its events leave the channels: takes all out and puts them back. */
void object_disarm(struct world *w, unsigned set);

#endif
