/* iter.c - loops over a channel, with a call for each value or reading ahead.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/iter.h>
#include "chan/chan.h"

enum { ON_STACK = 256 };

static int each(leat_chan *c, void *elem, int (*fn)(void *elem, void *arg), void *arg)
{
    for (;;) {
        int r = leat_chan_recv(c, elem);
        if (r != 0)
            return r == LEAT_ECLOSED ? 0 : r;
        if ((r = fn(elem, arg)) != 0)
            return r;
    }
}

LEATI_NOINLINE static int each_small(leat_chan *c, int (*fn)(void *elem, void *arg),
                                     void *arg)
{
    char elem[ON_STACK] __attribute__((aligned(64)));
    return each(c, elem, fn, arg);
}

int leat_chan_each(leat_chan *c, int (*fn)(void *elem, void *arg), void *arg)
{
    if (c == NULL || fn == NULL)
        return LEAT_EINVAL;
    if (c->elem_size <= ON_STACK)
        return each_small(c, fn, arg);
    size_t bytes = ((size_t)c->elem_size + 63) / 64 * 64;
    void *elem = aligned_alloc(64, bytes);
    if (elem == NULL)
        return LEAT_ENOMEM;
    int r = each(c, elem, fn, arg);
    free(elem);
    return r;
}

int leat_iter_begin(struct leat_iter *it, leat_chan *c, void *array, size_t n)
{
    if (it == NULL)
        return LEAT_EINVAL;
    *it = (struct leat_iter){.chan = c, .array = array, .room = n};
    if (c == NULL || n == 0 || (array == NULL && c->elem_size))
        it->err = LEAT_EINVAL;
    else
        it->elem_size = c->elem_size;
    return it->err;
}

int leat_iter_more(struct leat_iter *it, struct leat_deadline until)
{
    if (it->err == LEAT_EINVAL)
        return LEAT_EINVAL;
    ptrdiff_t r = leat_chan_recv_n(it->chan, it->array, it->room, until);
    it->at = 0;
    it->got = r > 0 ? (size_t)r : 0;
    it->err = r > 0 ? 0 : (int)r;
    return it->err;
}

size_t leat_iter_end(struct leat_iter *it, void (*fn)(void *elem, void *arg), void *arg)
{
    if (it == NULL || it->chan == NULL)
        return 0;
    size_t left = it->got - it->at;
    if (fn == NULL) {
        fn = it->chan->drop;
        arg = it->chan->drop_arg;
    }
    for (; it->at < it->got; it->at++)
        if (fn)
            fn(it->array ? it->array + it->at * it->elem_size : NULL, arg);
    it->got = it->at = 0;
    it->err = LEAT_EINVAL; /* over */
    return left;
}
