/* rendezvous.c - unbuffered channel: a value passes from stack to stack.
 *
 * Idea        One top word holds the lone plain waiter, claimed by its counterpart with
 *             one compare-and-swap. Everything else (a second waiter, selects, events)
 *             is two lists under one lock. Leaving the lists never refills top.
 * Words       top   version<<48 | node | bits. Bits: S or R, a lone sender or receiver
 *                   is published in the pointer; LISTS, the lists are in use and
 *                   everybody takes the lock; C closed. Version: bumped by every
 *                   publish and every change of the lists, so that two equal loads
 *                   mean that nothing happened between (select's default).
 *             side  lists of both directions; the lock of side[0] guards both, the
 *                   numbers in their words are for looks without it: of those whom an
 *                   attempt can meet. Events it cannot, they are counted apart.
 * Invariants  S or R => no LISTS, lists empty. At rest no live sender and live receiver
 *             of different parties are listed at once. C without LISTS: nobody waits.
 * Claim       A plain node is owned by whoever takes it off top or off a list. A select
 *             must be held; two selects are held in address order, so that two that
 *             meet each other on two channels cannot both wait.
 * Linearizes  at the CAS on top that takes a waiter, or under the lock.
 * Lost wake   impossible by construction: both parties meet in one CAS on top, or both
 *             under the lock (check and insert are one step).
 * Ordering    publish of a node (release) / its taker (acquire): nothing of a node is
 *             read before the CAS, so the same node published again is harmless.
 * SPDX-License-Identifier: MIT */
#include "chan/rendezvous.h"
#include "chan/open.h"
#include "park/call.h"

#define VERSION  LEATI_TOP_VERSION
#define VER_MASK (~(VERSION - 1))

static struct leati_node *node_of(uint64_t t)
{
    return (struct leati_node *)(uintptr_t)(t & LEATI_TOP_NODE);
}

/* A change of the lists that lookers without the lock must see. */
static void bump(struct leati_rendezvous *z)
{
    uint64_t t = leati_load_rlx(&z->top); /* relaxed: with LISTS only we write it */
    leati_store_rel(&z->top, t + VERSION); /* pairs with the loads in ready */
}

/* Under the lock: the node that was just listed, or is about to be unlinked, is an event:
 * it leaves, or comes back to, the side's number. Too high for a moment only costs a
 * looker an attempt. */
static void count_event(struct leati_rendezvous *z, unsigned dir, bool listed)
{
    leati_a32 *word = &z->side[dir].word, *events = &z->events[dir];
    /* relaxed: as in leati_side_append */
    if (listed) {
        leati_store_rlx(events, leati_load_rlx(events) + 1);
        leati_store_rlx(word, leati_load_rlx(word) - LEATI_SIDE_NODE);
    } else {
        leati_store_rlx(word, leati_load_rlx(word) + LEATI_SIDE_NODE);
        leati_store_rlx(events, leati_load_rlx(events) - 1);
    }
}

static void fire(struct leati_rendezvous *z, unsigned dir, struct leati_node *n,
                 struct leati_woken *woken)
{
    count_event(z, dir, false);
    leati_side_fire(&z->side[dir], n, woken);
}

/* Under the lock: one more is counted while a lone waiter moves from top to its list, or
 * no longer. A looker who finds LISTS must not find nobody there meanwhile. */
static void count_moving(struct leati_side *s, bool moving)
{
    /* relaxed: as in leati_side_append; the CAS on top releases it */
    uint32_t word = leati_load_rlx(&s->word);
    leati_store_rlx(&s->word, moving ? word + LEATI_SIDE_NODE : word - LEATI_SIDE_NODE);
}

/* Under the lock: makes LISTS stand, moving a lone waiter to its list. */
static uint64_t enter(struct leati_rendezvous *z)
{
    uint64_t t = leati_load_rlx(&z->top); /* relaxed: the CAS proves it */
    while (!(t & (LEATI_TOP_LISTS | LEATI_TOP_C))) {
        uint64_t lone = t & (LEATI_TOP_S | LEATI_TOP_R);
        uint64_t want = ((t & VER_MASK) + VERSION) | LEATI_TOP_LISTS;
        struct leati_side *s = &z->side[lone == LEATI_TOP_S ? LEAT_OP_SEND : LEAT_OP_RECV];
        if (lone)
            count_moving(s, true);
        /* ar: acquires the lone node, releases the lists to the next lock holder. */
        bool mine = leati_cas_ar(&z->top, &t, want);
        if (mine && lone)
            leati_side_append(s, node_of(t));
        if (lone)
            count_moving(s, false);
        if (mine)
            return want;
    }
    return t;
}

/* Under the lock, at its end: back to the short word when both lists are empty. */
static void settle(struct leati_rendezvous *z)
{
    uint64_t t = leati_load_rlx(&z->top); /* relaxed: with LISTS only we write it */
    if ((t & LEATI_TOP_LISTS) && !z->side[0].q.first && !z->side[1].q.first)
        leati_store_rel(&z->top, ((t & VER_MASK) + VERSION) | (t & LEATI_TOP_C));
}

enum claim { CLAIMED, PEER_DEAD, SELF_DEAD };

/* Holds two selects in address order. */
static enum claim claim_two(struct leati_claim *me, struct leati_claim *peer)
{
    struct leati_claim *lo = me < peer ? me : peer, *hi = me < peer ? peer : me;
    if (!leati_claim_hold(lo))
        return lo == me ? SELF_DEAD : PEER_DEAD;
    if (!leati_claim_hold(hi)) {
        leati_claim_unhold(lo);
        return hi == me ? SELF_DEAD : PEER_DEAD;
    }
    return CLAIMED;
}

static enum claim claim_pair(struct leati_node *me, struct leati_node *peer)
{
    if (me && me->kind == LEATI_SELECT && peer->kind == LEATI_SELECT)
        return claim_two(me->of.sel, peer->of.sel);
    if (!leati_node_hold(peer))
        return PEER_DEAD;
    if (me && !leati_node_hold(me)) {
        leati_node_unhold(peer);
        return SELF_DEAD;
    }
    return CLAIMED;
}

/* Under the lock: the oldest counterpart that can be had, held and unlinked; NULL when
 * there is none or *dead. me is NULL for one who is not listed anywhere yet. */
static struct leati_node *find(struct leati_rendezvous *z, unsigned dir,
                               struct leati_node *me, struct leati_woken *woken, bool *dead)
{
    struct leati_side *s = &z->side[!dir];
    struct leati_link *l = s->q.first;
    *dead = false;
    while (l) {
        struct leati_node *m = leati_container_of(l, struct leati_node, link);
        l = l->next;
        if (m->kind == LEATI_EVENT) {
            if (me) /* a try leaves nothing that a set could receive */
                fire(z, !dir, m, woken);
            continue;
        }
        if (me && m->kind == LEATI_SELECT && me->kind == LEATI_SELECT &&
            m->of.sel == me->of.sel)
            continue; /* a select never meets itself */
        enum claim r = claim_pair(me, m);
        if (r == SELF_DEAD) {
            *dead = true;
            return NULL;
        }
        leati_side_unlink(s, m);
        bump(z);
        if (r == CLAIMED)
            return m;
    }
    return NULL;
}

/* Under the lock: is there a node, not of a set, that an event should be told of? */
static bool partner_listed(struct leati_rendezvous *z, unsigned dir)
{
    struct leati_link *l = z->side[!dir].q.first;
    while (l && leati_container_of(l, struct leati_node, link)->kind == LEATI_EVENT)
        l = l->next;
    return l != NULL;
}

/* The lock path of one attempt (me NULL) or one listing. Results as attempt; 1: listed;
 * 2: me's select is dead. */
enum { LISTED = 1, DEAD = 2 };

static int meet(struct leati_rendezvous *z, unsigned dir, void *buf, struct leati_node *me)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    struct leati_node *m = NULL;
    bool dead = false;
    int r = LEAT_EAGAIN;
    leati_side_lock(&z->side[0]);
    uint64_t t = enter(z);
    if (((t & LEATI_TOP_C) && dir == LEAT_OP_SEND) ||
        (t & (LEATI_TOP_C | LEATI_TOP_LISTS)) == LEATI_TOP_C) {
        r = LEAT_ECLOSED;
    } else if (me && me->kind == LEATI_EVENT && partner_listed(z, dir)) {
        r = 0;
    } else if ((m = find(z, dir, me, &woken, &dead)) != NULL) {
        r = 0;
    } else if (dead) {
        r = DEAD;
    } else if ((t & LEATI_TOP_C) && z->side[LEAT_OP_SEND].q.first == NULL) {
        r = LEAT_ECLOSED;
    } else if (me) {
        struct leati_side *s = &z->side[dir];
        leati_side_append(s, me);
        if (me->kind == LEATI_EVENT)
            count_event(z, dir, true);
        bump(z);
        r = LISTED;
    }
    settle(z);
    leati_side_unlock(&z->side[0]);
    if (m) {
        leati_rendezvous_copy(z, dir, buf, m->buf);
        leati_node_settle(m, 0);
        leati_woken_add(&woken, m);
    }
    if (r <= 0 && me && me->kind != LEATI_EVENT) { /* listed, it may be gone */
        if (r == LEAT_ECLOSED && !leati_node_hold(me))
            r = DEAD;
        else
            leati_node_settle(me, r);
    }
    leati_woken_run(&woken);
    return r;
}

int leati_rendezvous_attempt(struct leat_chan *c, unsigned dir, void *buf)
{
    struct leati_rendezvous *z = leati_rendezvous(c);
    for (;;) {
        uint64_t t = leati_load_acq(&z->top); /* acq: pairs with publish, for C */
        if (t & leati_top_bit(!dir)) {
            if (leati_rendezvous_take_lone(z, dir, buf))
                return 0;
        } else if (t & LEATI_TOP_LISTS) {
            /* sc: nobody listed then, nor on top, at some moment since t */
            if (!(t & LEATI_TOP_C) && leati_side_count(&z->side[!dir]) == 0)
                return LEAT_EAGAIN;
            return meet(z, dir, buf, NULL);
        } else {
            return t & LEATI_TOP_C ? LEAT_ECLOSED : LEAT_EAGAIN;
        }
    }
}

static ptrdiff_t attempt_n(struct leat_chan *c, unsigned dir, void *buf, size_t n)
{
    char *elem = buf;
    for (size_t i = 0; i < n; i++) {
        int r = leati_rendezvous_attempt(c, dir, elem);
        if (r != 0)
            return i ? (ptrdiff_t)i : r;
        if (elem)
            elem += c->elem_size;
    }
    return (ptrdiff_t)n;
}

/* Publishes a plain node on top, or meets there. True when that was possible. */
static bool enlist_lone(struct leati_rendezvous *z, struct leati_node *n,
                        enum leati_listing *ret)
{
    unsigned dir = n->dir;
    for (;;) {
        uint64_t t = leati_load_acq(&z->top); /* acq: as in attempt */
        if ((t & LEATI_TOP_BITS) == 0) {
            uint64_t mine = (uint64_t)(uintptr_t)n | leati_top_bit(dir);
            /* rel: pairs with the acquire of its taker. */
            if (leati_cas_rel(&z->top, &t, ((t & VER_MASK) + VERSION) | mine)) {
                *ret = LEATI_LISTED;
                return true;
            }
        } else if (t & leati_top_bit(!dir)) {
            if (leati_rendezvous_take_lone(z, dir, n->buf)) {
                leati_node_settle(n, 0);
                *ret = LEATI_SETTLED;
                return true;
            }
        } else {
            return false;
        }
    }
}

static enum leati_listing enlist(struct leat_chan *c, struct leati_node *n)
{
    struct leati_rendezvous *z = leati_rendezvous(c);
    enum leati_listing done;
    if (n->kind == LEATI_PLAIN && enlist_lone(z, n, &done))
        return done;
    int r = meet(z, n->dir, n->buf, n);
    return r == LISTED ? LEATI_LISTED : r == DEAD ? LEATI_DEAD : LEATI_SETTLED;
}

static bool delist(struct leat_chan *c, struct leati_node *n)
{
    struct leati_rendezvous *z = leati_rendezvous(c);
    uint64_t t = leati_load_acq(&z->top); /* acq: as in attempt */
    while ((t & (LEATI_TOP_S | LEATI_TOP_R)) && node_of(t) == n) {
        if (leati_cas_acq(&z->top, &t, t & VER_MASK))
            return true;
    }
    leati_side_lock(&z->side[0]);
    bool listed = leati_node_listed(n);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    if (listed) {
        if (n->kind == LEATI_EVENT)
            count_event(z, n->dir, false);
        leati_side_unlink(&z->side[n->dir], n);
        bump(z);
        if (leati_load_rlx(&z->top) & LEATI_TOP_C)
            leati_rendezvous_refuse(z, LEAT_OP_RECV, &woken);
        settle(z);
    }
    leati_side_unlock(&z->side[0]);
    leati_woken_run(&woken);
    return listed;
}

/* Under the lock: everybody on that side is told ECLOSED, once no sender is left that
 * could serve a receiver. */
void leati_rendezvous_refuse(struct leati_rendezvous *z, unsigned dir,
                             struct leati_woken *woken)
{
    struct leati_node *n;
    if (dir == LEAT_OP_RECV && z->side[LEAT_OP_SEND].q.first)
        return;
    while ((n = leati_side_first(&z->side[dir])) != NULL) {
        if (n->kind == LEATI_EVENT) {
            fire(z, dir, n, woken);
            continue;
        }
        bool held = leati_node_hold(n);
        if (held)
            leati_node_settle(n, LEAT_ECLOSED);
        leati_side_unlink(&z->side[dir], n);
        if (held)
            leati_woken_add(woken, n);
    }
    bump(z);
}

static int shut(struct leati_rendezvous *z, bool refuse_senders)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    leati_side_lock(&z->side[0]);
    uint64_t t = enter(z);
    bool already = t & LEATI_TOP_C;
    if (!already) /* rel: a later ECLOSED sees what came before the close */
        leati_store_rel(&z->top, ((t & VER_MASK) + VERSION) | LEATI_TOP_LISTS | LEATI_TOP_C);
    if (refuse_senders)
        leati_rendezvous_refuse(z, LEAT_OP_SEND, &woken);
    leati_rendezvous_refuse(z, LEAT_OP_RECV, &woken);
    settle(z);
    leati_side_unlock(&z->side[0]);
    leati_woken_run(&woken);
    return already ? LEAT_EALREADY : 0;
}

static int close_it(struct leat_chan *c)
{
    return shut(leati_rendezvous(c), false);
}

static void cancel(struct leat_chan *c)
{
    (void)shut(leati_rendezvous(c), true);
}

static bool ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until)
{
    (void)until;
    return leati_rendezvous_ready(leati_rendezvous(c), dir, ticket);
}

static bool closed(const struct leat_chan *c)
{
    /* acq: pairs with the store in shut */
    return leati_load_acq(&leati_rendezvous_const(c)->top) & LEATI_TOP_C;
}

static size_t zero(const struct leat_chan *c)
{
    (void)c;
    return 0;
}

static void waiting(const struct leat_chan *c, unsigned ret[2])
{
    const struct leati_rendezvous *z = leati_rendezvous_const(c);
    uint64_t t = leati_load_rlx(&z->top);
    for (unsigned dir = 0; dir < 2; dir++) /* relaxed: a snapshot */
        ret[dir] = leati_side_count(&z->side[dir]) + leati_load_rlx(&z->events[dir]);
    ret[LEAT_OP_SEND] += !!(t & LEATI_TOP_S);
    ret[LEAT_OP_RECV] += !!(t & LEATI_TOP_R);
}

/* Nothing is inside, nobody waits: the header is as a new one must be, but for C. */
static void fini(struct leat_chan *c)
{
    struct leati_rendezvous *z = leati_rendezvous(c);
    uint64_t t = leati_load_rlx(&z->top);
    leati_store_rlx(&z->top, (t & VER_MASK) + VERSION);
}

/* Publishing is on the hot path of every hand-over: the lone waiter's case needs no
 * stack frame, and few stores stand before its locked instruction. */
LEATI_NOINLINE static bool publish_busy(struct leat_chan *c, struct leati_node *n)
{
    return enlist(c, n) == LEATI_LISTED;
}

static bool publish(struct leati_wait *w)
{
    struct leati_parked *p = leati_container_of(w, struct leati_parked, w);
    struct leati_rendezvous *z = leati_rendezvous(p->c);
    uint64_t t = leati_load_rlx(&z->top); /* relaxed: the CAS proves it */
    uint64_t mine = (uint64_t)(uintptr_t)&p->n | leati_top_bit(p->n.dir);
    /* rel: pairs with the acquire of its taker. */
    if (leati_likely((t & LEATI_TOP_BITS) == 0) &&
        leati_likely(leati_cas_rel(&z->top, &t, ((t & VER_MASK) + VERSION) | mine)))
        return true;
    return publish_busy(p->c, &p->n);
}

static bool withdraw(struct leati_wait *w, int err)
{
    struct leati_parked *p = leati_container_of(w, struct leati_parked, w);
    if (!delist(p->c, &p->n))
        return false;
    w->result = err;
    return true;
}

static const struct leati_wait_ops parked[2] = {[LEAT_OP_RECV] = {publish, withdraw, "recv"},
                                                [LEAT_OP_SEND] = {publish, withdraw, "send"}};

int leati_rendezvous_operate(struct leat_chan *c, unsigned dir, void *buf,
                             struct leat_deadline until)
{
    struct leati_rendezvous *z = leati_rendezvous(c);
    if (leati_rendezvous_take_lone(z, dir, buf)) {
        leati_calls_flush();
        return 0;
    }
    /* Parking meets or is refused as well as an attempt; a try may not park, and what is
     * closed or listed is found without setting up a wait. */
    if (leati_unlikely(until.at_ns <= 0 ||
                       (leati_load_rlx(&z->top) & (LEATI_TOP_LISTS | LEATI_TOP_C)))) {
        int r = leati_rendezvous_attempt(c, dir, buf);
        leati_calls_flush();
        if (r != LEAT_EAGAIN || until.at_ns <= 0)
            return r;
    }
    return leati_chan_park(c, &parked[dir], dir, buf, until);
}

static const struct leati_chan_ops leati_rendezvous_ops = {
    .what = "rendezvous",
    .header = sizeof(struct leati_rendezvous),
    .parked = parked,
    .attempt = leati_rendezvous_attempt,
    .attempt_n = attempt_n,
    .enlist = enlist,
    .delist = delist,
    .ready = ready,
    .close = close_it,
    .cancel = cancel,
    .closed = closed,
    .len = zero,
    .cap = zero,
    .bytes = zero,
    .waiting = waiting,
    .fini = fini,
};

int leati_rendezvous_open(leat_chan **ret, const struct leat_chan_opts *o)
{
    struct leat_chan *c = leati_chan_alloc(&leati_rendezvous_ops, LEATI_RENDEZVOUS, o);
    if (c == NULL)
        return LEAT_ENOMEM;
    *ret = c;
    return 0;
}
