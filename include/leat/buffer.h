/* buffer.h - channels that keep their values in another way than first in, first out with
 * waiting senders: that drop, slide, keep one value for ever, serve by priority, or do
 * what the caller's own functions say.
 *
 *     leat_chan *newest, *answer;
 *     leat_chan_new_sliding(&newest, sizeof(struct sample), 64);
 *     leat_chan_new_promise(&answer, sizeof(struct result));
 *
 * Everything else is as for other channels (chan.h): blocking, try, deadline and batch
 * calls, select, sets, handles, close and cancel; waiting parties are served strictly
 * first come, first served, with or without LEAT_FAIR.
 *
 * Lost values  a value that was accepted and will not be delivered (refused by a dropping
 *              channel, pushed out of a sliding one, late for a promise) goes to the
 *              channel's `drop`, outside every lock, before the send returns that was the
 *              cause. That send returns 0: the channel took the value.
 * Progress     one lock for the whole channel, held for one operation and those of the
 *              parties it serves. A failed try costs loads only.
 * Allocation   sends of channels that lose values and have a `drop` allocate when more
 *              values are being dropped at once than ever before (LEAT_ENOMEM: nothing
 *              was sent and nothing lost). All other operations: none.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_BUFFER_H
#define LEAT_BUFFER_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

enum leat_buffer_kind {
    /* Full: a send drops the value it brings. Never waits for room. */
    LEAT_BUFFER_DROPPING = 1,
    /* Full: a send drops the oldest value. Never waits for room. */
    LEAT_BUFFER_SLIDING,
    /* The first value sent stays inside for ever and every receive gets a copy of it,
     * also after close: LEAT_ECLOSED only when closed without a value, or cancelled.
     * Values sent later are dropped. The value that stays belongs to the channel, however
     * often it was received: it goes to `drop` at the last free, not before. A batch
     * receives it n times. */
    LEAT_BUFFER_PROMISE,
    /* `levels` queues, of which the first one that has a value is served; first in, first
     * out within a level. Senders wait when `capacity` values are inside, and among
     * themselves first come, first served, whatever they bring. */
    LEAT_BUFFER_PRIORITY,
    /* The caller's own, by `ops`. */
    LEAT_BUFFER_CUSTOM,
};

enum { LEAT_BUFFER_LEVELS_MAX = 64 };

enum leat_buffer_flags {
    /* add always has room, but may lose a value: it is the way to write one that drops.
     * can_add is not called. */
    LEAT_BUFFER_LOSES = 1u << 0,
    /* take leaves the value inside and changes no answer of can_take. Cancel then drops
     * nothing; at the last free the value that a take gives, if one can be taken, goes to
     * the channel's drop. */
    LEAT_BUFFER_KEEPS = 1u << 1,
};

/* What add returns beside 0 and an error: one value was lost. */
#define LEAT_BUFFER_LOST 1

/* The functions of a custom buffer; `buf` is leat_buffer.arg. All but destroy are called
 * under the channel's lock, by any thread or fiber: they must be short, may not block and
 * may not use channels. Those that say nothing else are required. */
struct leat_buffer_ops {
    size_t size;    /* sizeof(struct leat_buffer_ops) */
    unsigned flags; /* enum leat_buffer_flags         */
    /* Would an add, a take be possible now? The answer may change by an add or a take
     * only: nobody asks in between. While neither is possible, both sides wait. */
    bool (*can_add)(const void *buf);
    bool (*can_take)(const void *buf);
    /* Puts a copy of elem in; called when can_add said yes. Returns 0; LEAT_BUFFER_LOST,
     * only with LEAT_BUFFER_LOSES, when a value, the new one or one that was inside, has
     * been lost: it was copied to `lost`, unless that is NULL; or a negative LEAT_E...
     * (LEAT_ENOMEM): nothing has changed, and the send returns that error.
     * LEAT_EAGAIN, LEAT_EBUSY and positive values are no errors of a buffer: the send
     * says LEAT_EINVAL instead. */
    int (*add)(void *buf, const void *elem, void *lost);
    /* Moves a value out into ret (NULL: forgets it); called when can_take said yes. */
    void (*take)(void *buf, void *ret);
    /* Values inside, for leat_chan_len. */
    size_t (*len)(const void *buf);
    /* Called once, at the last free, when what was inside has gone to the channel's drop
     * (with no drop: is still inside). May be NULL. Outside every lock. */
    void (*destroy)(void *buf);
};

/* How a channel keeps its values: leat_chan_opts.buffer. Copied, and *ops too. */
struct leat_buffer {
    enum leat_buffer_kind kind;
    /* PRIORITY: 1 .. LEAT_BUFFER_LEVELS_MAX levels, and the level of a value, 0 being
     * served first. Called as a custom buffer's functions are. A level that does not
     * exist: the send returns LEAT_EINVAL. */
    unsigned levels;
    unsigned (*level)(const void *elem, void *arg);
    /* CUSTOM. The channel owns `arg` from a successful leat_chan_open on. */
    const struct leat_buffer_ops *ops;
    void *arg; /* of level, or the custom buffer */
};

/* leat_chan_open with a buffer: `capacity` is 1 .. LEAT_CAP_MAX, exact; 0 or 1 for a
 * promise; for a custom buffer only what leat_chan_cap says, any value. Further errors:
 * LEAT_EINVAL for an unknown kind, a missing function, a wrong size, number of levels or
 * capacity. The flags for a single producer or consumer are allowed and change nothing.
 *
 * These three are the everyday ones. Errors as leat_chan_new. */
LEAT_API LEAT_NODISCARD int leat_chan_new_dropping(leat_chan **ret, size_t elem_size,
                                                   size_t capacity);
LEAT_API LEAT_NODISCARD int leat_chan_new_sliding(leat_chan **ret, size_t elem_size,
                                                  size_t capacity);
LEAT_API LEAT_NODISCARD int leat_chan_new_promise(leat_chan **ret, size_t elem_size);

LEAT_END_DECLS
#endif
