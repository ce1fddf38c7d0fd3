/* unbounded.cc - the two-lock queue of unbounded channels and its parked receivers
 * (chan/unbounded.c), with segments of one value: each is given back when it is
 * drained. SPDX-License-Identifier: MIT */
#include "model.h"

#define C ((u64)1 << 63)

enum { PENDING, ASLEEP, DONE };
enum { CLOSED = 3 };

struct segment {
    rl::var<u64> value;
    rl::var<segment *> next;
    segment() : value(0), next((segment *)0)
    {
    }
};

struct node {
    word state;
    rl::var<u64> value;
    rl::var<int> err;
};

struct channel {
    word tail, head, rx_word;
    lock tx;
    rl::var<segment *> tail_segment, head_segment;
    rl::var<node *> first;
    sleepers kernel;

    channel() : tail(0), head(0), rx_word(0)
    {
        segment *g = new segment;
        tail_segment($) = g;
        head_segment($) = g;
        first($) = (node *)0;
    }

    int send(u64 v)
    {
        segment *fresh = new segment; /* no allocation under the lock */
        tx.take();
        u64 t = load_rlx(tail);
        if (t & C) {
            tx.leave();
            delete fresh;
            return CLOSED;
        }
        segment *last = tail_segment($);
        if (mut(5))
            store_sc(tail, t + 1);
        fresh->value($) = v;
        last->next($) = fresh;
        tail_segment($) = fresh;
        if (!mut(5))
            store_at(tail, t + 1, weak(1, mo_seq_cst, mo_release)); /* S1 */
        tx.leave();
        after();
        return 0;
    }

    void after()
    {
        if (load_at(rx_word, weak(2, mo_seq_cst))) { /* S2 */
            lock_rx();
            node *n = serve();
            unlock_rx(n);
        }
    }

    void lock_rx()
    {
        while (or_at(rx_word, 1, weak(3, mo_seq_cst, mo_acquire)) & 1)
            relax();
    }

    void unlock_rx(node *n)
    {
        store_rel(rx_word, load_rlx(rx_word) & ~(u64)1);
        if (n && xchg_at(n->state, DONE, mo_acq_rel) == ASLEEP)
            kernel.wake(1, $);
    }

    /* 0, 1: empty, CLOSED */
    int pop(u64 *v)
    {
        u64 t = load_at(tail, weak(4, mo_seq_cst)), h = load_rlx(head); /* R2 */
        if ((t & ~C) == h)
            return t & C ? (int)CLOSED : 1;
        segment *drained = head_segment($);
        segment *g = drained->next($);
        head_segment($) = g;
        *v = g->value($);
        delete drained;
        store_rel(head, h + 1);
        return 0;
    }

    node *serve()
    {
        node *n = first($);
        u64 v = 0;
        int r;
        if (!n || (r = pop(&v)) == 1)
            return 0;
        n->value($) = v;
        n->err($) = r;
        first($) = (node *)0;
        store_rlx(rx_word, load_rlx(rx_word) - 2);
        return n;
    }

    int recv(u64 *v)
    {
        lock_rx();
        int r = pop(v);
        unlock_rx(0);
        if (r != 1)
            return r;
        node *n = new node;
        store_rlx(n->state, PENDING);
        lock_rx(); /* R1 */
        first($) = n;
        store_rlx(rx_word, load_rlx(rx_word) + 2);
        unlock_rx(mut(6) ? 0 : serve());
        while (load_acq(n->state) != DONE) {
            u64 s = PENDING;
            (void)cas_ar(n->state, s, ASLEEP);
            (void)kernel.wait(n->state, ASLEEP, false, $);
        }
        r = n->err($);
        *v = n->value($);
        delete n;
        return r;
    }

    void close()
    {
        tx.take();
        store_sc(tail, load_rlx(tail) | C);
        tx.leave();
        if (!mut(7))
            after();
    }

    void fini()
    {
        segment *g = head_segment($), *next;
        for (; g; g = next) {
            next = g->next($);
            delete g;
        }
    }
};

/* Two values of one sender and one of another that then closes, to one receiver. */
struct senders : rl::test_suite<senders, 3> {
    channel c;
    u64 got;
    unsigned refused;
    senders() : got(0), refused(0)
    {
    }
    void thread(unsigned id)
    {
        u64 v = 0, last = 0;
        if (id == 0) {
            refused += c.send(1) != 0 ? 1 : 0;
            refused += c.send(2) != 0 ? 2 : 0;
        } else if (id == 1) {
            refused += c.send(4) != 0 ? 4 : 0;
            c.close();
        } else {
            while (c.recv(&v) == 0) {
                RL_ASSERT(v == 4 || v > last);
                last = v == 4 ? last : v;
                got += v;
            }
        }
    }
    void after()
    {
        RL_ASSERT(got + refused == 7);
        c.fini();
    }
};

/* Nobody closes: what wakes is the send alone. */
struct sends : rl::test_suite<sends, 2> {
    channel c;
    void thread(unsigned id)
    {
        for (u64 i = 1; i <= 2; i++) {
            u64 v = i;
            RL_ASSERT((id == 0 ? c.send(v) : c.recv(&v)) == 0 && v == i);
        }
    }
    void after()
    {
        c.fini();
    }
};

static const shape shapes[] = {
    {"two senders, a close, a receiver that parks", run<senders>, 12000},
    {"a sender, a receiver that parks", run<sends>, 10000},
};

static const mutant mutants[] = {
    {2, "S1: tail is stored without the total order"},
    {2, "S2: the side's word is loaded relaxed"},
    {1, "R1: the side's lock without the total order"},
    {1, "R2: tail is loaded relaxed"},
    {1, "tail is moved before the segment is linked"},
    {1, "R2: no look at tail after listing"},
    {1, "close does not look at the side"},
};

MODEL("unbounded")
