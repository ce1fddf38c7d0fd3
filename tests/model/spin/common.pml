/* common.pml - what the models share: the shape and the mutation that a run chooses, and
 * store buffers.
 *
 * One verifier is compiled for a model; which actors run (SHAPE) and what is broken (MUT)
 * it reads from its environment, so that a mutation costs no compilation.
 *
 * Store buffers. Plain stores of a model with BUFFERS processes go through st(), into a
 * FIFO of DEPTH stores for that process; the process memory() drains them at any later
 * time. rd() forwards. fence() waits until the own buffer is empty, barrier() until each
 * one has been empty at some moment (membarrier). This is TSO: the order of all stores
 * but for one's own later loads. A read-modify-write stands behind a fence() in one
 * atomic step. SPDX-License-Identifier: MIT */
c_decl {
    int leat_shape, leat_mut;
};

#define SHAPE(n) c_expr { leat_shape == (n) }
#define MUT(n)   c_expr { leat_mut == (n) }

#define begin() \
    c_code { \
        leat_shape = getenv("SHAPE") ? atoi(getenv("SHAPE")) : 1; \
        leat_mut = getenv("MUT") ? atoi(getenv("MUT")) : 0; \
    }

#ifdef BUFFERS
byte mem[WORDS];
byte sbn[BUFFERS];
byte sba[BUFFERS * DEPTH];
byte sbv[BUFFERS * DEPTH];

#if DEPTH == 3
#define rd3(p, a, else_) \
    ((sbn[p] > 2 && sba[(p) * DEPTH + 2] == (a)) -> sbv[(p) * DEPTH + 2] : else_)
#else
#define rd3(p, a, else_) else_
#endif
#define rd1(p, a) \
    ((sbn[p] > 0 && sba[(p) * DEPTH] == (a)) -> sbv[(p) * DEPTH] : mem[a])
#define rd2(p, a) \
    ((sbn[p] > 1 && sba[(p) * DEPTH + 1] == (a)) -> sbv[(p) * DEPTH + 1] : rd1(p, a))
#define rd(p, a) (rd3(p, a, rd2(p, a)))

inline st(p, a, v)
{
    atomic {
        sbn[p] < DEPTH;
        sba[(p) * DEPTH + sbn[p]] = a;
        sbv[(p) * DEPTH + sbn[p]] = v;
        sbn[p] = sbn[p] + 1
    }
}

#define empty_sb(p) (sbn[p] == 0)
#define fence(p)    empty_sb(p)

#ifndef ON_DRAIN
#define ON_DRAIN(a)
#endif

inline drain(p)
{
    ON_DRAIN(sba[(p) * DEPTH])
    mem[sba[(p) * DEPTH]] = sbv[(p) * DEPTH];
    sbn[p] = sbn[p] - 1;
    sba[(p) * DEPTH] = (sbn[p] > 0 -> sba[(p) * DEPTH + 1] : 0);
    sbv[(p) * DEPTH] = (sbn[p] > 0 -> sbv[(p) * DEPTH + 1] : 0);
#if DEPTH == 3
    sba[(p) * DEPTH + 1] = (sbn[p] > 1 -> sba[(p) * DEPTH + 2] : 0);
    sbv[(p) * DEPTH + 1] = (sbn[p] > 1 -> sbv[(p) * DEPTH + 2] : 0);
    sba[(p) * DEPTH + 2] = 0;
    sbv[(p) * DEPTH + 2] = 0;
#else
    sba[(p) * DEPTH + 1] = 0;
    sbv[(p) * DEPTH + 1] = 0;
#endif
}

inline barrier()
{
    empty_sb(0);
#if BUFFERS > 1
    empty_sb(1);
#endif
#if BUFFERS > 2
    empty_sb(2);
#endif
}

/* By process p. Its own buffer first: the call is a full fence of the caller as well. */
inline barrier_by(p)
{
    fence(p);
    barrier()
}

active proctype memory()
{
end:
    do
    :: d_step { sbn[0] > 0 -> drain(0) }
#if BUFFERS > 1
    :: d_step { sbn[1] > 0 -> drain(1) }
#endif
#if BUFFERS > 2
    :: d_step { sbn[2] > 0 -> drain(2) }
#endif
    od
}
#endif
