/* source.h - channels to receive from whose values come from an array, a range or a
 * function instead of senders.
 *
 *     leat_chan *c;
 *     leat_source_range(&c, 0, 100, 1);
 *     leat_for_each (c, int64_t, i)
 *         use(i);
 *     leat_chan_free(c);
 *
 * They are born closed: a send gets LEAT_ECLOSED, leat_chan_close says LEAT_EALREADY,
 * receives get the values there are and then LEAT_ECLOSED. A value comes into being when
 * a receiver takes it, not before. Any number of receivers, threads and fibers, share the
 * values; receives of every form, select and sets work as on other channels.
 * leat_chan_cancel ends the stream; leat_chan_free at any moment forgets the rest.
 *
 * Common to the constructors: return 0, LEAT_EINVAL, LEAT_EOVERFLOW (element too large),
 * LEAT_ENOMEM. Allocate. Never block.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_SOURCE_H
#define LEAT_SOURCE_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

/* The n elements of an array, in order. Copied: the array may change or go at once.
 * elems may be NULL when n or elem_size is 0. n up to LEAT_CAP_MAX. */
LEAT_API LEAT_NODISCARD int leat_source_array(leat_chan **ret, const void *elems,
                                              size_t n, size_t elem_size);

/* As leat_source_array, not copied: the array must stay as it is until the channel has
 * been freed for the last time. */
LEAT_API LEAT_NODISCARD int leat_source_borrow(leat_chan **ret, const void *elems,
                                               size_t n, size_t elem_size);

/* The int64_t numbers first, first + step, ... that come before `end`: less than it with
 * a positive step, greater with a negative one. LEAT_EINVAL for step 0. Without a bound:
 * end INT64_MAX (INT64_MIN); the stream ends before a number overflows. */
LEAT_API LEAT_NODISCARD int leat_source_range(leat_chan **ret, int64_t first,
                                              int64_t end, int64_t step);

struct leat_source_opts {
    size_t size;      /* sizeof(struct leat_source_opts)                             */
    size_t elem_size; /* bytes; 0 .. LEAT_ELEM_MAX                                   */
    /* Stores the next value in ret (elem_size bytes, aligned to 64) and returns 0.
     * LEAT_ECLOSED: there are no more. Any other value: there are no more because of
     * that error, see leat_source_error. Not called again after either, nor after
     * leat_chan_cancel.
     *
     * Called by the receivers, in the thread or fiber of the one that needs a value, by
     * one at a time, outside every lock: it may compute for long, wait, use channels, but
     * not this one. Who holds the turn calls it in full, whatever its deadline; other
     * receivers wait for the turn, first come, first served, each until its own deadline,
     * and a try or a select of theirs finds the channel empty. A receive of n calls it up
     * to n times before it returns. */
    int (*next)(void *arg, void *ret);
    /* Called once, at the last free. May be NULL. */
    void (*done)(void *arg);
    void *arg;
    const char *name; /* for leat_dump; copied, cut to 15 bytes                      */
};

/* A stream made by a function; it may be endless. `ret` of leat_source_opts.next is
 * copied to the receiver only when next returned 0. On an error done is not called. */
LEAT_API LEAT_NODISCARD int leat_source_new(leat_chan **ret,
                                            const struct leat_source_opts *opts);

/* Why the stream of leat_source_new ended: the error that `next` returned; 0 when it has
 * not ended, or by LEAT_ECLOSED or leat_chan_cancel, and for every other channel. Exact
 * once a receive has said LEAT_ECLOSED. Never blocks. */
LEAT_API int leat_source_error(const leat_chan *c);

LEAT_END_DECLS
#endif
