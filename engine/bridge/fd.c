/* fd.c - a channel as a level-triggered file descriptor.
 *
 * Idea        An event node on the receive side, as a set has one: whoever makes the
 *             channel ready fires it, that is, links a call on the list of its thread,
 *             and that call writes to an eventfd when no lock is held. Who receives
 *             through the leat_fd and finds nothing left clears the eventfd and lists
 *             the node again. Between the two the channel costs its senders nothing.
 *             A timer channel has nobody who makes it ready: its descriptor is a timerfd
 *             set to the next instant; the node is for its close.
 * Words       state   CLEAR   nobody listed, nobody writes: its owner is about to list
 *                     LISTING the node is being listed
 *                     LISTED  it is, unreadable
 *                     FIRED   it was taken off; the write is to come
 *                     STALE   as FIRED, but nothing is left: who comes to write lists it
 *                             again instead
 *                     WRITING somebody is writing
 *                     SET     readable; the node is not listed
 *                     DEAD    freed by its owner
 *             refs    the owner, and each call under way
 * Writers     owner: SET -> CLEAR -> LISTING -> LISTED, FIRED -> STALE, any -> DEAD.
 *             fire, under the side's lock: LISTING, LISTED -> FIRED. The call: FIRED ->
 *             WRITING -> SET, or, when nothing is left, FIRED, STALE -> CLEAR and on as
 *             the owner.
 * Invariants  The descriptor is written only in WRITING and cleared only in CLEAR: so it
 *             is readable in SET, unreadable in LISTED, FIRED and STALE. Who takes the
 *             last value looks at the state after that, who writes looks at the channel
 *             after the state was FIRED: one of them sees that nothing is left. An owner
 *             who comes in the middle of a write waits for its end, one system call, and
 *             clears: what he has found empty is unreadable when he returns.
 * No edge     is lost: cleared, then listed, then looked at: listing is a registration
 *             like any other (chan/), after which the tickets are read again, and an
 *             event whose channel became ready is fired.
 * Ordering    all steps of state acq_rel: who takes it over sees the former's.
 * Life        free() from LISTED takes the node back; a fire that was faster finds DEAD
 *             and does nothing, and is over when the side's lock has been had. In LISTING
 *             and later whoever is at it has a reference, sees DEAD and withdraws.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/fd.h>
#include "arch/event.h"
#include "arch/relax.h"
#include "chan/feed.h"
#include "park/call.h"

enum { CLEAR, LISTING, LISTED, FIRED, STALE, WRITING, SET, DEAD };

struct leat_fd {
    struct leati_call call;
    struct leati_node node;
    struct leati_event event;
    struct leat_chan *c;
    leati_a32 state, refs;
    int fd;
    int64_t due; /* timers: what the timerfd is set to; owner */
};

/* True: state was `from`. */
static bool step(struct leat_fd *f, uint32_t from, uint32_t to)
{
    return leati_cas_ar(&f->state, &from, to);
}

static void unref(struct leat_fd *f)
{
    /* ar: all others are done with it when the last frees it */
    if (leati_sub_ar(&f->refs, 1u) != 1)
        return;
    leatp_event_free(f->fd);
    leat_chan_free(f->c);
    free(f);
}

/* Under the side's lock; the node was unlinked. */
static struct leati_wait *fire(struct leati_event *event)
{
    struct leat_fd *f = leati_container_of(event, struct leat_fd, event);
    (void)leati_add_rlx(&f->refs, 1u); /* relaxed: whoever frees it needs our lock first */
    if (step(f, LISTING, FIRED) || step(f, LISTED, FIRED)) /* as it goes on meanwhile */
        leati_wake(&f->call.w, LEATI_WAKE_TAIL); /* only links it */
    else
        (void)leati_sub_ar(&f->refs, 1u); /* DEAD, and the owner waits for our lock */
    return NULL;
}

static void raise(struct leat_fd *f)
{
    if (f->c->kind == LEATI_TIMER)
        leatp_timer_set(f->fd, 0);
    else
        leatp_event_post(f->fd);
}

/* Is a receive worth an attempt? For timers *ret_due is when it will be. */
static bool ready(struct leat_fd *f, struct leat_deadline *ret_due)
{
    uint64_t ticket;
    *ret_due = LEAT_NEVER;
    return f->c->ops->ready(f->c, LEAT_OP_RECV, &ticket, ret_due);
}

/* From CLEAR, by whoever made it that. False: it could not be listed, being ready, and
 * the caller is to write. */
static bool list(struct leat_fd *f)
{
    if (!step(f, CLEAR, LISTING))
        return true; /* DEAD */
    if (f->c->ops->enlist(f->c, &f->node) != LEATI_LISTED)
        return !step(f, LISTING, FIRED);
    if (leati_fed(f->c))
        leati_feed(f->c);
    if (!step(f, LISTING, LISTED) && leati_load_acq(&f->state) == DEAD)
        (void)f->c->ops->delist(f->c, &f->node);
    return true;
}

/* From FIRED, or what the owner made of it: until it is SET, listed or DEAD. What fired
 * it may have been taken meanwhile; then it is not to be readable. */
static void serve(struct leat_fd *f)
{
    struct leat_deadline due;
    for (;;) {
        if (leati_load_acq(&f->state) == FIRED && ready(f, &due)) {
            if (step(f, FIRED, WRITING)) {
                raise(f);
                (void)step(f, WRITING, SET); /* else DEAD */
                return;
            }
        } else if (step(f, FIRED, CLEAR) || step(f, STALE, CLEAR)) {
            if (list(f))
                return;
        } else if (leati_load_acq(&f->state) == DEAD) {
            return;
        }
    }
}

static bool settle(struct leati_call *c)
{
    (void)c;
    return true;
}

/* The call: what fire has put on the list of this thread. */
static void run(struct leati_call *c)
{
    struct leat_fd *f = leati_container_of(c, struct leat_fd, call);
    serve(f);
    unref(f);
}

static void disarm(struct leati_call *c)
{
    (void)c;
}

static bool never(struct leati_wait *w)
{
    (void)w;
    return false;
}

static bool never_aborted(struct leati_wait *w, int err)
{
    (void)w, (void)err;
    return false;
}

static const struct leati_call_ops fd_ops = {
    {never, never_aborted, "fd"}, disarm, settle, run};

/* The instant of the next value, or now once it is closed. */
static bool update_timer(struct leat_fd *f)
{
    struct leat_deadline due;
    bool yes = ready(f, &due);
    int64_t at = yes ? 0 : due.at_ns;
    if (at != f->due && (!yes || f->due > leat_now()))
        leatp_timer_set(f->fd, at);
    f->due = at;
    return yes;
}

/* Nothing is left: unreadable, until it is fired. */
static void quiet(struct leat_fd *f)
{
    unsigned pause = 0;
    if (step(f, FIRED, STALE))
        return;
    while (leati_load_acq(&f->state) == WRITING) /* acq: as the step */
        leatp_relax(&pause);
    if (!step(f, SET, CLEAR))
        return;
    leatp_event_clear(f->fd);
    if (!list(f))
        serve(f);
    leati_calls_flush();
}

bool leat_fd_update(leat_fd *f)
{
    struct leat_deadline due;
    if (f == NULL)
        return false;
    if (f->c->kind == LEATI_TIMER)
        return update_timer(f);
    if (ready(f, &due))
        return true;
    quiet(f);
    return ready(f, &due);
}

int leat_fd_recv(leat_fd *f, void *ret)
{
    struct leat_deadline due;
    if (f == NULL)
        return LEAT_EINVAL;
    int r = leat_chan_try_recv(f->c, ret);
    if (f->c->kind == LEATI_TIMER)
        (void)update_timer(f);
    else if (r == LEAT_EAGAIN || (r == 0 && !ready(f, &due)))
        quiet(f);
    return r;
}

int leat_fd_get(const leat_fd *f)
{
    return f ? f->fd : -1;
}

int leat_fd_new(leat_fd **ret, leat_chan *c)
{
    if (ret == NULL || c == NULL)
        return LEAT_EINVAL;
    struct leat_fd *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return LEAT_ENOMEM;
    f->fd = c->kind == LEATI_TIMER ? leatp_timer_new() : leatp_event_polled();
    if (f->fd < 0) {
        free(f);
        return LEAT_EAGAIN;
    }
    leati_calls_use();
    f->c = leat_chan_ref(c);
    f->call.w.ops = &fd_ops.wait;
    f->call.w.party = &leati_call_party;
    f->node.kind = LEATI_EVENT;
    f->node.dir = LEAT_OP_RECV;
    f->node.of.event = &f->event;
    f->event.fire = fire;
    f->refs.v = 1;
    f->due = -1;
    if (c->kind == LEATI_TIMER)
        (void)update_timer(f);
    if (!list(f))
        serve(f);
    leati_calls_flush();
    *ret = f;
    return 0;
}

leat_fd *leat_fd_free(leat_fd *f)
{
    if (f == NULL)
        return NULL;
    /* ar: see Ordering */
    if (leati_xchg_ar(&f->state, (uint32_t)DEAD) == LISTED)
        (void)f->c->ops->delist(f->c, &f->node);
    unref(f);
    leati_calls_flush();
    return NULL;
}
