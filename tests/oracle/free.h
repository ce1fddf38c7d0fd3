/* free.h - programs whose actors run freely, as threads or fibers, on the engine or on
 * the oracle behind a lock, and what must hold of what they saw.
 *
 * Who is first is not known, so results are not predicted. Each call is noted with the
 * instants of its beginning and end, and of all calls together it is checked, for each
 * channel: every value sent was received once, dropped once or was left inside; of two
 * sends, one after the other, the values are not received in the opposite order; never
 * were there more inside than fit; no send began after a close had ended and succeeded;
 * once a receiver was told of the end, nobody received; nobody was told before a close
 * had begun; and when all is quiet nobody waits for what is there.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_FREE_H
#define LEAT_TESTS_ORACLE_FREE_H

#include "oracle/chan.h"
#include "oracle/program.h"
#include "support/support.h"

enum {
    FREE_ACTORS = 5,
    FREE_NOTES = 400, /* per actor: all sends together fit into the oracle's queue */
};

struct free_world;

/* Channels of numbers. leat_select's cases have them too, so both implementations are
 * asked in the same words. */
struct free_api {
    const char *name;
    void (*open)(struct free_world *w, unsigned chan);
    int (*close)(struct free_world *w, unsigned chan, bool cancel);
    ptrdiff_t (*many)(struct free_world *w, unsigned chan, unsigned dir, uint64_t *v,
                      size_t n, struct leat_deadline until);
    int (*select)(struct free_world *w, struct oracle_case *k,
                  const struct program_op *o, struct leat_deadline until,
                  unsigned *which);
    /* Of a set of the actor's own that holds all channels. */
    int (*wait)(struct free_world *w, unsigned actor, uint64_t *v, unsigned *chan,
                struct leat_deadline until);
    bool (*quiet)(struct free_world *w); /* nobody waits for what is there */
    void (*free)(struct free_world *w);  /* values that are left go to free_dropped */
};

extern const struct free_api free_engine, free_oracle;

/* One value sent or received, one close, or one report of the end. */
struct free_note {
    uint8_t chan, dir;   /* dir 2: a close or cancel */
    int result;          /* 0 or LEAT_ECLOSED */
    uint64_t value;      /* actor << 32 | number */
    uint64_t begin, end; /* of a counter that all increment */
};

struct free_chan {
    struct program_chan opts;
    leat_chan *c;
    struct oracle_chan *model;
    uint64_t dropped[FREE_ACTORS * FREE_NOTES];
    unsigned ndropped; /* atomic */
};

struct free_world {
    const struct free_api *api;
    struct free_chan ch[PROGRAM_CHANS];
    leat_set *set[FREE_ACTORS]; /* of the engine */
    bool in[FREE_ACTORS][PROGRAM_CHANS];
    uint64_t clock; /* atomic */
    struct free_note *note[FREE_ACTORS];
    unsigned notes[FREE_ACTORS];
    const uint8_t *bytes;
    size_t n;
    unsigned through; /* atomic: actors that have done their part */
};

/* For the implementations' drop. */
void free_dropped(struct free_chan *ch, uint64_t v);

/* Runs the program; failures are recorded for verdict(). Returns the number of values
 * that were sent or received. */
uint64_t free_run(const struct free_api *api, enum crew_kind crew, const uint8_t *bytes,
                  size_t n);

/* history.c: what must hold. */
void free_check(struct free_world *w);

#endif
