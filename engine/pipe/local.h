/* local.h - pipes whose workers are fibers or threads of this process.
 *
 *     in --> turnstile --> hands --> run --> lanes (unordered) --> out
 *            one leader    stolen            ring  (ordered)
 *            claims a      from by
 *            batch         the leader
 *
 * Parts       turnstile.c  who may claim, and wait at `in`; credits
 *             hand.h       items claimed and not begun
 *             lane.c       results on their way to `out`, unordered
 *             order.c      the same, ordered
 *             worker.c     the loop of a worker; tries, errors, policies
 *             watch.c      item deadlines, replacement of the late
 *             local.c      start, end, handle
 * Ends        `ended`: nothing more is taken (input closed, policy, and all below).
 *             `stopped`: nothing more is delivered either (out closed, cancelled).
 *             Both only ever rise; each also closes a channel, for those who wait.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PIPE_LOCAL_H
#define LEATI_PIPE_LOCAL_H

#include <string.h>

#include <leat/fiber.h>
#include <leat/select.h>
#include <leat/sync.h>
#include <leat/detail/cell.h>
#include "base/list.h"
#include "chan/feed.h"
#include "pipe/hand.h"
#include "pipe/pipe.h"
#include "pipe/stage.h"

enum {
    LEATI_BATCH = 136,         /* items of one claim, elements of one send: 128, and */
                               /* some whose senders were parked behind them         */
    LEATI_BATCH_BYTES = 16384, /* and bytes                                          */
    LEATI_FENCED_CLAIMS = 8,   /* after somebody waited for results                  */
    LEATI_PLAIN_NS = 250,      /* items shorter than this are published plainly      */
    LEATI_TURN_NS = 30000,     /* work of one claim, and between two turns of others */
    LEATI_LOOK_CLAIMS = 64,    /* from one look for stuck hands to the next          */
    LEATI_THEFT_NS = 10000,    /* what a theft takes, before one was measured, ...   */
    LEATI_THEFT_MOST_NS = 50000, /* ... and at most: its CPU may have been taken away */
};

struct leati_local;

/* Results of one worker, in an order of their own; see lane.c. */
struct leati_lane {
    char *ring;    /* mask + 1 elements */
    uint8_t *last; /* of each: does its item end with it? */
    uint32_t mask;
    uint32_t open;     /* owner: end of what the running item has emitted so far */
    uint32_t room_end; /* owner: how far there is room, as last seen */
    leati_a32 tail;    /* w: owner; end of what is published */
    LEATI_OWN_LINE leati_a32 role; /* 1: somebody sends from it */
    leati_a32 head;                /* w: holder of the role */
    leati_a64 finished;            /* items; w: holder */
    leati_a64 delivered;           /* elements; w: holder */
    leati_a32 owner_waits;
};

struct leati_pworker {
    struct leat_stage stage;
    struct leati_local *p;
    struct leati_hand hand;
    char *spare; /* memory of the next claim */
    struct leati_lane lane;
    char *outs; /* ordered and timed: what the running item has emitted */
    uint32_t nouts;
    bool streaming;      /* the running item sends as it emits */
    bool plain;          /* publishes without a fence */
    bool quick;          /* its last items were short */
    uint32_t most;       /* items of its next claim; 0: not known yet */
    leati_a32 each;      /* ns of one of its last items; w: itself, r: leader */
    uint64_t looked_at;  /* w: leader; position of its next item at the last look ... */
    int64_t looked_since; /* ... and when it was first seen there */
    int64_t worked;      /* ns since the other fibers had their turn */
    leat_sem sem;        /* it sleeps here; may be given too often */
    unsigned fenced;     /* claims for which it is not worth while to publish plainly */
    bool wanted;         /* somebody waited for results since the last claim */
    bool late;           /* its item was given up: it leaves */
    bool listed, on_way; /* the turnstile's lock */
    struct leati_link link; /* in followers */
    leati_a32 has_role;     /* ordered: the drain role was handed to it */
    int64_t busy_since;     /* when the claim began; 0: it has waited since */
    int first_kept; /* item that was taken but not begun when it all stopped; or -1 */
    /* Item deadlines, see watch.c. */
    leati_a64 run, since;
    const void *item;
    unsigned tries;
    leati_a32 vacant; /* nobody uses this slot */
    char *redo; /* an item to begin with; malloc, freed with the slot's next one */
    unsigned redo_tries;
    uint64_t redo_position;
    /* Written by this worker only. */
    LEATI_OWN_LINE leati_a64 items, failed, retried, direct, unstarted, discarded,
        stolen;
    leati_a64 busy_ns;
};

/* The reorder ring, see order.c. */
struct leati_order {
    char *slots;
    size_t stride;
    uint64_t mask;
    uint32_t shift;
    uint32_t per_slot;             /* outputs that fit */
    LEATI_OWN_LINE leati_a64 word; /* head << 1 | busy */
    /* Holder of the role. */
    LEATI_OWN_LINE uint64_t cursor; /* next position to be gathered, >= head */
    uint32_t part;                  /* its outputs that have been           */
    char *gather;
    uint32_t first, count, most; /* gathered elements: first .. count */
    uint32_t singles; /* those before it are one item each, a success; of others: */
    uint8_t ends[LEATI_BATCH];   /* items that end with the element... */
    uint8_t skips[LEATI_BATCH];  /* ...of which failed ones */
    leati_a64 skipped, delivered;
};

/* WAITS: the leader does, or gives the others a turn. */
enum leati_held { LEATI_HELD_NOT, LEATI_HELD_CLAIMS, LEATI_HELD_WAITS };

struct leati_local {
    struct leat_pipe handle;
    struct leat_pipe_opts o;
    leat_chan *in, *out;
    size_t in_size, out_size;
    uint64_t limit; /* items taken and not finished with, at most */
    uint32_t batch; /* items of one claim, at most                */
    bool ordered;
    bool holds;          /* results may be held back: out can be fed   */
    const leati_a32 *rx; /* out's receive side; without holds never 0  */
    char name[16];
    leat_chan *end_chan;           /* closed with `ended`; a value: look again   */
    leat_chan *stop_chan;          /* closed with `stopped`                      */
    struct leati_pworker *workers; /* room for most_slots */
    unsigned n;                    /* workers that there should be           */
    unsigned most_slots;           /* those, and as many that are late       */
    leati_a32 slots;               /* made so far                            */
    bool timed;                    /* items have a deadline                  */
    bool spins;                    /* a leader may: fibers, several CPUs     */
    leat_wg gate, over;
    leati_a32 refs;
    bool aborted; /* before the gate: the start failed          */
    LEATI_OWN_LINE leati_a32 ended;
    leati_a32 stopped;
    leati_a32 result;  /* an int: the first reason of an early end   */
    leati_a64 stop_at; /* items from this position on are not run    */
    leati_a32 alive, began;
    leati_a32 init_err;
    /* Turnstile. */
    LEATI_OWN_LINE leati_a32 lock;
    leati_a32 held; /* enum leati_held */
    unsigned on_way;
    struct leati_list followers;
    /* Leader. */
    LEATI_OWN_LINE leati_a64 taken;
    uint64_t finished;              /* as last summed up */
    bool loot;                      /* some hand may hold items not begun */
    int64_t theft_ns;               /* what a theft takes, about */
    uint32_t claims;                /* since the last look for stuck hands */
    LEATI_OWN_LINE leati_a32 cwait; /* the leader sleeps for want of a credit */
    leati_a32 eager;                /* workers that wait for their turn to send */
    leati_aptr cwaiter;
    /* Whoever ends it. */
    leati_a64 unstarted, discarded;
    /* The watcher. */
    LEATI_OWN_LINE leati_a32 watch_idle;
    leati_a32 watch_over;
    leat_sem watch_sem;
    leati_a64 replaced, rescued, late; /* workers; items tried again, given up */
    struct leati_feeder feeder;
    struct leati_order order;
};

LEATI_INLINE bool leati_is_ended(const struct leati_local *p)
{
    return leati_load_acq(&p->ended) != 0; /* pairs with leati_local_end */
}

/* 0, or why nothing is delivered any more. */
LEATI_INLINE int leati_is_stopped(const struct leati_local *p)
{
    return (int)leati_load_acq(&p->stopped); /* pairs with leati_local_stop */
}

/* Workers that were made, late ones too. */
LEATI_INLINE uint32_t leati_slots(const struct leati_local *p)
{
    return leati_load_acq(&p->slots); /* pairs with make.c and watch.c */
}

/* A counter with one writer. */
LEATI_INLINE void leati_count_up(leati_a64 *c, uint64_t n)
{
    leati_store_rlx(c, leati_load_rlx(c) + n); /* relaxed: read for statistics */
}

/* --- local.c --- */
/* Nothing more is taken; err: the reason of an early end, or 0. Never waits. */
void leati_local_end(struct leati_local *p, int err);
/* Nothing more is delivered. Never waits. */
void leati_local_stop(struct leati_local *p, int err);
/* The calling worker is the last user of what it left: closes, drops, tells join. */
void leati_local_over(struct leati_local *p);
void leati_local_unref(struct leati_local *p);
/* With a reference for it. */
int leati_local_start_worker(struct leati_local *p, struct leati_pworker *w);

/* --- make.c --- */
/* Everything but threads and fibers; p->feeder is not registered yet. */
int leati_local_make(struct leati_local **ret, leat_chan *in, leat_chan *out,
                     const struct leat_pipe_opts *o);
void leati_local_free(struct leati_local *p);
/* The i-th slot. False: no memory, what was made is freed with the pipe. */
bool leati_local_make_worker(struct leati_local *p, unsigned i);

/* --- turnstile.c --- */
/* Fills w's empty hand; w begins its first item at once. False: there is nothing more.
 */
bool leati_claim(struct leati_pworker *w);
/* An item was finished with: the leader may be waiting for that. Light. */
void leati_credit(struct leati_local *p);
/* Wakes everybody who sleeps in the pipe. */
void leati_pipe_wake_all(struct leati_local *p);
/* The worker is going to return. */
void leati_turnstile_leave(struct leati_pworker *w);

/* Does a worker wait for what others have to deliver? Not 0: yes. */
LEATI_INLINE uint32_t leati_is_awaited(const struct leati_local *p)
{
    return leati_load_rlx(&p->cwait) | leati_load_rlx(&p->eager); /* after a fence */
}

/* --- deliver.c: where results go --- */
/* Gives elements to `out`; wait: until one is taken, else LEAT_EAGAIN when there is no
 * room. Returns how many, or why nothing is delivered any more. */
ptrdiff_t leati_put(struct leati_local *p, const char *elems, size_t n, bool wait);
/* One more output of the running item, which may be late. */
int leati_timed_emit(leat_stage *s, const void *out, size_t len);
/* Undoes what the running item has emitted, as far as it is still here. */
void leati_discard(struct leati_pworker *w);
/* Delivers this worker's results. wait: until none is left, or somebody else is at it.
 * Returns whether something is left. */
bool leati_deliver(struct leati_pworker *w, bool wait);
/* The results of all workers. False: none is left that could be sent by the caller. */
bool leati_deliver_all(struct leati_local *p, bool wait);
/* At the end, alone: what is left goes to drop_out. */
void leati_drop_results(struct leati_local *p);
/* Items that are finished with; and those of them that were a success. */
uint64_t leati_finished(const struct leati_local *p);
uint64_t leati_succeeded(const struct leati_local *p);

/* --- lane.c --- */
LEATI_INLINE void leati_lane_publish(struct leati_pworker *w, uint32_t tail)
{
    if (leati_likely(w->plain))
        leati_store_rel(&w->lane.tail, tail); /* pairs with send_run; feed.h */
    else
        (void)leati_xchg_sc(&w->lane.tail, tail); /* the barrier before prompt's looks */
}
/* One more output of the running item. */
int leati_lane_emit(leat_stage *s, const void *out, size_t len);
/* The running item is done and has no outputs. */
void leati_lane_complete_empty(struct leati_pworker *w);
/* The running item is done, failed for good or not: what it emitted may go. */
LEATI_INLINE void leati_lane_complete(struct leati_pworker *w)
{
    struct leati_lane *l = &w->lane;
    uint32_t open = l->open;
    if (leati_unlikely(w->streaming))
        w->streaming = false;
    if (leati_unlikely(open == leati_load_rlx(&l->tail))) { /* relaxed: the owner's */
        leati_lane_complete_empty(w);
        return;
    }
    l->last[(open - 1) & l->mask] = 1; /* with its last output it is finished */
    leati_lane_publish(w, open);
}
void leati_lane_discard(struct leati_pworker *w);
/* True: something is left, for want of room. False also when somebody else is at it. */
bool leati_lane_send(struct leati_local *p, struct leati_lane *l, bool wait);
bool leati_lane_idle(const struct leati_lane *l); /* results in it, nobody at it */
void leati_lane_drop(struct leati_local *p, struct leati_lane *l);

/* --- order.c --- */
int leati_order_emit(leat_stage *s, const void *out, size_t len); /* as in lane.c */
void leati_order_complete(struct leati_pworker *w, bool failed);
/* By the watcher: a late worker's item has no outputs. */
void leati_order_skip(struct leati_pworker *w);
void leati_order_discard(struct leati_pworker *w);
bool leati_order_drain(struct leati_local *p, bool wait);
bool leati_order_idle(const struct leati_local *p);
void leati_order_drop(struct leati_local *p);
size_t leati_order_slot_bytes(uint32_t per_slot, size_t out_size);
LEATI_INLINE uint64_t leati_order_head(const struct leati_local *p)
{
    return leati_load_sc(&p->order.word) >> 1; /* sc: the window, see order.c */
}

/* --- worker.c --- */
void leati_work(struct leati_pworker *w);
/* By a fiber: whoever feeds the pipe and reads from it may be fibers of this very
 * thread. */
void leati_give_turn(struct leati_pworker *w);
/* How it publishes; see there. Not plainly while it sleeps. */
void leati_publish_plainly(struct leati_pworker *w, bool plain);
/* Tells of a failed try. */
void leati_report(struct leati_pworker *w, const void *item, int err, unsigned tries,
                  bool final);
/* By the watcher: w's item has failed for good. */
void leati_late_failed(struct leati_pworker *w);

/* --- watch.c; nothing happens in a pipe without deadlines --- */
int leati_watch_start(struct leati_local *p);
void leati_watch_stop(struct leati_local *p);
/* By a worker: a try begins; it ended, false: too late; it is going to send, false as
 * before; is it late? */
void leati_watch_begin(struct leati_pworker *w, const void *item, unsigned tries);
bool leati_watch_end(struct leati_pworker *w);
bool leati_watch_sending(struct leati_pworker *w);
bool leati_watch_late(const struct leati_pworker *w);

#endif
