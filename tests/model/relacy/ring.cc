/* ring.cc - rings of cells and turns (detail/cell.h, detail/ring.h, chan/bounded.h) and
 * the ring of one producer and one consumer (detail/spsc.h).
 *
 * Capacities 1, 2, 3; the turn's 32 bits wrap in the run. Values arrive whole, once,
 * and in each producer's order; "empty" is said only when there was such a moment.
 * SPDX-License-Identifier: MIT */
#include "model.h"

enum { OK, AGAIN, BUSY };

template <unsigned CAP> struct lap {
    static unsigned shift()
    {
        return CAP == 1 ? 0 : CAP == 2 ? 1 : 2;
    }
    static u64 one()
    {
        return (u64)1 << shift();
    }
    static unsigned index(u64 w)
    {
        return (unsigned)(w & (one() - 1));
    }
    static u64 next(u64 w)
    {
        return index(w) + 1 < CAP ? w + 1 : (w & ~(one() - 1)) + one();
    }
    /* 32 bits; without the doubling 'full' is 'free for the next lap' */
    static uint32_t turn(u64 w)
    {
        return (uint32_t)(mut(6) ? w >> shift() : w >> shift() << 1);
    }
    static u64 start()
    {
        return (((u64)1 << 31) - 1) << shift();
    }
};

template <unsigned CAP> struct ring {
    typedef lap<CAP> l;
    struct cell {
        word turn;
        rl::var<u64> value;
    } cells[CAP];
    word tail, head;

    ring() : tail(l::start()), head(l::start())
    {
        for (unsigned i = 0; i < CAP; i++)
            store_rlx(cells[i].turn, l::turn(l::start()));
    }

    /* Claims a run of up to n cells with the turn wanted, as leati_ring_claim. */
    int claim(word &ticket, word &peer, uint32_t plus, unsigned n, u64 *ret,
              unsigned *ret_n)
    {
        for (;;) {
            u64 w = load_at(ticket, weak(7, mo_acquire)), end = w;
            unsigned k = 0;
            while (k < n &&
                   load_at(cells[l::index(end)].turn, weak(plus ? 2 : 4, mo_acquire)) ==
                       (uint32_t)(l::turn(end) + plus)) {
                end = l::next(end);
                k++;
            }
            if (k) {
                *ret = w;
                *ret_n = mut(9) ? n : k;
                if (mut(9))
                    for (end = w, k = 0; k < n; k++)
                        end = l::next(end);
                if (mut(5))
                    store_rel(ticket, end);
                else if (!cas_at(ticket, w, end, weak(8, mo_acq_rel)))
                    continue;
                return OK;
            }
            uint32_t turn = (uint32_t)load_acq(cells[l::index(w)].turn);
            if ((int32_t)(turn - l::turn(w) - plus) >= 0) {
                relax();
                continue;
            }
            u64 p = load_acq(peer);
            return p == (plus ? w : w - l::one()) ? AGAIN : BUSY;
        }
    }

    int push(const u64 *v, unsigned n, unsigned *ret_n)
    {
        u64 w;
        int r = claim(tail, head, 0, n, &w, ret_n);
        for (unsigned i = 0; r == OK && i < *ret_n; i++, w = l::next(w)) {
            cell &c = cells[l::index(w)];
            c.value($) = v[i];
            store_at(c.turn, (uint32_t)(l::turn(w) + 1), weak(1, mo_release));
        }
        return r;
    }

    int pop(u64 *v, unsigned n, unsigned *ret_n)
    {
        u64 w;
        int r = claim(head, tail, 1, n, &w, ret_n);
        for (unsigned i = 0; r == OK && i < *ret_n; i++, w = l::next(w)) {
            cell &c = cells[l::index(w)];
            v[i] = c.value($);
            store_at(c.turn, (uint32_t)(l::turn(w) + (mut(6) ? 1 : 2)),
                     weak(3, mo_release));
        }
        return r;
    }

    void put(u64 v)
    {
        unsigned n;
        while (push(&v, 1, &n) != OK)
            relax();
    }

    u64 get()
    {
        u64 v;
        unsigned n;
        while (pop(&v, 1, &n) != OK)
            relax();
        return v;
    }
};

/* 1, 2 and 3, 4 from two producers, to the third thread and one of them. */
template <unsigned CAP> struct passed : rl::test_suite<passed<CAP>, 3> {
    ring<CAP> r;
    unsigned had[6];

    void before()
    {
        memset(had, 0, sizeof had);
    }
    void have(u64 v)
    {
        RL_ASSERT(v >= 1 && v <= 4);
        had[v]++;
    }

    void thread(unsigned id)
    {
        if (id < 2) {
            r.put(2 * id + 1);
            r.put(2 * id + 2);
            if (id == 0)
                have(r.get());
        } else {
            u64 last[2] = {0, 0};
            for (int i = 0; i < 3; i++) {
                u64 v = r.get();
                have(v);
                RL_ASSERT(v > last[(v - 1) / 2]);
                last[(v - 1) / 2] = v;
            }
        }
    }

    void after()
    {
        for (int v = 1; v <= 4; v++)
            RL_ASSERT(had[v] == 1);
    }
};

/* Batches: two producers claim runs, a consumer takes runs. */
template <unsigned CAP> struct batches : rl::test_suite<batches<CAP>, 3> {
    ring<CAP> r;
    unsigned had[7];

    void before()
    {
        memset(had, 0, sizeof had);
    }
    void thread(unsigned id)
    {
        unsigned sum = 0, k;
        u64 v[3] = {1 + id * 3, 2 + id * 3, 3 + id * 3};
        while (sum < (id < 2 ? 3 : 6)) {
            int e = id < 2 ? r.push(v + sum, 3 - sum, &k) : r.pop(v, 3, &k);
            if (e != OK) {
                relax();
                continue;
            }
            for (unsigned i = 0; id == 2 && i < k; i++) {
                RL_ASSERT(v[i] >= 1 && v[i] <= 6 && had[v[i]]++ == 0);
                RL_ASSERT((v[i] - 1) % 3 == 0 || had[v[i] - 1]);
            }
            sum += k;
        }
    }
};

/* One value is always inside: nobody may be told that the ring is empty. */
struct never_empty : rl::test_suite<never_empty, 2> {
    ring<2> r;
    void before()
    {
        r.put(1);
    }
    void thread(unsigned id)
    {
        u64 v;
        unsigned n;
        if (id == 0) {
            for (int i = 0; i < 2; i++) {
                r.put(2);
                (void)r.get();
            }
        } else {
            RL_ASSERT(r.pop(&v, 1, &n) != AGAIN);
        }
    }
};

/* detail/spsc.h, with copies of the peer's ticket, and runs of up to two. */
template <unsigned CAP> struct pair_ring : rl::test_suite<pair_ring<CAP>, 2> {
    typedef lap<CAP> l;
    rl::var<u64> elems[CAP];
    word tail, head;
    u64 seen_head, seen_tail; /* producer's, consumer's */

    static u64 room(u64 from, u64 to) /* tickets from from to to */
    {
        u64 laps = (to >> l::shift()) - (from >> l::shift());
        return laps * CAP + l::index(to) - l::index(from);
    }

    void before()
    {
        store_rlx(tail, l::start());
        store_rlx(head, l::start());
        seen_head = seen_tail = l::start();
    }

    unsigned push(u64 v, unsigned n)
    {
        u64 t = load_rlx(tail);
        if (CAP - room(seen_head, t) < n)
            seen_head = load_at(head, weak(11, mo_acquire));
        unsigned k = (unsigned)(CAP - room(seen_head, t)) + mut(14);
        k = k < n ? k : n;
        if (mut(15) && k)
            store_rel(tail, l::next(t));
        for (unsigned i = 0; i < k; i++, t = l::next(t))
            elems[l::index(t)]($) = v + i;
        store_at(tail, t, weak(10, mo_release));
        return k;
    }

    unsigned pop(u64 *v, unsigned n)
    {
        u64 h = load_rlx(head);
        if (room(h, seen_tail) < n)
            seen_tail = load_at(tail, weak(13, mo_acquire));
        unsigned k = (unsigned)room(h, seen_tail);
        k = k < n ? k : n;
        for (unsigned i = 0; i < k; i++, h = l::next(h))
            v[i] = elems[l::index(h)]($);
        store_at(head, h, weak(12, mo_release));
        return k;
    }

    void thread(unsigned id)
    {
        for (u64 done = 0; done < 5;) {
            u64 v[2];
            unsigned n = done < 4 ? 1 + rl::rand(2) : 1, k;
            if (id == 0)
                k = push(done, n);
            else
                k = pop(v, n);
            for (unsigned i = 0; id == 1 && i < k; i++)
                RL_ASSERT(v[i] == done + i);
            done += k;
            if (k == 0)
                relax();
        }
    }
};

static const shape shapes[] = {
    {"capacity 1, three threads", run<passed<1>>, 6000},
    {"capacity 2, three threads", run<passed<2>>, 6000},
    {"capacity 3, three threads", run<passed<3>>, 6000},
    {"batches, capacity 2", run<batches<2>>, 5000},
    {"batches, capacity 3", run<batches<3>>, 5000},
    {"empty is said only when it was", run<never_empty>, 10000},
    {"one producer, one consumer, capacity 1", run<pair_ring<1>>, 5000},
    {"one producer, one consumer, capacity 3", run<pair_ring<3>>, 5000},
};

static const mutant mutants[] = {
    {2, "push publishes relaxed"},
    {2, "pop's load of the turn is relaxed"},
    {2, "pop frees the cell relaxed"},
    {2, "push's load of the turn is relaxed"},
    {2, "a ticket is taken by a store"},
    {1, "the turn is not doubled"},
    {6, "the own ticket is loaded relaxed"},
    {6, "a ticket's CAS is relaxed"},
    {4, "a batch claims cells that it has not seen ready"},
    {8, "spsc: tail is stored relaxed"},
    {7, "spsc: the producer loads head relaxed"},
    {7, "spsc: head is stored relaxed"},
    {8, "spsc: the consumer loads tail relaxed"},
    {8, "spsc: one more than there is room for"},
    {8, "spsc: a batch is published before it is written"},
};

MODEL("ring")
