/* rq.pml - the run queue where owner and thieves meet (engine/pool/rq.h, rq.c).
 *
 * The owner's plain stores of head, tail, next and slot[] go through a store buffer; a
 * thief asks, passes the barrier, copies, confirms. Positions are modulo 16 and a gate's
 * from and to modulo 8, both started just below their wrap; the ring has two places, the
 * next slot's number one bit. The owner does any sequence of operations; in the end he
 * empties the queue. Each item must be had by exactly one party.
 *
 * @big yes
 * @shape 1 any four operations against one thief who steals twice
 * @shape 2 full ring and next slot, emptied against a thief who steals three times
 * @shape 3 one operation against two thieves, one of whom may stop half-way
 * @part  4 any six operations against one thief who steals three times
 * @deep  5 any three operations against two thieves, one of whom may stop half-way
 * @mutation 1 shape=1 the thief does without the barrier
 * @mutation 2 shape=1 a pop without a look at the gate
 * @mutation 3 shape=1 the next slot is taken without a look at the gate
 * @mutation 4 shape=1 acknowledging leaves the theft in the gate
 * @mutation 5 shape=1 acknowledging by a store, whatever the gate is by then
 * @mutation 6 shape=1 a theft is confirmed by a store
 * @mutation 7 shape=1 an ask is left standing by the owner
 * @mutation 8 shape=1 giving way leaves head before what was stolen
 * @mutation 9 shape=2 an earlier theft that the owner does not know of is stolen again
 * @mutation 10 shape=2 a second theft's range replaces the first one's
 * @mutation 11 shape=1 head and tail are copied before the barrier
 * @mutation 12 shape=3 the gate has no versions
 * @mutation 13 shape=1 no second look after an acknowledgement
 * @mutation 14 shape=1 a taken next slot is not compared with the stolen one
 * @mutation 15 shape=2 the next slot is stolen twice
 * SPDX-License-Identifier: MIT */
#define BUFFERS 1
#define WORDS   5
#define DEPTH   3
#include "common.pml"

#define HEAD 0
#define TAIL 1
#define NEXT 2
#define SLOT 3

#define SIZE  2
#define STEAL 1
#define POS   15 /* mask of head and tail */
#define SHORT 7  /* of from and to */
#define START 14
#define ITEMS 8

/* gate: to:3 | from:3 | nseq:1 | NXT | ASK | version:4; next: item | nseq << 4 */
#define to_of(r)   ((r) & 7)
#define from_of(r) (((r) >> 3) & 7)
#define nseq_of(r) (((r) >> 6) & 1)
#define NXT        128
#define ASK        256
#define VER        512
#define VERS       (15 * VER)
#define up(v)      (MUT(12) -> ((v) & VERS) : (((v) + VER) & VERS))

/* h moved forward to `to`, if it is before it by less than half of SHORT */
#define by(h, to)      (((to) - (h)) & SHORT)
#define forward(h, to) ((by(h, to) > 0 && by(h, to) < 4) -> (((h) + by(h, to)) & POS) : (h))

int gate;
byte got[ITEMS];
byte born, ended;

inline have(i)
{
    assert(got[i] == 0);
    got[i] = 1
}

/* The owner has taken position hh or the next slot's x and found the gate changed. */
inline notice(at, xx)
{
    atomic { hh = (rd(0, HEAD) - 1) & POS; lost = false }
    do
    :: atomic {
           r = gate;
           if
           :: r == seen -> ok = !lost; break
           :: else
           fi;
           /* give_way */
           if
           :: from_of(r) != to_of(r) ->
              lost = lost || (at && (((hh - from_of(r)) & SHORT) <
                                     ((to_of(r) - from_of(r)) & SHORT)));
              if
              :: !MUT(8) -> v = forward(rd(0, HEAD), to_of(r)); st(0, HEAD, v)
              :: else
              fi
           :: else
           fi
       }
       atomic {
           if
           :: (r & NXT) ->
              lost = lost || (!MUT(14) && xx && (xx >> 4) == nseq_of(r));
              if
              :: rd(0, NEXT) && (rd(0, NEXT) >> 4) == nseq_of(r) -> st(0, NEXT, 0)
              :: else
              fi
           :: else
           fi
       }
       if
       :: MUT(7) && (r & ASK) && !(r & (VERS - 1) & ~ASK) ->
          atomic { seen = r; ok = !lost; break }
       :: (r & ~VERS) && !(MUT(7) && (r & ASK) && !(r & (VER - 1) & ~ASK)) ->
          atomic {
              fence(0) ->
              clean = up(r & VERS);
              if
              :: MUT(4) -> clean = (r & ~VERS & ~ASK) | up(r & VERS)
              :: else
              fi;
              if
              :: gate == r || MUT(5) -> gate = clean; seen = clean
              :: else
              fi
          }
          if
          :: MUT(13) -> atomic { ok = !lost; break }
          :: else
          fi
       :: !(r & ~VERS) -> seen = r
       fi
    od
}

inline mine(at, xx)
{
    if
    :: atomic { gate == seen -> ok = true }
    :: else -> notice(at, xx)
    fi
}

inline pop() /* item: 0 none */
{
    do
    :: atomic {
           hh = rd(0, HEAD);
           if
           :: hh == rd(0, TAIL) -> item = 0; break
           :: else -> item = rd(0, SLOT + hh % SIZE); st(0, HEAD, (hh + 1) & POS)
           fi
       }
       if
       :: MUT(2) -> atomic { have(item); break }
       :: else -> mine(true, 0);
          atomic {
              if
              :: ok -> have(item); break
              :: else
              fi
          }
       fi
    od
}

inline take_next() /* x: its content if it is ours, else 0 */
{
    atomic {
        x = rd(0, NEXT);
        if
        :: x -> st(0, NEXT, 0)
        :: else
        fi
    }
    if
    :: x && !MUT(3) -> mine(false, x);
       atomic {
           if
           :: !ok -> x = 0
           :: else
           fi
       }
    :: else
    fi
}

inline push(it)
{
    atomic {
        v = rd(0, TAIL);
        isfull = ((v - rd(0, HEAD)) & POS) >= SIZE;
        if
        :: !isfull -> st(0, SLOT + v % SIZE, it)
        :: else
        fi
    }
    if
    :: !isfull -> st(0, TAIL, (v + 1) & POS)
    :: else
    fi
}

inline put_next(it) /* former: pushed behind, or run when the ring is isfull */
{
    take_next();
    atomic { ns = (ns + 1) & 1; st(0, NEXT, it | (ns << 4)) }
    if
    :: x -> push(x & 15);
       atomic {
           if
           :: isfull -> have(x & 15)
           :: else
           fi
       }
    :: else
    fi;
    x = 0
}

proctype owner(byte ops)
{
    int r, clean, seen;
    byte hh, v, x, item, ns;
    bool lost, ok, isfull;
    seen = VERS - VER;
    do
    :: ops > 0 && born < ITEMS - 1 -> ops--; born++; push(born);
       atomic {
           if
           :: isfull -> have(born)
           :: else
           fi
       }
    :: ops > 0 && born < ITEMS - 1 -> ops--; born++; put_next(born)
    :: ops > 0 && SHAPE(2) == 0 && born > 0 -> ops--; pop()
    :: ops > 0 && SHAPE(2) == 0 && born > 0 -> ops--; take_next();
       atomic {
           if
           :: x -> have(x & 15); x = 0
           :: else
           fi
       }
    :: ops == 0 -> break
    od;
    do /* all that is left, as a worker does */
    :: take_next();
       if
       :: atomic { x -> have(x & 15); x = 0 }
       :: atomic { else -> x = 0 } pop();
          if
          :: atomic { item == 0 && rd(0, NEXT) == 0 -> break }
          :: else
          fi
       fi
    od;
    ended++
}

proctype thief(byte times; bool stops)
{
    int r, ask, done;
    byte h, t, e, n, x, it;
    bool owed;
    do
    :: times == 0 -> break
    :: atomic { else -> times--; r = gate }
       atomic {
           if
           :: (r & ASK) ->
              if
              :: gate != r -> goto next
              :: else -> r = (r & ~VERS & ~ASK) | up(r & VERS); gate = r
              fi
           :: else
           fi
       }
       atomic { /* T1 */
           if
           :: gate != r -> goto next
           :: else -> ask = (r & ~VERS) | ASK | up(r & VERS);
              gate = ask
           fi
       }
       if
       :: stops -> break /* for good, its ask stands */
       :: true
       fi;
       if
       :: MUT(11) -> h = mem[HEAD]; t = mem[TAIL]
       :: else
       fi;
       if
       :: !MUT(1) -> barrier()
       :: else
       fi;
       if
       :: !MUT(11) -> h = mem[HEAD]; t = mem[TAIL]
       :: else
       fi;
       atomic {
           owed = from_of(r) != to_of(r) && !MUT(9);
           e = (owed -> forward(h, to_of(r)) : h);
           n = ((t - e + 1) & POS) / 2;
           x = 0;
           it = 0;
           if
           :: n > STEAL -> goto next
           :: n == 1 -> it = mem[SLOT + e % SIZE]
           :: else
           fi
       }
       atomic {
           done = up(ask & VERS) | (r & (NXT | 64));
           if
           :: n == 0 && (!(r & NXT) || MUT(15)) ->
              x = mem[NEXT];
              if
              :: x -> done = (done & ~64) | NXT | ((x >> 4) << 6)
              :: else
              fi
           :: else
           fi;
           if
           :: n == 0 && x == 0 -> goto next
           :: else
           fi;
           if
           :: owed || n > 0 ->
              done = done | ((((owed && !MUT(10)) -> from_of(r) : e) & SHORT) << 3) |
                     ((e + n) & SHORT)
           :: else
           fi
       }
       atomic {
           if
           :: gate == ask || MUT(6) ->
              gate = done;
              if
              :: it -> have(it)
              :: else
              fi;
              if
              :: x -> have(x & 15)
              :: else
              fi
           :: else
           fi
       }
next:
       atomic { n = 0; x = 0; it = 0; h = 0; t = 0; e = 0; owed = false; done = 0; ask = 0;
                r = 0 }
    od;
    ended++
}

init
{
    byte i, parties;
    atomic {
        begin();
        mem[HEAD] = START;
        mem[TAIL] = START;
        gate = VERS - VER; /* one before the wrap */
        if
        :: SHAPE(1) -> run owner(4); run thief(2, false); parties = 2
        :: SHAPE(2) -> run owner(3); run thief(3, false); parties = 2
        :: SHAPE(3) -> run owner(1); run thief(1, true); run thief(1, false); parties = 3
        :: SHAPE(4) -> run owner(6); run thief(3, false); parties = 2
        :: SHAPE(5) -> run owner(3); run thief(1, true); run thief(1, false); parties = 3
        fi
    }
    atomic {
        ended == parties -> i = 1;
        do
        :: i <= born -> assert(got[i] == 1); i++
        :: else -> break
        od
    }
}
