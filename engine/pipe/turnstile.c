/* turnstile.c - who may take from `in`, how much, and how workers sleep.
 *
 * Idea        One worker at a time leads: it claims a batch into its hand and passes the
 *             turnstile on *before* it runs the first item. With nothing to claim it
 *             steals; with nothing to steal it waits at `in`, on behalf of all, who sleep
 *             behind the turnstile. So order positions cost nothing, any kind of channel
 *             will do as source, and no wake can get lost between "a batch was taken" and
 *             "a worker is idle".
 * Thefts      A theft interrupts every CPU, which takes one microsecond or twenty. So the
 *             leader steals from who has more to do than thefts have taken (rich), and
 *             from who has begun nothing for as long (stuck); for those it looks now and
 *             then before it claims, and while it waits as long as some hand holds items.
 *             So nobody is left waiting for much longer than is lost by helping him.
 * Words       held    NOT, CLAIMS, WAITS; leaves and comes to NOT under the lock, else
 *                     w: leader. WAITS only tells who comes that it is not over soon
 *             on_way, followers  under the lock. on_way: followers that were woken and
 *                     have not come to the turnstile yet
 *             taken   items ever claimed; w: leader
 *             cwait   the leader sleeps until an item is finished; cwaiter: who that is
 *             loot    w: leader: some hand was filled with more than its owner began
 *             looked_at, looked_since  of a worker; w: leader: where its hand stood, and
 *                     when it was first seen there
 * Invariants  T1  hands are filled only by the leader: when it found all empty they stay
 *                 so while it leads
 *             T2  the turnstile is free and somebody sleeps behind it => on_way > 0. Who
 *                 comes goes to the turnstile first, whatever else there may be to do
 *             T3  taken - finished <= workers + buffer at every instant: the credit is
 *                 there before the item is taken
 *             T4  nobody waits at the turnstile or at `in` with results of his own
 * Ordering    credits:  leader                       whoever finishes an item
 *                       cwait = 1                    finished + 1
 *                       heavy fence                  light fence
 *                       sum up: still none, sleep    load cwait: wake
 *             All else is ordered by the lock. A sleeper's semaphore may be given too
 *             often (leati_pipe_wake_all): everybody looks again after a sleep.
 * Not         fair: a worker that comes by may lead again before a woken one has come.
 * SPDX-License-Identifier: MIT */
#include "arch/relax.h"
#include "pipe/local.h"

enum claimed { GOT, END, AGAIN };
enum {
    PASS_LOOKS = 40, /* about 1 us */
    PATIENCE_NS = 4000,
    TURN_PAUSES = 8,
};

/* ---- the turnstile ---- */

/* Under the lock. */
static void arrive(struct leati_pworker *w)
{
    if (w->on_way)
        w->p->on_way--;
    w->on_way = false;
}

/* A claim is short, and who slept behind it would be woken on the leader's CPU, to wait
 * there or to be stolen from it. At most PASS_LOOKS pauses. */
static void await_pass(const struct leati_local *p)
{
    /* relaxed: a hint, decided under the lock */
    for (unsigned i = 0; i < PASS_LOOKS && leati_load_rlx(&p->held) == LEATI_HELD_CLAIMS;
         i++)
        leatp_pause();
}

static void hold(struct leati_local *p, enum leati_held how)
{
    leati_store_rlx(&p->held, (uint32_t)how); /* relaxed: the lock, or the leader's */
}

/* Leads, if nobody does; else lists the worker when it may sleep. */
static bool enter(struct leati_pworker *w, bool may_sleep)
{
    struct leati_local *p = w->p;
    await_pass(p);
    leati_lock(&p->lock);
    arrive(w);
    bool mine = leati_load_rlx(&p->held) == LEATI_HELD_NOT; /* relaxed: the lock */
    if (mine)
        hold(p, LEATI_HELD_CLAIMS);
    /* What ends the pipe is set before leati_pipe_wake_all: then the sem has been
     * given. */
    if (!mine && may_sleep) {
        leati_list_append(&p->followers, &w->link);
        w->listed = true;
    }
    leati_unlock(&p->lock);
    return mine;
}

/* Takes the first sleeper off, unless one is on its way already; under the lock. */
static struct leati_pworker *next(struct leati_local *p)
{
    struct leati_link *l = p->followers.first;
    if (l == NULL || p->on_way > 0)
        return NULL;
    struct leati_pworker *w = leati_container_of(l, struct leati_pworker, link);
    leati_list_remove(&p->followers, l);
    w->listed = false;
    w->on_way = true;
    p->on_way++;
    return w;
}

static void pass(struct leati_local *p)
{
    leati_lock(&p->lock);
    hold(p, LEATI_HELD_NOT);
    struct leati_pworker *w = next(p);
    leati_unlock(&p->lock);
    if (w)
        leat_sem_release(&w->sem, 1);
}

static void about_to_wait(struct leati_pworker *w)
{
    leati_publish_plainly(w, false);
    w->busy_since = 0;
}

/* Sleeps as a follower that has been listed. */
static void sleep_behind(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    about_to_wait(w);
    int r = leat_sem_acquire(&w->sem, 1);
    leati_lock(&p->lock);
    if (w->listed)
        leati_list_remove(&p->followers, &w->link);
    w->listed = false;
    leati_unlock(&p->lock);
    if (r != 0)
        leati_local_stop(p, r);
}

/* The worker leaves the pipe: it may have been woken to lead. */
void leati_turnstile_leave(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    leati_lock(&p->lock);
    arrive(w);
    bool held = leati_load_rlx(&p->held) != LEATI_HELD_NOT; /* relaxed: the lock */
    struct leati_pworker *f = held ? NULL : next(p);
    leati_unlock(&p->lock);
    if (f)
        leat_sem_release(&f->sem, 1);
}

void leati_pipe_wake_all(struct leati_local *p)
{
    for (unsigned i = 0, n = leati_slots(p); i < n; i++)
        leat_sem_release(&p->workers[i].sem, 1);
}

/* ---- stealing ---- */

/* Has v begun nothing for as long as a theft takes? The leader looks. */
static bool is_stuck(const struct leati_local *p, struct leati_pworker *v, int64_t now)
{
    uint64_t at = v->hand.base + leati_load_rlx(&v->hand.front); /* relaxed: a hint */
    if (v->looked_at == at)
        return now - v->looked_since >= p->theft_ns;
    v->looked_at = at;
    v->looked_since = now;
    return false;
}

/* Does v have more to do than a theft takes? */
static bool is_rich(const struct leati_local *p, const struct leati_pworker *v)
{
    /* relaxed: hints; the hand looked full, but its owner goes on */
    int64_t left = (int64_t)leati_load_rlx(&v->hand.back) -
                   (int64_t)leati_load_rlx(&v->hand.front);
    return left * leati_load_rlx(&v->each) > p->theft_ns;
}

static uint32_t rob(struct leati_pworker *w, struct leati_pworker *v, int64_t now,
                    uint64_t *ret_base)
{
    struct leati_local *p = w->p;
    uint32_t n = leati_hand_steal(&v->hand, p->in_size, w->spare, ret_base);
    int64_t took = leat_now() - now;
    took = took < LEATI_THEFT_MOST_NS ? took : LEATI_THEFT_MOST_NS;
    p->theft_ns = (3 * p->theft_ns + took) / 4;
    leati_count_up(&w->stolen, n);
    return n;
}

enum victims { STUCK, RICH, ANY }; /* each with those before it */

static bool steal(struct leati_pworker *w, enum victims who, uint64_t *ret_base,
                  uint32_t *ret_n)
{
    struct leati_local *p = w->p;
    if (!p->loot)
        return false;
    bool full = false;
    int64_t now = 0;
    unsigned slots = leati_slots(p), mine = (unsigned)(w - p->workers);
    for (unsigned i = 1; i < slots; i++) {
        struct leati_pworker *v = &p->workers[(mine + i) % slots];
        if (!leati_hand_looks_full(&v->hand))
            continue;
        now = now ? now : leat_now();
        bool take = is_stuck(p, v, now) || who == ANY || (who == RICH && is_rich(p, v));
        if (take && (*ret_n = rob(w, v, now, ret_base)) > 0)
            return true;
        full |= !take;
    }
    p->loot = full;
    return false;
}

/* Items behind one that takes long must not wait for `in` to run dry. */
static bool steal_stuck(struct leati_pworker *w, uint64_t *ret_base, uint32_t *ret_n)
{
    struct leati_local *p = w->p;
    if (leati_likely(++p->claims < LEATI_LOOK_CLAIMS))
        return false;
    p->claims = 0;
    return steal(w, STUCK, ret_base, ret_n);
}

/* Who waits while some hand holds items looks again when it may be stuck. */
static struct leat_deadline next_look(const struct leati_local *p)
{
    return p->loot ? leat_in_ns(p->theft_ns) : LEAT_NEVER;
}

/* ---- credits ---- */

void leati_credit(struct leati_local *p)
{
    leati_light_fence();
    /* ar: pairs with the store of cwaiter; one waker per sleep */
    if (leati_unlikely(leati_load_rlx(&p->cwait)) && leati_xchg_ar(&p->cwait, 0u)) {
        struct leati_pworker *w = leati_load_acq(&p->cwaiter);
        leat_sem_release(&w->sem, 1);
    }
}

/* How many items may be taken now; exact only when it is less than a batch. */
static uint64_t credits(struct leati_local *p)
{
    uint64_t taken = leati_load_rlx(&p->taken); /* relaxed: the leader's */
    if (p->limit - (taken - p->finished) < p->batch)
        p->finished = leati_finished(p);
    return p->limit - (taken - p->finished);
}

/* Sleeps until an item has been finished, or there is something to do. */
static void sleep_for_credit(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    hold(p, LEATI_HELD_WAITS);
    about_to_wait(w);
    leati_store_rel(&p->cwaiter, (void *)w); /* pairs with leati_credit */
    leati_store_sc(&p->cwait, 1u);
    leati_heavy_fence(); /* see Ordering; and shows what was published plainly */
    if (!leati_deliver_all(p, false) && credits(p) == 0 && !leati_is_ended(p)) {
        int r = leat_sem_acquire_until(&w->sem, 1, next_look(p));
        if (r != 0 && r != LEAT_ETIMEDOUT)
            leati_local_stop(p, r);
    }
    (void)leati_xchg_ar(&p->cwait,
                        0u); /* ar: one who took it before wakes us in vain */
    hold(p, LEATI_HELD_CLAIMS);
}

/* ---- claims ---- */

static bool took(struct leati_local *p, uint32_t n, uint64_t *ret_base, uint32_t *ret_n)
{
    *ret_base = leati_load_rlx(&p->taken); /* relaxed: the leader's */
    *ret_n = n;
    leati_store_rel(&p->taken, *ret_base + n); /* pairs with leat_pipe_stats */
    return true;
}

/* Items that a claim should be content with: few enough for the others to get some and to
 * be done with them soon, but half a batch when they are short, and the more the shorter:
 * to take a part is then dearer than to do it, and what turns out to be long can still be
 * stolen. */
static size_t wanted(const struct leati_pworker *w, uint64_t free)
{
    struct leati_local *p = w->p;
    size_t most = free < p->batch ? (size_t)free : p->batch;
    if (w->quick) {
        size_t some = w->most / 4 > LEATI_BATCH / 2 ? w->most / 4 : LEATI_BATCH / 2;
        return some < most ? some : most;
    }
    size_t share = p->n > 1 ? leat_chan_len(p->in) / (2 * p->n) + 1 : most;
    size_t soon = w->most ? w->most : 1;
    share = share < soon ? share : soon;
    return share < most ? share : most;
}

/* Waits at `in`, or for the end. */
static uint32_t wait_in(struct leati_pworker *w, uint64_t free)
{
    struct leati_local *p = w->p;
    struct leat_case cases[] = {LEAT_RECV(p->in, w->spare),
                                LEAT_RECV(p->end_chan, NULL)};
    size_t which;
    hold(p, LEATI_HELD_WAITS);
    about_to_wait(w);
    int r = leat_select(cases, 2, next_look(p), 0, &which);
    hold(p, LEATI_HELD_CLAIMS);
    if (r == LEAT_ETIMEDOUT)
        return 0;
    if (r != 0)
        leati_local_stop(p, r);
    else if (which == 0 && cases[0].err != 0)
        leati_local_end(p, 0);
    if (r != 0 || which != 0 || cases[0].err != 0)
        return 0;
    size_t more = wanted(w, free) - 1;
    ptrdiff_t n = leat_chan_recv_n(p->in, w->spare + p->in_size, more, LEAT_NOW);
    return n > 0 ? 1 + (uint32_t)n : 1;
}

/* Before it waits a fiber gives turns: who feeds the pipe may be next, or be there in a
 * moment on another CPU. The first turn costs no look at the clock. */
static bool is_patient(const struct leati_local *p, unsigned turn, int64_t *until)
{
    if (turn == 0 || !p->spins)
        return turn == 0 && p->o.mode == LEAT_PIPE_FIBERS;
    int64_t now = leat_now();
    if (turn == 1)
        *until = now + PATIENCE_NS;
    return now < *until;
}

static void give_turn(struct leati_pworker *w, unsigned turn)
{
    hold(w->p, LEATI_HELD_WAITS);
    leati_give_turn(w);
    for (unsigned i = 0; turn > 0 && i < TURN_PAUSES; i++)
        leatp_pause();
    hold(w->p, LEATI_HELD_CLAIMS);
}

/* As leader: finds the next items, waiting if need be. AGAIN: results of this worker or
 * of others must go first. */
static enum claimed search(struct leati_pworker *w, uint64_t *ret_base, uint32_t *ret_n)
{
    struct leati_local *p = w->p;
    unsigned turn = 0;
    int64_t until = 0;
    if (steal_stuck(w, ret_base, ret_n))
        return GOT;
    for (;;) {
        if (leati_is_stopped(p))
            return END;
        if (leati_is_ended(p))
            return steal(w, ANY, ret_base, ret_n) ? GOT : END;
        uint64_t free = credits(p);
        if (free == 0) {
            if (steal(w, RICH, ret_base, ret_n))
                return GOT;
            if (leati_deliver_all(p, false))
                return AGAIN;
            sleep_for_credit(w);
            continue;
        }
        ptrdiff_t n = leat_chan_recv_n(p->in, w->spare, wanted(w, free), LEAT_NOW);
        if (n <= 0 && n != LEAT_EAGAIN && n != LEAT_EBUSY) {
            leati_local_end(p, n == LEAT_ECLOSED ? 0 : (int)n);
            continue;
        }
        if (n <= 0) {
            if (steal(w, RICH, ret_base, ret_n))
                return GOT; /* T1: else there is nothing but what is soon begun */
            if (leati_deliver(w, false))
                return AGAIN; /* T4 */
            if (is_patient(p, turn, &until)) {
                give_turn(w, turn++);
                continue;
            }
            n = wait_in(w, free);
        }
        if (n > 0 && took(p, (uint32_t)n, ret_base, ret_n))
            return GOT;
    }
}

static enum claimed lead(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    uint64_t base;
    uint32_t n;
    enum claimed r = search(w, &base, &n);
    if (r == GOT) {
        leati_hand_fill(&w->hand, &w->spare, base, n);
        p->loot |= n > 1;
    }
    pass(p);
    return r;
}

bool leati_claim(struct leati_pworker *w)
{
    struct leati_local *p = w->p;
    for (;;) {
        bool left = leati_deliver(w, false);
        if (leati_is_stopped(p))
            return false;
        if (enter(w, !left)) {
            enum claimed r = lead(w);
            if (r != AGAIN)
                return r == GOT;
            about_to_wait(w);
            (void)leati_deliver_all(p, true);
        } else if (left) {
            about_to_wait(w);
            (void)leati_deliver(w, true);
        } else {
            sleep_behind(w);
        }
    }
}
