/* merge.c - values of several channels as they come. A set does the waiting.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/set.h>
#include "flow/chans.h"
#include "flow/flow.h"

struct merge {
    struct leati_source s;
    leat_set *set;
    struct leati_chans ins;
};

static int merge_next(struct leati_source *s, void *buf, struct leat_deadline until)
{
    struct merge *m = leati_container_of(s, struct merge, s);
    int r;
    do {
        if (leat_set_len(m->set) == 0)
            return LEAT_ECLOSED;
        r = leat_set_wait(m->set, buf, NULL, NULL, until);
    } while (r == LEAT_ECLOSED); /* that one has left the set */
    return r;
}

static void merge_free(struct leati_source *s, const struct leat_flow_opts *o,
                       bool cancel)
{
    (void)o;
    struct merge *m = leati_container_of(s, struct merge, s);
    leat_set_free(m->set);
    leati_chans_release(&m->ins, cancel ? LEATI_CHANS_CANCEL : LEATI_CHANS_LEAVE);
    free(m);
}

static struct leati_source *merge_source(leat_chan *const *ins, size_t n)
{
    static const struct leati_source_ops ops = {merge_next, merge_free};
    struct merge *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->s.ops = &ops;
    int r = leati_chans_hold(&m->ins, ins, n) ? leat_set_new(&m->set) : LEAT_ENOMEM;
    for (size_t i = 0; i < n && r == 0; i++) {
        r = leat_set_add(m->set, ins[i], NULL);
        r = r == LEAT_EALREADY ? 0 : r; /* twice counts once */
    }
    if (r != 0) {
        merge_free(&m->s, NULL, false);
        return NULL;
    }
    return &m->s;
}

int leat_flow_merge(leat_flow **ret, leat_chan *const *ins, size_t n, leat_chan *out,
                    const struct leat_flow_opts *opts)
{
    size_t size = leat_chan_elem_size(out);
    if (out == NULL || !leati_chans_fit(ins, n, size) || !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    const struct leati_flow_parts p = {.source = merge_source(ins, n),
                                       .sink = leati_chan_sink(out),
                                       .item_size = size,
                                       .out_size = size};
    return leati_flow_launch(ret, &p, opts);
}
