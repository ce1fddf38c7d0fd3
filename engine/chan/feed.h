/* feed.h - somebody holds values back for a channel and gives them out when a receiver
 * would wait.
 *
 * Idea        A pipe's worker publishes a result with a plain store and sends many at
 *             once. So that no receiver waits for a result that is already there, the
 *             *receiver* that finds the channel empty pays: it says that it is hungry,
 *             makes every thread pass a barrier, and has the feeders give out what they
 *             hold. Only then does it wait, or report that the channel is empty.
 * Words       feeders  number of them; while it is 0 nobody looks further
 *             fed      of a channel: bits below; channels nobody feeds pay nothing, it is
 *                      looked at only after a receive failed
 *             hungry   receivers, of all channels, between their empty look and their
 *                      listing. From the listing on the side's own word shows them.
 *             plain    of a feeder: parts of it that publish without a fence
 * Ordering    receiver                       feeder's part
 *             hungry + 1 (seq_cst)           publish the value
 *             plain? heavy fence             plain: light fence; else seq_cst
 *             drain                          load hungry, then the side's word:
 *             list the node                  anybody? drain
 *             hungry - 1
 *             Either the drain sees the value or the feeder sees the receiver. A part
 *             becomes plain by a seq_cst operation before it publishes plainly, so a
 *             receiver that read "not plain" is seen by it.
 * Life        a feeder is pinned while it is called; leati_feeder_remove waits for that:
 *             calls never wait for anybody.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_FEED_H
#define LEATI_CHAN_FEED_H

#include "chan/chan.h"

enum { LEATI_FED_DRAIN = 1, LEATI_FED_CLOSE = 2 };

struct leati_feeder {
    struct leati_link link; /* the table's lock */
    struct leat_chan *chan;
    uint32_t pins; /* the table's lock */
    bool removed;  /* the table's lock */
    leati_a32 plain;
    leati_a32 asked; /* a receiver has paid for plain publication: a hint */
    /* Sends what is held, without waiting. Any thread or fiber, no lock held. NULL:
     * nothing is ever held. */
    void (*drain)(struct leati_feeder *f);
    /* The channel was closed or cancelled. As drain. */
    void (*closed)(struct leati_feeder *f);
};

extern leati_a32 leati_hungry, leati_feeders;

/* f->chan, drain, closed set, plain zero. */
void leati_feeder_add(struct leati_feeder *f);
void leati_feeder_remove(struct leati_feeder *f);

/* relaxed: a feeder that comes later looks at the side's word */
LEATI_INLINE bool leati_fed(const struct leat_chan *c)
{
    return leati_unlikely(leati_load_rlx(&c->fed) & LEATI_FED_DRAIN);
}

/* After a node was listed on the receive side, or with hungry raised: gives out. */
void leati_feed(struct leat_chan *c);

LEATI_INLINE void leati_hungry_enter(void)
{
    (void)leati_add_sc(&leati_hungry, 1u); /* sc: see Ordering */
}

LEATI_INLINE void leati_hungry_leave(void)
{
    (void)leati_sub_sc(&leati_hungry, 1u); /* sc: after the listing */
}

/* A receive found the channel empty: what it would have found otherwise. As attempt. */
int leati_feed_recv(struct leat_chan *c, void *ret);

/* Parks for a receive, having fed first. */
int leati_feed_park(struct leat_chan *c, void *ret, struct leat_deadline until);

/* After a close or cancel. */
void leati_feed_closed(struct leat_chan *c);

/* The feeder's look: does anybody wait for a value, or will in a moment? rx: the
 * receive side's word. In this order, see above. Not 0: yes. */
LEATI_INLINE uint32_t leati_feed_wanted(const leati_a32 *rx)
{
    uint32_t hungry = leati_load_sc(&leati_hungry);
    return hungry | leati_load_sc(rx);
}

#endif
