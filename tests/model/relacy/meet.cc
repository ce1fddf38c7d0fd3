/* meet.cc - claims: the lone waiter on top of an unbuffered channel
 * (chan/rendezvous.c), a select and its completers (chan/node.h, select/select.c), two
 * selects that meet on two channels, and a set (select/set.c).
 * SPDX-License-Identifier: MIT */
#include "model.h"

enum { PENDING, ASLEEP, DONE };

/* A thread's wait; when it is over, its memory is something else. */
struct wait {
    word state;
    rl::var<int> result;
    rl::var<u64> buf;
    sleepers *kernel;

    void begin(sleepers *k)
    {
        store_rlx(state, PENDING);
        result($) = 0;
        buf($) = 0;
        kernel = k;
    }
    void wake()
    {
        sleepers *k = kernel;
        if (xchg_at(state, DONE, mo_acq_rel) == ASLEEP)
            k->wake(1, $);
    }
    /* False: the deadline passed. */
    bool sleep(bool timed)
    {
        while (load_acq(state) != DONE) {
            u64 s = PENDING;
            (void)cas_ar(state, s, ASLEEP);
            if (load_acq(state) == DONE)
                break;
            if (!kernel->wait(state, ASLEEP, timed, $))
                return load_acq(state) == DONE;
        }
        return true;
    }
};

/* top: version | lone node (1-based id) << 8 | S or R. Two senders, one of whom may
 * give up, and a receiver who takes one value. Nodes are made anew: the version tells.
 */
struct lone : rl::test_suite<lone, 3> {
    enum { S = 1, R = 2, BITS = 255, VERSION = 1 << 16 };
    word top;
    wait *w[3];
    sleepers kernel[3];
    unsigned sent, got;

    void before()
    {
        store_rlx(top, (u64)0xffffffffffff0000ull); /* wraps */
        sent = got = 0;
    }

    bool take(u64 other, u64 *v, bool receive)
    {
        u64 t = load_rlx(top);
        if (!(t & other))
            return false;
        if (!cas_at(top, t, t & ~(u64)(VERSION - 1), weak(1, mo_acquire)))
            return false;
        wait *m = w[(t >> 8 & 255) - 1];
        if (receive)
            *v = m->buf($);
        else
            m->buf($) = *v;
        m->result($) = 1;
        m->wake();
        if (mut(3))
            RL_ASSERT(m->result($) == 1);
        return true;
    }

    /* 1: met, 0: gave up */
    int operate(unsigned id, bool receive, u64 *v, bool timed)
    {
        u64 mine = receive ? R : S, other = receive ? S : R;
        wait *me = w[id] = new wait;
        me->begin(&kernel[id]);
        me->buf($) = *v;
        for (;;) {
            u64 t = load_acq(top);
            if (t & other) {
                if (take(other, v, receive)) {
                    delete me;
                    return 1;
                }
            } else if ((t & BITS) == 0) {
                u64 want =
                    ((t & ~(u64)(VERSION - 1)) + VERSION) | (u64)(id + 1) << 8 | mine;
                if (cas_at(top, t, want, weak(2, mo_release)))
                    break;
            } else {
                delete me;
                return 0; /* the lists' affair */
            }
        }
        if (!me->sleep(timed)) {
            u64 t = load_acq(top);
            bool mine_still = (t >> 8 & 255) == id + 1;
            if (mine_still && (mut(4) ? (store_rel(top, 0), true)
                                      : cas_acq(top, t, t & ~(u64)(VERSION - 1)))) {
                delete me;
                return 0;
            }
            if (!mut(5))
                (void)me->sleep(false); /* a completer is at work */
        }
        int r = me->result($);
        if (receive)
            *v = me->buf($);
        me->buf($) = 0;
        delete me;
        return r;
    }

    void thread(unsigned id)
    {
        u64 v = id + 10;
        if (id < 2) {
            sent += (unsigned)operate(id, false, &v, true) * (id + 10);
        } else {
            v = 0;
            for (int i = 0; i < 2; i++)
                if (operate(id, true, &v, true)) {
                    RL_ASSERT(v == 10 || v == 11);
                    got += (unsigned)v;
                }
        }
    }
    void after()
    {
        RL_ASSERT(sent == got);
    }
};

enum { WAITING, HELD, GONE, SETTLED };

struct claim {
    word st, pend;
    rl::var<unsigned> won; /* 0: nobody */
    wait w;

    void begin(sleepers *k)
    {
        store_rlx(st, WAITING);
        store_rlx(pend, 2);
        won($) = 0;
        w.begin(k);
    }
    bool hold()
    {
        for (;;) {
            u64 s = load_acq(st);
            if (s == HELD) {
                relax();
                continue;
            }
            if (s != WAITING)
                return false;
            if (mut(6)) {
                store_rlx(st, HELD);
                return true;
            }
            if (cas_at(st, s, HELD, weak(7, mo_acquire)))
                return true;
        }
    }
    void unhold()
    {
        store_at(st, WAITING, weak(8, mo_release));
    }
    void settle(unsigned who)
    {
        won($) = who;
        store_rel(st, SETTLED);
    }
    void finish()
    {
        if (sub_at(pend, 1, weak(9, mo_acq_rel)) == 1 || mut(10))
            w.wake();
    }
};

/* A select on two channels' lists, a completer on each, a deadline. A completer finds
 * the node in its list under the lock; one of them may find its channel not ready. */
struct selecting : rl::test_suite<selecting, 3> {
    claim *s;
    sleepers kernel;
    lock side[2];
    rl::var<bool> listed[2];
    word linked[2];
    rl::var<unsigned> link[2]; /* of the node */
    rl::var<unsigned> scratch; /* who holds uses it */
    unsigned acted[2];

    void before()
    {
        s = new claim;
        s->begin(&kernel);
        for (int i = 0; i < 2; i++) {
            listed[i]($) = false;
            link[i]($) = 1;
            store_rlx(linked[i], 0);
            acted[i] = 0;
        }
        scratch($) = 0;
    }

    /* Not among the mutations: DONE stored relaxed (who fails to hold reads nothing
     * more, and the waiter is ordered by pend and its wake). */
    /* As bounded.c (0), or as rendezvous.c (1), which settles after the unlock. */
    void complete(unsigned i)
    {
        bool settled = false, held = false;
        side[i].take();
        if (listed[i]($)) {
            if (s->hold()) {
                scratch($) = scratch($) + 1;
                if (rl::rand(2)) {
                    s->unhold();
                } else if (i == 1) {
                    held = true;
                } else {
                    acted[i] = 1;
                    s->settle(i + 1);
                    settled = true;
                }
            }
            if (settled || held || rl::rand(2)) {
                link[i]($) = 0;
                listed[i]($) = false;
                if (mut(11) && !settled && !held) {
                    store_rel(linked[i], 0);
                    (void)load_rlx(s->st); /* after the last touch */
                } else {
                    store_rel(linked[i], 0);
                }
            }
        }
        side[i].leave();
        if (held) {
            acted[i] = 1;
            s->settle(i + 1);
        }
        if (settled || held)
            s->finish();
    }

    void select()
    {
        for (unsigned i = 0; i < 2; i++) {
            side[i].take();
            listed[i]($) = true;
            store_rlx(linked[i], 1);
            side[i].leave();
        }
        bool parked = sub_at(s->pend, 1, weak(9, mo_acq_rel)) != 1;
        if (parked && !s->w.sleep(true)) {
            if (s->hold()) {
                store_at(s->st, GONE, mo_release);
                if (sub_at(s->pend, 1, mo_acq_rel) != 1)
                    (void)s->w.sleep(false);
            } else {
                (void)s->w.sleep(false);
            }
        }
        for (unsigned i = 0; i < 2 && !mut(12); i++)
            if (load_at(linked[i], weak(13, mo_acquire))) {
                side[i].take();
                listed[i]($) = false;
                side[i].leave();
            }
        unsigned won = s->won($);
        RL_ASSERT(acted[0] + acted[1] == (won != 0));
        RL_ASSERT(won == 0 || acted[won - 1]);
        for (unsigned i = 0; i < 2; i++)
            link[i]($) = 5; /* its nodes are something else now */
        scratch($) = 0;
        delete s;
    }

    void thread(unsigned id)
    {
        if (id == 2)
            select();
        else
            complete(id);
    }
};

/* Two selects, each listed on the channel on which the other looks for it; one of them
 * may give up. */
struct crossing : rl::test_suite<crossing, 3> {
    claim s[2];
    sleepers kernel[2];
    void before()
    {
        s[0].begin(&kernel[0]);
        s[1].begin(&kernel[1]);
    }
    void thread(unsigned id)
    {
        claim *lo = &s[0], *hi = &s[1];
        if (id == 2) {
            if (rl::rand(2) && hi->hold())
                store_rel(hi->st, GONE);
            return;
        }
        if (mut(14) && id == 1)
            lo = &s[1], hi = &s[0];
        if (!lo->hold())
            return;
        if (!hi->hold()) {
            if (!mut(15))
                lo->unhold();
            return;
        }
        lo->settle(id + 1);
        hi->settle(id + 1);
    }
    void after()
    {
        bool gone = load_acq(s[1].st) == GONE;
        RL_ASSERT(s[0].won($) == s[1].won($) && (s[0].won($) == 0) == gone);
        RL_ASSERT(load_acq(s[0].st) == (u64)(gone ? WAITING : SETTLED));
    }
};

/* A set with one entry, its owner, two senders. ch: number of values inside, its list
 * under the side's lock. */
struct set : rl::test_suite<set, 3> {
    word ch, nready, side_word;
    lock side, l;
    rl::var<bool> armed, ready, turn;
    rl::var<wait *> parked;
    sleepers kernel;

    set()
        : ch(0), nready(0), side_word(0), armed(false), ready(false), turn(true),
          parked((wait *)0)
    {
    }

    void fire()
    {
        side.take();
        wait *w = 0;
        if (armed($)) {
            armed($) = false;
            store_rlx(side_word, 0);
            l.take();
            ready($) = true;
            store_rlx(nready, 1);
            w = parked($);
            parked($) = (wait *)0;
            l.leave();
        }
        side.leave();
        if (w)
            w->wake();
    }

    void send()
    {
        (void)add_at(ch, 1, mo_seq_cst);
        if (load_at(side_word, weak(16, mo_seq_cst)))
            fire();
    }

    void arm()
    {
        side.take();
        (void)or_at(side_word, 1, mo_seq_cst);
        armed($) = true;
        bool look = !mut(17) && load_sc(ch) != 0;
        side.leave();
        if (look)
            fire();
    }

    void owner()
    {
        for (int got = 0; got < 2;) {
            if (!mut(20) && load_rlx(nready)) {
                l.take();
                if (ready($))
                    turn($) = true;
                ready($) = false;
                store_rlx(nready, 0);
                l.leave();
            } else if (mut(20)) {
                if (load_rlx(nready) && ready($))
                    turn($) = true;
            }
            if (turn($)) {
                if (load_acq(ch) != 0) {
                    (void)sub_at(ch, 1, mo_acq_rel);
                    got++;
                    continue;
                }
                turn($) = false;
                arm();
            }
            if (load_rlx(nready))
                continue;
            wait *w = new wait;
            w->begin(&kernel);
            l.take();
            bool sleep = mut(18) || !ready($);
            if (sleep && mut(19))
                l.leave(), l.take();
            if (sleep)
                parked($) = w;
            l.leave();
            if (sleep)
                (void)w->sleep(false);
            delete w;
        }
    }

    void thread(unsigned id)
    {
        if (id == 0)
            owner();
        else
            send();
    }
};

static const shape shapes[] = {
    {"unbuffered: a lone waiter on top, deadlines", run<lone>, 10000},
    {"a select, two completers, a deadline", run<selecting>, 15000},
    {"two selects that meet twice", run<crossing>, 5000},
    {"a set: armed, fired, asleep", run<set>, 8000},
};

static const mutant mutants[] = {
    {1, "top: a waiter is taken relaxed"},
    {1, "top: a waiter is published relaxed"},
    {1, "top: the taker looks at the node after its wake"},
    {1, "top: who gives up withdraws by a store"},
    {1, "top: who gives up too late does not wait for its completer"},
    {2, "select: held by a store"},
    {2, "select: held relaxed"},
    {2, "select: let go relaxed"},
    {2, "select: pend is counted down relaxed"},
    {2, "select: the completer wakes whoever is last"},
    {2, "select: a look at the select after linked = 0"},
    {2, "select: it leaves its nodes listed"},
    {2, "select: linked is loaded relaxed"},
    {3, "two selects are held in the order of who asks"},
    {3, "two selects: the first is not let go when the second is dead"},
    {4, "set: the sender's look at the side is relaxed"},
    {4, "set: no look at the channel after arming"},
    {4, "set: no look at the ready list before the sleep"},
    {4, "set: the look and the going to sleep are two sections"},
    {4, "set: the ready list is taken without the lock"},
};

MODEL("meet")
