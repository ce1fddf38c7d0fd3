/* mix.c - a merge whose inputs come, go, are muted, paused and soloed.
 *
 * Idea        The mix's fiber receives from a set of the inputs that are not paused.
 *             Changes are records in a list that it carries out before it takes the next
 *             value; a channel in the same set wakes it for them.
 * Words       changes, ended   under lock
 *             inputs, set, ... the fiber's
 * Ordering    a change is listed under the lock, then `changed` is filled; the fiber
 *             empties `changed` before it takes the list.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/set.h>
#include <leat/sync.h>
#include "base/list.h"
#include "base/map.h"
#include "flow/flow.h"

enum { MIX_ALL = 1u << 8, MIX_REMOVE = 1u << 9, MIX_MODE = 1u << 10 };

struct change {
    struct leati_link link;
    leat_chan *in; /* referenced; NULL for ALL and MODE */
    unsigned flags;
};

struct input {
    struct leati_keyed key; /* the channel; referenced */
    struct leati_link link;
    unsigned flags;
    bool in_set;
};

struct leat_mix {
    struct leati_source s;
    struct leat_flow_opts opts;
    leat_flow *flow;
    size_t elem_size;
    leat_mutex lock;
    struct leati_list changes;
    bool ended;
    leat_chan *changed;
    leat_set *set;
    struct leati_map *map;
    struct leati_list inputs;
    size_t solos;
    unsigned mode; /* LEAT_MIX_MUTE or PAUSE, for the others while somebody is solo */
};

static leat_chan *chan_of(const struct input *i)
{
    return (leat_chan *)(uintptr_t)i->key.key;
}

/* ---- The fiber's side ---- */

/* What applies to an input now: LEAT_MIX_MUTE, LEAT_MIX_PAUSE or 0. */
static unsigned treatment(const struct leat_mix *m, const struct input *i)
{
    if (i->flags & LEAT_MIX_SOLO)
        return 0;
    if (m->solos && m->mode == LEAT_MIX_PAUSE)
        return LEAT_MIX_PAUSE;
    if (i->flags & LEAT_MIX_PAUSE)
        return LEAT_MIX_PAUSE;
    return m->solos || (i->flags & LEAT_MIX_MUTE) ? LEAT_MIX_MUTE : 0;
}

/* Puts it into the set or takes it out, as its treatment says. */
static int settle(struct leat_mix *m, struct input *i)
{
    bool listen = treatment(m, i) != LEAT_MIX_PAUSE;
    int r = 0;
    if (listen && !i->in_set)
        r = leat_set_add(m->set, chan_of(i), i);
    else if (!listen && i->in_set)
        (void)leat_set_del(m->set, chan_of(i));
    if (r == 0)
        i->in_set = listen;
    return r;
}

static int settle_all(struct leat_mix *m)
{
    int r = 0;
    for (struct leati_link *l = m->inputs.first; l && r == 0; l = l->next)
        r = settle(m, leati_container_of(l, struct input, link));
    return r;
}

/* Out of all lists; the set has lost it or does so here. */
static void forget(struct leat_mix *m, struct input *i)
{
    if (i->in_set)
        (void)leat_set_del(m->set, chan_of(i));
    m->solos -= (i->flags & LEAT_MIX_SOLO) ? 1 : 0;
    leati_map_remove(m->map, &i->key);
    leati_list_remove(&m->inputs, &i->link);
    leat_chan_free(chan_of(i));
    free(i);
}

static int put_input(struct leat_mix *m, struct change *c)
{
    struct input *i = (struct input *)(void *)leati_map_find(m->map, c->in);
    if (i == NULL) {
        if ((i = calloc(1, sizeof(*i))) == NULL)
            return LEAT_ENOMEM;
        i->key.key = c->in;
        if (!leati_map_put(m->map, &i->key)) {
            free(i);
            return LEAT_ENOMEM;
        }
        leat_chan_ref(c->in);
        leati_list_append(&m->inputs, &i->link);
    }
    m->solos -= (i->flags & LEAT_MIX_SOLO) ? 1 : 0;
    i->flags = c->flags;
    m->solos += (i->flags & LEAT_MIX_SOLO) ? 1 : 0;
    return 0;
}

static int carry_out(struct leat_mix *m, struct change *c)
{
    size_t solos = m->solos;
    struct input *i = NULL;
    int r = 0;
    if (c->flags & MIX_MODE) {
        m->mode = c->flags & (LEAT_MIX_MUTE | LEAT_MIX_PAUSE);
        return settle_all(m);
    }
    if (c->flags & MIX_ALL) {
        while (m->inputs.first)
            forget(m, leati_container_of(m->inputs.first, struct input, link));
        return 0;
    }
    if (c->flags & MIX_REMOVE) {
        if ((i = (struct input *)(void *)leati_map_find(m->map, c->in)) != NULL)
            forget(m, i);
    } else if ((r = put_input(m, c)) == 0) {
        r = settle(m, (struct input *)(void *)leati_map_find(m->map, c->in));
    }
    /* With the first solo, or without the last, all the others change. */
    return r == 0 && (solos == 0) != (m->solos == 0) ? settle_all(m) : r;
}

static void change_free(struct change *c)
{
    leat_chan_free(c->in);
    free(c);
}

static int carry_out_all(struct leat_mix *m)
{
    int r = 0;
    for (;;) {
        leati_flow_lock(&m->lock);
        struct leati_link *l = m->changes.first;
        if (l)
            leati_list_remove(&m->changes, l);
        leat_mutex_unlock(&m->lock);
        if (l == NULL)
            return r;
        struct change *c = leati_container_of(l, struct change, link);
        int e = carry_out(m, c);
        r = r ? r : e;
        change_free(c);
    }
}

/* Never ends by itself. */
static int mix_next(struct leati_source *s, void *buf, struct leat_deadline until)
{
    struct leat_mix *m = leati_container_of(s, struct leat_mix, s);
    for (;;) {
        void *user = NULL;
        int r = leat_chan_try_recv(m->changed, NULL);
        if (r == 0 && (r = carry_out_all(m)) != 0)
            return r;
        r = leat_set_wait(m->set, buf, NULL, &user, until);
        struct input *i = user; /* NULL: m->changed, or none */
        if (i == NULL && r == 0) {
            if ((r = carry_out_all(m)) != 0)
                return r;
        } else if (i && r == LEAT_ECLOSED) {
            i->in_set = false;
            size_t solos = m->solos;
            forget(m, i);
            if (solos && m->solos == 0 && (r = settle_all(m)) != 0)
                return r;
        } else if (i && r == 0 && treatment(m, i) == LEAT_MIX_MUTE) {
            leati_flow_leave_out(&m->opts, buf);
        } else if (r != LEAT_EBUSY) {
            return r;
        }
    }
}

/* The end of the flow. The object lives on until leat_mix_free. */
static void mix_end(struct leati_source *s, const struct leat_flow_opts *o, bool cancel)
{
    struct leat_mix *m = leati_container_of(s, struct leat_mix, s);
    (void)o;
    leati_flow_lock(&m->lock);
    m->ended = true;
    leat_mutex_unlock(&m->lock);
    while (m->changes.first) {
        struct leati_link *l = m->changes.first;
        leati_list_remove(&m->changes, l);
        change_free(leati_container_of(l, struct change, link));
    }
    while (m->inputs.first) {
        struct input *i = leati_container_of(m->inputs.first, struct input, link);
        if (cancel)
            (void)leat_chan_cancel(chan_of(i));
        forget(m, i);
    }
}

/* ---- The object ---- */

static void mix_destroy(struct leat_mix *m)
{
    if (m->map)
        leati_map_free(m->map);
    leat_set_free(m->set);
    leat_chan_free(m->changed);
    free(m);
}

int leat_mix_new(leat_mix **ret, leat_chan *out, const struct leat_flow_opts *opts)
{
    static const struct leati_source_ops ops = {mix_next, mix_end};
    if (ret == NULL || out == NULL || !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    struct leat_mix *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return LEAT_ENOMEM;
    m->s.ops = &ops;
    m->mode = LEAT_MIX_MUTE;
    m->elem_size = leat_chan_elem_size(out);
    if (opts)
        m->opts = *opts;
    const struct leati_flow_parts p = {.source = &m->s,
                                       .sink = leati_chan_sink(out),
                                       .item_size = m->elem_size,
                                       .out_size = m->elem_size};
    int r = leat_chan_new(&m->changed, 0, 1);
    if (r == 0)
        r = leat_set_new(&m->set);
    if (r == 0)
        r = leat_set_add(m->set, m->changed, NULL);
    if (r == 0 && (m->map = leati_map_new(0)) == NULL)
        r = LEAT_ENOMEM;
    if (r == 0)
        r = leati_flow_launch(&m->flow, &p, opts);
    else if (p.sink)
        p.sink->ops->free(p.sink, r, true);
    if (r != 0) {
        mix_destroy(m);
        return r;
    }
    *ret = m;
    return 0;
}

static int ask(struct leat_mix *m, leat_chan *in, unsigned flags)
{
    struct change *c = malloc(sizeof(*c));
    if (c == NULL)
        return LEAT_ENOMEM;
    *c = (struct change){.in = in ? leat_chan_ref(in) : NULL, .flags = flags};
    leati_flow_lock(&m->lock);
    bool ended = m->ended;
    if (!ended)
        leati_list_append(&m->changes, &c->link);
    leat_mutex_unlock(&m->lock);
    if (ended)
        change_free(c);
    else
        (void)!leat_chan_try_send(m->changed, NULL); /* full: it is noted already */
    return ended ? LEAT_ECLOSED : 0;
}

int leat_mix_set(leat_mix *m, leat_chan *in, unsigned flags)
{
    const unsigned known = LEAT_MIX_MUTE | LEAT_MIX_PAUSE | LEAT_MIX_SOLO;
    if (m == NULL || in == NULL || (flags & ~known) ||
        leat_chan_elem_size(in) != m->elem_size)
        return LEAT_EINVAL;
    return ask(m, in, flags);
}

int leat_mix_remove(leat_mix *m, leat_chan *in)
{
    return m && in ? ask(m, in, MIX_REMOVE) : LEAT_EINVAL;
}

int leat_mix_remove_all(leat_mix *m)
{
    return m ? ask(m, NULL, MIX_ALL) : LEAT_EINVAL;
}

int leat_mix_solo_mode(leat_mix *m, enum leat_mix_flags mode)
{
    if (m == NULL || (mode != LEAT_MIX_MUTE && mode != LEAT_MIX_PAUSE))
        return LEAT_EINVAL;
    return ask(m, NULL, MIX_MODE | (unsigned)mode);
}

leat_mix *leat_mix_free(leat_mix *m)
{
    if (m == NULL)
        return NULL;
    bool was = leat_fiber_mask(true);
    leat_flow_cancel(m->flow);
    (void)!leat_flow_join(m->flow, NULL);
    (void)leat_fiber_mask(was);
    mix_destroy(m);
    return NULL;
}
