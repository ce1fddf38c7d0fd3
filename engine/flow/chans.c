/* chans.c - see chans.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "flow/chans.h"

bool leati_chans_fit(leat_chan *const *c, size_t n, size_t elem_size)
{
    if (c == NULL && n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (c[i] == NULL || leat_chan_elem_size(c[i]) != elem_size)
            return false;
    return true;
}

bool leati_chans_hold(struct leati_chans *l, leat_chan *const *c, size_t n)
{
    l->c = calloc(n ? n : 1, sizeof(leat_chan *));
    l->n = l->c ? n : 0;
    for (size_t i = 0; i < l->n; i++)
        l->c[i] = leat_chan_ref(c[i]);
    return l->c != NULL;
}

void leati_chans_release(struct leati_chans *l, enum leati_chans_end end)
{
    for (size_t i = 0; i < l->n; i++) {
        if (end == LEATI_CHANS_CLOSE)
            (void)leat_chan_close(l->c[i]);
        else if (end == LEATI_CHANS_CANCEL)
            (void)leat_chan_cancel(l->c[i]);
        leat_chan_free(l->c[i]);
    }
    free(l->c);
}
