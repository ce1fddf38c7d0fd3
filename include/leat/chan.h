/* chan.h - channels: FIFO queues of copied values between threads and fibers.
 *
 * One channel serves OS threads and fibers at the same time. Values leave in the
 * order their sends took effect; one sender's values keep its order. Results are 0
 * or a negative LEAT_E... value; nothing here panics, aborts or touches errno.
 *
 * Common to all calls below
 *   elem, ret     elem_size bytes; ignored (may be NULL) when elem_size is 0. `ret`
 *                 NULL in a receive discards the value. `ret` is written only when
 *                 the call took a value.
 *   NULL channel  LEAT_EINVAL (a NULL channel in a select is a case never ready).
 *   Callers       any thread, any fiber, any number at once, except where a side was
 *                 declared single. No call is async-signal-safe (signal.h has one).
 *   Allocation    none in send and receive of bounded kinds.
 *   Progress      bounded with a capacity >= 1: lock-free while there is room or a value.
 *                 A thread stopped in mid-operation delays only those who need the very
 *                 cell it holds, except in the few instructions in which it lists itself
 *                 to park, serves a parked waiter or closes. Other kinds lock a side for
 *                 as long; tests/faults/README.md has the table.
 *   Order         a send happens before its receive; a close before a receive that
 *                 reports it; the k-th receive before the (k + capacity)-th send
 *                 returns; with capacity 0 a receive before its send returns.
 *   Fork          the child has a copy of the channel as it was; whoever waited on it is
 *                 not there, and a thread that was inside a call may have left it locked.
 *                 Only channels that nobody was using may be used in a child, by threads
 *                 (timer channels and sets: likewise). It may open channels of its own
 *                 whatever other threads were doing.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_CHAN_H
#define LEAT_CHAN_H

#include <leat/base.h>
#include <leat/err.h>
#include <leat/time.h>

LEAT_BEGIN_DECLS

typedef struct leat_chan leat_chan;
typedef struct leat_tx leat_tx; /* a counted sender   */
typedef struct leat_rx leat_rx; /* a counted receiver */

/* Capacity of a channel whose sends never wait; memory goes back after a burst. */
#define LEAT_UNBOUNDED SIZE_MAX

/* Largest element and largest bounded capacity. */
#define LEAT_ELEM_MAX ((size_t)1 << 30)
#define LEAT_CAP_MAX  ((size_t)1 << 30)

enum leat_chan_flags {
    /* No newcomer passes a parked waiter (as in Go). Without it a newcomer may pass
     * the first parked one at most 4 times. Waiters among themselves are always
     * served first come, first served; capacity 0 is always strict. */
    LEAT_FAIR = 1u << 0,
    /* One thread or fiber at a time sends / receives. From a capacity of 1024 on, that
     * side gets a ring without locked instructions; in a smaller one, where somebody
     * parks often, the shared ring is the faster one. Two at once is an error that
     * debug builds report. */
    LEAT_SINGLE_PRODUCER = 1u << 1,
    LEAT_SINGLE_CONSUMER = 1u << 2,
    /* Small footprint where there is a choice to make. With capacity 0 there is none:
     * two cache lines, 128 bytes, hold all. */
    LEAT_COMPACT = 1u << 3,
};

/* How a thread waits before it sleeps in the kernel (fibers never spin). */
enum leat_spin {
    LEAT_SPIN_ADAPTIVE = 0, /* pauses and yields while that paid off lately       */
    LEAT_SPIN_NEVER,        /* to the kernel at once                              */
    LEAT_SPIN_BUSY,         /* spins about 1 ms before it sleeps; for threads that
                               own their CPU                                      */
};

struct leat_buffer;

struct leat_chan_opts {
    size_t size;      /* sizeof(struct leat_chan_opts), exactly: see base.h       */
    size_t elem_size; /* bytes; 0 .. LEAT_ELEM_MAX                                */
    size_t capacity;  /* 0 rendezvous, 1 .. LEAT_CAP_MAX exact, LEAT_UNBOUNDED    */
    unsigned flags;   /* enum leat_chan_flags                                     */
    enum leat_spin spin;
    size_t elem_align; /* of the pointer given to drop: 0 natural, else 1 .. 64   */
    /* Called once for each value that is never delivered (cancel, free). Runs
     * outside every lock, in the thread or fiber that found the value. */
    void (*drop)(void *elem, void *arg);
    void *drop_arg;
    /* Memory of cells and segments; NULL: malloc. Copied. Headers always come from
     * leat's own slab, which never gives memory back, so that a channel may be freed
     * while the last sender is still returning. */
    const struct leat_alloc *alloc;
    const char *name;                 /* for leat_dump; copied, cut to 15 bytes   */
    const struct leat_buffer *buffer; /* buffer.h: drops, slides, keeps one value,
                                         priorities, the caller's own. NULL: first in,
                                         first out, and senders wait for room     */
};

/* Makes an open channel with one reference and stores it in *ret. The everyday one.
 * Returns 0, LEAT_EINVAL (NULL, unknown flags, bad alignment), LEAT_EOVERFLOW
 * (element or capacity too large), LEAT_ENOMEM. Nothing is half-made. Allocates.
 * Starts no thread. */
LEAT_API LEAT_NODISCARD int leat_chan_new(leat_chan **ret, size_t elem_size,
                                          size_t capacity);
LEAT_API LEAT_NODISCARD int leat_chan_open(leat_chan **ret,
                                           const struct leat_chan_opts *opts);

/* One more reference; returns c. NULL gives NULL. Never blocks. */
LEAT_API leat_chan *leat_chan_ref(leat_chan *c);

/* Gives a reference back; the last one frees the channel, handing what is inside to
 * drop. Returns NULL. NULL is allowed. May be called right after the last message
 * was received, while its sender is still returning; every other call must have
 * returned. Operations on a freed channel are reported in debug builds. */
LEAT_API leat_chan *leat_chan_free(leat_chan *c);

/* Graceful end: later sends get LEAT_ECLOSED; values inside and those of senders
 * already waiting are still delivered, then receives get LEAT_ECLOSED. Returns 0, or
 * LEAT_EALREADY when it was closed before. Never waits for another party. */
LEAT_API int leat_chan_close(leat_chan *c);

/* Hard end: as close, but waiting senders get LEAT_ECLOSED too and undelivered
 * values go to drop, those of a sender in mid-operation at the latest at the last
 * free, those before a declared single receiver when it calls next, or then. Returns 0,
 * also after a close; LEAT_EALREADY when cancelled before. */
LEAT_API int leat_chan_cancel(leat_chan *c);

/* Values inside now (parked senders not counted), the capacity (SIZE_MAX when
 * unbounded), the element size, closed or not. A snapshot, stale at once; 0 for
 * NULL. Never block, no locked instruction. */
LEAT_API size_t leat_chan_len(const leat_chan *c);
LEAT_API size_t leat_chan_cap(const leat_chan *c);
LEAT_API size_t leat_chan_elem_size(const leat_chan *c);
LEAT_API bool leat_chan_closed(const leat_chan *c);

/* Bytes that the channel holds now: its header, cells and segments. */
LEAT_API size_t leat_chan_bytes(const leat_chan *c);

/* Sends one value; waits while the channel is full (capacity 0: until a receiver
 * took it). Returns 0; LEAT_ECLOSED; LEAT_ECANCELED when the calling fiber was
 * cancelled while it waited; unbounded: LEAT_ENOMEM.
 * On any error nothing was sent. */
LEAT_API LEAT_NODISCARD int leat_chan_send(leat_chan *c, const void *elem);

/* As leat_chan_send until the deadline, then LEAT_ETIMEDOUT. With LEAT_NOW it is
 * leat_chan_try_send. */
LEAT_API LEAT_NODISCARD int leat_chan_send_until(leat_chan *c, const void *elem,
                                                 struct leat_deadline until);

/* Never waits for room. Returns 0; LEAT_EAGAIN when the channel really was full
 * (capacity 0: no receiver waited) at some moment of the call; LEAT_ECLOSED;
 * LEAT_EBUSY when another thread stayed in the middle of its operation on the very
 * cell for the whole of 128 looks. */
LEAT_API LEAT_NODISCARD int leat_chan_try_send(leat_chan *c, const void *elem);

/* Sends up to n values from the array at elems; waits until at least one is sent,
 * then sends as many more as fit without waiting. Returns how many were sent (>= 1;
 * 0 only for n == 0), or a negative error as above when none was. */
LEAT_API LEAT_NODISCARD ptrdiff_t leat_chan_send_n(leat_chan *c, const void *elems,
                                                   size_t n, struct leat_deadline until);

/* Receives one value into ret; waits while the channel is empty. Returns 0;
 * LEAT_ECLOSED when closed and drained; LEAT_ECANCELED as above. */
LEAT_API LEAT_NODISCARD int leat_chan_recv(leat_chan *c, void *ret);
LEAT_API LEAT_NODISCARD int leat_chan_recv_until(leat_chan *c, void *ret,
                                                 struct leat_deadline until);

/* Never waits. Returns 0; LEAT_EAGAIN when the channel really was empty at some
 * moment of the call; LEAT_ECLOSED; LEAT_EBUSY as for try_send, never 'empty' while
 * a value is only half published. A failed try costs loads only. */
LEAT_API LEAT_NODISCARD int leat_chan_try_recv(leat_chan *c, void *ret);
LEAT_API LEAT_NODISCARD ptrdiff_t leat_chan_recv_n(leat_chan *c, void *ret, size_t n,
                                                   struct leat_deadline until);

/* Counted handles. Each holds one reference on the channel. When the last sender
 * handle goes the channel is closed; when the last receiver handle goes it is
 * cancelled. Plain leat_chan pointers may be used beside them and are not counted.
 * leat_chan_tx and leat_chan_rx make a further handle of an open channel (NULL gives
 * NULL); _ref copies one; _free gives one back and returns NULL. Never block, never
 * allocate. A handle is used through its channel: leat_chan_send(leat_tx_chan(t), e). */
LEAT_API leat_tx *leat_chan_tx(leat_chan *c);
LEAT_API leat_tx *leat_tx_ref(leat_tx *t);
LEAT_API leat_tx *leat_tx_free(leat_tx *t);
LEAT_API leat_chan *leat_tx_chan(leat_tx *t);
LEAT_API leat_rx *leat_chan_rx(leat_chan *c);
LEAT_API leat_rx *leat_rx_ref(leat_rx *r);
LEAT_API leat_rx *leat_rx_free(leat_rx *r);
LEAT_API leat_chan *leat_rx_chan(leat_rx *r);

LEAT_END_DECLS
#endif
