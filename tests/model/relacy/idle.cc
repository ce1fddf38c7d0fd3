/* idle.cc - who queues work against who goes to sleep (pool/idle.c, P1-P2, S1-S3), and
 * the queue for work from outside (pool/inject.h, a queue of the kind of wfcqueue). A
 * worker of the model sleeps until it is woken; nobody wakes it at a time.
 *
 * Not among the mutations: an enqueuing that is no full barrier but links by a release,
 * as the sleeper's membarrier does for both; a sleeper that is woken relaxed, as the
 * woken finds the work through loads that acquire; half-linked taken for empty, as who
 * links runs the rule afterwards. SPDX-License-Identifier: MIT */
#include "model.h"

enum { AWAKE, SEARCHER, ASLEEP };
enum { SLEEPER = 1, SEARCH = 2 };

/* The idle word, a wake word, and what of work is there: the queue of a worker (tail),
 * and the inject queue: nodes 1 and 2, 0 is its head. */
struct pool {
    word idle, wake, tail, next[3], last;
    lock idle_lock;
    rl::var<unsigned> payload[3];
    sleepers kernel;
    unsigned head;

    pool() : idle(SEARCH), wake(AWAKE), tail(0), last(0), head(0)
    {
        for (int i = 0; i < 3; i++)
            store_rlx(next[i], 0);
    }

    void rule_slow()
    {
        idle_lock.take();
        u64 s = load_rlx(idle);
        bool go = (s & SLEEPER) && !(s & SEARCH);
        if (go)
            store_rlx(idle, (s & ~(u64)SLEEPER) | SEARCH);
        idle_lock.leave();
        if (!go)
            return;
        u64 was;
        if (mut(5)) {
            was = load_rlx(wake);
            store_rel(wake, SEARCHER);
        } else {
            was = xchg_at(wake, SEARCHER, mo_acq_rel);
        }
        if (was == ASLEEP)
            kernel.wake(1, $);
    }

    bool must() /* P2 */
    {
        u64 s = load_rlx(idle);
        return (s & SLEEPER) && !(s & SEARCH);
    }

    /* A worker queues one. */
    void queue()
    {
        bool early = mut(3) && must();
        payload[0]($) = 1;
        store_at(tail, 1, weak(6, mo_release)); /* P1 */
        if (mut(3) ? early : must())
            rule_slow();
    }

    /* A thread from outside; the library's exchange is a full barrier. */
    void put(unsigned n)
    {
        payload[n]($) = n;
        store_rlx(next[n], 0);
        if (!mut(7))
            full_fence();
        u64 old = xchg_at(last, n, mut(7) ? mo_acq_rel : mo_seq_cst);
        if (!mut(7))
            full_fence();
        store_at(next[old], n, weak(7, mo_release));
        if (must())
            rule_slow();
    }

    void lie_down(bool searching)
    {
        store_rlx(wake, AWAKE);
        idle_lock.take();
        u64 s = load_rlx(idle) | SLEEPER;
        if (searching && !mut(4))
            s &= ~(u64)SEARCH;
        store_rlx(idle, s); /* S1 */
        idle_lock.leave();
        if (!mut(1))
            heavy_fence(); /* S2 */
    }

    bool get_up()
    {
        idle_lock.take();
        u64 s = load_rlx(idle);
        bool up = (s & SLEEPER) != 0;
        if (up)
            store_rlx(idle, (s & ~(u64)SLEEPER) | SEARCH);
        idle_lock.leave();
        return up;
    }

    void sleep()
    {
        u64 s = AWAKE;
        if (cas_ar(wake, s, ASLEEP))
            while (load_acq(wake) == ASLEEP)
                (void)kernel.wait(wake, ASLEEP, false, $);
    }
};

/* A worker that searches, finds nothing and lies down, until it has found the work. */
struct robbing : rl::test_suite<robbing, 2> {
    pool p;
    void thread(unsigned id)
    {
        if (id == 0)
            return p.queue();
        while (!load_acq(p.tail)) {
            p.lie_down(true);
            if (!mut(2) && load_rlx(p.tail) && p.get_up()) /* S3 */
                continue;
            p.sleep();
        }
        RL_ASSERT(p.payload[0]($) == 1);
    }
};

/* Two from outside, and the worker that takes both. */
struct outside : rl::test_suite<outside, 3> {
    pool p;
    unsigned got;
    outside() : got(0)
    {
    }
    void thread(unsigned id)
    {
        if (id > 0)
            return p.put(id);
        bool had[3] = {false, false, false};
        u64 at = 0;
        while (got < 2) {
            u64 n = load_acq(p.next[at]);
            if (n) {
                RL_ASSERT(n <= 2 && !had[n] && p.payload[n]($) == n);
                had[n] = true;
                at = n;
                got++;
                continue;
            }
            if (load_rlx(p.last) != at) {
                relax(); /* half-linked: not empty */
                continue;
            }
            p.lie_down(true);
            bool some = load_acq(p.next[at]) != 0 || load_rlx(p.last) != at;
            if (!mut(2) && some && p.get_up())
                continue;
            p.sleep();
        }
    }
};

static const shape shapes[] = {
    {"one queues, another lies down", run<robbing>, 15000},
    {"two from outside, a worker lies down", run<outside>, 8000},
};

static const mutant mutants[] = {
    {1, "no heavy fence between lying down and the last look"},
    {1, "no look after lying down"},
    {1, "the rule is judged before the work is queued"},
    {1, "the searcher lies down as searcher"},
    {1, "a sleeper is woken by a load and a store"},
    {1, "work is queued relaxed"},
    {2, "the enqueuing is no barrier at all"},
};

MODEL("idle")
