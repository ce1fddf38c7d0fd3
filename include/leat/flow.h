/* flow.h - steps between channels: map, filter, merge, broadcast, ... Each is one fiber
 * that takes values from its input, works on them in order and sends what comes of it.
 *
 *     leat_flow_filter(NULL, numbers, odd, is_odd, NULL, NULL);
 *     leat_flow_map(NULL, odd, squares, square, NULL, NULL);
 *     leat_flow_take(NULL, squares, first, 10, NULL);
 *
 * Common to all
 *   ret        NULL: detached, the flow frees itself at its end. Else a handle that
 * must be joined or detached. in, out    any kind of channel, with any parties at the
 * other end. A flow holds a reference on each while it lives: the caller may free his
 * own at once. Where a value passes unchanged the element sizes must be equal. opts
 * NULL: all defaults. arg        given to the functions as it is; must live as long as
 * the flow. End        when the input is closed and drained; when nobody takes the
 * output any more (noticed at the next output); when a function fails; when cancelled.
 *              Whatever the reason, `out` is closed, unless LEAT_FLOW_KEEP_OPEN.
 *   Back-pressure: one value at a time is held; a flow waits in the send.
 *   Functions  run in the flow's fiber, with its stack: they may wait on channels; what
 *              blocks its thread belongs into leat_blocking(), what computes for long
 *              into a parallel pipe (pipe.h).
 *              None may end or free the flow it runs in.
 *   Returns    0, LEAT_EINVAL (NULL, sizes that do not fit), LEAT_ENOMEM, LEAT_ECLOSED
 *              (the pool is being shut down). On an error no channel was touched.
 *              Allocate. Never wait. From threads and fibers.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_FLOW_H
#define LEAT_FLOW_H

#include <leat/chan.h>
#include <leat/fiber.h>
#include <leat/stage.h>

LEAT_BEGIN_DECLS

typedef struct leat_flow leat_flow;

enum leat_flow_flags {
    LEAT_FLOW_KEEP_OPEN = 1u << 0, /* `out` is not closed at the end                  */
    LEAT_FLOW_CANCEL_IN =
        1u << 1, /* an early end cancels `in`, so that senders see it */
};

struct leat_flow_opts {
    size_t size;       /* sizeof(struct leat_flow_opts)                               */
    leat_pool *pool;   /* NULL: the caller's, or the default pool                     */
    unsigned flags;    /* enum leat_flow_flags                                        */
    size_t stack_size; /* of its fiber; 0: the pool's                                 */
    const char *name;  /* for dumps; copied, cut to 15 bytes                          */
    /* Told of an item whose function failed. Returns true: skip it and go on. NULL, or
     * false: the flow ends with that error. */
    bool (*on_error)(const void *item, int err, void *arg);
    /* Get values that are not passed on, for those that own something: an input that a
     * step leaves out (filtered, skipped, a duplicate, without a taker); an output that
     * was refused, since nobody takes any more. NULL: just forgotten. */
    void (*drop_in)(void *item, void *arg);
    void (*drop_out)(void *out, void *arg);
    void *callback_arg; /* of the three                                               */
};

/* Waits until the flow has ended, stores its result in *ret_result (may be NULL) and
 * gives the handle back. The result: 0 when the input ended (or the step had enough);
 * LEAT_ECLOSED when nobody took the output any more; LEAT_ECANCELED; the error of a
 * function. Returns as leat_fiber_join_until. */
LEAT_API LEAT_NODISCARD int leat_flow_join(leat_flow *f, int *ret_result);
LEAT_API LEAT_NODISCARD int leat_flow_join_until(leat_flow *f, int *ret_result,
                                                 struct leat_deadline until);
/* Ends it early, wherever it waits. Never blocks. Needs a valid handle. */
LEAT_API void leat_flow_cancel(leat_flow *f);
/* Gives the handle back; the flow goes on. NULL allowed; returns NULL. */
LEAT_API leat_flow *leat_flow_detach(leat_flow *f);

/* ---- One channel to one channel ---- */

/* What a step does; NULL functions do nothing. All of it runs in the flow's fiber. */
struct leat_step {
    int (*init)(
        leat_stage *s); /* before the first item; LEAT_STAGE_ENOUGH: takes none */
    leat_stage_fn *run; /* an item; NULL: passes it on. LEAT_STAGE_ENOUGH ends   */
    int (*end)(leat_stage *s);   /* after the last item; may emit what is left   */
    int (*due)(leat_stage *s);   /* the instant of leat_stage_wake_at has come   */
    void (*exit)(leat_stage *s); /* at the very end, whatever the reason */
    void *arg;       /* leat_stage_arg                                        */
    size_t arg_size; /* not 0: arg is copied, and the copy is the flow's own  */
};

/* Any step. leat_stage_state is NULL; what it needs belongs into arg. */
LEAT_API LEAT_NODISCARD int leat_flow_start(leat_flow **ret, leat_chan *in,
                                            leat_chan *out,
                                            const struct leat_step *step,
                                            const struct leat_flow_opts *opts);

/* For a step: its `due` is called at that instant, unless it is set anew; NEVER: not.
 */
LEAT_API void leat_stage_wake_at(leat_stage *s, struct leat_deadline at);

typedef int leat_map_fn(const void *in, void *out, void *arg); /* 0 or an error       */
typedef bool leat_pred_fn(const void *in, void *arg);
typedef bool leat_equal_fn(const void *a, const void *b, void *arg);
/* Folds `in` into the accumulator. 0, LEAT_STAGE_ENOUGH after it, or an error. */
typedef int leat_fold_fn(void *acc, const void *in, void *arg);

/* Copies. */
LEAT_API LEAT_NODISCARD int leat_flow_pipe(leat_flow **ret, leat_chan *in,
                                           leat_chan *out,
                                           const struct leat_flow_opts *opts);
/* fn(v). For 0 to many outputs an item: leat_flow_start with a run of your own. */
LEAT_API LEAT_NODISCARD int leat_flow_map(leat_flow **ret, leat_chan *in,
                                          leat_chan *out, leat_map_fn *fn, void *arg,
                                          const struct leat_flow_opts *opts);
/* Values for which pred is true. */
LEAT_API LEAT_NODISCARD int leat_flow_filter(leat_flow **ret, leat_chan *in,
                                             leat_chan *out, leat_pred_fn *pred,
                                             void *arg,
                                             const struct leat_flow_opts *opts);
/* The first n: takes exactly n from `in`, none for 0. */
LEAT_API LEAT_NODISCARD int leat_flow_take(leat_flow **ret, leat_chan *in,
                                           leat_chan *out, uint64_t n,
                                           const struct leat_flow_opts *opts);
/* All but the first n. */
LEAT_API LEAT_NODISCARD int leat_flow_drop(leat_flow **ret, leat_chan *in,
                                           leat_chan *out, uint64_t n,
                                           const struct leat_flow_opts *opts);
/* Up to the first value for which pred is false, which is taken too (drop_in). */
LEAT_API LEAT_NODISCARD int leat_flow_take_while(leat_flow **ret, leat_chan *in,
                                                 leat_chan *out, leat_pred_fn *pred,
                                                 void *arg,
                                                 const struct leat_flow_opts *opts);
/* From the first value for which pred is false. */
LEAT_API LEAT_NODISCARD int leat_flow_drop_while(leat_flow **ret, leat_chan *in,
                                                 leat_chan *out, leat_pred_fn *pred,
                                                 void *arg,
                                                 const struct leat_flow_opts *opts);
/* Leaves out what equals the value before; equal NULL: all bytes alike. */
LEAT_API LEAT_NODISCARD int leat_flow_distinct(leat_flow **ret, leat_chan *in,
                                               leat_chan *out, leat_equal_fn *equal,
                                               void *arg,
                                               const struct leat_flow_opts *opts);

/* One value: the left fold. The accumulator is an element of `out`; it starts as a copy
 * of *init, or, with init NULL, as the first value, and an empty input then gives none.
 */
LEAT_API LEAT_NODISCARD int leat_flow_reduce(leat_flow **ret, leat_chan *in,
                                             leat_chan *out, leat_fold_fn *fold,
                                             const void *init, void *arg,
                                             const struct leat_flow_opts *opts);
/* Every accumulator on the way: *init, if given, comes first. */
LEAT_API LEAT_NODISCARD int leat_flow_scan(leat_flow **ret, leat_chan *in,
                                           leat_chan *out, leat_fold_fn *fold,
                                           const void *init, void *arg,
                                           const struct leat_flow_opts *opts);

/* Several values in one message: elements of `out` are of type `struct leat_group *`.
 * The receiver frees it with leat_group_free; for values that are never received
 * leat_group_drop may be the channel's drop and the flow's drop_out. */
struct leat_group {
    size_t n, elem_size;
    void *key;   /* group_by: key_size bytes */
    void *items; /* n elements, aligned to 16 */
};
LEAT_API struct leat_group *leat_group_free(struct leat_group *g);
LEAT_API void leat_group_drop(void *elem, void *arg);

/* Groups of n; the last may be shorter. LEAT_EINVAL for n == 0. */
LEAT_API LEAT_NODISCARD int leat_flow_group(leat_flow **ret, leat_chan *in,
                                            leat_chan *out, size_t n,
                                            const struct leat_flow_opts *opts);
/* Runs of values with the same key, which `key` writes to ret_key, key_size bytes. */
typedef void leat_key_fn(const void *in, void *ret_key, void *arg);
LEAT_API LEAT_NODISCARD int leat_flow_group_by(leat_flow **ret, leat_chan *in,
                                               leat_chan *out, leat_key_fn *key,
                                               size_t key_size, void *arg,
                                               const struct leat_flow_opts *opts);

/* ---- Time ---- */

/* Passes a value on, then leaves out all others for `ns`. */
LEAT_API LEAT_NODISCARD int leat_flow_throttle(leat_flow **ret, leat_chan *in,
                                               leat_chan *out, int64_t ns,
                                               const struct leat_flow_opts *opts);
/* Passes a value on when none came for `ns` after it; the last one at the end. */
LEAT_API LEAT_NODISCARD int leat_flow_debounce(leat_flow **ret, leat_chan *in,
                                               leat_chan *out, int64_t ns,
                                               const struct leat_flow_opts *opts);
/* Ends with LEAT_ETIMEDOUT when nothing came for `ns`. */
LEAT_API LEAT_NODISCARD int leat_flow_timeout(leat_flow **ret, leat_chan *in,
                                              leat_chan *out, int64_t ns,
                                              const struct leat_flow_opts *opts);

/* ---- Several channels to one ---- */

/* Values of all of them as they come; ends when all have ended. A channel that appears
 * twice counts once; n == 0 ends at once. */
LEAT_API LEAT_NODISCARD int leat_flow_merge(leat_flow **ret, leat_chan *const *ins,
                                            size_t n, leat_chan *out,
                                            const struct leat_flow_opts *opts);

/* A row: row[i] points to the value of the i-th input, or is NULL where there is none
 * (ended; latest: none yet). Emits what is to come of it; LEAT_STAGE_ENOUGH ends. */
typedef int leat_row_fn(leat_stage *s, const void *const *row, size_t n);

/* One value of each, again and again, until all have ended; row NULL: the values one
 * behind the other in one element of `out`, zeros where there is none. To end with the
 * shortest, return LEAT_STAGE_ENOUGH for a row with a NULL. LEAT_EINVAL for n == 0. */
LEAT_API LEAT_NODISCARD int leat_flow_zip(leat_flow **ret, leat_chan *const *ins,
                                          size_t n, leat_chan *out, leat_row_fn *row,
                                          void *arg, const struct leat_flow_opts *opts);
/* For each new value of any input the newest of all. An ended input keeps its last. Of a
 * channel that appears twice the first place is the one that gets its values (zip: each
 * place takes one). */
LEAT_API LEAT_NODISCARD int leat_flow_latest(leat_flow **ret, leat_chan *const *ins,
                                             size_t n, leat_chan *out, leat_row_fn *row,
                                             void *arg,
                                             const struct leat_flow_opts *opts);

/* A merge whose inputs come and go. It ends when it is cancelled, or `out` is closed.
 */
typedef struct leat_mix leat_mix;
enum leat_mix_flags {
    LEAT_MIX_MUTE = 1u << 0,  /* taken and left out (drop_in)                         */
    LEAT_MIX_PAUSE = 1u << 1, /* not taken                                            */
    LEAT_MIX_SOLO = 1u << 2,  /* while there is one, the others are as solo_mode says;
                                 its own mute and pause do not count                  */
};
LEAT_API LEAT_NODISCARD int leat_mix_new(leat_mix **ret, leat_chan *out,
                                         const struct leat_flow_opts *opts);
/* Adds `in`, or changes its flags. Several changes by one call after another take
 * effect in order, before the next value is taken; a mix that has no memory for one then
 * ends. 0, LEAT_ENOMEM, LEAT_EINVAL, LEAT_ECLOSED (the mix has ended). From any thread
 * or fiber; never waits. */
LEAT_API int leat_mix_set(leat_mix *m, leat_chan *in, unsigned flags);
/* Removes it; harmless when it is not there. */
LEAT_API int leat_mix_remove(leat_mix *m, leat_chan *in);
LEAT_API int leat_mix_remove_all(leat_mix *m);
/* What happens to the others while somebody is solo: LEAT_MIX_MUTE (at first) or PAUSE.
 */
LEAT_API int leat_mix_solo_mode(leat_mix *m, enum leat_mix_flags mode);
/* Ends it, waits for its end, frees it. NULL allowed; returns NULL. */
LEAT_API leat_mix *leat_mix_free(leat_mix *m);

/* ---- One channel to several ---- */

/* Each value to exactly one of them, whichever takes it first. One that is closed
 * leaves and the value goes to another; when none is left the flow ends (drop_out). */
LEAT_API LEAT_NODISCARD int leat_flow_distribute(leat_flow **ret, leat_chan *in,
                                                 leat_chan *const *outs, size_t n,
                                                 const struct leat_flow_opts *opts);
/* To yes or to no. Values for a closed one are left out (drop_out); ends when both are.
 */
LEAT_API LEAT_NODISCARD int leat_flow_split(leat_flow **ret, leat_chan *in,
                                            leat_chan *yes, leat_chan *no,
                                            leat_pred_fn *pred, void *arg,
                                            const struct leat_flow_opts *opts);

/* How a tap that is full is treated. */
enum leat_tap_mode {
    LEAT_TAP_WAIT = 0, /* the next value waits until it has taken this one            */
    LEAT_TAP_DROP,     /* it misses the new value                                     */
    LEAT_TAP_SLIDE,    /* its oldest value makes room                                 */
};
enum leat_tap_flags {
    LEAT_TAP_KEEP_OPEN = 1u << 0, /* not closed at the end of the input               */
};

/* Every value to every tap. All taps are offered a value at once, and the next one
 * follows when all that wait have taken it; a closed tap leaves. A value that no tap
 * has got goes to drop_in; one that a tap has got and slides over is forgotten. */
typedef struct leat_broadcast leat_broadcast;
LEAT_API LEAT_NODISCARD int leat_broadcast_new(leat_broadcast **ret, leat_chan *in,
                                               const struct leat_flow_opts *opts);
/* Adds a tap from the next value on, or changes one. 0; LEAT_ECLOSED when the input has
 * ended: `out` is then closed too, unless KEEP_OPEN; LEAT_EINVAL; LEAT_ENOMEM. Any
 * thread or fiber; may wait while the set of taps is looked at, never for a tap. */
LEAT_API int leat_broadcast_tap(leat_broadcast *b, leat_chan *out,
                                enum leat_tap_mode mode, unsigned flags);
/* Removes a tap, also one that is being waited for; it is not closed. Harmless when it
 * is not there. */
LEAT_API int leat_broadcast_untap(leat_broadcast *b, leat_chan *out);
LEAT_API int leat_broadcast_untap_all(leat_broadcast *b);
/* Values that taps of mode DROP and SLIDE missed. */
LEAT_API uint64_t leat_broadcast_missed(leat_broadcast *b);
/* Stops it (taps stay open unless the input has ended), waits for its end, frees it. */
LEAT_API leat_broadcast *leat_broadcast_free(leat_broadcast *b);
/* Waits for the end of the input and of the last delivery; the handle stays. */
LEAT_API LEAT_NODISCARD int leat_broadcast_wait(leat_broadcast *b,
                                                struct leat_deadline until);

/* Values by topic. A topic is a key of key_size bytes that `topic` makes of a value; it
 * exists while it has subscribers, and has a channel of its own between the source and
 * them, so that one that is slow delays the others only when its buffer is full. */
typedef struct leat_pubsub leat_pubsub;
struct leat_pubsub_opts {
    size_t size; /* sizeof(struct leat_pubsub_opts)                            */
    leat_key_fn *topic;
    size_t key_size; /* 1 .. 256                                                   */
    void *topic_arg;
    size_t buffer; /* capacity of a topic's channel; 0: 1                        */
    enum leat_tap_mode full; /* what happens to a value for a topic that is full      */
    const struct leat_flow_opts *flow; /* NULL: defaults                              */
};
LEAT_API LEAT_NODISCARD int leat_pubsub_new(leat_pubsub **ret, leat_chan *in,
                                            const struct leat_pubsub_opts *opts);
/* Subscribes `out` to a topic, as leat_broadcast_tap. One channel may have many topics:
 * then at the end of the input it is closed by the first of them to end. */
LEAT_API int leat_pubsub_sub(leat_pubsub *p, const void *topic, leat_chan *out,
                             enum leat_tap_mode mode, unsigned flags);
/* Harmless when there is no such topic or subscriber. Outs are not closed. */
LEAT_API int leat_pubsub_unsub(leat_pubsub *p, const void *topic, leat_chan *out);
LEAT_API int leat_pubsub_unsub_all(leat_pubsub *p, const void *topic); /* NULL: every */
LEAT_API size_t leat_pubsub_topics(leat_pubsub *p);
/* As those of a broadcast. */
LEAT_API LEAT_NODISCARD int leat_pubsub_wait(leat_pubsub *p,
                                             struct leat_deadline until);
LEAT_API leat_pubsub *leat_pubsub_free(leat_pubsub *p);

/* ---- Out of leat ---- */

/* A foreign queue. */
struct leat_queue_ops {
    /* Adds a copy of the value. 0; LEAT_EAGAIN: it is full, and leat_queue_room will be
     * called when there is room; other negative: the flow ends with that error. */
    int (*put)(void *queue, const void *elem);
    /* The end mark, put once after the last value; it too may say LEAT_EAGAIN. NULL:
     * none. */
    int (*end)(void *queue);
    bool blocks; /* put and end may block their thread: they run in leat_blocking() */
};
/* Forwards `in` into a foreign queue, with back-pressure. */
LEAT_API LEAT_NODISCARD int leat_flow_to_queue(leat_flow **ret, leat_chan *in,
                                               const struct leat_queue_ops *ops,
                                               void *queue,
                                               const struct leat_flow_opts *opts);
/* Says that there is room again: a put that said LEAT_EAGAIN is repeated. Needs a valid
 * handle. Any thread or fiber; never blocks. */
LEAT_API void leat_queue_room(leat_flow *f);

LEAT_END_DECLS
#endif
