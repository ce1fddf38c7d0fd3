/* chan.h - what all kinds of channels share: the header, the operations of a kind, a
 * side with its waiters.
 *
 * Headers are type-stable: they come from a slab per kind, go back to it with both
 * lists empty and all flags clear, and the slab's memory is never given back. So a
 * sender that has published the last message may still look at the waiters of a
 * channel that its receiver has freed: it finds none, or runs a harmless pump.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_CHAN_H
#define LEATI_CHAN_CHAN_H

#include <leat/chan.h>
#include <leat/select.h>
#include "base/lock.h"
#include "base/misuse.h"
#include "chan/node.h"

enum leati_kind {
    LEATI_NONE, /* a header in the slab */
    LEATI_BOUNDED,
    LEATI_RENDEZVOUS,
    LEATI_OWNED,
    LEATI_UNBOUNDED,
    LEATI_TIMER,
    LEATI_MANAGED,
    LEATI_SOURCE,
    LEATI_KINDS,
};

/* Not results of the API: what an attempt may say beside 0 and LEAT_E... */
enum {
    LEATI_QUEUE = 1, /* newcomers must queue: H is set                              */
    LEATI_OWED,      /* closed and empty, but parked senders' values are to come    */
    LEATI_TURN,      /* a parked receive was given the turn: it calls turn now      */
};

struct leati_chan_ops;

/* What became of a node that was to be listed. */
enum leati_listing {
    LEATI_LISTED,  /* it is in the list, or was and has been served              */
    LEATI_SETTLED, /* not listed: settled by this call, n->err says how          */
    LEATI_DEAD,    /* not listed: its select has been settled by somebody else   */
};

/* The common header; one cache line, written only by open, ref, free and cancel. */
struct leat_chan {
    uint8_t kind; /* enum leati_kind */
    uint8_t spin; /* enum leat_spin */
    uint16_t flags;
    uint32_t elem_size;
    leati_a32 refs, ntx, nrx;
    leati_a8 cancelled;
    leati_a8 fed; /* feed.h: somebody holds values back, or wants to know of the end */
    bool eight;   /* LEATI_BOUNDED with elements of 8 bytes: fast paths look only here */
    void (*drop)(void *elem, void *arg);
    void *drop_arg;
    const struct leati_chan_ops *ops;
    char name[16];
};

/* The operations of a kind. `dir` is enum leat_op. */
struct leati_chan_ops {
    const char *what;
    size_t header; /* bytes of its header */
    const struct leati_wait_ops *parked; /* of plain nodes, by direction */
    /* One attempt, never waits: 0, LEAT_ECLOSED, LEAT_EAGAIN (really not ready at one
     * moment), LEAT_EBUSY. */
    int (*attempt)(struct leat_chan *c, unsigned dir, void *buf);
    /* Up to n at once, as attempt; returns how many (>= 1) or an error. */
    ptrdiff_t (*attempt_n)(struct leat_chan *c, unsigned dir, void *buf, size_t n);
    /* Lists a node, unless the operation can be completed or refused at once. When it
     * is listed n may be gone on return. */
    enum leati_listing (*enlist)(struct leat_chan *c, struct leati_node *n);
    /* Takes a node back: true if it was still listed and not claimed. */
    bool (*delist)(struct leat_chan *c, struct leati_node *n);
    /* Only of kinds that settle receivers with LEATI_TURN: by such a one, on its own
     * stack, once; 0 or LEAT_ECLOSED. May take long and wait. */
    int (*turn)(struct leat_chan *c, void *buf);
    /* Loads only. Is an operation in that direction worth an attempt? *ticket is a
     * word that never has the same value again once a peer changed the answer. For
     * timers *until is lowered to the instant at which it is ready. */
    bool (*ready)(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until);
    int (*close)(struct leat_chan *c); /* 0 or LEAT_EALREADY */
    void (*cancel)(struct leat_chan *c);
    bool (*closed)(const struct leat_chan *c);
    size_t (*len)(const struct leat_chan *c);
    size_t (*cap)(const struct leat_chan *c);
    size_t (*bytes)(const struct leat_chan *c); /* beside the header */
    void (*waiting)(const struct leat_chan *c, unsigned ret[2]); /* parked, by dir */
    /* Drops what is inside and frees all but the header. */
    void (*fini)(struct leat_chan *c);
};

/* The waiters of one side.
 *
 * word is the lock and the number of listed nodes in one: nodes<<1 | LOCK. Taking the
 * lock makes it non-zero by one locked instruction, and that is also what tells a peer
 * that somebody may be parking (W1 of bounded.h): a peer that finds it non-zero takes
 * the lock and looks, so it waits for a parker that is half-way. Written by the holder,
 * but for the bit; read by every operation of the other side. */
struct leati_side {
    leati_a32 word;
    struct leati_list q;
};

enum { LEATI_SIDE_LOCK = 1, LEATI_SIDE_NODE = 2 };

void leati_side_lock_slow(struct leati_side *s);

LEATI_INLINE void leati_side_lock(struct leati_side *s)
{
    /* sc: W1; acquires what the former holder wrote (leati_side_unlock). */
    if (leati_unlikely(leati_or_sc(&s->word, (uint32_t)LEATI_SIDE_LOCK) & LEATI_SIDE_LOCK))
        leati_side_lock_slow(s);
}

LEATI_INLINE void leati_side_unlock(struct leati_side *s)
{
    /* relaxed load: only the holder writes it; rel: pairs with leati_side_lock. */
    leati_store_rel(&s->word, leati_load_rlx(&s->word) & ~(uint32_t)LEATI_SIDE_LOCK);
}

/* Nodes listed, from outside the lock. sc: the second half of a handshake. */
LEATI_INLINE uint32_t leati_side_count(const struct leati_side *s)
{
    return leati_load_sc(&s->word) / LEATI_SIDE_NODE;
}

LEATI_INLINE struct leati_node *leati_side_first(struct leati_side *s)
{
    return s->q.first ? leati_container_of(s->q.first, struct leati_node, link) : NULL;
}

/* Under the lock that guards the side. */
LEATI_INLINE void leati_side_append(struct leati_side *s, struct leati_node *n)
{
    leati_list_append(&s->q, &n->link);
    leati_store_rlx(&n->linked, 1u); /* relaxed: its reader is the waiter or has the lock */
    /* relaxed: only the holder writes it, the unlock publishes it */
    leati_store_rlx(&s->word, leati_load_rlx(&s->word) + LEATI_SIDE_NODE);
}

/* Under the lock. Clearing linked is the last touch: a select whose node this was may
 * go away at once, unless the caller has settled it and owes the wake. */
LEATI_INLINE void leati_side_unlink(struct leati_side *s, struct leati_node *n)
{
    leati_list_remove(&s->q, &n->link);
    /* rel: pairs with leati_owned_tail. Too high for a moment only costs a peer a look. */
    leati_store_rel(&s->word, leati_load_rlx(&s->word) - LEATI_SIDE_NODE);
    leati_store_rel(&n->linked, 0u); /* pairs with the acquire in leati_node_listed */
}

LEATI_INLINE bool leati_node_listed(struct leati_node *n)
{
    return leati_load_acq(&n->linked) != 0; /* pairs with leati_side_unlink */
}

/* Debug builds: reports a call on a header that lies in the slab. */
LEATI_INLINE void leati_chan_check(const struct leat_chan *c, const char *call)
{
#ifdef LEATI_DEBUG
    if (c && c->kind == LEATI_NONE)
        leati_misuse(call, "the channel has been freed");
#else
    (void)c, (void)call;
#endif
}

/* Nodes and events to be woken after the unlock, in order. */
struct leati_woken {
    struct leati_link *first, **end;
    struct leati_wait *event;
};

#define LEATI_WOKEN_INIT(w) {NULL, &(w).first, NULL}

LEATI_INLINE void leati_woken_add(struct leati_woken *w, struct leati_node *n)
{
    n->link.next = NULL;
    *w->end = &n->link;
    w->end = &n->link.next;
}

/* Wakes them; no lock may be held. */
void leati_woken_run(struct leati_woken *w);

/* Unlinks and fires an event node; under the side's lock. */
void leati_side_fire(struct leati_side *s, struct leati_node *n, struct leati_woken *out);

/* One parked operation of one channel. */
struct leati_parked {
    struct leati_node n __attribute__((aligned(16)));
    struct leati_wait w;
    struct leat_chan *c;
};

LEATI_INLINE void leati_parked_init(struct leati_parked *p, struct leat_chan *c,
                                    const struct leati_wait_ops *ops, unsigned dir,
                                    void *buf, struct leat_deadline until)
{
    p->c = c;
    p->n.linked.v = 0;
    p->n.kind = LEATI_PLAIN;
    p->n.dir = (uint8_t)dir;
    p->n.lost = 0;
    p->n.buf = buf;
    p->n.of.wait = &p->w;
    p->w.ops = ops;
    p->w.until = until;
    p->w.spin = c->spin;
    p->w.object = c;
}

/* Parks for one operation of a channel whose kind has these wait operations. */
LEATI_INLINE int leati_chan_park(struct leat_chan *c, const struct leati_wait_ops *ops,
                                 unsigned dir, void *buf, struct leat_deadline until)
{
    struct leati_parked p;
    leati_parked_init(&p, c, ops, dir, buf, until);
    return leati_park(&p.w);
}

/* The same for any kind. */
int leati_chan_wait(struct leat_chan *c, unsigned dir, void *buf,
                    struct leat_deadline until);

/* The wait operations of a kind's parked nodes, from its enlist and delist: written out
 * by kind, since publishing is on the hot path. */
#define LEATI_PARKED_OPS(name)                                                           \
    static bool name##_publish(struct leati_wait *w)                                     \
    {                                                                                    \
        struct leati_parked *p = leati_container_of(w, struct leati_parked, w);          \
        return enlist(p->c, &p->n) == LEATI_LISTED;                                      \
    }                                                                                    \
    static bool name##_abort(struct leati_wait *w, int err)                              \
    {                                                                                    \
        struct leati_parked *p = leati_container_of(w, struct leati_parked, w);          \
        if (!delist(p->c, &p->n))                                                        \
            return false;                                                                \
        w->result = err;                                                                 \
        return true;                                                                     \
    }                                                                                    \
    static const struct leati_wait_ops name[2] = {                                       \
        [LEAT_OP_RECV] = {name##_publish, name##_abort, "recv"},                         \
        [LEAT_OP_SEND] = {name##_publish, name##_abort, "send"}}

#endif
