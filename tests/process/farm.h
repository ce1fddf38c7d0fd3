/* farm.h - what the tests of process pipes share: one pipe of numbered items, fed and read
 * by the test thread's crew, with an account of every item. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_PROCESS_FARM_H
#define LEAT_TESTS_PROCESS_FARM_H

#include <pthread.h>
#include <leat/pipe.h>
#include <leat/process.h>
#include "pipe/process_worker.h"
#include "support/support.h"

/* An item, and its result. */
struct grain {
    uint64_t number;
    uint64_t what;   /* the test's own */
    uint64_t answer; /* of its number, when it is a result */
    uint64_t pid;    /* who made it */
    uint64_t parent; /* the parent of that */
    uint64_t fill[3];
};

/* Memory that the test and the workers of its first helper share. */
enum { FARM_WORKERS = 8, FARM_TRIES = 1 << 16 };
struct farm_board {
    leati_a32 pid[FARM_WORKERS];   /* of the workers, by number: farm_init */
    leati_a32 lives[FARM_WORKERS]; /* how often each was begun */
    leati_a32 exits;
    leati_a32 inside, most_inside; /* for barriers */
    leati_a32 tried[FARM_TRIES];   /* by item */
    leati_a32 plain[8];            /* the test's own */
};
extern struct farm_board *board;
void farm_board_clear(void);

/* Notes the worker on the board. */
int farm_init(void *arg, unsigned worker, void **ret_state);

/* What a worker makes of a number. */
uint64_t farm_answer(uint64_t number);
/* A run function that does that. */
int farm_run(leat_stage *s, const void *in, size_t len);

/* The options of such a pipe: `workers` processes of `run`. */
struct leat_pipe_opts farm_opts(leat_stage_fn *run, unsigned workers);

struct farm {
    leat_chan *in, *out;
    leat_pipe *pipe;
    struct leat_pipe_opts o;
    size_t n;
    uint64_t (*what)(uint64_t number); /* NULL: 0 */
    uint8_t *delivered, *reported;     /* how often, by number; reported: finally */
    uint64_t failures;                 /* reports that were not final */
    int last_err;
    bool unordered_seen;
    uint64_t next;
    pthread_t feeder;
};

/* Makes the channels and starts the pipe; the feeder thread sends n items and closes. */
void farm_start(struct farm *f, const struct leat_pipe_opts *o, size_t n,
                size_t capacity, uint64_t (*what)(uint64_t));
/* Receives one result and enters it. False: `out` has ended. */
bool farm_read(struct farm *f, struct grain *ret);
/* Receives to the end, joins, frees. Returns join's result; each result was right and in
 * order (where that is asked for), and each item delivered or reported exactly once. */
int farm_finish(struct farm *f, struct leat_pipe_stats *ret);
/* The same in three steps. */
int farm_join(struct farm *f, struct leat_pipe_stats *ret);
void farm_check(struct farm *f);
void farm_free(struct farm *f);

/* Sends a worker of that number a signal, if its process is still there: a number may have
 * gone to somebody else. `helper` is its parent. Was it sent? */
bool farm_signal(unsigned worker, uint64_t helper, int sig);

/* In a worker: its own segment. */
struct leati_lane farm_lane(void);

/* Open descriptors, and mappings of segments, of this process. */
unsigned farm_descriptors(void);
unsigned farm_segments(void);
/* Both must be again as they were, once what is ending has ended. */
void farm_no_leak(unsigned descriptors);

#endif
