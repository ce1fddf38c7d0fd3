/* sched.c - which fiber a worker runs next, and going there.
 *
 * Idea        A fiber that stops running chooses its successor itself and switches to
 *             it directly. What remains to be done for the one that stopped (publish its
 *             wait, queue it again, free it) can only be done when its stack is no
 *             longer in use: by whoever runs next, first thing: on the successor's
 *             stack behind its own switch, at the start of a fresh fiber, or in the
 *             worker's loop.
 * Order       Up to 16 hand-overs through the next slot, then the ring (pinned fibers,
 *             which never sit in the ring, take turns with it), the next slot, injection.
 * Loop        The worker's own stack. A fiber goes there when it finds no successor, at
 *             every 32nd switch for housekeeping (timers, pinned fibers from elsewhere,
 *             every second time one injected fiber first), and when a fresh fiber needs
 *             a stack that is not at hand: so no fiber's stack has to bear those.
 * Thread      After a switch the worker is the one that was passed along by the swap,
 *             never the former one, and never a thread-local read before.
 * SPDX-License-Identifier: MIT */
#include "arch/os.h"
#include "arch/relax.h"
#include "mem/reclaim.h"
#include "park/call.h"
#include "pool/mill.h"

enum {
    HANDS = 16,   /* hand-overs in a row */
    HOUSE = 32,   /* switches between two visits to the loop; a power of two */
    SHARE = 64,   /* injected fibers taken at once */
};

/* --- putting --- */

static void pinned_append(struct leati_worker *w, struct leat_fiber *f)
{
    f->qnext = NULL;
    if (w->pinned_last)
        w->pinned_last->qnext = f;
    else
        w->pinned_first = f;
    w->pinned_last = f;
}

static struct leat_fiber *pinned_take(struct leati_worker *w)
{
    struct leat_fiber *f = w->pinned_first;
    w->pinned_first = f->qnext;
    if (!w->pinned_first)
        w->pinned_last = NULL;
    return f;
}

/* The ring is full: its older half goes to the injection queue as one batch. */
static LEATI_COLD void overflow(struct leati_worker *w)
{
    struct leat_fiber *first = NULL, **end = &first, *f;
    struct leat_fiber *behind[LEATI_AHEAD] = {NULL}; /* the last ones popped */
    for (unsigned i = 0; i < LEATI_RQ_SIZE / 2; i++) {
        if ((f = leati_rq_pop(&w->rq)) == NULL)
            break;
        struct leat_fiber **b = &behind[i % LEATI_AHEAD];
        if (*b && !(*b)->sp)
            (*b)->stack = (char *)f;
        *b = f;
        *end = f;
        end = &f->qnext;
    }
    *end = NULL;
    if (first)
        leati_inject_put(&w->pool->inject, first);
}

void leati_push(struct leati_worker *w, struct leat_fiber *f)
{
    if (leati_unlikely(f->pin)) {
        pinned_append(w, f);
        return;
    }
    while (leati_unlikely(!leati_rq_push(&w->rq, f)))
        overflow(w);
}

/* Once it is enqueued f may run and end, and the pool with it: its end waits for this
 * section (leati_registry_remove). */
static LEATI_NOINLINE void ready_far(struct leat_fiber *f)
{
    leat_pool *p = f->pool;
    f->qnext = NULL;
    leati_rcu_read_lock();
    if (f->pin) {
        struct leati_worker *target = p->workers[f->pin - 1];
        leati_inject_put(&target->remote, f);
        leati_wake_worker(target);
    } else {
        leati_inject_put(&p->inject, f);
        leati_rule(p, NULL, LEATI_WHY_NEW);
    }
    leati_rcu_read_unlock();
}

LEATI_INLINE bool runs_here(const struct leati_worker *w, const struct leat_fiber *f)
{
    return w && leati_likely(w->pool == f->pool) &&
           (leati_likely(!f->pin) || f->pin == w->id + 1u);
}

void leati_ready(struct leat_fiber *f, enum leati_wake_place place)
{
    struct leati_worker *w = leati_worker_self();
    leati_store_rlx(&f->state, (uint8_t)LEATI_FIBER_READY);
    if (leati_unlikely(!runs_here(w, f))) {
        ready_far(f);
        return;
    }
    if (place == LEATI_WAKE_NEXT && leati_likely(!f->pin)) {
        f = leati_rq_put_next(&w->rq, f);
        if (leati_unlikely(f != NULL))
            leati_push(w, f);
    } else {
        leati_push(w, f);
    }
    leati_rule(w->pool, w, LEATI_WHY_READY);
}

void leati_ready_new(struct leati_worker *w, struct leat_fiber *f)
{
    if (!runs_here(w, f)) {
        ready_far(f);
        return;
    }
    leati_push(w, f);
    leati_rule(w->pool, w, LEATI_WHY_NEW);
}

/* --- taking --- */

static LEATP_NO_TSAN void first_run(void *fiber, void *worker);

static void bind(struct leati_worker *w, struct leat_fiber *f, char *lo)
{
    unsigned class = f->class;
    f->stack = lo;
    if (leati_unlikely(leati_stack_bare(&w->pool->stacks, lo, class)))
        f->traits |= LEATI_TRAIT_BARE;
    leati_store_rlx(&f->state, (uint8_t)LEATI_FIBER_READY);
    leatp_san_begin(&f->san, lo, leati_stack_size(class));
    f->sp = leatp_ctx_make(lo, leati_stack_top(lo, class), first_run, f);
}

/* f, if it can run at once; else it waits for a stack and the loop is due. */
LEATI_INLINE struct leat_fiber *runnable(struct leati_worker *w, struct leat_fiber *f)
{
    if (leati_unlikely(!f->sp)) {
        char *lo = leati_stack_take(w->stacks, f->class);
        if (leati_unlikely(!lo)) {
            w->starved = f;
            return NULL;
        }
        bind(w, f, lo);
    }
    return f;
}

/* With many waiting, what comes after the next one is fetched meanwhile: the frames of
 * the first behind it, the record of the second. Hints: a thief may have taken them. */
LEATI_INLINE void prefetch_ring(const struct leati_rq *q)
{
    uint32_t h = leati_load_rlx(&q->head);
    if (!LEATP_RACY_HINTS || leati_load_rlx(&q->tail) - h < 4)
        return;
    __builtin_prefetch(leati_load_rlx(&q->slot[(h + 1) % LEATI_RQ_SIZE]));
    const struct leat_fiber *f = leati_load_rlx(&q->slot[h % LEATI_RQ_SIZE]);
    uintptr_t sp = (uintptr_t)f->sp; /* none yet: 0, and nothing may be added to NULL */
    for (unsigned i = 0; i < 256; i += 64)
        __builtin_prefetch((const void *)(sp + i));
}

static LEATI_NOINLINE struct leat_fiber *pinned_or_ring(struct leati_worker *w)
{
    struct leat_fiber *f = NULL;
    w->pinned_turn = !w->pinned_turn;
    if (w->pinned_turn)
        f = leati_rq_pop(&w->rq);
    return f ? f : pinned_take(w);
}

/* From the worker's own queues. */
LEATI_INLINE struct leat_fiber *own(struct leati_worker *w)
{
    struct leat_fiber *f;
    if (w->hand < HANDS && (f = leati_rq_take_next(&w->rq)) != NULL) {
        w->hand++;
        return f;
    }
    w->hand = 0;
    f = leati_unlikely(w->pinned_first != NULL) ? pinned_or_ring(w)
                                                : leati_rq_pop(&w->rq);
    prefetch_ring(&w->rq);
    return f ? f : leati_rq_take_next(&w->rq);
}

/* The next fiber, perhaps without a stack yet; NULL: the loop has to look. */
LEATI_INLINE struct leat_fiber *pick(struct leati_worker *w)
{
    uint64_t tick = leati_load_rlx(&w->tick) + 1; /* relaxed: only the owner writes */
    leati_store_rlx(&w->tick, tick);
    if (leati_unlikely(tick % HOUSE == 0))
        return NULL;
    return own(w);
}

LEATI_INLINE struct leat_fiber *choose(struct leati_worker *w)
{
    struct leat_fiber *f = pick(w);
    return leati_likely(f != NULL) ? runnable(w, f) : NULL;
}

/* --- switching --- */

/* Makes the wait of f, which has left its stack, findable; see wait.c for the orders. */
LEATI_INLINE void publish(struct leat_fiber *f)
{
    struct leati_wait *wt = leati_load_rlx(&f->waiting); /* written on this thread */
    if (!wt->ops->publish(wt)) {
        leati_ready(f, LEATI_WAKE_NEXT);
        return;
    }
    leati_pool_light(f->pool);
    if (leati_unlikely(leati_attn_error(leati_load_rlx(&f->attn)))) /* W2 */
        leati_kick(f);
}

/* The fiber is over; its stack is another's. */
LEATI_INLINE void bury_record(struct leati_worker *w, struct leat_fiber *f)
{
    f->sp = NULL;
    leati_record_unref(f, w);
    /* rel: pairs with leati_pool_quiet; nothing of the fiber is touched later */
    leati_store_rel(&w->count.died, leati_load_rlx(&w->count.died) + 1);
    leati_pool_light(w->pool); /* see shutdown.c */
    if (leati_unlikely(leati_load_rlx(&w->pool->closing)))
        leati_pool_death(w->pool);
}

/* The fiber is over and off its stack. */
static void bury(struct leati_worker *w, struct leat_fiber *f)
{
    leatp_san_end(&f->san);
    leati_stack_give(&w->pool->stacks, w->stacks, f->class, f->stack);
    bury_record(w, f);
}

static void run_calls(void *unused)
{
    (void)unused;
    leati_calls_run();
}

/* Publishing has completed callbacks of others: they are called on the loop's stack, the
 * fiber that has just been gone to goes on after them. */
static LEATI_NOINLINE struct leati_worker *calls_left(struct leati_worker *w)
{
    if (!leati_calls_waiting())
        return w;
    if (!w->current) {
        leati_calls_run();
        return w;
    }
    leati_aside(w, leati_container_of(w->current, struct leat_fiber, party), run_calls,
                NULL);
    return leati_worker_self();
}

/* Returns the worker that the caller is on then. */
LEATI_INLINE struct leati_worker *arrived(struct leati_worker *w)
{
    struct leat_fiber *f = w->prev;
    switch (w->post) {
    case LEATI_POST_PARK:
        publish(f);
        if (leati_unlikely(leati_load_rlx(&leati_calls_used)))
            w = calls_left(w);
        break;
    case LEATI_POST_YIELD:
        leati_push(w, f);
        leati_rule(w->pool, w, LEATI_WHY_READY);
        break;
    case LEATI_POST_EXIT:
        bury(w, f);
        break;
    case LEATI_POST_ASIDE:
        w->aside(w->aside_arg);
        leati_ready(f, LEATI_WAKE_NEXT);
        break;
    case LEATI_POST_NONE:
        break;
    }
    return w;
}

LEATI_INLINE void check_canary(const struct leat_fiber *f)
{
    if (leati_unlikely(f->traits & LEATI_TRAIT_BARE) && !leati_stack_intact(f->stack))
        leati_overflow(f);
}

/* From f to n; n NULL: to the loop. */
LEATI_INLINE struct leati_worker *turn(struct leati_worker *w, struct leat_fiber *f,
                                      enum leati_post post, struct leat_fiber *n)
{
    w->prev = f;
    w->post = post;
    void *to = w->loop;
    if (leati_likely(n != NULL)) {
        w->current = &n->party;
        to = n->sp;
        leatp_san_leave(&f->san, &n->san, post == LEATI_POST_EXIT);
    } else {
        w->current = NULL;
        leatp_san_leave(&f->san, &w->san, post == LEATI_POST_EXIT);
    }
    w = leatp_ctx_swap(&f->sp, to, w);
    leatp_san_arrive(&f->san);
    return arrived(w);
}

LEATI_INLINE struct leati_worker *leave(struct leati_worker *w, struct leat_fiber *f,
                                       enum leati_post post)
{
    check_canary(f);
    return turn(w, f, post, choose(w));
}

void leati_aside(struct leati_worker *w, struct leat_fiber *f, void (*fn)(void *),
                 void *arg)
{
    w->prev = f;
    w->post = LEATI_POST_ASIDE;
    w->aside = fn;
    w->aside_arg = arg;
    w->current = NULL;
    leatp_san_leave(&f->san, &w->san, false);
    w = leatp_ctx_swap(&f->sp, w->loop, w);
    leatp_san_arrive(&f->san);
    (void)arrived(w);
}

struct leati_worker *leati_leave(struct leati_worker *w, struct leat_fiber *f,
                                 enum leati_post post)
{
    return leave(w, f, post);
}

/* Here, so that the switch is expanded in it: each frame is a dozen stores that the
 * locked instruction of the publishing must wait for. */
int leati_fiber_park(struct leati_party *party, struct leati_wait *wt)
{
    struct leat_fiber *f = leati_container_of(party, struct leat_fiber, party);
    struct leati_worker *w = leati_worker_self();
    uint32_t attn = leati_load_rlx(&f->attn); /* a later bit is seen after publishing */
    if (leati_unlikely(attn & LEATI_ATTN_CANCEL) && leati_attn_error(attn))
        return wt->result = LEAT_ECANCELED;
    bool timed = wt->until.at_ns != INT64_MAX;
    leati_store_rel(&f->waiting, wt); /* pairs with the acquire in leati_kick */
    if (leati_unlikely(timed))
        leati_wait_arm(w, f, wt->until.at_ns);
    leati_store_rlx(&f->state, (uint8_t)LEATI_FIBER_PARKED);
    w = leave(w, f, LEATI_POST_PARK);
    leati_store_rlx(&f->waiting, (void *)NULL);
    leati_pool_light(w->pool);
    if (leati_unlikely(leati_load_acq(&f->klock))) /* W1; acq: the kicker is done */
        leati_wait_for_kick(f);
    if (leati_unlikely(timed))
        leati_wait_disarm(f);
    return wt->result;
}

/* f is over. When a fresh fiber comes next it takes over the stack on the spot and is
 * returned; else does not return. */
static LEATI_NOINLINE struct leat_fiber *next_life(struct leat_fiber *f)
{
    struct leati_worker *w = leati_worker_self();
    check_canary(f);
    struct leat_fiber *n = pick(w);
    if (n && !n->sp) {
        if (leati_likely(n->class == f->class)) {
            n->stack = f->stack;
            n->traits |= f->traits & LEATI_TRAIT_BARE;
            n->san = f->san;
            leati_store_rlx(&n->state, (uint8_t)LEATI_FIBER_READY);
            w->current = &n->party;
            bury_record(w, f);
            return n;
        }
        n = runnable(w, n);
    }
    (void)turn(w, f, LEATI_POST_EXIT, n);
    __builtin_trap();
}

/* Not inlined, as leati_live and next_life: see leatp_san_first. */
static LEATI_NOINLINE void arrived_first(struct leati_worker *w)
{
    (void)arrived(w);
}

static LEATP_NO_TSAN void first_run(void *fiber, void *worker)
{
    struct leat_fiber *f = fiber;
    leatp_san_first(&f->san);
    arrived_first(worker);
    for (;;) {
        leati_live(f);
        f = next_life(f);
    }
}

/* --- the loop --- */

/* Injected fibers: the first to run, the others into the ring. */
static struct leat_fiber *injected(struct leati_worker *w, unsigned n)
{
    leat_pool *p = w->pool;
    if (leati_inject_empty(&p->inject))
        return NULL;
    struct leat_fiber *f = leati_inject_take(&p->inject, n);
    if (!f) { /* another one takes, or the oldest is half-linked: not empty, not ours */
        leatp_relax(&w->stuck);
        return NULL;
    }
    w->stuck = 0;
    for (struct leat_fiber *g = f->qnext, *next; g; g = next) {
        next = g->qnext;
        leati_push(w, g);
    }
    if (f->qnext || !leati_inject_empty(&p->inject))
        leati_rule(p, w, LEATI_WHY_NEW);
    return f;
}

static void remote(struct leati_worker *w)
{
    struct leat_fiber *f, *next;
    if (leati_inject_empty(&w->remote))
        return;
    for (f = leati_inject_take(&w->remote, SHARE); f; f = next) {
        next = f->qnext;
        pinned_append(w, f);
    }
}

static void own_timers(struct leati_worker *w)
{
    int64_t first = (int64_t)leati_load_rlx(&w->first);
    if (first != INT64_MAX) {
        int64_t now = leat_now();
        if (first <= now)
            (void)leati_timers_expire(w, now);
    }
}

static struct leat_fiber *look(struct leati_worker *w)
{
    struct leat_fiber *f = w->starved;
    if (f) {
        w->starved = NULL;
        return f;
    }
    uint64_t tick = leati_load_rlx(&w->tick);
    if (tick % HOUSE == 0) {
        remote(w);
        own_timers(w);
        if (tick % (2 * HOUSE) == 0 && (f = injected(w, 1)) != NULL)
            return f;
    }
    if ((f = own(w)) != NULL)
        return f;
    remote(w);
    own_timers(w);
    if ((f = own(w)) != NULL)
        return f;
    return injected(w, SHARE);
}

/* No memory for the stack of f: to the end of the injection queue with it. Others end
 * meanwhile and leave theirs, or another worker has one at hand. */
static LEATI_COLD void postpone(struct leati_worker *w, struct leat_fiber *f)
{
    f->qnext = NULL;
    leati_count(&w->tick, 1); /* else look() could take it out again before all others */
    leati_inject_put(f->pin ? &w->remote : &w->pool->inject, f);
    leati_rule(w->pool, w, LEATI_WHY_NEW);
    if (++w->misses > LEATI_RQ_SIZE) { /* in a row: nothing else can run */
        w->misses = 0;
        leatp_nap();
    }
}

static bool settle(struct leati_worker *w, struct leat_fiber *f)
{
    if (!f->sp) {
        char *lo = leati_stack_make(&w->pool->stacks, w->stacks, f->class);
        if (leati_unlikely(!lo)) {
            postpone(w, f);
            return false;
        }
        bind(w, f, lo);
    }
    w->misses = 0;
    return true;
}

void leati_loop(struct leati_worker *w)
{
    while (!leati_load_acq(&w->pool->stop)) { /* pairs with leat_pool_shutdown */
        struct leat_fiber *f = look(w);
        if (!f) {
            f = leati_idle(w);
            leati_count(&w->tick, 1); /* a searcher sees that it moves */
            if (!f)
                continue;
        }
        if (!settle(w, f))
            continue;
        w->current = &f->party;
        w->post = LEATI_POST_NONE;
        leatp_san_leave(&w->san, &f->san, false);
        (void)leatp_ctx_swap(&w->loop, f->sp, w);
        leatp_san_arrive(&w->san);
        (void)arrived(w);
    }
}
