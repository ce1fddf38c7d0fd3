/* idle.c - workers without work: searching, sleeping, and who must be woken.
 *
 * Idea        At most one worker searches and at most one is being woken (it arrives as
 *             the searcher). A readied fiber stays with its waker; a sleeper is woken at
 *             once unless the waker has proved chatty (trust) while somebody looks every
 *             millisecond anyway (LOOK). A searcher robs only a worker that queues
 *             something and has not switched for 4 us, so a pair that talks stays
 *             together and a fiber that computes delays nobody.
 * Trust       is earned by talking (many switches during a fruitless search, or a wake
 *             that was useless because the waker ran all of it and went to sleep), lost
 *             by one theft. A worker that readies others and computes in between gets
 *             none; should it have had some, a look finds it slow and robs it.
 * Words       idle   sleepers:16 | SEARCH | LOOK | keeper id + 1, written under
 *                    idle_lock, read by every ready without it
 *             asleep bits of the sleepers, w: under idle_lock
 *             wake   of a worker: AWAKE, SEARCHER (woken, has the search role), ASLEEP
 *                    (is, or is about to be, in the kernel), CALLED (woken for a pinned
 *                    fiber or the end)
 *             trust  w: the searcher
 * Roles       searcher: one at most. keeper: one of the sleepers, the first to sleep
 *             when nobody searches; it sleeps with a time limit while LOOK is set and
 *             also minds the timers of running workers. When nothing moved between two
 *             looks it clears LOOK and sleeps until its timer. A searcher that lies down
 *             takes the office over, and looks: what was armed while it searched woke
 *             nobody, and an older keeper has not seen it. Who gets up to run something
 *             sees to its own timers in the same way (unminded).
 * Ordering    P1 plain store of tail, next, first | S1 idle word: asleep, not searching
 *             P2 load idle                        | S2 heavy fence; S3 scan
 *             If P2 precedes S2, P1 is visible to S3. If it follows, the pusher sees the
 *             sleeper, or that the searcher is gone, or LOOK cleared, and wakes. "There
 *             is a searcher, do nothing" is safe because each way of leaving the search
 *             is an S1 followed by S2 and S3 (leave_search is the one with a find, pass_on
 *             the one of who finds work of its own when it has lain down).
 * Look        A sleeper may go to sleep on work that it has seen if it moves and LOOK is
 *             set: a keeper will look again within a millisecond.
 * Progress    idle_lock covers a few instructions between system calls of microseconds.
 * SPDX-License-Identifier: MIT */
#include "arch/futex.h"
#include "arch/os.h"
#include "arch/relax.h"
#include "pool/mill.h"

enum { AWAKE, SEARCHER, ASLEEP, CALLED };

enum {
    SEARCH_NS = 50000,
    STALE_NS = 4000,
    SETTLE_NS = 8000, /* without spinning: until a still victim is known to be stale */
    PAUSE_NS = 5000,  /* of a search, before it yields between rounds */
    YIELD_NS = 10000, /* a yield that took longer says that others need the CPU */
    LOOK_NS = 1000000,
    SLICE_NS = 10000, /* a worker that switches more often than that talks */
    FAR_NS = 500000,  /* between two looks: then ... */
    SLOW_NS = 20000,  /* ... one that switches less often than that computes */
    ROUND = 8, /* pauses */
    NEED_MAX = 64,
};

/* --- the idle word --- */

static unsigned keeper_of(uint64_t s)
{
    return (unsigned)(s >> LEATI_IDLE_KEEPER) & 0xffff; /* id + 1 */
}

static uint64_t without_keeper(uint64_t s)
{
    return s & ~(LEATI_IDLE_LOOK | (uint64_t)0xffff << LEATI_IDLE_KEEPER);
}

static uint64_t idle_begin(leat_pool *p)
{
    leati_lock(&p->idle_lock);
    return leati_load_rlx(&p->idle);
}

static void idle_end(leat_pool *p, uint64_t s)
{
    leati_store_rlx(&p->idle, s); /* S1: ordered by the heavy fence behind it */
    leati_unlock(&p->idle_lock);
}

static bool listed(leat_pool *p, unsigned id)
{
    return leati_load_rlx(&p->asleep[id / 64]) >> (id % 64) & 1;
}

/* With the lock: one sleeper less; the keeper's office ends with its sleep. */
static uint64_t unlist(leat_pool *p, unsigned id, uint64_t s)
{
    leati_a64 *bits = &p->asleep[id / 64];
    leati_store_rlx(bits, leati_load_rlx(bits) & ~((uint64_t)1 << (id % 64)));
    s -= 1;
    return keeper_of(s) == id + 1 ? without_keeper(s) : s;
}

static uint64_t enlist(leat_pool *p, unsigned id, uint64_t s, bool searched)
{
    leati_a64 *bits = &p->asleep[id / 64];
    leati_store_rlx(bits, leati_load_rlx(bits) | (uint64_t)1 << (id % 64));
    s += 1;
    if (searched || !(keeper_of(s) || (s & LEATI_IDLE_SEARCH)))
        s = without_keeper(s) | LEATI_IDLE_LOOK | (uint64_t)(id + 1) << LEATI_IDLE_KEEPER;
    return s;
}

/* A sleeper, the keeper only when there is no other. With the lock, sleepers > 0. */
static unsigned some_sleeper(leat_pool *p, uint64_t s)
{
    unsigned keeper = keeper_of(s);
    for (unsigned k = 0; k * 64 < p->n; k++) {
        uint64_t bits = leati_load_rlx(&p->asleep[k]);
        if (keeper && (keeper - 1) / 64 == k)
            bits &= ~((uint64_t)1 << ((keeper - 1) % 64));
        if (bits)
            return k * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return keeper - 1;
}

/* --- waking --- */

static void rouse(struct leati_worker *t, uint32_t how, struct leati_worker *by)
{
    /* ar: what was queued before is seen by the woken */
    if (leati_xchg_ar(&t->wake, how) == ASLEEP)
        leatp_futex_wake(&t->wake, 1);
    if (by)
        leati_count(&by->count.wakes, 1);
    else
        (void)leati_add_rlx(&t->pool->foreign_wakes, (uint64_t)1);
}

void leati_rule_slow(leat_pool *p, struct leati_worker *w)
{
    uint64_t s = idle_begin(p);
    if ((s & LEATI_IDLE_SLEEPERS) == 0 || (s & LEATI_IDLE_SEARCH)) {
        idle_end(p, s);
        return;
    }
    unsigned id = some_sleeper(p, s);
    idle_end(p, unlist(p, id, s) | LEATI_IDLE_SEARCH);
    struct leati_worker *t = p->workers[id];
    leati_store_rlx(&t->waker, w ? w->id + 1u : 0u);
    rouse(t, SEARCHER, w);
}

void leati_wake_worker(struct leati_worker *t)
{
    leat_pool *p = t->pool;
    leati_pool_light(p); /* P1 | P2, as in leati_rule; P1 was the enqueue */
    if (!listed(p, t->id))
        return;
    uint64_t s = idle_begin(p);
    bool asleep = listed(p, t->id);
    idle_end(p, asleep ? unlist(p, t->id, s) : s);
    if (asleep)
        rouse(t, CALLED, leati_worker_self());
}

void leati_wake_all(leat_pool *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        uint64_t s = idle_begin(p);
        bool asleep = listed(p, i);
        idle_end(p, asleep ? unlist(p, i, s) : s);
        if (asleep)
            rouse(p->workers[i], CALLED, NULL);
    }
}

/* --- looking at others --- */

static bool anything_queued(leat_pool *p)
{
    if (!leati_inject_empty(&p->inject))
        return true;
    for (unsigned i = 0; i < p->n; i++)
        if (!leati_rq_empty(&p->workers[i]->rq))
            return true;
    return false;
}

/* After S2, when nobody looks: are there timers of running workers that no sleeper minds?
 * everybody: of all of them, else of w, which slept itself when the keeper last looked. */
static bool unminded(struct leati_worker *w, bool everybody)
{
    leat_pool *p = w->pool;
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *v = p->workers[i];
        /* acq: pairs with note_first */
        if ((everybody || v == w) && !listed(p, i) &&
            (int64_t)leati_load_acq(&v->first) != INT64_MAX)
            return true;
    }
    return false;
}

/* What w knows about v; true: v has something queued and has not moved since, or, seen at
 * a distance, moves so slowly that it cannot be called talking. */
static bool still(struct leati_worker *w, struct leati_worker *v, int64_t now,
                  bool *moved)
{
    struct leati_victim *seen = &w->seen[v->id];
    uint64_t tick = leati_load_rlx(&v->tick), steps = tick - seen->tick;
    bool queued = !leati_rq_empty(&v->rq);
    int64_t gap = now - seen->at;
    seen->at = now;
    if (steps == 0 && queued == seen->queued)
        return queued;
    bool slow = queued && gap >= FAR_NS && (int64_t)steps < gap / SLOW_NS;
    *moved |= steps != 0;
    seen->tick = tick;
    seen->queued = queued;
    seen->since = now;
    return slow;
}

static struct leat_fiber *rob(struct leati_worker *w, struct leati_worker *v)
{
    struct leat_fiber *got[LEATI_RQ_STEAL];
    unsigned n = leati_rq_steal(&v->rq, got);
    if (n == 0)
        return NULL;
    for (unsigned i = 1; i < n; i++)
        leati_push(w, got[i]);
    leati_count(&w->count.steals, 1);
    leati_count(&w->count.stolen, n);
    /* Trust is lost by one theft and harder to earn each time. */
    leati_store_rlx(&v->trust, 0u);
    v->good = 0;
    v->need = v->need * 2 < NEED_MAX ? v->need * 2 : NEED_MAX;
    return got[0];
}

/* One look at everybody. *pending: somebody is still, but not long enough to be stale. */
static struct leat_fiber *rob_stale(struct leati_worker *w, int64_t now, bool *pending)
{
    leat_pool *p = w->pool;
    bool moved = false;
    w->rng = w->rng * 6364136223846793005u + 1442695040888963407u;
    unsigned start = (unsigned)(w->rng >> 33);
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *v = p->workers[(start + i) % p->n];
        if (v == w || !still(w, v, now, &moved))
            continue;
        struct leat_fiber *f = NULL;
        if (now - w->seen[v->id].since >= STALE_NS && (f = rob(w, v)) != NULL)
            return f;
        *pending = true;
    }
    return NULL;
}

static bool expire_others(struct leati_worker *w, int64_t now)
{
    leat_pool *p = w->pool;
    bool any = false;
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *v = p->workers[i];
        /* acq: pairs with note_first; the heap is read under its lock */
        if ((int64_t)leati_load_acq(&v->first) <= now)
            any |= leati_timers_expire(v, now);
    }
    return any;
}

/* --- searching --- */

static bool may_spin(const leat_pool *p)
{
    unsigned cpus = leatp_cpus();
    return cpus > 1 && p->n <= cpus && !leatp_cpus_by_quota();
}

static bool own_work(struct leati_worker *w)
{
    return w->pinned_first || !leati_rq_empty(&w->rq) ||
           !leati_inject_empty(&w->remote) || leati_load_acq(&w->pool->stop);
}

/* Between two rounds; the time after it. *yields: false from the first slow yield on. */
static int64_t round_pause(int64_t spent, int64_t now, bool *yields)
{
    for (unsigned i = 0; i < ROUND; i++)
        leatp_pause();
    if (spent > PAUSE_NS && *yields) {
        int64_t before = leat_now();
        (void)sched_yield();
        now = leat_now();
        *yields = now - before <= YIELD_NS;
        return now;
    }
    return leat_now();
}

/* Work for w: a fiber, or *mine: in its own queues now. Neither: nothing was found. */
static struct leat_fiber *search(struct leati_worker *w, bool *mine)
{
    leat_pool *p = w->pool;
    int64_t now = leat_now(), start = now, limit = may_spin(p) ? SEARCH_NS : 0;
    bool yields = true;
    for (unsigned i = 0; i < p->n; i++) {
        w->seen[i].first = leati_load_rlx(&p->workers[i]->tick);
        w->seen[i].start = now;
    }
    for (;;) {
        bool pending = false;
        (void)expire_others(w, now);
        if (own_work(w) || !leati_inject_empty(&p->inject)) {
            *mine = true;
            return NULL;
        }
        struct leat_fiber *f = rob_stale(w, now, &pending);
        if (f)
            return f;
        int64_t spent = now - start;
        if (spent >= (limit == 0 && pending ? SETTLE_NS : limit))
            return NULL;
        now = round_pause(spent, now, &yields);
        if (!yields)
            limit = 0;
    }
}

/* Nothing found. Those who talked all the time, and one who woke us and went to sleep
 * itself, run what they ready themselves. */
static void give_credit(struct leati_worker *w)
{
    leat_pool *p = w->pool;
    uint32_t waker = leati_load_rlx(&w->waker);
    leati_store_rlx(&w->waker, 0u);
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *v = p->workers[i];
        const struct leati_victim *seen = &w->seen[i];
        int64_t steps = (int64_t)(leati_load_rlx(&v->tick) - seen->first);
        bool talks = steps > 1 && steps > (seen->at - seen->start) / SLICE_NS;
        if (v != w && (talks || (waker == i + 1 && listed(p, i))) && ++v->good >= v->need)
            leati_store_rlx(&v->trust, 1u);
    }
}

/* Found something: the next searcher must not miss what else there is (baton). */
static void leave_search(struct leati_worker *w)
{
    leat_pool *p = w->pool;
    uint64_t s = idle_begin(p) & ~LEATI_IDLE_SEARCH;
    idle_end(p, s);
    leati_store_rlx(&w->waker, 0u);
    if ((s & LEATI_IDLE_SLEEPERS) == 0)
        return;
    leati_pool_heavy(p); /* S2 */
    if (anything_queued(p) || (!(s & LEATI_IDLE_LOOK) && unminded(w, true)))
        leati_rule_slow(p, w);
}

static bool try_search(leat_pool *p)
{
    uint64_t s = idle_begin(p);
    idle_end(p, s | LEATI_IDLE_SEARCH);
    return !(s & LEATI_IDLE_SEARCH);
}

/* --- sleeping --- */

static void lie_down(struct leati_worker *w, bool searching)
{
    leat_pool *p = w->pool;
    leati_store_rlx(&w->wake, (uint32_t)AWAKE); /* nobody wakes one that is not listed */
    uint64_t s = idle_begin(p);
    if (searching)
        s &= ~LEATI_IDLE_SEARCH;
    idle_end(p, enlist(p, w->id, s, searching));
    leati_pool_heavy(p); /* S2 */
}

enum rise { UP, ROLE_TAKEN, WAS_WOKEN };

/* Stops sleeping by itself, with the search role if wanted and free. */
static enum rise get_up(struct leati_worker *w, bool search)
{
    leat_pool *p = w->pool;
    uint64_t s = idle_begin(p);
    enum rise r = UP;
    if (!listed(p, w->id))
        r = WAS_WOKEN;
    else if (search && (s & LEATI_IDLE_SEARCH))
        r = ROLE_TAKEN;
    else
        s = unlist(p, w->id, s) | (search ? LEATI_IDLE_SEARCH : 0);
    idle_end(p, s);
    return r;
}

/* True while it is w that looks; *look: at intervals. */
static bool keeping(const struct leati_worker *w, bool *look)
{
    uint64_t s = leati_load_rlx(&w->pool->idle);
    *look = (s & LEATI_IDLE_LOOK) != 0;
    return keeper_of(s) == w->id + 1u;
}

static void stop_looking(struct leati_worker *w)
{
    uint64_t s = idle_begin(w->pool);
    if (keeper_of(s) == w->id + 1u)
        s &= ~LEATI_IDLE_LOOK;
    idle_end(w->pool, s);            /* S1 */
    leati_pool_heavy(w->pool);       /* S2; S3 is the caller's next scan */
}

enum found { NOTHING, MOVING, STILL, SHARED, MINE };

/* S3. */
static enum found scan(struct leati_worker *w, int64_t now, bool *moved)
{
    leat_pool *p = w->pool;
    enum found r = NOTHING;
    *moved = false;
    if (own_work(w) || (int64_t)leati_load_acq(&w->first) <= now)
        return MINE;
    if (!leati_inject_empty(&p->inject))
        return SHARED;
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *v = p->workers[i];
        if (v == w)
            continue;
        if ((int64_t)leati_load_acq(&v->first) <= now && !listed(p, i))
            return SHARED;
        if (still(w, v, now, moved))
            r = STILL;
        else if (r == NOTHING && w->seen[i].queued)
            r = MOVING;
    }
    return r;
}

static int64_t next_look(int64_t now)
{
    int64_t at;
    return __builtin_add_overflow(now, (int64_t)LOOK_NS, &at) ? INT64_MAX : at;
}

/* Until when w may sleep. */
static int64_t sleep_limit(struct leati_worker *w, int64_t now, enum found what)
{
    leat_pool *p = w->pool;
    int64_t limit = (int64_t)leati_load_acq(&w->first);
    bool look, keeper = keeping(w, &look);
    if (keeper) {
        for (unsigned i = 0; i < p->n; i++) {
            int64_t first = (int64_t)leati_load_acq(&p->workers[i]->first);
            if (first < limit && !listed(p, i))
                limit = first;
        }
    }
    /* The keeper looks. When nobody does, that is up to whoever has seen work. */
    if ((look ? keeper : what != NOTHING) || what == SHARED)
        limit = limit < next_look(now) ? limit : next_look(now);
    return limit > now ? limit : next_look(now);
}

/* True: woken, else the limit passed. */
static bool sleep_until(struct leati_worker *w, int64_t limit)
{
    uint32_t word = AWAKE;
    leati_count(&w->count.parks, 1);
    if (!leati_cas_ar(&w->wake, &word, (uint32_t)ASLEEP))
        return true;
    for (;;) {
        int r = leatp_futex_wait(&w->wake, ASLEEP, leat_at(limit));
        if (leati_load_acq(&w->wake) != ASLEEP) /* pairs with rouse() */
            return true;
        if (r != LEAT_ETIMEDOUT)
            continue;
        word = ASLEEP;
        return !leati_cas_ar(&w->wake, &word, (uint32_t)AWAKE);
    }
}

/* Sleeps until there is something to do. Returns true with the search role. */
static bool doze(struct leati_worker *w)
{
    bool tried = false, timed_out = false, blind = false, moved, look;
    for (;;) {
        int64_t now = leat_now();
        enum found what = scan(w, now, &moved);
        bool keeper = keeping(w, &look);
        enum rise r = ROLE_TAKEN;
        if (what == MINE) {
            r = get_up(w, false);
            if (r == UP)
                return false;
        } else if (what == SHARED || (what == STILL && (timed_out || !tried))) {
            r = get_up(w, true);
            if (r == UP) {
                /* It slept trusting to be woken for what it finds now. */
                if (timed_out && blind && !leati_inject_empty(&w->pool->inject))
                    leati_count(&w->count.late, 1);
                return true;
            }
            tried = true;
        } else if (timed_out && keeper && look && !moved && what == NOTHING) {
            stop_looking(w);
            timed_out = false;
            continue;
        }
        int64_t limit = r == WAS_WOKEN ? INT64_MAX : sleep_limit(w, now, what);
        blind = !look && what == NOTHING;
        timed_out = !sleep_until(w, limit);
        if (!timed_out)
            return leati_load_rlx(&w->wake) == SEARCHER; /* acquired in sleep_until */
    }
}

/* Up for its own work, perhaps for long. What others left to it while it searched or kept
 * (S1 was its leaving of that) goes to somebody who sleeps. */
static void pass_on(struct leati_worker *w)
{
    leat_pool *p = w->pool;
    uint64_t s = leati_load_rlx(&p->idle);
    if (!(s & LEATI_IDLE_SLEEPERS) || (s & (LEATI_IDLE_SEARCH | LEATI_IDLE_LOOK)))
        return; /* somebody searches or looks, and sees it */
    leati_pool_heavy(p); /* S2 */
    if (anything_queued(p) || unminded(w, !keeper_of(s)))
        leati_rule_slow(p, w);
}

struct leat_fiber *leati_idle(struct leati_worker *w)
{
    bool searching = try_search(w->pool);
    for (;;) {
        if (searching) {
            bool mine = false;
            struct leat_fiber *f = search(w, &mine);
            if (f || mine) {
                leave_search(w);
                return f;
            }
            give_credit(w);
        }
        lie_down(w, searching);
        searching = doze(w);
        if (!searching) {
            pass_on(w);
            return NULL;
        }
    }
}
