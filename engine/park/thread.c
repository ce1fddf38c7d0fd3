/* thread.c - how an OS thread waits: spin, yield, futex on the wait's own word.
 *
 * Words       word of a struct leati_wait: WAITING, SLEEPING (the thread is, or is about
 *             to be, in the kernel), DONE (by the completer, its last touch). Written by
 *             the waiter (WAITING -> SLEEPING) and by the one who wakes it.
 * Ordering    wake's exchange (acq_rel) / the waiter's acquire load: the value and the
 *             result were written before. Lost wake: the futex compares the word in the
 *             kernel; a wake between the CAS and the call makes it return at once.
 * Life        the futex call after the exchange may come when the word's memory is gone:
 *             private futexes are found by address alone, so it wakes nobody or gives
 *             somebody a spurious wake, which all users of leatp_futex_wait allow for.
 * Spinning    Adaptive: a thread keeps an average of how long it waited lately. While
 *             that is short enough for a spin to beat a sleep, it spins up to 50 us;
 *             else 2 us. Yields between the pauses let a peer on the same CPU run, and
 *             if that is what ended the last spin the next one begins with a yield; one
 *             that took long says that the CPU is wanted, and ends the spin. On
 *             one CPU only yields. Busy spinning yields every 20 us.
 * SPDX-License-Identifier: MIT */
#include <leat/chan.h>
#include "arch/futex.h"
#include "arch/os.h"
#include "arch/relax.h"
#include "base/tls.h"
#include "park/call.h"

enum { WAITING, SLEEPING, DONE };

enum {
    SPIN_LONG_NS = 50000,
    SPIN_SHORT_NS = 2000,
    SPIN_BUSY_NS = 1000000,
    WORTH_NS = 120000, /* an average wait up to this long is worth the long spin */
    YIELD_LONG_NS = 10000,
    BUSY_BRISK_NS = 20000, /* busy: between two yields */
    PAUSES = 32, /* between two looks at the clock */
};

static bool done(struct leati_wait *w)
{
    return leati_load_acq(&w->word) == DONE; /* pairs with the exchange in thread_wake */
}

static int64_t spin_limit(const struct leati_wait *w)
{
    switch (w->spin) {
    case LEAT_SPIN_NEVER:
        return 0;
    case LEAT_SPIN_BUSY:
        return SPIN_BUSY_NS;
    default:
        return leati_tls_wait_past()->average <= WORTH_NS ? SPIN_LONG_NS : SPIN_SHORT_NS;
    }
}

/* A few looks; true when w was completed. */
static bool pauses(struct leati_wait *w)
{
    for (unsigned i = 0; i < PAUSES; i++) {
        if (done(w))
            return true;
        leatp_pause();
    }
    return false;
}

/* True when w was completed while spinning. */
static bool spin(struct leati_wait *w, int64_t start)
{
    int64_t limit = spin_limit(w), now = start;
    bool alone = leatp_cpus() == 1;
    struct leati_wait_past *past = leati_tls_wait_past();
    /* The peer shares this CPU, it seems: it runs when we yield, not while we pause. */
    bool skip = alone || (past->after_yield && w->spin != LEAT_SPIN_BUSY);
    /* Pauses only until then. Busy threads yield too: they may have been put on one CPU. */
    int64_t brisk = w->spin == LEAT_SPIN_BUSY ? BUSY_BRISK_NS : 0;
    int64_t left = w->until.at_ns > start ? w->until.at_ns - start : 0; /* no overflow */
    if (limit > left)
        limit = left;
    while (now - start < limit) {
        if (!skip && pauses(w)) {
            past->after_yield = false;
            return true;
        }
        skip = alone;
        now = leat_now();
        if (now - start < brisk && !alone)
            continue;
        sched_yield();
        int64_t after = leat_now();
        if (done(w))
            return past->after_yield = true;
        if (after - now > YIELD_LONG_NS)
            return false;
        if (w->spin == LEAT_SPIN_BUSY)
            brisk = after - start + BUSY_BRISK_NS;
        now = after;
    }
    return false;
}

static void sleep_until_done(struct leati_wait *w, struct leat_deadline until)
{
    uint32_t word = WAITING;
    bool timed = until.at_ns != INT64_MAX;
    /* acq on success too: a failed CAS means DONE. */
    while (!done(w)) {
        word = WAITING;
        (void)leati_cas_ar(&w->word, &word, (uint32_t)SLEEPING);
        if (done(w))
            return;
        if (leatp_futex_wait(&w->word, SLEEPING, until) == LEAT_ETIMEDOUT && timed)
            return;
    }
}

static int thread_park(struct leati_party *p, struct leati_wait *w)
{
    (void)p;
    if (leati_in_call())
        return w->result = LEAT_EDEADLK;
    bool parked = w->ops->publish(w);
    leati_calls_flush();
    if (!parked)
        return w->result;
    int64_t start = leat_now();
    if (!spin(w, start)) {
        sleep_until_done(w, w->until);
        /* The deadline: withdraw; too late means that the completer is at work. */
        if (!done(w)) {
            bool mine = w->ops->abort(w, LEAT_ETIMEDOUT);
            leati_calls_flush();
            if (mine)
                return w->result;
            sleep_until_done(w, LEAT_NEVER);
        }
    }
    struct leati_wait_past *past = leati_tls_wait_past();
    past->average += (leat_now() - start - past->average) / 8;
    return w->result;
}

static void thread_wake(struct leati_wait *w, enum leati_wake_place place)
{
    (void)place;
    leati_a32 *word = &w->word;
    /* ar: pairs with done(); w may be gone from here on. */
    if (leati_xchg_ar(word, (uint32_t)DONE) == SLEEPING)
        leatp_futex_wake(word, 1);
}

static const struct leati_party_ops thread_ops = {thread_park, thread_wake};

struct leati_party leati_thread_party = {&thread_ops};
