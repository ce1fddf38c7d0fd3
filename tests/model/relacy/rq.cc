/* rq.cc - the run queue where owner and thief meet (engine/pool/rq.h, rq.c).
 *
 * The owner's operations are relaxed and plain, a thief asks, passes the membarrier,
 * copies, confirms. The ring has two or four places; positions start below the wrap of
 * the gate's 16 bits and of the word's 32, the next slot's number below its 8. Each
 * item must be had by exactly one, whole: whoever gets it reads what its maker wrote.
 *
 * Not among the mutations: the acknowledging CAS relaxed. Its release is covered by the
 * barrier of the next thief; its acquire keeps a slot's reuse behind the thief's copy,
 * a load passed by a store, which is not simulated.
 * SPDX-License-Identifier: MIT */
#include "model.h"

#define VER      ((u64)1 << 42)
#define ASK      ((u64)1 << 41)
#define NXT      ((u64)1 << 40)
#define VERSIONS (~(u64)0 << 42)

enum { ITEMS = 8 };

static uint16_t from_of(u64 r)
{
    return (uint16_t)(r >> 16);
}

static uint16_t to_of(u64 r)
{
    return (uint16_t)r;
}

static unsigned nseq_of_gate(u64 r)
{
    return (unsigned)(r >> 32) & 255;
}

static unsigned nseq_of(u64 x)
{
    return (unsigned)(x >> 48) & 255;
}

static uint32_t forward(uint32_t h, uint16_t to)
{
    int16_t by = (int16_t)(uint16_t)(to - (uint16_t)h);
    return by > 0 ? h + (uint32_t)by : h;
}

template <unsigned SIZE, unsigned START> struct queue {
    word head, tail, next, gate, slot[SIZE];
    u64 seen;      /* owner */
    unsigned nseq; /* owner */

    queue()
        : head(START), tail(START), next(0), gate(VERSIONS), seen(VERSIONS), nseq(254)
    {
        for (unsigned i = 0; i < SIZE; i++)
            store_rlx(slot[i], 0);
    }

    bool give_way(u64 r, bool at_ring, uint32_t h, u64 x)
    {
        bool lost = false;
        if (from_of(r) != to_of(r)) {
            uint16_t in = (uint16_t)((uint16_t)h - from_of(r));
            if (at_ring && in < (uint16_t)(to_of(r) - from_of(r)))
                lost = true;
            if (!mut(4))
                store_rlx(head, forward((uint32_t)load_rlx(head), to_of(r)));
        }
        if (r & NXT) {
            u64 n = load_rlx(next);
            if (x && nseq_of(x) == nseq_of_gate(r) && !mut(5))
                lost = true;
            if (n && nseq_of(n) == nseq_of_gate(r))
                store_rlx(next, 0);
        }
        return lost;
    }

    bool notice(bool at_ring, u64 x)
    {
        uint32_t h = (uint32_t)load_rlx(head) - 1;
        bool lost = false;
        for (;;) {
            u64 r = load_acq(gate);
            if (r == seen)
                return !lost;
            lost |= give_way(r, at_ring, h, x);
            if (r & ~VERSIONS) {
                u64 clean = mut(6) ? (r & ~ASK) + VER : (r & VERSIONS) + VER;
                if (mut(7))
                    store_rel(gate, clean);
                else if (!cas_ar(gate, r, clean)) {
                    if (mut(8))
                        return !lost;
                    continue;
                }
                seen = clean;
            } else {
                seen = r;
            }
        }
    }

    /* R2: the light fence is the membarrier's other half */
    bool mine(bool at_ring, u64 x)
    {
        return load_rlx(gate) == seen || notice(at_ring, x);
    }

    u64 pop()
    {
        for (;;) {
            uint32_t h = (uint32_t)load_rlx(head);
            if (h == (uint32_t)load_rlx(tail))
                return 0;
            u64 f = load_rlx(slot[h % SIZE]);
            store_rlx(head, (uint32_t)(h + 1)); /* R1 */
            if (mut(2) || mine(true, 0))
                return f;
        }
    }

    u64 take_next()
    {
        u64 x = load_rlx(next);
        if (x == 0)
            return 0;
        store_rlx(next, 0); /* R1 */
        if (!mut(3) && !mine(false, x))
            return 0;
        return x & 255;
    }

    u64 put_next(u64 f)
    {
        u64 former = take_next();
        nseq = (nseq + 1) & 255;
        store_at(next, f | (u64)nseq << 48, weak(9, mo_release));
        return former;
    }

    bool push(u64 f)
    {
        uint32_t t = (uint32_t)load_rlx(tail);
        if (t - (uint32_t)load_rlx(head) >= SIZE)
            return false;
        store_rlx(slot[t % SIZE], f);
        store_at(tail, (uint32_t)(t + 1), weak(10, mo_release));
        return true;
    }

    unsigned steal(u64 *out)
    {
        u64 r = load_acq(gate);
        if (r & ASK) {
            u64 aside = (r & ~ASK) + VER;
            if (!cas_sc(gate, r, aside))
                return 0;
            r = aside;
        }
        u64 ask = (r | ASK) + VER;
        if (!cas_sc(gate, r, ask)) /* T1 */
            return 0;
        if (!mut(1))
            heavy_fence();
        uint32_t h = (uint32_t)load_acq(head);
        uint32_t t = (uint32_t)load_at(tail, weak(11, mo_acquire));
        bool owed = from_of(r) != to_of(r) && !mut(12);
        uint32_t e = owed ? forward(h, to_of(r)) : h;
        uint32_t n = (t - e + 1) / 2;
        u64 x = 0;
        if (n > SIZE / 2)
            return 0;
        for (uint32_t i = 0; i < n; i++)
            out[i] = load_rlx(slot[(e + i) % SIZE]);
        u64 done = ((ask & VERSIONS) + VER) | (r & (NXT | (u64)255 << 32));
        if (n == 0 && (!(r & NXT) || mut(13)) &&
            (x = load_at(next, weak(14, mo_acquire))) != 0)
            done = (done & ~((u64)255 << 32)) | NXT | (u64)nseq_of(x) << 32;
        if (n == 0 && x == 0)
            return 0;
        if (owed || n > 0) {
            uint16_t from = owed && !mut(15) ? from_of(r) : (uint16_t)e;
            done |= (u64)from << 16 | (uint16_t)(e + n);
        }
        if (mut(16))
            store_rel(gate, done);
        else if (!cas_ar(gate, ask, done))
            return 0;
        if (x)
            out[n++] = x & 255;
        return n;
    }
};

/* The first thread owns the queue and does what a worker does, drawn at random; the
 * others steal. `turns` of both, then the owner empties it. */
template <unsigned SIZE, unsigned START, int THIEVES, unsigned OPS, unsigned STEALS>
struct robbed : rl::test_suite<robbed<SIZE, START, THIEVES, OPS, STEALS>, 1 + THIEVES> {
    queue<SIZE, START> q;
    rl::var<unsigned> made[ITEMS];
    unsigned had[ITEMS], born;

    void before()
    {
        born = 0;
        for (unsigned i = 0; i < ITEMS; i++)
            had[i] = 0;
    }

    void have(u64 f)
    {
        RL_ASSERT(f != 0 && f < ITEMS && made[f]($) == f);
        RL_ASSERT(had[f]++ == 0);
    }

    u64 make()
    {
        born++;
        made[born]($) = born;
        return born;
    }

    void behind(u64 f)
    {
        if (f && !q.push(f))
            have(f);
    }

    void owner()
    {
        for (unsigned i = 0; i < OPS; i++) {
            u64 f = 0;
            switch (rl::rand(4)) {
            case 0:
                behind(make());
                break;
            case 1:
                behind(q.put_next(make()));
                break;
            case 2:
                f = q.pop();
                break;
            default:
                f = q.take_next();
                break;
            }
            if (f)
                have(f);
        }
        for (;;) {
            u64 f = q.take_next();
            if (!f && !(f = q.pop()) && load_rlx(q.next) == 0)
                return;
            if (f)
                have(f);
        }
    }

    void thread(unsigned id)
    {
        if (id == 0)
            return owner();
        for (unsigned i = 0; i < STEALS; i++) {
            u64 out[SIZE / 2 + 1];
            unsigned n = q.steal(out);
            for (unsigned k = 0; k < n; k++)
                have(out[k]);
        }
    }

    void after()
    {
        for (unsigned i = 1; i <= born; i++)
            RL_ASSERT(had[i] == 1);
    }
};

/* The positions' wraps: 16 bits in the gate, 32 in the words. */
static const shape shapes[] = {
    {"2 places, one thief, before 2^32", run<robbed<2, 0xffffffff, 1, 6, 3>>, 15000},
    {"2 places, one thief, before 2^16", run<robbed<2, 0xffff, 1, 6, 3>>, 8000},
    {"4 places, one thief", run<robbed<4, 0xfffe, 1, 7, 3>>, 10000},
    {"2 places, two thieves, one may be late", run<robbed<2, 0xffff, 2, 5, 2>>, 15000},
};

static const mutant mutants[] = {
    {1, "the thief does without the barrier"},
    {1, "a pop without a look at the gate"},
    {1, "the next slot is taken without a look at the gate"},
    {1, "giving way leaves head before what was stolen"},
    {1, "a taken next slot is not compared with the stolen one"},
    {1, "acknowledging leaves the theft in the gate"},
    {1, "acknowledging by a store, whatever the gate is by then"},
    {1, "no second look after an acknowledgement that failed"},
    {1, "put_next publishes relaxed"},
    {1, "push publishes relaxed"},
    {1, "the thief's load of tail is relaxed"},
    {1, "an earlier theft that the owner does not know of is stolen again"},
    {1, "the next slot is stolen twice"},
    {1, "the thief's load of the next slot is relaxed"},
    {3, "a second theft's range replaces the first one's"},
    {1, "a theft is confirmed by a store"},
};

MODEL("rq")
