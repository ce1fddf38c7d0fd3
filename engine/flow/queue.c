/* queue.c - forwarding into a foreign queue.
 *
 * Idea        A sink that asks the queue again whenever its owner says that there is room.
 * Words       room  channel of capacity 1: room was announced since the last put
 * Ordering    the owner makes room, then fills `room`; the flow is refused, then waits for
 *             `room`, then puts again. An announcement that came before the refusal makes
 *             it try once too often, never too seldom.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "flow/flow.h"

struct queue_sink {
    struct leati_sink s;
    struct leat_queue_ops ops;
    void *queue;
    leat_chan *room; /* the flow's */
};

/* One call into the queue, perhaps on another thread. */
struct call {
    struct queue_sink *q;
    const void *elem; /* end: the end mark */
    bool end;
};

static int call_now(void *arg)
{
    const struct call *c = arg;
    return c->end ? c->q->ops.end(c->q->queue) : c->q->ops.put(c->q->queue, c->elem);
}

static int put_until_taken(struct queue_sink *q, struct call c)
{
    for (;;) {
        bool ran = true;
        int r = q->ops.blocks ? leat_blocking(call_now, &c, &ran) : call_now(&c);
        if (r != LEAT_EAGAIN || !ran)
            return r;
        if ((r = leat_chan_recv(q->room, NULL)) != 0)
            return r;
    }
}

static int queue_put(struct leati_sink *s, const void *v)
{
    struct queue_sink *q = leati_container_of(s, struct queue_sink, s);
    return put_until_taken(q, (struct call){.q = q, .elem = v});
}

static void queue_free(struct leati_sink *s, int result, bool keep_open)
{
    (void)result;
    (void)keep_open;
    free(leati_container_of(s, struct queue_sink, s));
}

/* The end mark is the last thing that the step does, so that it can wait for room and
 * be cancelled. */
static int mark_end(leat_stage *s)
{
    struct leat_flow *f = leati_flow_of(s);
    struct queue_sink *q = leati_container_of(f->sink, struct queue_sink, s);
    return q->ops.end ? put_until_taken(q, (struct call){.q = q, .end = true}) : 0;
}

void leat_queue_room(leat_flow *f)
{
    if (f && f->room)
        (void)!leat_chan_try_send(f->room, NULL); /* full: it is announced already */
}

int leat_flow_to_queue(leat_flow **ret, leat_chan *in, const struct leat_queue_ops *ops,
                       void *queue, const struct leat_flow_opts *opts)
{
    static const struct leati_sink_ops sink_ops = {queue_put, queue_free};
    if (in == NULL || ops == NULL || ops->put == NULL || !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    leat_chan *room;
    int r = leat_chan_new(&room, 0, 1);
    if (r != 0)
        return r;
    struct queue_sink *q = malloc(sizeof(*q));
    if (q)
        *q = (struct queue_sink){
            .s.ops = &sink_ops, .ops = *ops, .queue = queue, .room = room};
    const struct leati_flow_parts p = {.source = leati_chan_source(in),
                                       .sink = q ? &q->s : NULL,
                                       .item_size = leat_chan_elem_size(in),
                                       .out_size = leat_chan_elem_size(in),
                                       .step = {.end = mark_end},
                                       .room = room};
    return leati_flow_launch(ret, &p, opts);
}
