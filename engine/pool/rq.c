/* rq.c - the run queue where owner and thief meet; see rq.h.
 * SPDX-License-Identifier: MIT */
#include "pool/rq.h"

#define VER ((uint64_t)1 << 42) /* one version; wraps after four million changes */
#define ASK ((uint64_t)1 << 41)
#define NXT ((uint64_t)1 << 40)
#define VERSIONS (~(uint64_t)0 << 42)

LEATI_INLINE uint16_t from_of(uint64_t r)
{
    return (uint16_t)(r >> 16);
}

LEATI_INLINE uint16_t to_of(uint64_t r)
{
    return (uint16_t)r;
}

LEATI_INLINE unsigned nseq_of_gate(uint64_t r)
{
    return (unsigned)(r >> 32) & 255;
}

LEATI_INLINE unsigned nseq_of(uint64_t x)
{
    return (unsigned)(x >> 48) & 255;
}

/* h moved forward to `to`, if it is before it. */
LEATI_INLINE uint32_t forward(uint32_t h, uint16_t to)
{
    int16_t by = (int16_t)(uint16_t)(to - (uint16_t)h);
    return by > 0 ? h + (uint32_t)by : h;
}

/* Applies the theft that r names. Doing so twice is harmless. True: x was part of it. */
static bool give_way(struct leati_rq *q, uint64_t r, bool at_ring, uint32_t h,
                     uint64_t x)
{
    bool lost = false;
    if (from_of(r) != to_of(r)) {
        uint16_t in = (uint16_t)((uint16_t)h - from_of(r));
        if (at_ring && in < (uint16_t)(to_of(r) - from_of(r)))
            lost = true;
        leati_store_rlx(&q->head, forward(leati_load_rlx(&q->head), to_of(r)));
    }
    if (r & NXT) {
        uint64_t next = leati_load_rlx(&q->next);
        if (x && nseq_of(x) == nseq_of_gate(r))
            lost = true;
        if (next && nseq_of(next) == nseq_of_gate(r))
            leati_store_rlx(&q->next, (uint64_t)0);
    }
    return lost;
}

bool leati_rq_notice(struct leati_rq *q, bool at_ring, uint64_t x)
{
    uint32_t h = leati_load_rlx(&q->head) - 1; /* the position taken, with at_ring */
    bool lost = false;
    for (;;) {
        /* acq: pairs with the thief's confirming CAS */
        uint64_t r = leati_load_acq(&q->gate);
        if (r == q->seen)
            return !lost;
        lost |= give_way(q, r, at_ring, h, x);
        if (r & ~VERSIONS) {
            /* Acknowledges a theft (I1, I2), cancels an ask: the thief's confirmation
             * fails. On failure somebody changed the gate: look again. */
            uint64_t clean = (r & VERSIONS) + VER;
            if (!leati_cas_ar(&q->gate, &r, clean))
                continue;
            q->seen = clean;
        } else {
            q->seen = r;
        }
        leati_rq_fence(q); /* R1 were the stores of give_way, R2 is the next load */
    }
}

/* Does r, the gate, name all that is there? An owner that computes looks as if he still
 * had what was stolen from him, and the barrier would interrupt him each time. A hint: a
 * thief that found nothing looks again. */
static bool is_robbed(const struct leati_rq *q, uint64_t r)
{
    uint32_t head = leati_load_rlx(&q->head), tail = leati_load_rlx(&q->tail);
    uint32_t e = from_of(r) != to_of(r) ? forward(head, to_of(r)) : head;
    return e == tail && ((r & NXT) || leati_load_rlx(&q->next) == 0);
}

unsigned leati_rq_steal(struct leati_rq *q, struct leat_fiber **out)
{
    uint64_t r = leati_load_acq(&q->gate);
    if (r & ASK) { /* a thief that was stopped in mid-theft: its confirmation fails */
        uint64_t aside = (r & ~ASK) + VER;
        if (!leati_cas_sc(&q->gate, &r, aside))
            return 0;
        r = aside;
    }
    if (is_robbed(q, r))
        return 0;
    uint64_t ask = (r | ASK) + VER;
    if (!leati_cas_sc(&q->gate, &r, ask)) /* T1 */
        return 0;
    if (q->fenced)
        leatp_fence_full();
    else
        leatp_membarrier();
    /* T2; acq: tail with push, next with put_next */
    uint32_t head = leati_load_acq(&q->head), tail = leati_load_acq(&q->tail);
    bool owed = from_of(r) != to_of(r); /* an earlier theft the owner does not know of */
    uint32_t e = owed ? forward(head, to_of(r)) : head;
    uint32_t n = (tail - e + 1) / 2;
    uint64_t x = 0;
    if (n > LEATI_RQ_STEAL)
        return 0; /* read while the owner moved */
    for (uint32_t i = 0; i < n; i++)
        out[i] = leati_load_rlx(&q->slot[(e + i) % LEATI_RQ_SIZE]);
    uint64_t done = ((ask & VERSIONS) + VER) | (r & (NXT | (uint64_t)255 << 32));
    if (n == 0 && !(r & NXT) && (x = leati_load_acq(&q->next)) != 0)
        done |= NXT | (uint64_t)nseq_of(x) << 32;
    if (n == 0 && x == 0)
        return 0;
    if (owed || n > 0) {
        uint16_t from = owed ? from_of(r) : (uint16_t)e;
        done |= (uint64_t)from << 16 | (uint16_t)(e + n);
    }
    if (!leati_cas_ar(&q->gate, &ask, done)) /* confirm; pairs with notice()'s acquire */
        return 0;
    if (x)
        out[n++] = (struct leat_fiber *)(uintptr_t)(x & LEATI_RQ_PTR);
    return n;
}
