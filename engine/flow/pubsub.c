/* pubsub.c - values by topic.
 *
 * Idea        A topic is a channel and a broadcast from it to the subscribers; the map
 *             from keys to topics decides where a value goes. The flow sends, the
 *             broadcasts deliver, so a slow subscriber holds up the others only when its
 *             topic's channel is full.
 * Words       topics, ended  under lock
 * Life        a topic lives while it has subscribers; its channel is cancelled when it is
 *             removed, so a send that waits there ends. Who removes a topic unlinks it
 *             under the lock and ends its broadcast after the unlock.
 * End         all topics are closed, all deliver what they have, and only then are the
 *             subscribers' channels closed: one of them may have several topics.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <leat/sync.h>
#include "base/list.h"
#include "base/map.h"
#include "flow/broadcast.h"
#include "flow/flow.h"

enum { KEY_MAX = 256 };

struct topic {
    struct leati_keyed keyed;
    struct leati_link link;
    leat_chan *chan;
    leat_broadcast *broadcast;
    char key[];
};

struct leat_pubsub {
    struct leati_sink s;
    struct leat_pubsub_opts opts;
    struct leat_flow_opts flow_opts, topic_opts; /* topics: of the broadcasts */
    leat_flow *flow;
    leat_wg running;
    size_t elem_size;
    leat_mutex lock;
    struct leati_map *map;
    struct leati_list topics;
    bool ended;
    char key[KEY_MAX]; /* of the value in delivery */
};

static struct topic *find(struct leat_pubsub *p, const void *key)
{
    struct leati_keyed *k = leati_map_find(p->map, key);
    return k ? leati_container_of(k, struct topic, keyed) : NULL;
}

/* ---- Topics ---- */

static void topic_free(struct topic *t)
{
    leat_broadcast_free(t->broadcast);
    leat_chan_free(t->chan);
    free(t);
}

static void unlink_topic(struct leat_pubsub *p, struct topic *t)
{
    leati_map_remove(p->map, &t->keyed);
    leati_list_remove(&p->topics, &t->link);
}

/* Ends a topic that has been unlinked: what it still holds is left out. */
static void topic_end(struct topic *t)
{
    (void)leat_chan_cancel(t->chan);
    topic_free(t);
}

static struct topic *topic_new(struct leat_pubsub *p, const void *key, int *ret_err)
{
    struct topic *t = calloc(1, sizeof(*t) + p->opts.key_size);
    if (t == NULL) {
        *ret_err = LEAT_ENOMEM;
        return NULL;
    }
    memcpy(t->key, key, p->opts.key_size);
    t->keyed.key = t->key;
    const struct leat_chan_opts co = {.size = sizeof(co),
                                      .elem_size = p->elem_size,
                                      .capacity = p->opts.buffer,
                                      .drop = p->flow_opts.drop_in,
                                      .drop_arg = p->flow_opts.callback_arg};
    *ret_err = leat_chan_open(&t->chan, &co);
    if (*ret_err == 0)
        *ret_err = leati_broadcast_new(&t->broadcast, t->chan, &p->topic_opts);
    if (*ret_err != 0) {
        topic_free(t);
        return NULL;
    }
    return t;
}

/* Under the lock: the topic of that key, made if need be from *spare. */
static struct topic *topic_get(struct leat_pubsub *p, const void *key,
                               struct topic **spare)
{
    struct topic *t = find(p, key);
    if (t || *spare == NULL || !leati_map_put(p->map, &(*spare)->keyed))
        return t;
    t = *spare;
    *spare = NULL;
    leati_list_append(&p->topics, &t->link);
    return t;
}

/* ---- The flow's side ---- */

static int pubsub_put(struct leati_sink *s, const void *v)
{
    struct leat_pubsub *p = leati_container_of(s, struct leat_pubsub, s);
    uint64_t missed = 0;
    p->opts.topic(v, p->key, p->opts.topic_arg);
    leati_flow_lock(&p->lock);
    struct topic *t = find(p, p->key), *empty = NULL;
    if (t && leati_broadcast_len(t->broadcast) == 0) { /* all its subscribers closed */
        unlink_topic(p, t);
        empty = t;
        t = NULL;
    }
    leat_chan *c = t ? leat_chan_ref(t->chan) : NULL;
    leat_mutex_unlock(&p->lock);
    if (empty)
        topic_end(empty);
    int r = c == NULL ? LEAT_ECLOSED
            : p->opts.full == LEAT_TAP_WAIT
                ? leat_chan_send(c, v)
                : leati_tap_offer(c, p->opts.full, v, &missed);
    leat_chan_free(c);
    if (r == LEAT_ECLOSED || r == LEATI_TAP_MISSED) { /* nobody has it */
        leati_flow_leave_out(&p->flow_opts, (void *)(uintptr_t)v);
        r = 0;
    }
    return r;
}

/* Lets every topic deliver what it has. `ended` is set: nobody adds or removes topics.
 */
static void drain(struct leat_pubsub *p, bool keep_open)
{
    for (struct leati_link *l = p->topics.first; l; l = l->next)
        (void)leat_chan_close(leati_container_of(l, struct topic, link)->chan);
    for (struct leati_link *l = p->topics.first; l; l = l->next)
        (void)!leat_broadcast_wait(leati_container_of(l, struct topic, link)->broadcast,
                                   LEAT_NEVER);
    for (struct leati_link *l = p->topics.first; l && !keep_open; l = l->next)
        leati_broadcast_close_taps(
            leati_container_of(l, struct topic, link)->broadcast);
}

/* The end of the flow. The object lives on until leat_pubsub_free. */
static void pubsub_end(struct leati_sink *s, int result, bool keep_open)
{
    struct leat_pubsub *p = leati_container_of(s, struct leat_pubsub, s);
    leati_flow_lock(&p->lock);
    p->ended = true;
    leat_mutex_unlock(&p->lock);
    if (result != LEAT_ECANCELED)
        drain(p, keep_open);
    leat_wg_done(&p->running);
}

/* ---- The object ---- */

static bool opts_ok(const struct leat_pubsub_opts *o)
{
    return o && o->size == sizeof(*o) && o->topic && o->key_size > 0 &&
           o->key_size <= KEY_MAX && (unsigned)o->full <= LEAT_TAP_SLIDE &&
           leati_flow_opts_ok(o->flow);
}

static struct leat_pubsub *pubsub_alloc(leat_chan *in, const struct leat_pubsub_opts *o)
{
    struct leat_pubsub *p = calloc(1, sizeof(*p));
    if (p == NULL || (p->map = leati_map_new(o->key_size)) == NULL) {
        free(p);
        return NULL;
    }
    p->opts = *o;
    p->opts.buffer = o->buffer ? o->buffer : 1;
    if (o->flow)
        p->flow_opts = *o->flow;
    p->topic_opts = p->flow_opts;
    p->topic_opts.size = sizeof(p->topic_opts);
    p->topic_opts.flags = 0;
    p->topic_opts.name = "topic";
    p->elem_size = leat_chan_elem_size(in);
    leat_wg_add(&p->running, 1);
    return p;
}

int leat_pubsub_new(leat_pubsub **ret, leat_chan *in,
                    const struct leat_pubsub_opts *opts)
{
    static const struct leati_sink_ops ops = {pubsub_put, pubsub_end};
    if (ret == NULL || in == NULL || !opts_ok(opts))
        return LEAT_EINVAL;
    struct leat_pubsub *p = pubsub_alloc(in, opts);
    if (p == NULL)
        return LEAT_ENOMEM;
    p->s.ops = &ops;
    const struct leati_flow_parts parts = {.source = leati_chan_source(in),
                                           .sink = &p->s,
                                           .item_size = p->elem_size,
                                           .out_size = p->elem_size};
    int r = leati_flow_launch(&p->flow, &parts, opts->flow);
    if (r != 0) {
        leati_map_free(p->map);
        free(p);
        return r;
    }
    *ret = p;
    return 0;
}

leat_pubsub *leat_pubsub_free(leat_pubsub *p)
{
    if (p == NULL)
        return NULL;
    bool was = leat_fiber_mask(true);
    leat_flow_cancel(p->flow);
    (void)!leat_flow_join(p->flow, NULL);
    (void)leat_fiber_mask(was);
    while (p->topics.first) {
        struct topic *t = leati_container_of(p->topics.first, struct topic, link);
        unlink_topic(p, t);
        topic_end(t);
    }
    leati_map_free(p->map);
    free(p);
    return NULL;
}

int leat_pubsub_wait(leat_pubsub *p, struct leat_deadline until)
{
    return p ? leat_wg_wait_until(&p->running, until) : LEAT_EINVAL;
}

/* Under the lock. LEAT_EAGAIN: there is no such topic, and no spare to make it of. */
static int subscribe(struct leat_pubsub *p, const void *key, struct topic **spare,
                     leat_chan *out, enum leat_tap_mode mode, unsigned flags)
{
    if (p->ended)
        return LEAT_ECLOSED;
    bool had_spare = *spare != NULL;
    struct topic *t = topic_get(p, key, spare);
    if (t == NULL)
        return had_spare ? LEAT_ENOMEM : LEAT_EAGAIN;
    return leat_broadcast_tap(t->broadcast, out, mode, flags);
}

int leat_pubsub_sub(leat_pubsub *p, const void *topic, leat_chan *out,
                    enum leat_tap_mode mode, unsigned flags)
{
    if (p == NULL || topic == NULL || out == NULL ||
        leat_chan_elem_size(out) != p->elem_size || (unsigned)mode > LEAT_TAP_SLIDE ||
        (flags & ~(unsigned)LEAT_TAP_KEEP_OPEN))
        return LEAT_EINVAL;
    struct topic *spare = NULL;
    leati_flow_lock(&p->lock);
    int r = subscribe(p, topic, &spare, out, mode, flags);
    leat_mutex_unlock(&p->lock);
    if (r == LEAT_EAGAIN && (spare = topic_new(p, topic, &r)) != NULL) {
        leati_flow_lock(&p->lock);
        r = subscribe(p, topic, &spare, out, mode, flags);
        leat_mutex_unlock(&p->lock);
    }
    if (spare)
        topic_end(spare);
    if (r == LEAT_ECLOSED && !(flags & LEAT_TAP_KEEP_OPEN))
        (void)leat_chan_close(out);
    return r;
}

/* After `ended` topics stay, since the end of the flow walks them. */
int leat_pubsub_unsub(leat_pubsub *p, const void *topic, leat_chan *out)
{
    if (p == NULL || topic == NULL || out == NULL)
        return LEAT_EINVAL;
    leati_flow_lock(&p->lock);
    struct topic *t = find(p, topic);
    if (t)
        (void)leat_broadcast_untap(t->broadcast, out);
    bool remove = t && !p->ended && leati_broadcast_len(t->broadcast) == 0;
    if (remove)
        unlink_topic(p, t);
    leat_mutex_unlock(&p->lock);
    if (remove)
        topic_end(t);
    return 0;
}

/* Takes out the next topic that is meant; after `ended` their taps only. */
static struct topic *take_topic(struct leat_pubsub *p, const void *topic)
{
    struct topic *taken = NULL;
    leati_flow_lock(&p->lock);
    for (struct leati_link *l = p->topics.first; l && taken == NULL; l = l->next) {
        struct topic *t = leati_container_of(l, struct topic, link);
        if (topic && memcmp(t->key, topic, p->opts.key_size) != 0)
            continue;
        if (p->ended)
            (void)leat_broadcast_untap_all(t->broadcast);
        else
            taken = t;
    }
    if (taken)
        unlink_topic(p, taken);
    leat_mutex_unlock(&p->lock);
    return taken;
}

int leat_pubsub_unsub_all(leat_pubsub *p, const void *topic)
{
    struct topic *t;
    if (p == NULL)
        return LEAT_EINVAL;
    while ((t = take_topic(p, topic)) != NULL)
        topic_end(t);
    return 0;
}

size_t leat_pubsub_topics(leat_pubsub *p)
{
    if (p == NULL)
        return 0;
    leati_flow_lock(&p->lock);
    size_t n = leati_map_count(p->map);
    leat_mutex_unlock(&p->lock);
    return n;
}
