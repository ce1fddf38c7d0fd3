/* process_gate.c - a channel operation that nobody waits for: its node is listed like a
 * parked thread's, and waking it is to ring the herder's bell.
 *
 * Words       state   0 -> 1 -> 2 (waker). 1: the result is there. The waker then looks
 *                     whether the herder sleeps, and 2 is its last touch; the herder waits
 *                     for it, a few instructions, before it uses the gate again.
 * Ordering    waker: state = 1 (sc) ; read asleep. herder: asleep = 1 (sc) ; read state.
 *             One of the two sees the other.
 * SPDX-License-Identifier: MIT */
#include "pipe/process.h"

static void wake(struct leati_wait *w, enum leati_wake_place place)
{
    struct leati_gate *g = leati_container_of(w->party, struct leati_gate, party);
    (void)place;
    leati_store_sc(&g->state, 1u);
    leati_herd_ring(g->herd);
    leati_store_rel(&g->state, 2u); /* pairs with the look in finish */
}

static const struct leati_party_ops party_ops = {.park = NULL, .wake = wake};

void leati_gate_init(struct leati_gate *g, struct leati_herd *h, leat_chan *c,
                     unsigned dir)
{
    g->party.ops = &party_ops;
    g->herd = h;
    g->chan = c;
    g->dir = dir;
    g->armed = false;
}

void leati_gate_arm(struct leati_gate *g, void *buf)
{
    leat_chan *c = g->chan;
    struct leati_parked *p = &g->op;
    bool fed = g->dir == LEAT_OP_RECV && leati_fed(c);
    leati_parked_init(p, c, &c->ops->parked[g->dir], g->dir, buf, LEAT_NEVER);
    p->w.party = &g->party;
    p->w.word.v = 0;
    leati_store_rlx(&g->state, 0u); /* relaxed: listing it publishes all of it */
    g->armed = true;
    if (fed) { /* as anybody who is about to wait */
        leati_hungry_enter();
        leati_feed(c);
    }
    if (c->ops->enlist(c, &p->n) != LEATI_LISTED)
        leati_store_rlx(&g->state, 2u); /* settled on the spot, nobody wakes */
    if (fed)
        leati_hungry_leave();
}

static void finish(struct leati_gate *g, int *ret)
{
    unsigned step = 0;
    while (leati_load_acq(&g->state) != 2) /* acq: pairs with wake, the element too */
        leatp_relax(&step);
    g->armed = false;
    *ret = g->op.w.result;
}

bool leati_gate_done(struct leati_gate *g, int *ret)
{
    if (leati_load_sc(&g->state) == 0) /* sc: behind asleep, pairs with wake */
        return false;
    finish(g, ret);
    return true;
}

void leati_gate_disarm(struct leati_gate *g, int *ret)
{
    *ret = LEAT_ECANCELED;
    if (!g->armed)
        return;
    if (g->chan->ops->delist(g->chan, &g->op.n))
        g->armed = false;
    else
        finish(g, ret);
}
