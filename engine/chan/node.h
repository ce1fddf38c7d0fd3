/* node.h - a place in a channel's queue of waiters, and the claim of a select.
 *
 * Idea        A parked operation is a node in the list of one side of a channel. A
 *             plain node belongs to one blocking call: whoever takes it off the list
 *             (or off a rendezvous' top word) owns it. A select has a node on each of
 *             its channels and one claim word; a completer must hold the select before
 *             it may act for it. An event node belongs to a set: it is fired, not served.
 * Words       st     of a select: WAITING, HELD, GONE, DONE. HELD is a tiny lock, held
 *                    for one ring operation or one pairing, never across a wait, a
 *                    channel lock or a switch.
 *             pend   starts at 2: the registrar's and the completer's last act is to
 *                    count it down; the second of the two resumes the party.
 *             linked 1 while listed; cleared under the side's lock as the last touch
 *                    of a node that its unlinker does not complete.
 * Lock order  side lock of a channel, then HELD of the select at the lower address,
 *             then HELD of the higher. Holders of HELD wait for nothing else, so waits
 *             only go upwards.
 * Source      protocols.md-style tentative claim; two-way claim in address order.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_NODE_H
#define LEATI_CHAN_NODE_H

#include "arch/relax.h"
#include "base/list.h"
#include "park/wait.h"

enum leati_node_kind { LEATI_PLAIN, LEATI_SELECT, LEATI_EVENT };

enum leati_claim_state { LEATI_WAITING, LEATI_HELD, LEATI_GONE, LEATI_DONE };

struct leati_claim {
    struct leati_wait w;
    leati_a32 st;
    leati_a32 pend;
    struct leati_node *won; /* w: holder, before DONE; r: after the wake */
};

/* Something that wants to know that a side became ready: an entry of a set. */
struct leati_event {
    /* Under the side's lock, after the node was unlinked. Returns a wait to be woken
     * after the unlock, or NULL. */
    struct leati_wait *(*fire)(struct leati_event *e);
};

struct leati_node {
    struct leati_link link;
    leati_a32 linked;
    uint8_t kind; /* enum leati_node_kind */
    uint8_t dir;  /* enum leat_op */
    uint8_t lost; /* times a peer came for it and left it unserved (side lock) */
    int err;      /* outcome, set before the wake */
    void *buf;    /* the element, on the waiter's side */
    union {
        struct leati_wait *wait;
        struct leati_claim *sel;
        struct leati_event *event;
    } of;
};

/* Tries to become the one who acts for a select; waits while another one tries. */
LEATI_INLINE bool leati_claim_hold(struct leati_claim *s)
{
    unsigned step = 0;
    for (;;) {
        /* acq: pairs with the release that ended WAITING or HELD. */
        uint32_t st = leati_load_acq(&s->st);
        if (st == LEATI_HELD) {
            leatp_relax(&step);
            continue;
        }
        if (st != LEATI_WAITING)
            return false;
        if (leati_cas_acq(&s->st, &st, (uint32_t)LEATI_HELD))
            return true;
    }
}

LEATI_INLINE void leati_claim_unhold(struct leati_claim *s)
{
    leati_store_rel(&s->st, (uint32_t)LEATI_WAITING); /* pairs with the load in hold */
}

LEATI_INLINE bool leati_node_hold(struct leati_node *n)
{
    return n->kind != LEATI_SELECT || leati_claim_hold(n->of.sel);
}

LEATI_INLINE void leati_node_unhold(struct leati_node *n)
{
    if (n->kind == LEATI_SELECT)
        leati_claim_unhold(n->of.sel);
}

/* Records the outcome of a held node; the party cannot go on before the wake. */
LEATI_INLINE void leati_node_settle(struct leati_node *n, int err)
{
    n->err = err;
    if (n->kind == LEATI_SELECT) {
        n->of.sel->won = n;
        leati_store_rel(&n->of.sel->st, (uint32_t)LEATI_DONE); /* pairs with hold */
    } else {
        n->of.wait->result = err;
    }
}

/* The last touch of a settled node; place: for a plain one. No lock may be held. */
LEATI_INLINE void leati_node_wake(struct leati_node *n, enum leati_wake_place place)
{
    if (n->kind == LEATI_PLAIN) {
        leati_wake(n->of.wait, place);
    } else {
        struct leati_claim *s = n->of.sel;
        /* ar: the registrar's last act is the same; the second one resumes. */
        if (leati_sub_ar(&s->pend, 1u) == 1)
            leati_wake(&s->w, LEATI_WAKE_TAIL);
    }
}

#endif
