/* pipe.h - parallel pipes: n workers between two channels, ordered or not.
 *
 *     struct leat_pipe_opts o = {.size = sizeof(o), .run = resize, .workers = 8};
 *     leat_pipe_start(&p, in, out, &o);
 *     ... send to in, receive from out; close in ...
 *     leat_pipe_join(p, NULL);
 *
 * Order      outputs leave in the order of their inputs; with LEAT_PIPE_UNORDERED as they
 *            come. The outputs of one item always stay together in their own order when
 *            ordered; unordered they may mix with those of other items.
 * Bound      items taken from `in` and not yet finished with (all outputs accepted by
 *            `out`, or failed for good) never exceed workers + buffer.
 * Prompt     no item waits behind a slow one while another worker is idle, for longer than
 *            some microseconds (what it takes to move it), nor, for long, while there are
 *            new ones; no result waits behind a slow item while somebody receives from
 *            `out`. A worker takes 30 us of work at a time, at least one item; a fiber
 *            then lets other fibers run.
 * Ends       when `in` is closed and drained, after the last result; when `out` is closed
 *            or cancelled, or the pipe is; when the policy is to stop. Unless
 *            LEAT_PIPE_KEEP_OPEN `out` is closed at the end, whatever the reason: a reader
 *            never hangs.
 * Workers    n of them really at once: if `run` is an n-way barrier, n items meet there.
 * References a pipe holds one on `in` and one on `out` while it lives: the caller may free
 *            his own at once.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_PIPE_H
#define LEAT_PIPE_H

#include <leat/chan.h>
#include <leat/pool.h>
#include <leat/stage.h>

LEAT_BEGIN_DECLS

typedef struct leat_pipe leat_pipe;

enum leat_pipe_mode {
    LEAT_PIPE_FIBERS = 0, /* fibers of a pool: may wait on channels                   */
    LEAT_PIPE_THREADS,    /* OS threads of the pipe's own: may block on anything      */
    LEAT_PIPE_PROCESSES,  /* processes: may crash. The program says LEAT_USE_PROCESSES */
};

enum leat_pipe_flags {
    LEAT_PIPE_UNORDERED = 1u << 0, /* results as they come                            */
    LEAT_PIPE_KEEP_OPEN = 1u << 1, /* `out` is not closed at the end                  */
    LEAT_PIPE_CANCEL_IN = 1u << 2, /* an early end cancels `in`, so senders see it    */
};

/* What becomes of the pipe when an item has failed for good. */
enum leat_pipe_policy {
    LEAT_PIPE_SKIP = 0, /* nothing is delivered for it; the pipe goes on              */
    LEAT_PIPE_STOP,     /* the pipe takes no more; ordered: exactly what stands before
                           the item is delivered; join returns the error              */
};

/* A failure, as told to the error callback. */
struct leat_pipe_error {
    const void *item;  /* the input element, elem_size bytes; during the call. NULL: no
                          item's fault, a worker could not begin and is given up      */
    uint64_t position; /* its place in the input, from 0                              */
    int err;           /* what run returned; LEAT_ETIMEDOUT; LEAT_EOWNERDEAD          */
    unsigned worker;   /* from 0                                                      */
    unsigned tries;    /* how often it has been tried                                 */
    bool final;        /* false: it will be tried again                               */
};

/* Default of `buffer` is 4 * workers; this is none. */
#define LEAT_PIPE_NO_BUFFER ((size_t)-1)

#define LEAT_PIPE_WORKERS_MAX 1024

/* Process pipes only. A worker that has ended is replaced; one that five times in a row
 * has not got through init is given up. While the program has no descriptors to spare,
 * workers begin later. */
struct leat_pipe_process {
    size_t max_in, max_out; /* bytes of an item and of all outputs of one item, as they
                               cross; 0: the element sizes                            */
    /* Make bytes of an element and an element of bytes; NULL: the element itself. pack
     * returns the length, <= max, or a negative error: the item failed. unpack returns
     * 0 or a negative error: the output is skipped and reported. */
    ptrdiff_t (*pack)(const void *elem, void *buf, size_t max, void *codec_arg);
    int (*unpack)(const void *buf, size_t len, void *elem, void *codec_arg);
    void *codec_arg;
    unsigned depth;     /* items offered to one worker at a time; 0: 64, at most 1024 */
    int64_t stop_grace; /* ns a stopped worker (SIGSTOP) is waited for; 0: 1 s        */
    uint64_t cpu_seconds, memory_bytes,
        open_files; /* resource limits; 0: as they are */
    /* In each worker before init, with no_new_privs already set: the place to drop
     * rights. A negative result ends the worker. */
    int (*confine)(void *arg);
};

struct leat_pipe_opts {
    size_t size;        /* sizeof(struct leat_pipe_opts)                              */
    leat_stage_fn *run; /* one item                                                   */
    /* Once in each worker, before its first item and after its last (not after a kill).
     * A negative result of init ends that worker; when no worker is left the pipe ends
     * with that error. Worker-local state goes to *ret_state. NULL: none. */
    int (*init)(void *arg, unsigned worker, void **ret_state);
    void (*exit)(void *state);
    void *arg;        /* leat_stage_arg                                   */
    size_t arg_size;  /* processes: bytes at arg, copied at the start     */
    unsigned workers; /* 1 .. LEAT_PIPE_WORKERS_MAX; 0: the pool's workers */
    enum leat_pipe_mode mode;
    unsigned flags;   /* enum leat_pipe_flags                             */
    size_t buffer;    /* see Bound; 0: 4 * workers, LEAT_PIPE_NO_BUFFER   */
    unsigned retries; /* tries after the first, before the policy applies */
    enum leat_pipe_policy policy;
    /* Most ns one try of an item may take; 0: no limit. Then it has failed with
     * LEAT_ETIMEDOUT, its late result is discarded, and the worker is replaced: a
     * process is killed; beside a thread or fiber a new one starts, and the late one ends
     * when `run` returns, which may be after the pipe's end: until then it uses `arg`,
     * its state, exit and drop_out. At most as many workers as there are can be late at
     * the same time; further ones are missing. An item that has emitted more than is
     * collected (see leat_pipe_start) is not timed any more. */
    int64_t item_timeout;
    /* Told of each failed try, in the worker (deadlines, processes: in a thread of the
     * pipe's), no lock held; may use channels with try calls only. A try that was going to
     * be repeated and cannot, for want of a thread, is told once more as final. NULL:
     * nobody is told. */
    void (*on_error)(const struct leat_pipe_error *e, void *arg);
    /* Get what was taken but will not be delivered when the pipe ends early: inputs
     * whose run never began; outputs. drop_out also gets the outputs of a try that
     * failed. In the worker or, at the end, in the last one. NULL: just forgotten. */
    void (*drop_in)(void *item, void *arg);
    void (*drop_out)(void *out, void *arg);
    void *callback_arg; /* of on_error and the drops                        */
    leat_pool *pool;    /* fibers: NULL is the caller's pool or the default */
    size_t stack_size;  /* of a fiber or thread; 0: the usual               */
    const char *name;   /* for dumps, thread names; copied, cut to 15 bytes */
    const struct leat_pipe_process *process; /* NULL: all defaults. Copied            */
};

/* Starts a pipe from `in` to `out`. `in` may be any kind of channel, `out` any that can be
 * sent to, but not one declared single producer (chan.h) when several fibers or threads
 * send to it unordered. ret NULL: detached, it frees itself at its end.
 *
 * What an item emits is collected until the item is done, so that a failed try leaves
 * nothing behind: 256 bytes of outputs, at least one and at most 64, when ordered; when
 * not, as many as there is room for among workers + buffer. What is more waits for its
 * turn and goes to `out` one by one, as `out` has room; should the item fail after that,
 * those outputs stay delivered, and a further try delivers them again.
 *
 * With a bounded `out` results may be held back a moment to be sent many at once; who
 * receives, selects or has a set on `out` never waits for one that is held back, and
 * leat_chan_len does not count them.
 *
 * Returns 0; LEAT_EINVAL; LEAT_ENOMEM; LEAT_EAGAIN when a thread, or LEAT_ENOTSUP when a
 * process could not be had or `out` cannot be sent to; LEAT_ENOEXEC when a process would
 * not find `run`. On an error nothing was taken from `in` and `out` is as it was. From
 * threads and fibers. Allocates. */
LEAT_API LEAT_NODISCARD int leat_pipe_start(leat_pipe **ret, leat_chan *in,
                                            leat_chan *out,
                                            const struct leat_pipe_opts *opts);

/* Counters; each is exact in itself, together they are not one instant. */
struct leat_pipe_stats {
    uint64_t taken;     /* items taken from `in`                                      */
    uint64_t finished;  /* items all of whose outputs were accepted                   */
    uint64_t delivered; /* outputs accepted by `out`                                  */
    uint64_t failed;    /* items that failed for good                                 */
    uint64_t retried;   /* further tries                                              */
    uint64_t unstarted; /* items given to drop_in                                     */
    uint64_t discarded; /* items whose outputs went, in part or all, to drop_out      */
    uint64_t stolen;    /* items that a worker took over from another one's claim     */
    uint64_t replaced;  /* workers replaced: hung, killed                             */
    uint64_t in_flight; /* taken, and neither finished, failed, unstarted, discarded  */
    uint64_t busy_ns;   /* sum over the workers: `run`, and to get from item to item  */
    unsigned workers;   /* that run now                                               */
};
LEAT_API void leat_pipe_stats(const leat_pipe *p, struct leat_pipe_stats *ret);

/* One worker: items it finished or failed, its part of busy_ns. LEAT_EINVAL for a
 * worker that does not exist. */
LEAT_API int leat_pipe_worker_stats(const leat_pipe *p, unsigned worker,
                                    uint64_t *ret_items, uint64_t *ret_busy_ns);

/* Waits for the end and gives the handle back; *ret (may be NULL) gets the final
 * counters. Returns 0 when the input ended and everything was delivered (or skipped);
 * LEAT_ECLOSED when `out` was closed early; LEAT_ECANCELED when the pipe was
 * cancelled; else the error that stopped it. From threads and fibers. LEAT_EBUSY: the
 * calling fiber was cancelled while it waited, the handle stays valid. */
LEAT_API int leat_pipe_join(leat_pipe *p, struct leat_pipe_stats *ret);

/* As leat_pipe_join, but what the pipe came to goes to *ret_result (may be NULL), so that
 * it cannot be taken for the outcome of the wait. Returns 0; LEAT_ETIMEDOUT or
 * LEAT_ECANCELED: it has not ended, or the calling fiber was cancelled; the handle stays
 * valid. */
LEAT_API int leat_pipe_join_until(leat_pipe *p, int *ret_result,
                                  struct leat_pipe_stats *ret,
                                  struct leat_deadline until);

/* Ends it early: nothing more is taken; items in `run` may finish, nothing more is
 * delivered. Never blocks; any thread or fiber; harmless when it has ended. */
LEAT_API void leat_pipe_cancel(leat_pipe *p);

/* Gives the handle back without waiting; the pipe goes on. NULL allowed; returns NULL.
 */
LEAT_API leat_pipe *leat_pipe_detach(leat_pipe *p);

LEAT_END_DECLS
#endif
