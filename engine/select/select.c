/* select.c - one of several operations.
 *
 * Idea        1 Poll with loads only: one scan notes the ready cases, one of which is
 *             drawn; attempt it; lost it: scan again. 2 Deadline NOW and nothing ready: a second pass over the tickets;
 *             all unchanged means that between the passes there was an instant at which
 *             no case was ready. 3 Register a node per case, stop as soon as somebody
 *             has settled the select. 4 Park. 5 Unlink the losers.
 * Words       the claim word and pend, chan/node.h. The nodes lie in the cases (priv).
 * Once        Exactly one case: whoever acts for the select holds its claim word and
 *             ends in DONE; timeout and cancel hold it and end in GONE.
 * Life        No completer touches the select after its wake; others look at a node
 *             only under the lock of a side where it is still listed, and leave() takes
 *             that lock, or has seen `linked` cleared.
 * Not         wait-free: a scan that must be repeated means that a peer progressed.
 * SPDX-License-Identifier: MIT */
#include <leat/select.h>
#include "base/rng.h"
#include "base/tls.h"
#include "chan/feed.h"
#include "chan/ready.h"
#include "park/call.h"
#include "select/select.h"

/* Looks at half-done operations of others before a select with NOW gives up. */
enum { BUSY_LOOKS = 128 };

static struct leati_node *node_of(struct leat_case *k)
{
    return (struct leati_node *)(void *)k->priv;
}

static uint64_t *ticket_of(struct leat_case *k)
{
    return (uint64_t *)(void *)&k->priv[6];
}

_Static_assert(sizeof(struct leati_node) <= 6 * sizeof(void *), "the node fits in priv");

/* Where the scan notes that case i is the k-th ready one: in case k, unused until the
 * select parks. */
static uintptr_t *note_of(struct leat_case *k)
{
    return (uintptr_t *)(void *)&k->priv[5];
}

/* One scan: notes the ready cases and returns their number; lowers *until to the next
 * timer. Which cases are ready is hard to predict, so the common kinds take no branch on
 * it. *ret_odd: some case may be invalid. */
static size_t scan(struct leat_case *cases, size_t n, struct leat_deadline *until,
                   uint32_t *ret_odd)
{
    size_t count = 0;
    uint32_t odd = 0;
    for (size_t i = 0; i < n; i++) {
        struct leat_case *k = &cases[i];
        odd |= k->op >> 1 | (k->op & (k->elem == NULL));
        if (k->chan == NULL)
            continue;
        leati_chan_check(k->chan, "leat_select");
        bool ready = leati_chan_ready(k->chan, k->op, ticket_of(k), until);
        *note_of(&cases[count]) = i; /* count <= i: that case has been looked at */
        count += ready;
    }
    *ret_odd = odd;
    return count;
}

/* The case to try among `count` noted ones. */
static size_t draw(struct leat_case *cases, size_t count, unsigned flags)
{
    if (count == 1 || (flags & LEAT_PRIORITY))
        return *note_of(&cases[0]);
    return *note_of(&cases[leati_rng_below(leati_tls_rng(), (uint32_t)count)]);
}

/* The second pass: did nothing become ready or change since the scan? */
static bool unchanged(struct leat_case *cases, size_t n)
{
    struct leat_deadline until = LEAT_NEVER;
    for (size_t i = 0; i < n; i++) {
        struct leat_chan *c = cases[i].chan;
        uint64_t ticket;
        if (c && (leati_chan_ready(c, cases[i].op, &ticket, &until) ||
                  ticket != *ticket_of(&cases[i])))
            return false;
    }
    return true;
}

static void satisfied(struct leati_select *s)
{
    if (s->hungry)
        leati_hungry_leave();
    s->hungry = false;
}

bool leati_select_publish(struct leati_wait *w)
{
    struct leati_select *s = leati_container_of(w, struct leati_select, claim.w);
    for (size_t i = 0; i < s->n; i++) {
        struct leat_case *k = &s->cases[i];
        if (k->chan == NULL)
            continue;
        s->listed = i + 1;
        enum leati_listing r = k->chan->ops->enlist(k->chan, node_of(k));
        if (r == LEATI_SETTLED) { /* by us: nobody else will complete it */
            satisfied(s);
            return false;
        }
        if (r == LEATI_DEAD || leati_load_rlx(&s->claim.st) >= LEATI_GONE)
            break;
    }
    satisfied(s);
    /* ar: pairs with the completer's; the second of the two resumes. */
    return leati_sub_ar(&s->claim.pend, 1u) != 1;
}

bool leati_select_abort(struct leati_wait *w, int err)
{
    struct leati_claim *s = leati_container_of(w, struct leati_claim, w);
    if (!leati_claim_hold(s))
        return false;
    w->result = err;
    leati_store_rel(&s->st, (uint32_t)LEATI_GONE); /* pairs with hold */
    return leati_sub_ar(&s->pend, 1u) == 1; /* as a completer; else the registrar resumes */
}

static const struct leati_wait_ops select_ops = {leati_select_publish, leati_select_abort,
                                                 "select"};

void leati_select_leave(struct leati_select *s)
{
    for (size_t i = 0; i < s->listed; i++) {
        struct leat_case *k = &s->cases[i];
        if (k->chan && leati_node_listed(node_of(k)))
            (void)k->chan->ops->delist(k->chan, node_of(k));
    }
}

void leati_select_begin(struct leati_select *s, struct leat_case *cases, size_t n)
{
    s->cases = cases;
    s->n = n;
    s->listed = 0;
    s->hungry = false;
    s->claim.st.v = LEATI_WAITING;
    s->claim.pend.v = 2;
    s->claim.won = NULL;
    for (size_t i = 0; i < n; i++) {
        struct leati_node *node = node_of(&cases[i]);
        node->linked.v = 0;
        node->kind = LEATI_SELECT;
        node->dir = (uint8_t)cases[i].op;
        node->lost = 0;
        node->buf = cases[i].elem;
        node->of.sel = &s->claim;
    }
}

size_t leati_select_won(struct leati_select *s)
{
    struct leat_case *won =
        leati_container_of((void **)(void *)s->claim.won, struct leat_case, priv);
    won->err = s->claim.won->err;
    if (leati_unlikely(won->err == LEATI_TURN))
        won->err = won->chan->ops->turn(won->chan, won->elem);
    return (size_t)(won - s->cases);
}

/* Registers and parks. 0: *ret_case took effect. */
static int wait(struct leat_case *cases, size_t n, struct leat_deadline until,
                bool hungry, size_t *ret_case)
{
    struct leati_select s;
    leati_select_begin(&s, cases, n);
    s.hungry = hungry;
    s.claim.w.ops = &select_ops;
    s.claim.w.until = until;
    s.claim.w.result = 0;
    s.claim.w.spin = LEAT_SPIN_ADAPTIVE;
    s.claim.w.object = NULL;
    int r = leati_park(&s.claim.w);
    satisfied(&s); /* when it was refused */
    leati_select_leave(&s);
    if (s.claim.won) {
        *ret_case = leati_select_won(&s);
        r = 0;
    }
    leati_calls_flush();
    return r;
}

/* Nothing was ready: those who hold values back are told to give them out (chan/feed.h).
 * True: there are some, and hungry is raised until the cases are listed. */
bool leati_select_feed(struct leat_case *cases, size_t n)
{
    bool hungry = false;
    if (leati_load_rlx(&leati_feeders) == 0) /* relaxed: as leati_fed */
        return false;
    for (size_t i = 0; i < n; i++) {
        struct leat_chan *c = cases[i].chan;
        if (c == NULL || cases[i].op != LEAT_OP_RECV || !leati_fed(c))
            continue;
        if (!hungry)
            leati_hungry_enter();
        hungry = true;
        leati_feed(c);
    }
    return hungry;
}

static bool valid(const struct leat_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (cases[i].op > LEAT_OP_SEND ||
            (cases[i].op == LEAT_OP_SEND && cases[i].chan && cases[i].elem == NULL &&
             cases[i].chan->elem_size))
            return false;
    return true;
}

int leat_select(struct leat_case *cases, size_t n, struct leat_deadline until,
                unsigned flags, size_t *ret_case)
{
    size_t dummy;
    unsigned busy = 0;
    if ((cases == NULL && n > 0) || (flags & ~(unsigned)LEAT_PRIORITY))
        return LEAT_EINVAL;
    if (ret_case == NULL)
        ret_case = &dummy;
    bool hungry = false;
    for (;;) {
        struct leat_deadline at = until;
        uint32_t odd;
        size_t count = scan(cases, n, &at, &odd);
        if (leati_unlikely(odd) && !valid(cases, n))
            return LEAT_EINVAL;
        int r = LEAT_EAGAIN;
        if (count) {
            size_t i = draw(cases, count, flags);
            struct leat_case *k = &cases[i];
            r = k->chan->ops->attempt(k->chan, k->op, k->elem);
            leati_calls_flush();
            if (r != LEAT_EAGAIN && r != LEAT_EBUSY) {
                k->err = r;
                *ret_case = i;
                if (leati_unlikely(hungry))
                    leati_hungry_leave();
                return 0;
            }
            if (r == LEAT_EAGAIN)
                continue; /* somebody else was faster: scan again */
        }
        if (!hungry && (hungry = leati_select_feed(cases, n)))
            continue;
        if (until.at_ns <= 0) {
            /* Half-done by somebody who may be stopped, or nothing at one instant. */
            if (r != LEAT_EBUSY ? !unchanged(cases, n) : ++busy < BUSY_LOOKS)
                continue;
            if (hungry)
                leati_hungry_leave();
            return r;
        }
        r = wait(cases, n, at, hungry, ret_case);
        hungry = false;
        /* A timer channel became due before the caller's own deadline: again. */
        if (r != LEAT_ETIMEDOUT || at.at_ns >= until.at_ns)
            return r;
    }
}
