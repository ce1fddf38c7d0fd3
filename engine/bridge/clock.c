/* clock.c - one thread that ends calls at their deadlines.
 *
 * Idea        Armed calls lie in a pairing heap, linked through themselves. The thread
 *             sleeps until the earliest and aborts what is due. A call that cannot be
 *             aborted is not listed yet, or has been completed and will be disarmed: it
 *             is tried again a little later. So the starter arms first and lists then,
 *             and does not touch the call any more.
 * Words       root, started      under `lock`
 *             news               a futex: changed when there is a new earliest one, and
 *                                after `ending` was set
 *             w.until            of an armed call: its key; under the lock
 *             before             of an armed call: its parent or elder sibling, itself
 *                                when it is the root; NULL: not in the heap
 * Owner       Aborting under the lock decides: true, and the call is the clock's, out of
 *             the heap, and woken after the unlock; else its owner is another one,
 *             whose disarm waits for the lock.
 * Lock order  lock, then a side's lock of a channel (the abort). Nobody arms or disarms
 *             holding one of those.
 * Source      Fredman, Sedgewick, Sleator, Tarjan: The pairing heap, 1986.
 * Fork        A child has the heap but not the thread; it gets LEAT_ENOTSUP and touches
 *             neither heap nor lock. A fork waits for a start that is under way: its child
 *             finds a thread started, or none and may start its own.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "arch/futex.h"
#include "arch/os.h"
#include "arch/relax.h"
#include "base/fork.h"
#include "base/lock.h"
#include "bridge/clock.h"
#include "pool/mill.h"
#include "pool/registry.h"

enum {
    BATCH = 32,       /* aborted in one critical section */
    AGAIN_NS = 1000000, /* when an abort came too early or too late */
};

enum { NONE, STARTING, RUNNING };

static leati_a32 lock, news, started, ending;
static struct leati_call *root;
static uint32_t forks; /* of the process that started the thread */
static pthread_t thread;

/* --- the heap, under the lock --- */

static int64_t key(const struct leati_call *c)
{
    return c->w.until.at_ns;
}

/* Two roots become one. */
static struct leati_call *meld(struct leati_call *a, struct leati_call *b)
{
    if (key(b) < key(a)) {
        struct leati_call *t = a;
        a = b;
        b = t;
    }
    b->sibling = a->child;
    if (a->child)
        a->child->before = b;
    b->before = a;
    a->child = b;
    return a;
}

/* The children of one that leaves become one heap: pairs from the left, then all from the
 * right. */
static struct leati_call *meld_all(struct leati_call *c)
{
    struct leati_call *pairs = NULL, *next;
    for (; c; c = next) {
        struct leati_call *b = c->sibling;
        next = b ? b->sibling : NULL;
        c = b ? meld(c, b) : c;
        c->sibling = pairs;
        pairs = c;
    }
    c = pairs;
    if (c == NULL)
        return NULL;
    for (pairs = c->sibling; pairs; pairs = next) {
        next = pairs->sibling;
        c = meld(c, pairs);
    }
    c->sibling = NULL;
    return c;
}

static void set_root(struct leati_call *c)
{
    root = c;
    if (c)
        c->before = c;
}

static void insert(struct leati_call *c)
{
    c->child = c->sibling = NULL;
    set_root(root ? meld(root, c) : c);
}

static void take_out(struct leati_call *c)
{
    struct leati_call *below = meld_all(c->child);
    if (c == root) {
        set_root(below);
    } else {
        if (c->before->child == c)
            c->before->child = c->sibling;
        else
            c->before->sibling = c->sibling;
        if (c->sibling)
            c->sibling->before = c->before;
        if (below)
            set_root(meld(root, below));
    }
    c->before = NULL;
}

/* --- the thread --- */

/* Aborts up to BATCH that are due; those that are ours in ret. */
static unsigned expire(int64_t now, struct leati_call **ret)
{
    unsigned n = 0;
    for (unsigned i = 0; i < BATCH && root && key(root) <= now; i++) {
        struct leati_call *c = root;
        take_out(c);
        if (c->w.ops->abort(&c->w, LEAT_ETIMEDOUT)) {
            ret[n++] = c;
        } else {
            c->w.until = leat_at(now + AGAIN_NS);
            insert(c);
        }
    }
    return n;
}

static void *clock_main(void *unused)
{
    struct leati_call *due[BATCH];
    (void)unused;
    leatp_thread_exact_timers();
    for (;;) {
        uint32_t seen = leati_load_acq(&news); /* before the looks: pairs with ring */
        if (leati_load_acq(&ending))           /* pairs with the store in at_exit */
            return NULL;
        leati_lock(&lock);
        unsigned n = expire(leat_now(), due);
        struct leat_deadline next = root ? root->w.until : LEAT_NEVER;
        leati_unlock(&lock);
        for (unsigned i = 0; i < n; i++)
            leati_wake(&due[i]->w, LEATI_WAKE_TAIL);
        leati_calls_flush();
        (void)leatp_futex_wait(&news, seen, next);
    }
}

static void ring(void)
{
    (void)leati_add_ar(&news, 1u);
    leatp_futex_wake(&news, 1);
}

static void at_exit(void)
{
    if (forks != leati_forks())
        return;
    leati_store_rel(&ending, 1u);
    ring();
    (void)pthread_join(thread, NULL);
}

static void start_thread(void *ret_err)
{
    int r = leatp_thread_start(&thread, clock_main, NULL, "leat-clock");
    if (r == 0) {
        forks = leati_forks();
        (void)atexit(at_exit);
    }
    *(int *)ret_err = r;
}

/* A fiber's stack may be too small for it. */
static int start_somewhere(void)
{
    struct leati_worker *w = leati_worker_self();
    int r;
    if (w && w->current)
        leati_aside(w, leati_container_of(w->current, struct leat_fiber, party),
                    start_thread, &r);
    else
        start_thread(&r);
    return r;
}

/* False: it has been started. Else it is the caller's to start, or to leave. */
static bool take_start(void)
{
    uint32_t s = NONE;
    unsigned step = 0;
    /* ar: the one who starts it is alone, and done when others see RUNNING. */
    while (!leati_cas_ar(&started, &s, (uint32_t)STARTING)) {
        if (s == RUNNING)
            return false;
        s = NONE;
        leatp_relax(&step);
    }
    return true;
}

static LEATI_COLD int start(void)
{
    if (!take_start())
        return 0;
    int r = start_somewhere();
    leati_store_rel(&started, (uint32_t)(r == 0 ? RUNNING : NONE)); /* pairs with the CAS */
    return r;
}

static void before_fork(void)
{
    (void)take_start();
}

/* What is STARTING now is so by before_fork. */
static void after_fork(void)
{
    if (leati_load_rlx(&started) == STARTING)
        leati_store_rel(&started, (uint32_t)NONE); /* pairs with the CAS */
}

/* A leaf: who starts the thread waits for no lock of the engine. */
static LEATI_FORK_LEAF void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, after_fork);
}

int leati_clock_arm(struct leati_call *c)
{
    if (leati_unlikely(leati_load_acq(&started) != RUNNING)) { /* as in start */
        int r = start();
        if (r != 0)
            return r;
    }
    if (leati_unlikely(forks != leati_forks()))
        return LEAT_ENOTSUP;
    c->w.spin |= LEATI_CALL_TIMED;
    leati_lock(&lock);
    insert(c);
    bool first = root == c;
    leati_unlock(&lock);
    if (first)
        ring();
    return 0;
}

void leati_clock_disarm(struct leati_call *c)
{
    if (leati_unlikely(forks != leati_forks())) { /* nobody minds that heap any more */
        c->w.spin &= (uint8_t)~LEATI_CALL_TIMED;
        return;
    }
    leati_lock(&lock);
    if (c->before)
        take_out(c);
    c->w.spin &= (uint8_t)~LEATI_CALL_TIMED;
    leati_unlock(&lock);
}
