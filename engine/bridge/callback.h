/* callback.h - a call with a callback, from inside. SPDX-License-Identifier: MIT */
#ifndef LEATI_BRIDGE_CALLBACK_H
#define LEATI_BRIDGE_CALLBACK_H

#include "chan/chan.h"
#include "park/call.h"
#include "select/select.h"

/* In w.word: whose it is. Written by the starter, and by whoever runs or cancels it. */
enum leati_callback_state {
    LEATI_CALLBACK_IDLE,    /* the caller's: not started, called back or cancelled */
    LEATI_CALLBACK_PENDING, /* from the start until just before the callback */
};

/* One more bit of its w.spin. */
enum { LEATI_CALLBACK_PRIORITY = 8 };

struct leati_callback {
    union {
        struct leati_call call;
        struct {
            struct leati_call call;
            struct leati_node n; /* rendezvous: aligned to 16 */
            struct leat_chan *c;
        } one;
        struct {
            char head[offsetof(struct leati_call, w)];
            struct leati_select s; /* its claim's wait is the call's */
            size_t which;
        } sel;
    };
    leat_call_fn *fn;
    void *arg;
    struct leat_deadline until; /* the caller's; w.until is the next alarm */
};

_Static_assert(sizeof(struct leati_callback) <= sizeof(struct leat_call), "it fits");
_Static_assert(offsetof(struct leati_callback, one.n) % 16 == 0, "four low bits are zero");
_Static_assert(offsetof(struct leati_callback, sel.s.claim.w) ==
                   offsetof(struct leati_callback, call.w),
               "one wait");

LEATI_INLINE struct leati_callback *leati_callback(struct leat_call *c)
{
    return (struct leati_callback *)(void *)c;
}

LEATI_INLINE struct leati_callback *leati_callback_of(struct leati_call *c)
{
    return leati_container_of(c, struct leati_callback, call);
}

LEATI_INLINE struct leati_callback *leati_callback_of_wait(struct leati_wait *w)
{
    return leati_callback_of(leati_call_of(w));
}

/* --- callback.c --- */

/* The checks and marks of every start. until: the caller's. */
int leati_callback_start(struct leati_callback *k, const struct leati_call_ops *ops,
                         struct leat_deadline until);
/* Before it is listed: has it ended by LEAT_ETIMEDOUT at that instant. */
int leati_callback_arm(struct leati_callback *k, struct leat_deadline at);
/* It is over, for whoever owns it: nobody else will complete it. */
void leati_callback_over(struct leati_callback *k, int result);
/* Did it end by an alarm before the caller's own deadline? Then it is to be started anew. */
bool leati_callback_early(const struct leati_callback *k);
void leati_callback_run(struct leati_call *c);

#endif
