/* flow.h - one fiber between a source and a sink.
 *
 * Idea        A flow takes an item from its source, gives it to its step, and what the
 *             step emits goes to its sink. Every combinator is one of each: map is a step
 *             between two channels, merge a source, broadcast a sink.
 * Life        Two references: the fiber's and the handle's. Source and sink end with the
 *             fiber, which is the only one that uses them.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_FLOW_FLOW_H
#define LEATI_FLOW_FLOW_H

#include <leat/flow.h>
#include <leat/sync.h>
#include "arch/atomic.h"
#include "pipe/stage.h"

/* Where items come from. First member of what a source needs. */
struct leati_source {
    const struct leati_source_ops *ops;
};

struct leati_source_ops {
    /* Waits for an item and writes it to buf. 0; LEAT_ECLOSED: there are no more;
     * LEAT_ETIMEDOUT; LEAT_ECANCELED; another error ends the flow. */
    int (*next)(struct leati_source *s, void *buf, struct leat_deadline until);
    /* Frees it. o: of the flow, for what was taken and comes to nothing; NULL when it
     * never started. cancel: whoever still sends is to see that nobody takes. */
    void (*free)(struct leati_source *s, const struct leat_flow_opts *o, bool cancel);
};

/* Where outputs go. First member of what a sink needs. */
struct leati_sink {
    const struct leati_sink_ops *ops;
};

struct leati_sink_ops {
    /* Waits until v has been accepted. 0; LEAT_ECLOSED: nobody takes any more;
     * LEAT_ECANCELED; another error ends the flow. */
    int (*put)(struct leati_sink *s, const void *v);
    /* Ends and frees it. result: the flow's. keep_open: its channels are not closed. */
    void (*free)(struct leati_sink *s, int result, bool keep_open);
};

struct leat_flow {
    struct leat_stage stage;
    struct leati_source *source;
    struct leati_sink *sink;
    struct leat_step step;
    struct leat_flow_opts opts;
    struct leat_deadline wake_at;
    size_t item_size;
    bool ended;        /* the source has no more */
    int refused;       /* what the sink said when it refused an output; 0 */
    leat_fiber *fiber; /* of whoever has the handle */
    leati_a32 refs;
    leat_chan *room; /* to_queue */
    char name[16];
    /* The item and the copy of the step's arg, each aligned to 64, follow. */
};

/* What a flow is made of. */
struct leati_flow_parts {
    struct leati_source *source; /* NULL: no memory */
    struct leati_sink *sink;     /* NULL: no memory */
    size_t item_size;            /* bytes that the source writes */
    size_t out_size;             /* bytes of an output */
    struct leat_step step;
    leat_chan *room;
};

/* Are the options valid? NULL is. */
bool leati_flow_opts_ok(const struct leat_flow_opts *o);

/* Starts a flow, which then owns the parts; on an error they are freed and nothing was
 * closed. The options have been checked. */
int leati_flow_launch(leat_flow **ret, const struct leati_flow_parts *parts,
                      const struct leat_flow_opts *o);

/* One channel as a source, as a sink; each takes a reference. NULL: no memory. */
struct leati_source *leati_chan_source(leat_chan *in);
struct leati_sink *leati_chan_sink(leat_chan *out);

/* One channel to one channel. ret_copy: where the copy of the step's arg is (NULL: not
 * asked), for steps that must point into it. */
int leati_flow_step(leat_flow **ret, leat_chan *in, leat_chan *out,
                    const struct leat_step *step, const struct leat_flow_opts *o);

/* As leati_flow_step when `in` and `out` have elements of one size. */
int leati_flow_same(leat_flow **ret, leat_chan *in, leat_chan *out,
                    const struct leat_step *step, const struct leat_flow_opts *o);

/* A step leaves out an input. */
void leati_flow_leave_out(const struct leat_flow_opts *o, void *item);

LEATI_INLINE struct leat_flow *leati_flow_of(leat_stage *s)
{
    return leati_container_of(s, struct leat_flow, stage);
}

/* The locks of flows are held for a few lines, never across a wait, so a cancelled fiber
 * does not give up on one. */
LEATI_INLINE void leati_flow_lock(leat_mutex *m)
{
    bool was = leat_fiber_mask(true);
    (void)!leat_mutex_lock(m);
    (void)leat_fiber_mask(was);
}

#endif
