/* process.h - a pipe whose workers are processes: its parts.
 *
 * Idea        One thread, the herder, does everything on the program's side: it receives
 *             items, offers them to workers, collects results, delivers them, and watches
 *             the processes. So its data need no lock. It sleeps in one place, where it
 *             sees the ends of processes, the workers' bells, the helper, and its own bell,
 *             which is rung by whoever completes an operation of its gates.
 * Items       QUEUED -> OFFERED (to one worker) -> READY or FAILED -> released, or DROPPED
 *             at an early end. Their number is the bound: workers + buffer records exist,
 *             and one is free before anything is taken from `in`.
 * Order       ordered: ring[position % bound]; delivered from the head. Else in a list.
 * Decisions   An item is decided by the herder alone, from its own memory and one
 *             exchange of the slot's word (settle in process_life.c), whether its worker
 *             has died, is late or is not trusted any more.
 * Files       process.c: start, handle. process_herd.c: the loop, sleep, ends.
 *             process_item.c: items, delivery. process_offer.c: slots there and back.
 *             process_life.c: the lives of workers. process_gate.c: channel operations
 *             without a thread that waits.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PIPE_PROCESS_H
#define LEATI_PIPE_PROCESS_H

#include <pthread.h>
#include <leat/sync.h>

#include "base/list.h"
#include "chan/feed.h"
#include "pipe/pipe.h"
#include "pipe/process_worker.h"

struct leati_herd;

/* --- gates --- */

/* One operation on a channel that is completed while the herder does something else. */
struct leati_gate {
    struct leati_parked op;
    struct leati_party party;
    struct leati_herd *herd;
    leat_chan *chan;
    unsigned dir;
    bool armed;
    leati_a32 state; /* 0; 1: completed, the waker is about to ring; 2: it has */
};

void leati_gate_init(struct leati_gate *g, struct leati_herd *h, leat_chan *c,
                     unsigned dir);
/* Lists the operation on buf. */
void leati_gate_arm(struct leati_gate *g, void *buf);
/* Of an armed gate: is it over? Then it is not armed any more, *ret is its result. */
bool leati_gate_done(struct leati_gate *g, int *ret);
/* Withdraws it: as done, *ret is LEAT_ECANCELED if nothing came of it. */
void leati_gate_disarm(struct leati_gate *g, int *ret);

/* --- items --- */

enum leati_item_state {
    LEATI_ITEM_FREE,
    LEATI_ITEM_QUEUED,
    LEATI_ITEM_OFFERED,
    LEATI_ITEM_READY,
    LEATI_ITEM_FAILED,
    LEATI_ITEM_DROPPED,
};

struct leati_item {
    struct leati_link link; /* in free, queue or ready */
    uint64_t position;
    char *elem, *result;
    uint32_t tries;
    uint32_t len, count; /* of the result */
    uint32_t sent, at;   /* outputs accepted; where the next one begins */
    uint8_t state;
};

/* --- workers --- */

enum leati_life {
    LEATI_LIFE_WAITING, /* for retry_at */
    LEATI_LIFE_ASKED,   /* of the helper; the pidfd is to come */
    LEATI_LIFE_RUNNING,
    LEATI_LIFE_DYING, /* settled and killed; the pidfd is to tell */
    LEATI_LIFE_OVER,  /* given up, or left at the end */
};

struct leati_herded {
    struct leati_lane lane;
    enum leati_life life;
    uint32_t number, head, tail; /* slots in use: [head, tail) */
    uint64_t id;
    int bell, pidfd;
    bool poisoned;          /* wrote what it must not: nothing is offered to it */
    bool begun;             /* has been seen to have begun */
    bool progress;          /* an item was decided in this life */
    unsigned failures;      /* lives without progress, in a row */
    unsigned failed_starts; /* that did not get through init, in a row */
    int64_t retry_at;       /* 0: none, as the others */
    int64_t asked_at, stopped_at, taken_at, offered_at; /* the last two: of the head */
    struct leati_item **item; /* by slot; NULL: decided already */
    bool *recalled;
    uint64_t busy_before;     /* of former lives */
    leati_a64 busy_ns, items; /* for statistics */
};

/* --- the pipe --- */

struct leati_counters {
    leati_a64 taken, finished, delivered, failed, retried, unstarted, discarded, stolen,
        replaced;
    leati_a32 workers;
};

enum leati_stage_of_life { LEATI_HERD_RUN, LEATI_HERD_ABORT, LEATI_HERD_QUIT };

struct leati_herd {
    struct leat_pipe base;
    struct leat_pipe_opts o;
    struct leat_pipe_process po;
    void *arg; /* a copy, as */
    char name[16];
    struct leati_proc_open functions;
    uint32_t bound, in_size, out_size, unit; /* unit: bytes of an output in a result */
    uint32_t max_in, max_out, nslot;
    bool ordered;

    /* With the handle's user. */
    leati_a32 refs;
    leati_a32 asleep; /* 1: the herder sleeps or is about to; whoever takes it rings */
    leati_a32 cancelled;
    leat_wg ended;
    int result;
    pthread_t thread;
    struct leati_counters n; /* w: herder */

    /* The herder's alone. */
    int watch, bell, link;
    unsigned link_failures;
    int64_t link_retry_at;
    enum leati_stage_of_life stage;
    bool in_over;  /* nothing more is taken */
    bool stopping; /* by an item's error: what is behind stop_at does not count */
    uint64_t stop_at;
    int stop_err, start_err;
    int64_t abort_at; /* not RUN: when workers that are left are killed */
    uint64_t next_id;
    uint64_t head, next; /* positions: to be delivered, to be given */
    uint32_t in_flight;
    struct leati_gate in, out;
    struct leati_feeder end; /* is told of the close of `out` */
    char *in_stage, *in_one, *out_one, *scratch;
    bool out_made; /* out_one holds the next output of the first ready item */
    char *elems, *results;
    struct leati_item *items, **ring;
    struct leati_list free, queue, ready;
    uint32_t queued;
    struct leati_herded *worker;
    unsigned turn; /* whom the next item is offered to first */
};

/* relaxed: one writer, readers want a number */
LEATI_INLINE void leati_count(leati_a64 *n, uint64_t by)
{
    leati_store_rlx(n, leati_load_rlx(n) + by);
}

/* process.c */
void leati_herd_unref(struct leati_herd *h);

/* process_herd.c */
void *leati_herd_main(void *arg);
void leati_herd_ring(struct leati_herd *h);
/* The early end, once: nothing more is taken or delivered. */
void leati_herd_abort(struct leati_herd *h, int result);

/* process_item.c */
bool leati_items_take(struct leati_herd *h);
bool leati_items_deliver(struct leati_herd *h);
/* Of an item that was with a worker: it was not started; it has a result (len, count);
 * its try failed. */
void leati_item_back(struct leati_herd *h, struct leati_item *it);
void leati_item_ready(struct leati_herd *h, struct leati_item *it);
void leati_item_failed(struct leati_herd *h, struct leati_item *it, int err,
                       unsigned worker);
/* Its try failed, and any other would: it cannot be put into bytes. */
void leati_item_unfit(struct leati_herd *h, struct leati_item *it, int err,
                      unsigned worker);
/* Those in the queue that an error or the end has made worthless; at the end, all. */
void leati_items_drop(struct leati_herd *h);
void leati_items_abort(struct leati_herd *h);

/* process_offer.c */
bool leati_offer_all(struct leati_herd *h);
bool leati_collect(struct leati_herd *h, struct leati_herded *w);
bool leati_collect_all(struct leati_herd *h);
/* A worker has more than one item, another one has none: takes half of what the former
 * has not begun back into the queue. */
bool leati_share(struct leati_herd *h);
/* Takes back up to `most` items that the worker has not begun; how many. */
uint32_t leati_recall(struct leati_herd *h, struct leati_herded *w, uint32_t most);
/* The result of use i, copied and checked; false: it is not well-formed. */
bool leati_take_result(struct leati_herd *h, struct leati_herded *w, uint32_t i);

/* process_life.c */
/* A connection to the helper, if there is none now. */
int leati_herd_connect(struct leati_herd *h);
void leati_life_begin(struct leati_herd *h, struct leati_herded *w);
/* Decides all that is with the worker; TAKEN items fail with err. */
void leati_settle(struct leati_herd *h, struct leati_herded *w, int err);
/* Settled, and killed as soon as that is possible. */
void leati_life_end(struct leati_herd *h, struct leati_herded *w, int err);
void leati_life_over(struct leati_herd *h,
                     struct leati_herded *w); /* its pidfd says so */
void leati_life_news(struct leati_herd *h);
/* What is due now; returns when to look again, INT64_MAX: not by itself. */
int64_t leati_life_watch(struct leati_herd *h);
void leati_life_quit(struct leati_herd *h, enum leati_quit how);

/* Keys of what the herder watches. */
enum leati_key { LEATI_KEY_OWN, LEATI_KEY_LINK, LEATI_KEY_BELL, LEATI_KEY_PIDFD };
LEATI_INLINE uint64_t leati_key(enum leati_key kind, const struct leati_herded *w)
{
    return w ? w->id << 16 | w->number << 2 | kind : kind;
}

#endif
