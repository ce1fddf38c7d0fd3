/* wake.cc - the wake handshake of buffered channels (chan/bounded.h, bounded.c), close
 * and cancel, and declared sides (chan/owned.h); a thread's parker below
 * (park/thread.c).
 *
 * One side parks: its word is lock and number of nodes; a peer's ticket comes first,
 * then its look at that word. A waiter is completed: its value is moved for it. The
 * ring has one place, so that senders park too. The waiter's node is gone when it goes
 * on. SPDX-License-Identifier: MIT */
#include "model.h"

#define C ((u64)1 << 63)

enum { EMPTY = 1, BUSY, CLOSED };
enum { WAITING, SLEEPING, DONE };
enum { LOCK = 1, NODE = 2 };
enum { OPEN, CLOSING, SHUT };

struct node {
    word state; /* of its thread's wait */
    word linked;
    rl::var<u64> value;
    rl::var<int> err;
    sleepers *kernel;
};

struct side {
    word w;
    rl::var<node *> first, second;

    side() : w(0), first((node *)0), second((node *)0)
    {
    }
    void take()
    {
        while (or_at(w, LOCK, weak(1, mo_seq_cst)) & LOCK)
            relax();
    }
    void leave()
    {
        store_at(w, load_rlx(w) & ~(u64)LOCK, weak(2, mo_release));
    }
    void append(node *n)
    {
        (first($) ? second : first)($) = n;
        store_rlx(n->linked, 1);
        store_rlx(w, load_rlx(w) + NODE);
    }
    void unlink(node *n)
    {
        if (first($) == n)
            first($) = (node *)second($);
        second($) = (node *)0;
        store_rel(w, load_rlx(w) - NODE);
        store_rel(n->linked, 0);
    }
};

/* By the completer, its last touch of the node. */
static void wake(node *n)
{
    sleepers *k = n->kernel;
    u64 was;
    if (mut(9)) {
        was = load_rlx(n->state);
        store_rel(n->state, DONE);
    } else {
        was = xchg_at(n->state, DONE, weak(8, mo_acq_rel));
    }
    if (mut(10))
        RL_ASSERT(n->err($) <= CLOSED); /* a look after the last touch */
    if (was == SLEEPING)
        k->wake(1, $);
}

static void sleep_until_done(node *n)
{
    while (load_at(n->state, weak(11, mo_acquire)) != DONE) {
        u64 s = WAITING;
        (void)cas_ar(n->state, s, SLEEPING);
        u64 expect = mut(12) ? n->state.debug_value() : (u64)SLEEPING;
        (void)n->kernel->wait(n->state, expect, false, $);
    }
}

/* Capacity 1; tickets are laps. owned: the producer's side is declared single. */
struct channel {
    word tail, head, turn, busy, shut;
    rl::var<u64> cell;
    side rx, tx;
    bool owned;
    sleepers kernel[3];

    channel(bool o) : tail(0), head(0), turn(0), busy(0), shut(OPEN), owned(o)
    {
    }

    int push(u64 v, bool may)
    {
        for (;;) {
            u64 p = load_rlx(tail), w = p & ~C;
            if ((p & C) && !may)
                return CLOSED;
            int32_t d = (int32_t)(load_acq(turn) - 2 * w);
            if (d == 0) {
                if (!cas_at(tail, p, p + 1, weak(3, mo_seq_cst)))
                    continue;
                cell($) = v;
                store_rel(turn, 2 * w + 1);
                return 0;
            }
            if (d < 0)
                return load_sc(head) + 1 == w ? EMPTY : BUSY;
            relax();
        }
    }

    /* chan/owned.h: plain stores */
    int owned_put(u64 v, bool may)
    {
        if (load_rlx(shut) != OPEN && !may)
            return CLOSED;
        u64 w = load_rlx(tail);
        if (load_acq(turn) != 2 * w)
            return load_sc(head) + 1 == w ? EMPTY : BUSY;
        store_rel(tail, w + 1);
        cell($) = v;
        store_rel(turn, 2 * w + 1);
        return 0;
    }

    u64 tail_word()
    {
        u64 t = load_sc(tail);
        if (!owned)
            return t;
        if (load_acq(shut) != SHUT)
            return t;
        if (load_acq(tx.w))
            return ~(u64)0 & ~C;
        if (!mut(15) && load_acq(busy))
            return ~(u64)0 & ~C;
        return load_sc(tail) | C;
    }

    int pop(u64 *v)
    {
        for (;;) {
            u64 w = load_rlx(head);
            int32_t d = (int32_t)(load_acq(turn) - 2 * w - 1);
            if (d == 0) {
                if (!cas_sc(head, w, w + 1))
                    continue;
                *v = cell($);
                store_rel(turn, 2 * w + 2);
                return 0;
            }
            if (d < 0) {
                u64 t = tail_word();
                return (t & ~C) != w ? BUSY : t & C ? CLOSED : EMPTY;
            }
            relax();
        }
    }

    int serve_rx(bool *did)
    {
        node *woken = 0;
        u64 v = 0;
        int end = 0;
        rx.take();
        node *n = rx.first($);
        if (n) {
            end = pop(&v);
            if (end == 0 || end == CLOSED) {
                *did |= end == 0;
                n->value($) = v;
                n->err($) = end;
                rx.unlink(n);
                woken = n;
            }
        }
        bool more = woken && rx.first($);
        rx.leave();
        if (woken)
            wake(woken);
        return more ? serve_rx(did) : end;
    }

    int serve_tx(bool *did)
    {
        node *woken = 0;
        int end = 0;
        tx.take();
        node *n = tx.first($);
        if (n) {
            end = owned ? owned_put(n->value($), true) : push(n->value($), true);
            if (end == 0) {
                *did = true;
                n->err($) = 0;
                tx.unlink(n);
                woken = n;
            }
        }
        tx.leave();
        if (woken)
            wake(woken);
        return end;
    }

    int pump(bool receivers)
    {
        bool did, first = true;
        int end = 0;
        for (;;) {
            did = false;
            int r = receivers ? serve_rx(&did) : serve_tx(&did);
            if (first)
                end = r;
            first = false;
            receivers = !receivers;
            if (!did || !load_sc(receivers ? rx.w : tx.w))
                return end;
        }
    }

    bool ready(bool receiver)
    {
        u64 h = load_sc(head);
        u64 t = owned ? tail_word() : load_at(tail, weak(5, mo_seq_cst)); /* W2 */
        return receiver ? (t & ~C) != h || (t & C) : h + 1 != (t & ~C);
    }

    void look_again(bool receiver)
    {
        while (ready(receiver) && pump(receiver) == BUSY)
            relax();
    }

    /* Parks for one operation. */
    int park(unsigned id, bool receiver, u64 *v)
    {
        node *n = new node;
        side &s = receiver ? rx : tx;
        store_rlx(n->state, WAITING);
        store_rlx(n->linked, 0);
        n->value($) = *v;
        n->err($) = 0;
        n->kernel = &kernel[id];
        s.take(); /* W1 */
        s.append(n);
        bool look = owned && receiver ? true : !mut(6) && ready(receiver);
        s.leave();
        if (owned && receiver && !mut(13))
            heavy_fence();
        if (look)
            look_again(receiver);
        sleep_until_done(n);
        int r = n->err($);
        *v = n->value($);
        n->err($) = 100; /* the stack is used for something else */
        delete n;
        return r;
    }

    void after(bool receivers)
    {
        if (load_at(receivers ? rx.w : tx.w, weak(4, mo_seq_cst))) /* P3 */
            (void)pump(receivers);
    }

    int send(unsigned id, u64 v)
    {
        int r;
        if (owned) {
            store_rlx(busy, 1);
            r = owned_put(v, false); /* the light fence: nothing */
            store_rel(busy, 0);
            if (load_rlx(rx.w) && (r == 0 || (!mut(16) && load_rlx(shut) != OPEN)))
                (void)pump(true);
        } else if ((r = push(v, false)) == 0) {
            after(true);
        }
        return r == 0 || r == CLOSED ? r : park(id, false, &v);
    }

    int recv(unsigned id, u64 *v)
    {
        int r = pop(v);
        if (r == 0)
            after(false);
        return r == 0 || r == CLOSED ? r : park(id, true, v);
    }

    void close()
    {
        if (!owned) {
            tx.take();
            if (mut(7))
                store_rel(tail, load_rlx(tail) | C);
            else
                (void)or_at(tail, C, mo_seq_cst);
            tx.leave();
        } else {
            tx.take();
            store_rel(shut, CLOSING);
            tx.leave();
            if (!mut(14))
                heavy_fence();
            store_sc(shut, SHUT);
        }
        after(true);
    }
};

/* Two values from one thread to another, over a ring of one. */
template <bool OWNED> struct handshake : rl::test_suite<handshake<OWNED>, 2> {
    channel c;
    handshake() : c(OWNED)
    {
    }
    void thread(unsigned id)
    {
        for (u64 i = 1; i <= 2; i++) {
            u64 v = 0;
            if (id == 0) {
                RL_ASSERT(c.send(0, i) == 0);
            } else {
                RL_ASSERT(c.recv(1, &v) == 0);
                RL_ASSERT(v == i);
            }
        }
    }
};

/* Two receivers, one sender of two values. */
struct receivers : rl::test_suite<receivers, 3> {
    channel c;
    u64 sum;
    receivers() : c(false), sum(0)
    {
    }
    void thread(unsigned id)
    {
        u64 v = 0;
        if (id == 0) {
            RL_ASSERT(c.send(0, 1) == 0);
            RL_ASSERT(c.send(0, 2) == 0);
        } else {
            RL_ASSERT(c.recv(id, &v) == 0);
            sum += v;
        }
    }
    void after()
    {
        RL_ASSERT(sum == 3);
    }
};

/* A send, a close by another thread, receives until closed: what was sent arrives. */
template <bool OWNED> struct closing : rl::test_suite<closing<OWNED>, 3> {
    channel c;
    bool sent;
    u64 got;
    closing() : c(OWNED), sent(false), got(0)
    {
    }
    void thread(unsigned id)
    {
        u64 v = 0;
        if (id == 0) {
            int r = c.send(0, 5);
            RL_ASSERT(r == 0 || r == CLOSED);
            sent = r == 0;
        } else if (id == 1) {
            c.close();
        } else {
            while (c.recv(2, &v) == 0)
                got += v;
        }
    }
    void after()
    {
        RL_ASSERT(got == (sent ? 5 : 0));
    }
};

static const shape shapes[] = {
    {"sender and receiver over one place", run<handshake<false>>, 12000},
    {"two receivers, one sender", run<receivers>, 8000},
    {"send, close, receive", run<closing<false>>, 10000},
    {"a declared producer and a receiver", run<handshake<true>>, 12000},
    {"a declared producer, close, receive", run<closing<true>>, 10000},
};

static const mutant mutants[] = {
    {1, "the side's lock is taken relaxed"},
    {1, "the side's unlock is relaxed"},
    {1, "P1: the ticket's CAS is relaxed"},
    {1, "P3: the side's word is loaded relaxed"},
    {1, "W2: the peer's ticket is loaded relaxed"},
    {1, "W2: no look at the tickets after listing"},
    {3, "close sets C by a store"},
    {1, "the wake's exchange is relaxed"},
    {1, "the wake loads and stores"},
    {1, "the completer looks at the node after its wake"},
    {1, "the waiter's look at its word is relaxed"},
    {1, "the kernel does not compare the word"},
    {4, "declared: a parker does without the heavy fence"},
    {5, "declared: close does without the heavy fence"},
    {5, "declared: closed is told while the owner is inside"},
    {5, "declared: the owner that leaves does not look at `shut`"},
};

MODEL("wake")
