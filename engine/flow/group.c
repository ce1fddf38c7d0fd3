/* group.c - several values in one message: by number, by key.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "flow/flow.h"

struct grouping {
    size_t n; /* by number; 0: by key */
    leat_key_fn *key;
    void *arg;
    size_t key_size, room; /* room: items that fit into open */
    struct leat_group *open;
    char *newest; /* the key of the newest value */
};

/* One block: the head, the items, the key. */
static size_t items_at(void)
{
    return (sizeof(struct leat_group) + 15) / 16 * 16;
}

/* Makes room for one more item: twice the room there was. */
static int grow(struct grouping *g, size_t elem_size)
{
    struct leat_group *old = g->open;
    size_t room = old ? g->room * 2 : g->n && g->n < 64 ? g->n : 4, bytes;
    if (__builtin_mul_overflow(room, elem_size, &bytes) ||
        __builtin_add_overflow(bytes, items_at() + g->key_size, &bytes))
        return LEAT_EOVERFLOW;
    struct leat_group *b = malloc(bytes);
    if (b == NULL)
        return LEAT_ENOMEM;
    b->n = old ? old->n : 0;
    b->elem_size = elem_size;
    b->items = (char *)b + items_at();
    b->key = g->key_size ? (char *)b->items + room * elem_size : NULL;
    if (old && elem_size)
        memcpy(b->items, old->items, old->n * elem_size);
    if (g->key_size)
        memcpy(b->key, old ? old->key : g->newest, g->key_size);
    free(old);
    g->open = b;
    g->room = room;
    return 0;
}

struct leat_group *leat_group_free(struct leat_group *g)
{
    free(g);
    return NULL;
}

void leat_group_drop(void *elem, void *arg)
{
    (void)arg;
    leat_group_free(*(struct leat_group **)elem);
}

/* Sends the open group, which then is the receiver's, or that of drop_out. */
static int flush(leat_stage *s, struct grouping *g)
{
    struct leat_group *b = g->open;
    g->open = NULL;
    if (b == NULL)
        return 0;
    int r = leat_emit(s, &b);
    if (r != 0 && leati_flow_of(s)->opts.drop_out == NULL)
        free(b);
    return r;
}

static int append(struct grouping *g, const void *in, size_t len)
{
    if (g->open == NULL || g->open->n == g->room) {
        int r = grow(g, len);
        if (r != 0)
            return r;
    }
    if (len)
        memcpy((char *)g->open->items + g->open->n * len, in, len);
    g->open->n++;
    return 0;
}

static int group_run(leat_stage *s, const void *in, size_t len)
{
    struct grouping *g = leat_stage_arg(s);
    int r = append(g, in, len);
    return r == 0 && g->open->n == g->n ? flush(s, g) : r;
}

static int group_by_run(leat_stage *s, const void *in, size_t len)
{
    struct grouping *g = leat_stage_arg(s);
    g->key(in, g->newest, g->arg);
    if (g->open && memcmp(g->open->key, g->newest, g->key_size) != 0) {
        int r = flush(s, g);
        if (r != 0)
            return r;
    }
    return append(g, in, len);
}

static int group_init(leat_stage *s)
{
    struct grouping *g = leat_stage_arg(s);
    return g->key_size && (g->newest = calloc(1, g->key_size)) == NULL ? LEAT_ENOMEM
                                                                       : 0;
}

static int group_end(leat_stage *s)
{
    return flush(s, leat_stage_arg(s));
}

static void group_exit(leat_stage *s)
{
    struct grouping *g = leat_stage_arg(s);
    for (size_t i = 0; g->open && i < g->open->n; i++)
        leati_flow_leave_out(&leati_flow_of(s)->opts,
                             (char *)g->open->items + i * g->open->elem_size);
    free(g->open);
    free(g->newest);
}

static int start(leat_flow **ret, leat_chan *in, leat_chan *out, struct grouping *g,
                 leat_stage_fn *run, const struct leat_flow_opts *opts)
{
    const struct leat_step step = {.init = group_init,
                                   .run = run,
                                   .end = group_end,
                                   .exit = group_exit,
                                   .arg = g,
                                   .arg_size = sizeof(*g)};
    return leat_chan_elem_size(out) == sizeof(struct leat_group *)
               ? leati_flow_step(ret, in, out, &step, opts)
               : LEAT_EINVAL;
}

int leat_flow_group(leat_flow **ret, leat_chan *in, leat_chan *out, size_t n,
                    const struct leat_flow_opts *opts)
{
    struct grouping g = {.n = n};
    return n ? start(ret, in, out, &g, group_run, opts) : LEAT_EINVAL;
}

int leat_flow_group_by(leat_flow **ret, leat_chan *in, leat_chan *out, leat_key_fn *key,
                       size_t key_size, void *arg, const struct leat_flow_opts *opts)
{
    struct grouping g = {.key = key, .key_size = key_size, .arg = arg};
    return key && key_size ? start(ret, in, out, &g, group_by_run, opts) : LEAT_EINVAL;
}
