/* wait.c - how a fiber waits: the party operations of park/wait.h.
 *
 * Idea        The waiting fiber is published only after it has left its stack, so
 *             whoever finds the wait may run it at once. Cancellation and deadlines do
 *             not touch the wait themselves: they set a bit in the fiber's record, which
 *             is never unmapped, and *kick* it: abort the wait that it is in now, if any,
 *             for what the bits say.
 * Words       waiting  the wait while the fiber is in park(); w: the fiber
 *             attn     CANCEL w: anybody; TIMEOUT w: timers, cleared by the fiber
 *             klock    held while a kick looks at the wait; park() returns only when it
 *                      is free
 * Invariants  W1  a kick touches a wait only between the fiber's store of `waiting` and
 *                 its return from park()
 *             W2  a bit set before or during the wait aborts it unless it was completed
 *             W3  TIMEOUT is clear between two waits
 * Ordering    W2: fiber: publish; light fence; load attn.
 *                 kicker: set attn (seq_cst); heavy fence; load waiting; abort.
 *                 Either the abort finds the published wait or the fiber's side sees the
 *                 bit and kicks itself.
 *             W1: fiber: waiting = NULL; light fence; load klock.
 *                 kicker: take klock; heavy fence; load waiting.
 *                 Either the kicker sees NULL or the fiber sees the lock.
 *             W3: the timer is disarmed, under its heap's lock, before TIMEOUT is
 *                 cleared; a kick that comes later finds no bit and does nothing.
 * Not         A kick of a record that has been reused is possible, finds no bit of its
 *             own and aborts nothing but what that fiber's bits say anyway.
 * SPDX-License-Identifier: MIT */
#include "arch/relax.h"
#include "pool/mill.h"

void leati_kick(struct leat_fiber *f)
{
    bool hit = false;
    leati_lock(&f->klock);
    leati_pool_heavy(f->pool);
    /* acq: pairs with the store in fiber_park: the wait's fields */
    struct leati_wait *wt = leati_load_acq(&f->waiting);
    if (wt) {
        int err = leati_attn_error(leati_load_sc(&f->attn));
        hit = err && wt->ops->abort(wt, err);
    }
    leati_unlock(&f->klock);
    if (hit)
        leati_ready(f, LEATI_WAKE_TAIL);
}

void leati_wait_arm(struct leati_worker *w, struct leat_fiber *f, int64_t at)
{
    if (at <= 0 || at <= leat_now())
        (void)leati_or_sc(&f->attn, (uint8_t)LEATI_ATTN_TIMEOUT);
    else
        leati_timers_arm(w, f, at, false);
}

void leati_wait_disarm(struct leat_fiber *f)
{
    (void)leati_timers_disarm(f);
    if (leati_load_rlx(&f->attn) & LEATI_ATTN_TIMEOUT) /* W3 */
        (void)leati_and_sc(&f->attn, (uint8_t)~LEATI_ATTN_TIMEOUT);
}

LEATI_COLD void leati_wait_for_kick(struct leat_fiber *f)
{
    unsigned step = 0;
    while (leati_load_acq(&f->klock)) /* pairs with the unlock in leati_kick */
        leatp_relax(&step);
}

static void fiber_wake(struct leati_wait *wt, enum leati_wake_place place)
{
    leati_ready(leati_container_of(wt->party, struct leat_fiber, party), place);
}

const struct leati_party_ops leati_fiber_ops = {leati_fiber_park, fiber_wake};
