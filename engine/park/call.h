/* call.h - operations that nobody waits for: when one is over, a function is called.
 *
 * Idea        A call is a wait whose party cannot be resumed. To wake it is to link it
 *             on the list of the thread that completed it; nothing is called there,
 *             where the caller may be in the middle of anything. Each call of the API
 *             that may have completed something ends, without locks, in
 *             leati_calls_flush(), which settles and runs what is on the list. Whoever
 *             is being called and completes others only lengthens the list, so the
 *             depth of the stack does not grow.
 * Words       first, last, running  of a thread (base/tls.c), its own
 *             used   set for good by the first call of the process: until then a flush
 *                    is a load
 * Place       The list is never left behind: a thread flushes before it sleeps, a
 *             worker after it has published a fiber's wait, on the stack of its loop.
 * In a call   the thread looks like one that runs no fiber, and may not wait:
 *             thread_park refuses.
 * Executors   A call that has one is not run but put into a burst, which is posted as
 *             one task when the list is empty or the burst long. A task run by its
 *             executor comes back to the list of that thread, marked POSTED.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PARK_CALL_H
#define LEATI_PARK_CALL_H

#include <leat/callback.h>
#include "park/wait.h"

struct leati_call;

struct leati_call_ops {
    struct leati_wait_ops wait;
    /* When it is over and LEATI_CALL_TIMED: takes it out of the clock's heap. */
    void (*disarm)(struct leati_call *c);
    /* Once, before it is run or posted: takes back what else was listed for it. False: it
     * is not over, but pending again or back on the list. */
    bool (*settle)(struct leati_call *c);
    /* Calls the user's function, to whom c belongs from then on. */
    void (*run)(struct leati_call *c);
};

/* Bits of a call's w.spin, which means nothing else to its party. */
enum {
    LEATI_CALL_INLINE = 1, /* not to the executor before 64 ran in a row */
    LEATI_CALL_TIMED = 2,  /* has been armed (bridge/clock.c) and not disarmed */
    LEATI_CALL_POSTED = 4, /* settled, back from the executor */
};

struct leati_call {
    union {
        struct {
            struct leat_task task; /* of the first of a burst */
            struct leati_call *next;
        };
        struct {
            struct leati_call *child, *sibling, *before; /* bridge/clock.c */
        };
    };
    const struct leat_executor *exec;
    struct leati_wait w; /* w.ops is the first member of a struct leati_call_ops */
};

LEATI_INLINE struct leati_call *leati_call_of(struct leati_wait *w)
{
    return leati_container_of(w, struct leati_call, w);
}

LEATI_INLINE const struct leati_call_ops *leati_call_ops(const struct leati_call *c)
{
    return (const struct leati_call_ops *)(const void *)c->w.ops;
}

extern struct leati_party leati_call_party;
extern leati_a8 leati_calls_used;

/* By whoever makes one: from now on there are calls in this process. */
LEATI_INLINE void leati_calls_use(void)
{
    if (leati_unlikely(!leati_load_rlx(&leati_calls_used)))
        leati_store_rlx(&leati_calls_used, (uint8_t)1); /* relaxed: seen by the maker,
                                                           and with its nodes by others */
}

/* It is over, its result is set: puts it on this thread's list, as leati_wake() does. */
void leati_calls_add(struct leati_call *c);
/* Is something on this thread's list that leati_calls_run would run? */
bool leati_calls_waiting(void);
/* Runs the list, unless somebody further up the stack is at it. No lock is held. */
void leati_calls_run(void);
/* Is this thread in a call? */
bool leati_calls_running(void);

LEATI_INLINE void leati_calls_flush(void)
{
    if (leati_unlikely(leati_load_rlx(&leati_calls_used)))
        leati_calls_run();
}

/* May the caller not wait, being called by the engine itself? */
LEATI_INLINE bool leati_in_call(void)
{
    return leati_unlikely(leati_load_rlx(&leati_calls_used)) && leati_calls_running();
}

#endif
