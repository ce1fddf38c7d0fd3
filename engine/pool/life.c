/* life.c - starting fibers, their end, joining, cancelling, yielding, sleeping.
 *
 * Words       join   RUNNING 0, DONE 1, else the joiner's wait; w: joiner by CAS, the
 *                    fiber by exchange at its end
 *             refs   the fiber and, unless it was started detached, its handle
 * Ordering    The fiber's exchange (acq_rel) after its result / the joiner's CAS
 *             (acq_rel): whoever comes second sees what the first left.
 * Cost        A detached fiber makes no locked instruction to start or to end.
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "arch/futex.h"
#include "mem/reclaim.h"
#include "park/call.h"
#include "pool/mill.h"

enum { RUNNING, DONE };

static struct leat_fiber *self(void)
{
    struct leati_worker *w = leati_worker_self();
    return w && w->current ? leati_container_of(w->current, struct leat_fiber, party)
                           : NULL;
}

/* --- start --- */

/* A fiber of p that is in no queue yet; counted as born. */
static int make(leat_pool *p, struct leati_worker *w, leat_fiber **ret,
                int (*fn)(void *), void *arg, struct leat_fiber **ret_f)
{
    struct leat_fiber *f = leati_record_get(p, w);
    if (!f)
        return LEAT_ENOMEM;
    f->fn = fn;
    f->arg = arg;
    f->class = p->class;
    if (ret)
        leati_store_rlx(&f->join, (uint64_t)RUNNING);
    leati_store_rlx(&f->refs, (uint8_t)(ret ? 2 : 1));
    leati_store_rlx(&f->state, (uint8_t)LEATI_FIBER_NEW);
    *ret_f = f;
    if (leati_likely(w != NULL))
        /* rel: pairs with leati_pool_quiet */
        leati_store_rel(&w->count.born, leati_load_rlx(&w->count.born) + 1);
    return 0;
}

/* One that enter() counted is not to be: a shutdown may be waiting for it alone. With
 * the count the pool may end; its end waits for this section (leati_registry_remove). */
static LEATI_COLD void turn_away(leat_pool *p)
{
    leati_rcu_read_lock();
    (void)leati_add_sc(&p->foreign_died, (uint64_t)1);
    if (leati_load_sc(&p->closing))
        leati_pool_death(p);
    leati_rcu_read_unlock();
}

/* From outside: counted before the look at `closing`, so that a shutdown either is seen
 * here or sees this one (both sequentially consistent). */
static int enter(leat_pool *p)
{
    (void)leati_add_sc(&p->foreign_born, (uint64_t)1);
    if (!leati_load_sc(&p->closing))
        return 0;
    turn_away(p);
    return LEAT_ECLOSED;
}

static int start(leat_pool *p, leat_fiber **ret, const struct leat_fiber_opts *opts,
                 int (*fn)(void *), void *arg)
{
    struct leati_worker *w = leati_worker_self();
    struct leat_fiber *f;
    if (leati_unlikely(!fn))
        return LEAT_EINVAL;
    if (leati_unlikely(leati_pool_foreign(p)))
        return LEAT_ENOTSUP;
    if (w && w->pool != p)
        w = NULL;
    int err = leati_likely(w != NULL) ? 0 : enter(p);
    if (err)
        return err;
    err = make(p, w, ret, fn, arg, &f);
    if (leati_unlikely(err)) {
        if (!w)
            turn_away(p);
        return err;
    }
    if (leati_unlikely(opts != NULL)) {
        if (opts->stack_size)
            f->class = (uint8_t)leati_stack_class(opts->stack_size);
        f->pin = (uint16_t)opts->pin;
        if (opts->name) {
            strncpy(f->name, opts->name, sizeof(f->name) - 1);
            f->name[sizeof(f->name) - 1] = '\0';
            f->traits |= LEATI_TRAIT_NAMED;
        }
    }
    if (ret)
        *ret = f;
    if (leati_unlikely(leati_load_rlx(&p->closing) == 2)) /* else the walk sees it */
        (void)leati_or_sc(&f->attn, (uint8_t)LEATI_ATTN_CANCEL);
    leati_ready_new(w, f);
    return 0;
}

int leat_go(leat_fiber **ret, int (*fn)(void *), void *arg)
{
    struct leati_worker *w = leati_worker_self();
    if (leati_likely(w != NULL))
        return start(w->pool, ret, NULL, fn, arg);
    leat_pool *p = leat_pool_default();
    return p ? start(p, ret, NULL, fn, arg) : LEAT_EAGAIN;
}

int leat_pool_go(leat_pool *p, leat_fiber **ret, int (*fn)(void *), void *arg)
{
    return p ? start(p, ret, NULL, fn, arg) : LEAT_EINVAL;
}

int leat_fiber_start(leat_fiber **ret, const struct leat_fiber_opts *opts,
                     int (*fn)(void *), void *arg)
{
    if (!opts || opts->size != sizeof(*opts))
        return LEAT_EINVAL;
    leat_pool *p = opts->pool;
    if (!p) {
        struct leati_worker *w = leati_worker_self();
        p = w ? w->pool : leat_pool_default();
        if (!p)
            return LEAT_EAGAIN;
    }
    size_t size = opts->stack_size;
    if (size && (size < LEAT_STACK_MIN || size > LEAT_STACK_MAX))
        return LEAT_EINVAL;
    if (opts->pin < 0 || (unsigned)opts->pin > p->n)
        return LEAT_EINVAL;
    return start(p, ret, opts, fn, arg);
}

/* --- end --- */

void leati_live(struct leat_fiber *f)
{
    int result = f->fn(f->arg);
    if (leati_load_rlx(&f->refs) != 1) { /* else: no handle, so no joiner */
        f->result = result;
        uint64_t o = leati_xchg_ar(&f->join, (uint64_t)DONE); /* see the head */
        if (o > DONE) {
            struct leati_wait *wt = (struct leati_wait *)(uintptr_t)o;
            wt->result = 0;
            leati_wake(wt, LEATI_WAKE_NEXT);
        }
    }
}

/* --- join --- */

static struct leat_fiber *joined_by(struct leati_wait *wt)
{
    return (struct leat_fiber *)(uintptr_t)wt->object;
}

static bool join_publish(struct leati_wait *wt)
{
    uint64_t o = RUNNING;
    if (leati_cas_ar(&joined_by(wt)->join, &o, (uint64_t)(uintptr_t)wt))
        return true;
    wt->result = o == DONE ? 0 : LEAT_EBUSY;
    return false;
}

static bool join_abort(struct leati_wait *wt, int err)
{
    uint64_t o = (uint64_t)(uintptr_t)wt;
    /* The handle is the waiter's: the record is there as long as the wait is. */
    if (!leati_cas_ar(&joined_by(wt)->join, &o, (uint64_t)RUNNING))
        return false;
    wt->result = err;
    return true;
}

static const struct leati_wait_ops join_ops = {join_publish, join_abort, "join"};

int leat_fiber_join_until(leat_fiber *f, int *ret_result, struct leat_deadline until)
{
    if (!f)
        return LEAT_EINVAL;
    if (leati_unlikely(leati_pool_foreign(f->pool)))
        return LEAT_ENOTSUP;
    struct leat_fiber *me = self();
    if (me == f)
        return LEAT_EDEADLK;
    uint64_t o = leati_load_acq(&f->join); /* pairs with the exchange in leati_live */
    if (o != DONE) {
        if (until.at_ns <= 0)
            return o == RUNNING ? LEAT_ETIMEDOUT : LEAT_EBUSY;
        struct leati_wait wt = {.ops = &join_ops, .until = until, .object = f};
        int err = leati_park(&wt);
        if (err)
            return err;
    }
    if (ret_result)
        *ret_result = f->result;
    leati_record_unref(f, leati_worker_self());
    return 0;
}

int leat_fiber_join(leat_fiber *f, int *ret_result)
{
    return leat_fiber_join_until(f, ret_result, LEAT_NEVER);
}

leat_fiber *leat_fiber_detach(leat_fiber *f)
{
    if (f && !leati_pool_foreign(f->pool))
        leati_record_unref(f, leati_worker_self());
    return NULL;
}

/* --- cancel --- */

void leat_fiber_cancel(leat_fiber *f)
{
    if (!f || leati_pool_foreign(f->pool))
        return;
    (void)leati_or_sc(&f->attn, (uint8_t)LEATI_ATTN_CANCEL); /* W2 in wait.c */
    leati_kick(f);
    leati_calls_flush();
}

bool leat_fiber_cancelled(void)
{
    struct leat_fiber *f = self();
    /* acq: what the canceller did before is seen; pairs with leat_fiber_cancel */
    return f && (leati_load_acq(&f->attn) & LEATI_ATTN_CANCEL);
}

bool leat_fiber_mask(bool masked)
{
    struct leat_fiber *f = self();
    if (!f)
        return false;
    uint8_t bit = LEATI_ATTN_MASKED;
    unsigned former = masked ? leati_or_sc(&f->attn, bit)
                             : leati_and_sc(&f->attn, (uint8_t)~bit);
    return (former & bit) != 0;
}

leat_fiber *leat_fiber_self(void)
{
    return self();
}

leat_pool *leat_pool_current(void)
{
    struct leati_worker *w = leati_worker_self();
    return w ? w->pool : NULL;
}

/* --- yield, sleep --- */

void leat_yield(void)
{
    struct leati_worker *w = leati_worker_self();
    if (leati_unlikely(!w)) {
        (void)sched_yield();
        return;
    }
    struct leat_fiber *f = leati_container_of(w->current, struct leat_fiber, party);
    (void)leati_leave(w, f, LEATI_POST_YIELD);
}

struct sleeper {
    struct leati_wait wait;
    struct leat_fiber *fiber;
    int64_t at;
};

static struct sleeper *sleeper_of(struct leati_wait *wt)
{
    return leati_container_of(wt, struct sleeper, wait);
}

static bool sleep_publish(struct leati_wait *wt)
{
    struct sleeper *s = sleeper_of(wt);
    wt->result = 0;
    leati_timers_arm(leati_worker_self(), s->fiber, s->at, true);
    return true;
}

static bool sleep_abort(struct leati_wait *wt, int err)
{
    if (!leati_timers_disarm(sleeper_of(wt)->fiber))
        return false;
    wt->result = err; /* the wake is still to come */
    return true;
}

static const struct leati_wait_ops sleep_ops = {sleep_publish, sleep_abort, "sleep"};

static int sleep_thread(int64_t at)
{
    leati_a32 never = {0};
    if (leati_in_call())
        return LEAT_EDEADLK;
    while (leat_now() < at)
        (void)leatp_futex_wait(&never, 0, leat_at(at));
    return 0;
}

int leat_sleep_until(struct leat_deadline at)
{
    struct leat_fiber *f = self();
    if (at.at_ns <= 0 || at.at_ns <= leat_now())
        return 0;
    if (!f)
        return sleep_thread(at.at_ns);
    struct sleeper s = {.wait = {.ops = &sleep_ops, .until = LEAT_NEVER, .object = NULL},
                        .fiber = f,
                        .at = at.at_ns};
    return leati_park(&s.wait);
}

int leat_sleep_ns(int64_t ns)
{
    return leat_sleep_until(leat_in_ns(ns));
}
