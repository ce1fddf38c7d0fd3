/* callback.h - send, receive and select that call a function when they are over.
 *
 *     static void got(leat_call *call, int result, void *arg) {
 *         struct conn *c = arg;
 *         if (result == 0 && use(c->value) == 0)
 *             (void)!leat_call_recv(call, c->in, &c->value);   // and again
 *     }
 *     leat_call_init(&c->call, got, c, NULL);
 *     int r = leat_call_recv(&c->call, c->in, &c->value);
 *
 * An operation takes its place among threads and fibers that wait for the same channel,
 * with the same rules of order, close and cancel. No pool and no thread is needed, but
 * for deadlines (leat_call_recv_until).
 *
 * Memory      The leat_call and the element are the caller's and must stay in place until
 *             the callback begins or leat_call_cancel returned 0; the channel must not be
 *             freed before. Starting allocates nothing. When the callback begins the
 *             call is its own again: it may start it anew, or free it.
 * Exactly     once: for each start that returned 0 the callback is called once, unless
 *             leat_call_cancel returned 0. It may be called before the start returns.
 * Where       Without an executor: on the thread that completed the operation, when the
 *             call of leat that did so has finished its work and holds no lock; in a
 *             fiber, on that fiber's stack, which must be large enough for it. With one:
 *             wherever that runs its tasks.
 * How deep    Never inside another callback: a callback that completes operations, its
 *             own included, returns first. The stack does not grow, however many there
 *             are. Callbacks of one thread are called in the order of completion.
 * Inside      Everything may be called that does not wait; what would have to gives
 *             LEAT_EDEADLK and has done nothing (try forms work; leat_yield only lets
 *             other threads run). A callback counts as a thread's code also where a fiber
 *             completed it: leat_fiber_self() is NULL.
 *             The same holds for the function of a stream (leat_source_new) whose turn
 *             comes to an operation that waited.
 * Callers     Each function: any thread, any fiber, any callback.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_CALLBACK_H
#define LEAT_CALLBACK_H

#include <leat/select.h>

LEAT_BEGIN_DECLS

/* Work for an executor: up to 64 completed operations of one burst. leat's; the executor
 * may use `next` to queue it until it calls leat_task_run. */
struct leat_task {
    void (*run)(struct leat_task *t);
    struct leat_task *next;
};

/* Runs what is behind it, once. By an executor, on any thread or fiber; t is gone
 * afterwards. */
LEAT_API void leat_task_run(struct leat_task *t);

/* Who runs callbacks elsewhere: post has leat_task_run(t) called some time, exactly once.
 * It is called where the operations were completed, without locks, and like a callback
 * may not wait; it cannot fail. Must be valid as long as an operation may use it. */
struct leat_executor {
    void (*post)(void *x, struct leat_task *t);
    void *x;
};

/* One operation. Opaque. */
typedef struct leat_call leat_call;
struct leat_call {
    void *priv[20];
} __attribute__((aligned(16)));

/* result: what leat_chan_recv, leat_chan_send or leat_select would have returned. */
typedef void leat_call_fn(leat_call *call, int result, void *arg);

enum leat_call_flags {
    /* With an executor: callbacks run inline as without one, but of more than 64 in a row
     * the rest goes to the executor. */
    LEAT_CALL_INLINE = 1u << 0,
};

/* Makes an operation that can be started. exec NULL: inline. Must not be pending. */
LEAT_API void leat_call_init(leat_call *call, leat_call_fn *fn, void *arg,
                           const struct leat_executor *exec);
/* The same with enum leat_call_flags. */
LEAT_API void leat_call_init_flags(leat_call *call, leat_call_fn *fn, void *arg,
                                 const struct leat_executor *exec, unsigned flags);

/* Start a receive into ret (NULL discards) or a send of *elem. Return 0: the callback
 * is called once; LEAT_EINVAL, as the blocking forms; LEAT_EBUSY: call is pending. Never
 * wait. On an error nothing was started. */
LEAT_API LEAT_NODISCARD int leat_call_recv(leat_call *call, leat_chan *c, void *ret);
LEAT_API LEAT_NODISCARD int leat_call_send(leat_call *call, leat_chan *c, const void *elem);

/* The same until a deadline, then the callback gets LEAT_ETIMEDOUT; LEAT_NOW gives it
 * LEAT_EAGAIN. Who minds the deadline is a thread of leat's, "leat-clock", started by the
 * first operation of the process that needs it; a callback without executor then runs on
 * it. More results: LEAT_EAGAIN, that thread could not be started; LEAT_ENOTSUP, in the
 * child of a fork of a process that has it. Operations on timer channels need it too. */
LEAT_API LEAT_NODISCARD int leat_call_recv_until(leat_call *call, leat_chan *c, void *ret,
                                               struct leat_deadline until);
LEAT_API LEAT_NODISCARD int leat_call_send_until(leat_call *call, leat_chan *c,
                                               const void *elem,
                                               struct leat_deadline until);

/* Starts a select: exactly one case takes effect, as in leat_select, with its outcome in
 * its err; then the others have left their channels. The cases are call's until the
 * callback begins. flags: enum leat_select_flags. The callback's result: 0, LEAT_EAGAIN,
 * LEAT_EBUSY, LEAT_ETIMEDOUT. Returns as above. */
LEAT_API LEAT_NODISCARD int leat_call_select(leat_call *call, struct leat_case *cases, size_t n,
                                           struct leat_deadline until, unsigned flags);

/* In the callback of a select with result 0: the index of the case that took effect. */
LEAT_API size_t leat_call_which(const leat_call *call);

/* Takes a pending operation back. Returns 0: it did nothing, its callback will not be
 * called and call is the caller's again; LEAT_EALREADY: it is not pending, or it was over
 * before: its callback has run, is running or will run. O(1) (a select: for each case);
 * never waits for a callback. Must not meet a start of the same call: a callback that
 * starts its call anew and somebody who cancels it have to agree, or the channel is closed
 * instead. */
LEAT_API int leat_call_cancel(leat_call *call);

LEAT_END_DECLS
#endif
