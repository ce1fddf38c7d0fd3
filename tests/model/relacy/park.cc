/* park.cc - what waits on a word with a queue beside it (engine/park): mutex,
 * semaphore, wait group, once. The lock of the queue is of a table, it outlives the
 * object; a node is gone when its waiter goes on, a wait group when a wait for it has
 * ended. SPDX-License-Identifier: MIT */
#include "model.h"

#define WAIT ((u64)1 << 63)

enum { PENDING, ASLEEP, DONE };

struct node {
    word state;
    rl::var<int> result;
    rl::var<unsigned> wants;
    sleepers *kernel;
};

/* The queue and its lock. */
struct waitq {
    lock l;
    rl::var<node *> first, second;
    sleepers kernel[3];
    waitq() : first((node *)0), second((node *)0)
    {
    }

    node *make(unsigned id, unsigned wants)
    {
        node *n = new node;
        store_rlx(n->state, PENDING);
        n->wants($) = wants;
        n->kernel = &kernel[id];
        return n;
    }
    void append(node *n)
    {
        (first($) ? second : first)($) = n;
    }
    node *take()
    {
        node *n = first($);
        if (n) {
            first($) = (node *)second($);
            second($) = (node *)0;
        }
        return n;
    }
    static void wake(node *n)
    {
        sleepers *k = n->kernel;
        if (xchg_at(n->state, DONE, mo_acq_rel) == ASLEEP)
            k->wake(1, $);
    }
    int sleep(node *n)
    {
        while (load_acq(n->state) != DONE) {
            u64 s = PENDING;
            (void)cas_ar(n->state, s, ASLEEP);
            (void)n->kernel->wait(n->state, ASLEEP, false, $);
        }
        int r = n->result($);
        delete n;
        return r;
    }
};

/* Barging mutex: two or three threads, a plain variable inside. */
template <int N> struct mutex : rl::test_suite<mutex<N>, N> {
    enum { LOCKED = 1, SOME = 2, TOLD = 4, AGAIN = 1 };
    word state;
    waitq q;
    rl::var<unsigned> inside;
    mutex() : state(0), inside(0)
    {
    }

    bool take(u64 *ret)
    {
        *ret = load_rlx(state);
        while (!(*ret & LOCKED))
            if (cas_at(state, *ret, *ret | LOCKED, weak(1, mo_acquire)))
                return true;
        return false;
    }

    bool take_told()
    {
        u64 s = load_rlx(state);
        while (!cas_at(state, s, (mut(4) ? s : s & ~(u64)TOLD) | LOCKED,
                       weak(3, mo_acq_rel)))
            relax();
        return !(s & LOCKED);
    }

    void enter(unsigned id)
    {
        u64 s;
        bool lost = false;
        if (take(&s))
            return;
        for (;;) {
            node *n = q.make(id, lost);
            bool taken;
            q.l.take();
            do {
                taken = take(&s);
            } while (!taken && !(s & SOME) && !mut(5) && !cas_ar(state, s, s | SOME));
            if (!taken)
                q.append(n);
            q.l.leave();
            if (taken) {
                delete n;
                return;
            }
            int r = q.sleep(n);
            if (r == 0 || take_told())
                return;
            lost = true;
        }
    }

    void leave()
    {
        u64 s = LOCKED;
        while (!(s & SOME) || (s & TOLD))
            if (cas_at(state, s, s & ~(u64)LOCKED, weak(2, mo_release)))
                return;
        q.l.take();
        node *n = q.take();
        s = 0;
        if (n) {
            bool hand = n->wants($) != 0;
            n->result($) = hand ? 0 : AGAIN;
            s = (hand ? LOCKED : TOLD) | (q.first($) ? SOME : 0);
        }
        store_at(state, s, weak(6, mo_release));
        q.l.leave();
        if (n && !mut(7))
            waitq::wake(n);
    }

    void thread(unsigned id)
    {
        for (int i = 0; i < 5 - N; i++) {
            enter(id);
            inside($) = inside($) + 1;
            leave();
        }
    }
    void after()
    {
        RL_ASSERT(inside($) == N * (5 - N));
    }
};

/* Semaphore. Two give one each, a third wants two; or one gives two, two want one each.
 */
template <bool SHARED> struct sem : rl::test_suite<sem<SHARED>, 3> {
    word permits;
    waitq q;
    rl::var<unsigned> given[2];
    sem() : permits(0)
    {
    }

    void give(u64 n)
    {
        u64 p = load_rlx(permits);
        while (!(p & WAIT))
            if (cas_at(permits, p, p + n, weak(8, mo_acq_rel, mo_relaxed)))
                return;
        node *woken[2] = {0, 0};
        q.l.take();
        p = load_at(permits, weak(9, mo_acquire));
        if (p & WAIT) {
            u64 free = (p & ~WAIT) + n;
            node *w;
            for (int i = 0; (w = q.first($)) && w->wants($) <= free; i++) {
                free -= w->wants($);
                w->result($) = 0;
                woken[i] = q.take();
            }
            store_at(permits, w ? free | WAIT : free, weak(10, mo_release));
        } else {
            (void)add_at(permits, n, mo_acq_rel);
        }
        q.l.leave();
        for (int i = 0; i < 2; i++)
            if (woken[i])
                waitq::wake(woken[i]);
    }

    void acquire(unsigned id, u64 n)
    {
        u64 p = load_rlx(permits);
        while (!(p & WAIT) && p >= n)
            if (cas_at(permits, p, p - n, weak(11, mo_acquire)))
                return;
        node *w = q.make(id, (unsigned)n);
        bool taken = false;
        q.l.take();
        p = load_rlx(permits);
        for (;;) {
            if (!(p & WAIT) && p >= n) {
                if ((taken = cas_acq(permits, p, p - n)))
                    break;
            } else if (mut(12)) {
                store_rel(permits, p | WAIT);
                break;
            } else if (cas_at(permits, p, p | WAIT, weak(9, mo_acq_rel))) {
                break;
            }
        }
        if (!taken)
            q.append(w);
        q.l.leave();
        if (taken)
            delete w;
        else
            (void)q.sleep(w);
    }

    void thread(unsigned id)
    {
        if (SHARED && id > 0) {
            acquire(id, 1);
            RL_ASSERT(given[0]($) == 1);
        } else if (id < 2) {
            given[id]($) = 1;
            give(SHARED ? 2 : 1);
        } else {
            acquire(id, 2);
            RL_ASSERT(given[0]($) + given[1]($) == 2);
        }
    }
};

/* Two things to do, one who waits and then frees the group. */
struct group : rl::test_suite<group, 3> {
    struct wg {
        word count;
        wg() : count(2)
        {
        }
    } * g;
    waitq q;
    rl::var<unsigned> done_by[2];
    void before()
    {
        g = new wg;
    }

    bool finish()
    {
        u64 last = WAIT | 1;
        q.l.take();
        node *n = q.take();
        if (n)
            n->result($) = 0;
        bool done = mut(13) ? (store_rel(g->count, 0), true)
                            : cas_at(g->count, last, 0, weak(14, mo_acq_rel));
        if (!done && n)
            q.append(n);
        q.l.leave();
        if (done && n)
            waitq::wake(n);
        if (done && mut(15))
            (void)load_rlx(g->count); /* a touch after the last one */
        return done;
    }

    void done()
    {
        u64 c = load_rlx(g->count);
        for (;;) {
            if (c == (WAIT | 1)) {
                if (finish())
                    return;
                c = load_rlx(g->count);
            } else if (cas_at(g->count, c, c - 1, weak(16, mo_acq_rel))) {
                return;
            }
        }
    }

    void wait()
    {
        if (load_at(g->count, weak(17, mo_acquire)) == 0)
            return;
        node *n = q.make(2, 0);
        q.l.take();
        u64 c = load_acq(g->count);
        while (c != 0 && !cas_ar(g->count, c, c | WAIT))
            ;
        if (c != 0)
            q.append(n);
        q.l.leave();
        if (c != 0)
            (void)q.sleep(n);
        else
            delete n;
    }

    void thread(unsigned id)
    {
        if (id < 2) {
            done_by[id]($) = 1;
            done();
            return;
        }
        wait();
        RL_ASSERT(done_by[0]($) + done_by[1]($) == 2);
        delete g;
    }
};

/* A function that fails the first time: it runs until it succeeds, once. */
struct once : rl::test_suite<once, 3> {
    enum { IDLE, RUNNING, FINISHED, YOUR_TURN = 1 };
    word state;
    waitq q;
    rl::var<unsigned> calls;
    once() : state(IDLE), calls(0)
    {
    }

    bool run()
    {
        calls($) = calls($) + 1;
        bool good = calls($) >= 2;
        node *woken[2] = {0, 0};
        q.l.take();
        u64 s = FINISHED;
        if (good) {
            for (int i = 0; i < 2; i++)
                if ((woken[i] = q.take()))
                    woken[i]->result($) = 0;
        } else {
            s = IDLE;
            if ((woken[0] = q.take())) {
                woken[0]->result($) = YOUR_TURN;
                s = mut(20) ? IDLE : RUNNING;
            }
        }
        store_at(state, s, weak(18, mo_release));
        q.l.leave();
        for (int i = 0; i < 2; i++)
            if (woken[i])
                waitq::wake(woken[i]);
        return good;
    }

    /* True: it has been done. */
    bool call(unsigned id)
    {
        u64 s = load_at(state, weak(19, mo_acquire));
        if (s == FINISHED)
            return true;
        if (s == IDLE && cas_ar(state, s, RUNNING))
            return run();
        if (s == FINISHED)
            return true;
        node *n = q.make(id, 0);
        int r = 0;
        q.l.take();
        s = IDLE;
        if (cas_ar(state, s, RUNNING))
            r = YOUR_TURN;
        else if (s == RUNNING)
            q.append(n);
        q.l.leave();
        if (s == RUNNING)
            r = q.sleep(n);
        else
            delete n;
        return r == YOUR_TURN ? run() : true;
    }

    void thread(unsigned id)
    {
        if (call(id))
            RL_ASSERT(calls($) == 2);
    }
};

static const shape shapes[] = {
    {"mutex, two threads", run<mutex<2>>, 8000},
    {"mutex, three threads", run<mutex<3>>, 8000},
    {"semaphore: two give one each, one wants two", run<sem<false>>, 8000},
    {"semaphore: one gives two, two want one each", run<sem<true>>, 8000},
    {"wait group, freed by who waited", run<group>, 10000},
    {"once: fails, then succeeds", run<once>, 10000},
};

static const mutant mutants[] = {
    {1, "mutex: taken relaxed"},
    {1, "mutex: unlocked relaxed"},
    {2, "mutex: the told one's try is relaxed"},
    {2, "mutex: the told one leaves TOLD"},
    {1, "mutex: a waiter does not set WAIT"},
    {2, "mutex: the slow unlock is relaxed"},
    {1, "mutex: the one taken off the queue is not woken"},
    {3, "semaphore: given relaxed"},
    {3, "semaphore: WAIT is set, and loaded by a giver, relaxed"},
    {4, "semaphore: what is left is stored relaxed"},
    {3, "semaphore: taken relaxed"},
    {3, "semaphore: WAIT is set by a store"},
    {5, "wait group: the last sets zero by a store"},
    {5, "wait group: the last step to zero is relaxed"},
    {5, "wait group: a look at the count after the wake"},
    {5, "wait group: counted down relaxed"},
    {5, "wait group: zero is seen relaxed"},
    {6, "once: the end is stored relaxed"},
    {6, "once: the end is seen relaxed"},
    {6, "once: who hands on the turn stores IDLE"},
};

MODEL("park")
