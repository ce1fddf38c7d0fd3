/* iter.h - receiving all there is: loops over a channel, with or without reading ahead.
 *
 *     leat_for_each (c, struct job, j)
 *         work(&j);
 *
 * For threads and fibers, any number at once on one channel (each value goes to one of
 * them). Each waits as a receive does.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_ITER_H
#define LEAT_ITER_H

#include <leat/chan.h>
#include <leat/err.h>

LEAT_BEGIN_DECLS

/* A statement that runs its body once per value received from channel c, in a variable
 * `v` of type T; break and continue work as in any loop. Nothing is read ahead, so a
 * break loses nothing. Ends when c is closed and drained, when the calling fiber is
 * cancelled, or at once when sizeof(T) is not the channel's element size. `c` is
 * evaluated before each receive. Never ends on a promise that has its value. */
#define leat_for_each(c, T, v) for (T v; leat__chan_next((c), &v, sizeof(v)) == 0;)

/* Of leat_for_each: a receive into `ret` of `size` bytes; LEAT_EINVAL when that is not
 * the element size. */
static inline int leat__chan_next(leat_chan *c, void *ret, size_t size)
{
    return leat_chan_elem_size(c) == size ? leat_chan_recv(c, ret) : (int)LEAT_EINVAL;
}

/* Calls fn(elem, arg) for each value, until fn returns something else than 0 (returned;
 * that value has been received) or there are no more: 0 when closed and drained,
 * LEAT_ECANCELED, LEAT_EINVAL. `elem` is fn's during the call, aligned for any type.
 * Elements of more than 256 bytes: allocates once, LEAT_ENOMEM before anything is
 * received; smaller ones lie on the caller's stack. */
LEAT_API LEAT_NODISCARD int leat_chan_each(leat_chan *c,
                                           int (*fn)(void *elem, void *arg), void *arg);

/* Receives up to n values into array, waiting for each at most until the deadline, and
 * stores their number in *ret_got, whatever the result. Returns 0 when there are n;
 * else LEAT_ECLOSED (closed and drained before that), LEAT_EAGAIN (LEAT_NOW) or
 * LEAT_ETIMEDOUT, LEAT_ECANCELED, LEAT_EBUSY; LEAT_EINVAL (NULL) takes nothing. */
LEAT_API LEAT_NODISCARD int leat_chan_collect(leat_chan *c, void *array, size_t n,
                                              size_t *ret_got,
                                              struct leat_deadline until);

/* Reads ahead: takes all that is there, up to n values, into the caller's array with one
 * receive, and gives them out one by one. It never waits for more than the next value.
 * By value, used by one thread or fiber at a time. Members are for leat_iter_next.
 *
 *     struct job ahead[16], *j;
 *     struct leat_iter it;
 *     leat_iter_begin(&it, c, ahead, 16);
 *     while ((j = leat_iter_next(&it)) != NULL)
 *         if (work(j) != 0)
 *             break;
 *     leat_iter_end(&it, put_back, c);
 */
struct leat_iter {
    leat_chan *chan;
    char *array;
    size_t room, elem_size, at, got;
    int err; /* 0, or why leat_iter_next said NULL: LEAT_ECLOSED, LEAT_ECANCELED ... */
};

/* Prepares it. `array` has room for n >= 1 elements (may be NULL when they have size 0).
 * The iterator holds no reference: the channel must stay until leat_iter_end. Returns 0
 * or LEAT_EINVAL; then leat_iter_next says NULL and leat_iter_end 0. Never blocks. */
LEAT_API int leat_iter_begin(struct leat_iter *it, leat_chan *c, void *array, size_t n);

/* What leat_iter_next does when nothing is left of what was read ahead. */
LEAT_API int leat_iter_more(struct leat_iter *it, struct leat_deadline until);

/* As leat_iter_next until the deadline: NULL with it->err LEAT_EAGAIN or LEAT_ETIMEDOUT
 * is no end, it may be called again. */
static inline void *leat_iter_next_until(struct leat_iter *it,
                                         struct leat_deadline until)
{
    static char empty; /* an element of size 0 */
    if (it->at == it->got && leat_iter_more(it, until) != 0)
        return NULL;
    return it->array ? it->array + it->at++ * it->elem_size : (it->at++, &empty);
}

/* The next value, in the array, valid until the next call; waits. NULL when there is
 * none: it->err says why. */
static inline void *leat_iter_next(struct leat_iter *it)
{
    return leat_iter_next_until(it, LEAT_NEVER);
}

/* Ends it after any break: what was read ahead and not given out goes, oldest first, to
 * fn, or when that is NULL to the channel's `drop` (and is forgotten when there is none
 * either). Returns how many. fn may do anything, also send them to another channel. */
LEAT_API size_t leat_iter_end(struct leat_iter *it, void (*fn)(void *elem, void *arg),
                              void *arg);

LEAT_END_DECLS
#endif
