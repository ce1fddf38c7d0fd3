/* select.h - one of several sends and receives, exactly one of which takes effect.
 *
 *     struct leat_case cs[] = { LEAT_RECV(in, &job), LEAT_SEND(out, &res) };
 *     size_t which;
 *     int r = leat_select(cs, 2, leat_in_ms(50), 0, &which);
 *     if (r == 0 && cs[which].err == 0) ...
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_SELECT_H
#define LEAT_SELECT_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

enum leat_op {
    LEAT_OP_RECV = 0,
    LEAT_OP_SEND = 1,
};

/* One case. chan NULL: never ready. err is written by leat_select for the case that
 * took effect. priv is leat's, while a select waits: the array must stay in place
 * and may be used by one select at a time; it need not be initialised. */
struct leat_case {
    leat_chan *chan;
    void *elem; /* SEND: the value, RECV: where it goes (NULL discards) */
    uint32_t op;
    int err;
    void *priv[7];
};

#define LEAT_RECV(c, ret)  {(c), (void *)(ret), LEAT_OP_RECV, 0, {NULL}}
#define LEAT_SEND(c, elem) {(c), (void *)(uintptr_t)(elem), LEAT_OP_SEND, 0, {NULL}}

enum leat_select_flags {
    /* Takes the first ready case in the array's order instead of a random one. */
    LEAT_PRIORITY = 1u << 0,
};

/* Waits until one case can proceed, performs exactly that one, and stores its index
 * in *ret_case (NULL allowed) and its own outcome in its err: 0, or LEAT_ECLOSED (a
 * send to a closed channel and a receive from a closed, drained one are ready).
 *
 * Choice     uniform among the ready cases, each case one ticket; with LEAT_PRIORITY
 *            the first ready one.
 * Cases      any number; the same channel several times and in both directions (it
 *            never pairs with itself); n == 0 or only NULL channels with LEAT_NEVER
 *            waits until cancelled.
 * Returns    0; LEAT_EAGAIN (LEAT_NOW, and there was an instant at which no case was
 *            ready); LEAT_EBUSY (LEAT_NOW, and all that looked ready stayed
 *            half-done); LEAT_ETIMEDOUT; LEAT_ECANCELED; LEAT_EINVAL (cases NULL with
 *            n > 0, unknown op or flag). On any error no case did anything.
 * Cost       a case that is not ready: loads only while polling, 2 locked
 *            instructions when parked. Allocates nothing. */
LEAT_API LEAT_NODISCARD int leat_select(struct leat_case *cases, size_t n,
                                        struct leat_deadline until, unsigned flags,
                                        size_t *ret_case);

LEAT_END_DECLS
#endif
