/* generator.c - a stream made by a function that its receivers call.
 *
 * Idea        There is one turn. Who needs a value takes it, calls the function outside
 *             every lock, and passes the turn on: to the receiver that has waited
 *             longest, else back. So the function is called by one at a time, in a party
 *             that wants its value, which may compute or wait in it as anywhere; no
 *             receiver works for others, no thread of ours is needed, and nobody passes
 *             one who waits. A receiver that waits is completed with LEATI_TURN: it holds
 *             the turn when it wakes, and its own call then produces the value.
 * Words       state  version<<2 | END | BUSY, written under rx's lock. BUSY: somebody has
 *                    the turn. END: the function will not be called again.
 * Invariants  At rest: a receiver is listed => BUSY and not END.
 * Linearizes  a receive at the end of its turn, a failed try at its load of state.
 * Lost wake   impossible by construction: taking, passing and waiting for the turn are
 *             sections of one lock.
 * Ordering    cell and the function's own data: by rx's lock, from turn to turn.
 * Why outside The function may take long or block its fiber: in a section of a spin lock
 *             every other receiver would burn its CPU, and a fiber that is switched
 *             away would never release it. Why not a waiter that is served by the holder
 *             of the turn: under steady demand the holder would never come to use its
 *             own value.
 * SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include <leat/source.h>
#include "chan/open.h"

#define BUSY    ((uint64_t)1)
#define END     ((uint64_t)2)
#define VERSION ((uint64_t)4)

struct generator {
    struct leat_chan c;
    int (*next)(void *arg, void *ret);
    void (*done)(void *arg);
    void *arg;
    char *cell; /* of who has the turn */
    LEATI_OWN_LINE struct leati_side rx;
    leati_a64 state;
    leati_a32 error;
};

static struct generator *generator(struct leat_chan *c)
{
    return leati_container_of(c, struct generator, c);
}

static const struct generator *generator_const(const struct leat_chan *c)
{
    return (const struct generator *)(const void *)c;
}

/* Under the lock, when nobody has the turn or the stream has ended: gives it to the
 * oldest that waits, or tells all that there is no more. Returns whether somebody has it
 * now. */
static bool pass(struct generator *g, bool ended, struct leati_woken *woken)
{
    struct leati_node *n;
    while ((n = leati_side_first(&g->rx)) != NULL) {
        if (n->kind == LEATI_EVENT) {
            leati_side_fire(&g->rx, n, woken);
            continue;
        }
        bool held = leati_node_hold(n);
        if (held)
            leati_node_settle(n, ended ? LEAT_ECLOSED : LEATI_TURN);
        leati_side_unlink(&g->rx, n);
        if (held)
            leati_woken_add(woken, n);
        if (held && !ended)
            return true;
    }
    return false;
}

/* Under the lock. */
static void set_state(struct generator *g, uint64_t bits)
{
    uint64_t s = leati_load_rlx(&g->state) & ~(VERSION - 1); /* relaxed: the lock */
    /* sc: pairs with ready and ended; a select with NOW that begins after must see it. */
    leati_store_sc(&g->state, s + VERSION + bits);
}

static bool ended(const struct generator *g)
{
    return leati_load_acq(&g->state) & END; /* acq: pairs with set_state */
}

/* The end of a turn: r is what the function said last. */
static void give_back(struct generator *g, int r)
{
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    leati_side_lock(&g->rx);
    bool over = r != 0 || ended(g);
    if (r != 0 && r != LEAT_ECLOSED)
        leati_store_rlx(&g->error, (uint32_t)r); /* relaxed: set_state publishes it */
    bool busy = pass(g, over, &woken);
    set_state(g, (over ? END : 0) | (busy ? BUSY : 0));
    leati_side_unlock(&g->rx);
    leati_woken_run(&woken);
}

/* With the turn: up to n values, then gives it back. After the first one it stops when
 * others wait. */
static ptrdiff_t pull(struct generator *g, char *ret, size_t n)
{
    size_t done = 0, size = g->c.elem_size;
    int r = 0;
    while (done < n && !(done && leati_side_count(&g->rx))) {
        r = ended(g) ? LEAT_ECLOSED : g->next(g->arg, g->cell);
        if (r != 0)
            break;
        if (ret)
            leati_copy(ret + done * size, g->cell, size);
        done++;
    }
    give_back(g, r);
    return done ? (ptrdiff_t)done : LEAT_ECLOSED;
}

static int turn(struct leat_chan *c, void *ret)
{
    ptrdiff_t r = pull(generator(c), ret, 1);
    return r > 0 ? 0 : (int)r;
}

static ptrdiff_t attempt_n(struct leat_chan *c, unsigned dir, void *buf, size_t n)
{
    struct generator *g = generator(c);
    if (dir == LEAT_OP_SEND)
        return LEAT_ECLOSED;
    leati_side_lock(&g->rx);
    uint64_t s = leati_load_rlx(&g->state); /* relaxed: the lock */
    if (!(s & (END | BUSY)))
        set_state(g, BUSY);
    leati_side_unlock(&g->rx);
    if (s & END)
        return LEAT_ECLOSED;
    return s & BUSY ? LEAT_EAGAIN : pull(g, buf, n);
}

static int attempt(struct leat_chan *c, unsigned dir, void *buf)
{
    ptrdiff_t r = attempt_n(c, dir, buf, 1);
    return r > 0 ? 0 : (int)r;
}

static enum leati_listing enlist(struct leat_chan *c, struct leati_node *n)
{
    struct generator *g = generator(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    if (n->dir == LEAT_OP_SEND) {
        if (!leati_node_hold(n))
            return LEATI_DEAD;
        leati_node_settle(n, LEAT_ECLOSED);
        return LEATI_SETTLED;
    }
    leati_side_lock(&g->rx);
    leati_side_append(&g->rx, n);
    uint64_t s = leati_load_rlx(&g->state); /* relaxed: the lock */
    if ((s & END) || !(s & BUSY)) {
        bool busy = pass(g, s & END, &woken);
        set_state(g, (s & (END | BUSY)) | (busy ? BUSY : 0));
    }
    leati_side_unlock(&g->rx);
    leati_woken_run(&woken);
    return LEATI_LISTED;
}

static bool delist(struct leat_chan *c, struct leati_node *n)
{
    struct generator *g = generator(c);
    leati_side_lock(&g->rx);
    bool listed = leati_node_listed(n);
    if (listed)
        leati_side_unlink(&g->rx, n);
    leati_side_unlock(&g->rx);
    return listed;
}

static bool ready(struct leat_chan *c, unsigned dir, uint64_t *ticket,
                  struct leat_deadline *until)
{
    (void)until;
    uint64_t s = leati_load_sc(&generator(c)->state); /* sc: the two passes of select */
    *ticket = s;
    return dir == LEAT_OP_SEND || (s & END) || !(s & BUSY);
}

static int close_it(struct leat_chan *c)
{
    (void)c;
    return LEAT_EALREADY;
}

/* Whoever has the turn gives it back as always. */
static void cancel(struct leat_chan *c)
{
    struct generator *g = generator(c);
    struct leati_woken woken = LEATI_WOKEN_INIT(woken);
    leati_side_lock(&g->rx);
    (void)pass(g, true, &woken);
    set_state(g, (leati_load_rlx(&g->state) & BUSY) | END); /* relaxed: the lock */
    leati_side_unlock(&g->rx);
    leati_woken_run(&woken);
}

static bool closed(const struct leat_chan *c)
{
    (void)c;
    return true;
}

static size_t none(const struct leat_chan *c)
{
    (void)c;
    return 0;
}

static size_t bytes(const struct leat_chan *c)
{
    return c->elem_size;
}

static void waiting(const struct leat_chan *c, unsigned ret[2])
{
    ret[LEAT_OP_SEND] = 0;
    ret[LEAT_OP_RECV] = leati_side_count(&generator_const(c)->rx);
}

static void fini(struct leat_chan *c)
{
    struct generator *g = generator(c);
    leati_free(NULL, g->cell, c->elem_size);
    if (g->done)
        g->done(g->arg);
}

LEATI_PARKED_OPS(parked);

static const struct leati_chan_ops leati_generator_ops = {
    .what = "generator",
    .header = sizeof(struct generator),
    .parked = parked,
    .attempt = attempt,
    .attempt_n = attempt_n,
    .enlist = enlist,
    .delist = delist,
    .turn = turn,
    .ready = ready,
    .close = close_it,
    .cancel = cancel,
    .closed = closed,
    .len = none,
    .cap = none,
    .bytes = bytes,
    .waiting = waiting,
    .fini = fini,
};

int leat_source_new(leat_chan **ret, const struct leat_source_opts *opts)
{
    if (ret == NULL || opts == NULL || opts->size != sizeof(*opts) ||
        opts->next == NULL)
        return LEAT_EINVAL;
    if (opts->elem_size > LEAT_ELEM_MAX)
        return LEAT_EOVERFLOW;
    const struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = opts->elem_size, .name = opts->name};
    struct leat_chan *c = leati_chan_alloc(&leati_generator_ops, LEATI_SOURCE, &o);
    if (c == NULL)
        return LEAT_ENOMEM;
    struct generator *g = generator(c);
    if ((g->cell = leati_alloc(NULL, opts->elem_size, 64)) == NULL) {
        leati_header_put(c, LEATI_SOURCE);
        return LEAT_ENOMEM;
    }
    g->next = opts->next;
    g->done = opts->done;
    g->arg = opts->arg;
    leati_store_rlx(&g->error, 0u); /* relaxed: published with the pointer */
    set_state(g, 0);
    leati_chan_opened(c);
    *ret = c;
    return 0;
}

int leat_source_error(const leat_chan *c)
{
    if (c == NULL || c->kind != LEATI_SOURCE || !ended(generator_const(c)))
        return 0;
    return (int)leati_load_rlx(
        &generator_const(c)->error); /* relaxed: ended acquires it */
}
