/* wait.h - one act of waiting, the same for threads and fibers.
 *
 * Idea        Whoever must wait describes the act in a struct leati_wait on its own
 *             stack and calls leati_park(). The wait is *published* (put where others
 *             find it) only when its party may already be woken: a thread at once, a
 *             fiber after it has left its stack. Whoever makes progress possible
 *             completes the operation for the waiter and wakes its party, once.
 * Parties     leati_party is a thread or a fiber; channels know only its operations.
 *             Fibers install theirs from pool/.
 * Life        From the moment publish() made it findable, until it returned false, w
 *             belongs to whoever claims it; publish() must not touch w or anything on
 *             the waiter's stack after that (objects with a longer life may be
 *             touched). leati_wake(w) is the last touch by the completer.
 * Once        For each wait whose publish() returned true exactly one leati_wake()
 *             comes: from a completer, or from whoever's abort() returned true.
 * Deadline    The party sees to it: it calls abort(w, LEAT_ETIMEDOUT) at the deadline
 *             (a thread itself, a fiber's timer for it), and abort(w, LEAT_ECANCELED)
 *             on cancellation. abort() may come before publish() has listed w, or
 *             after w was completed, and then returns false; the party repeats it
 *             after publish() where needed. The party does not let its waiter return
 *             while an abort() is running.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PARK_WAIT_H
#define LEATI_PARK_WAIT_H

#include <leat/chan.h>
#include <leat/err.h>
#include <leat/time.h>
#include "arch/atomic.h"
#include "base/tls.h"

struct leati_wait;
struct leati_party;

/* Where a woken fiber goes in the run queue of the waker's worker. */
enum leati_wake_place {
    LEATI_WAKE_NEXT, /* runs next: it was given a value                            */
    LEATI_WAKE_TAIL, /* behind the others: a select, so that it finds more ready   */
};

struct leati_wait_ops {
    /* Makes w findable. May run on another stack than the waiter's; must not park.
     * true: parked (w may be gone already). false: w is not and never was findable by
     * the time of return, w->result is set, the party goes on. */
    bool (*publish)(struct leati_wait *w);
    /* Withdraws w if it is listed and nobody has claimed it: sets w->result = err and
     * returns true; the caller then owes the wake. Else false, nothing done. */
    bool (*abort)(struct leati_wait *w, int err);
    /* For dumps: what is waited on ("send", "recv", "select", ...). */
    const char *what;
};

struct leati_party_ops {
    /* By the party itself: publish w, suspend until it is woken, return w->result.
     * A fiber that has been cancelled returns LEAT_ECANCELED without publishing; a
     * deadline that has passed still publishes and aborts at once. */
    int (*park)(struct leati_party *p, struct leati_wait *w);
    /* By the completer, once; w is gone afterwards. No lock may be held. */
    void (*wake)(struct leati_wait *w, enum leati_wake_place place);
};

struct leati_party {
    const struct leati_party_ops *ops;
};

struct leati_wait {
    const struct leati_wait_ops *ops;
    struct leati_party *party;   /* set by leati_park */
    struct leat_deadline until;
    int result;                  /* w: completer before the wake; r: waiter after it */
    uint8_t spin;                /* enum leat_spin, for threads */
    leati_a32 word;              /* threads: the futex, see thread.c; 0 at start */
    const void *object;          /* what is waited on, for dumps; may be NULL */
};

/* The party of threads that run no fiber. */
extern struct leati_party leati_thread_party;

/* The party that is running: a fiber of a worker, or the calling thread. Read anew
 * after every park: a fiber may come back on another thread. */
LEATI_INLINE struct leati_party *leati_self(void)
{
    struct leati_party *const *slot = leati_tls_get();
    return slot && *slot ? *slot : &leati_thread_party;
}

/* By pool/: where the party that this thread runs is found, NULL there or no place:
 * the thread itself. A place, so that a switch of fibers is one plain store. */
LEATI_INLINE void leati_set_self(struct leati_party **slot)
{
    leati_tls_set(slot);
}

/* Waits. w->ops, until, spin, object are set by the caller, the rest here. */
static inline int leati_park(struct leati_wait *w)
{
    w->party = leati_self();
    w->word.v = 0;
    return w->party->ops->park(w->party, w);
}

static inline void leati_wake(struct leati_wait *w, enum leati_wake_place place)
{
    w->party->ops->wake(w, place);
}

#endif
