/* collect.c - up to n values into an array. SPDX-License-Identifier: MIT */
#include <leat/iter.h>
#include "chan/chan.h"

int leat_chan_collect(leat_chan *c, void *array, size_t n, size_t *ret_got,
                      struct leat_deadline until)
{
    size_t got = 0;
    int r = 0;
    if (ret_got)
        *ret_got = 0;
    if (c == NULL || ret_got == NULL || (array == NULL && n && c->elem_size))
        return LEAT_EINVAL;
    while (got < n && r >= 0) {
        char *at = array ? (char *)array + got * c->elem_size : NULL;
        ptrdiff_t some = leat_chan_recv_n(c, at, n - got, until);
        r = some > 0 ? 0 : (int)some;
        got += some > 0 ? (size_t)some : 0;
    }
    *ret_got = got;
    return r;
}
