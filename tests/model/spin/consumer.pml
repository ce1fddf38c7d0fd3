/* consumer.pml - a declared single consumer: no locked instruction on its side
 * (engine/chan/owned.h, bounded.c).
 *
 * The owner's stores of head and the cell wait in its store buffer; so do a sender's
 * publishing and every unlock. A sender lists itself, passes the barrier and looks at the
 * tickets; a pump moves head for the owner while that is parked. A ring of one. Cancel
 * leaves what is inside to the owner. At rest nobody is parked beside what it waits for;
 * each value is taken once and in order; after a cancel has returned no receive that
 * begins later gets one; nobody is told `closed` while a value is to come.
 *
 * @shape 1 a sender of two, an owner of two
 * @shape 2 a sender, close, an owner until closed
 * @shape 3 a parked sender, close, an owner until closed
 * @shape 4 full, a sender, cancel, an owner of two
 * @shape 5 a sender, an owner who may give up
 * @deep 6 two senders, an owner of two
 * @deep 7 a sender of two, cancel, an owner of two
 * @mutation 1 shape=1 a sender parks without the barrier
 * @mutation 2 shape=1 a sender does not look at the tickets when it is listed
 * @mutation 3 shape=1 the owner looks for senders before its cell is free
 * @mutation 4 shape=1 the parked owner does not look at the tickets
 * @mutation 5 shape=1 a pump serves the owner outside its lock
 * @mutation 6 shape=4 cancel takes the values out itself
 * @mutation 7 shape=4 the owner does not look whether it was cancelled
 * @mutation 8 shape=2 close wakes nobody
 * @mutation 9 shape=4 cancel leaves the parked senders
 * @mutation 10 shape=1 the owner is passed over when its value is half-done
 * @mutation 11 shape=1 a send looks for the owner before it takes its ticket
 * @mutation 12 shape=1 the owner is woken before its head has moved
 * SPDX-License-Identifier: MIT */
#define BUFFERS 3
#define DEPTH   3
#define WORDS   4
#include "common.pml"

#define HEAD  0
#define TURN  1 /* of the cell: 2 * ticket free, 2 * ticket + 1 full */
#define RLOCK 2
#define TLOCK 3
#define OWNER 0

mtype = {OK, EMPTY, FULL, HALF, OWED, END, LATE};

byte tail, taken;
bool C, H;
byte parked[2];         /* senders, the oldest first; 0: none */
bool rwait, rwoken, twoken[3];
mtype rresult, tresult[3];
byte sent, received, dropped;
bool cancelled, cancel_done, told, moving;

#define tword(p) (rd(p, TLOCK) || parked[0])
#define rword(p) (rd(p, RLOCK) || rwait)

inline lock_side(p, l) { atomic { fence(p) && !mem[l] -> mem[l] = 1 } }
inline unlock_side(p, l) { st(p, l, 0) }

/* By the owner, or for it. r: OK, EMPTY, HALF, OWED, END */
inline take(p)
{
    atomic {
        w = rd(p, HEAD);
        r = (rd(p, TURN) == 2 * w + 1 -> OK : EMPTY);
        assert(r != OK || (!moving && !told && w == taken));
        moving = moving || r == OK
    }
    if
    :: r == OK ->
       atomic { st(p, HEAD, w + 1); taken++ }
       atomic { st(p, TURN, 2 * w + 2); moving = false }
    :: else ->
       atomic {
           r = (tail != w -> HALF :
                (!C -> EMPTY : (H -> OWED : END)));
           told = told || r == END
       }
    fi;
    w = 0
}

/* By a sender, or for a parked one (may). r: OK, FULL, HALF, END */
inline put(p, may)
{
    do
    :: atomic {
           w = tail;
           if
           :: C && !may -> r = END; break
           :: else
           fi
       }
       if
       :: atomic {
              rd(p, TURN) == 2 * w && fence(p) ->
              if
              :: tail == w && (may || !C) -> tail++; r = OK; break
              :: else
              fi
          }
       :: atomic { rd(p, TURN) < 2 * w -> r = (rd(p, HEAD) + 1 == w -> FULL : HALF); break }
       :: rd(p, TURN) > 2 * w
       fi
    od;
    if
    :: r == OK -> st(p, TURN, 2 * w + 1)
    :: else
    fi;
    w = 0
}

inline pump_owner(p)
{
    atomic { hit = false; did = false }
    if
    :: !MUT(5) -> lock_side(p, RLOCK)
    :: else
    fi;
    if
    :: rwait ->
       take(p);
       atomic {
           if
           :: r == OK || r == END -> rwait = false; rresult = r; hit = true;
              did = r == OK;
              rwoken = rwoken || MUT(12)
           :: else -> end = (end == 0 -> r : end)
           fi
       }
    :: else
    fi;
    did = did || !rwait; /* nobody is left: as the last to lower H */
    unlock_side(p, RLOCK);
    if
    :: hit && !MUT(12) -> atomic { fence(p); rwoken = true }
    :: else
    fi
}

inline pump_senders(p)
{
    did = false;
    lock_side(p, TLOCK);
    do
    :: parked[0] ->
       put(p, true);
       if
       :: atomic {
              r == OK -> m = parked[0]; parked[0] = parked[1]; parked[1] = 0;
              tresult[m] = OK; twoken[m] = true; m = 0; did = true
          }
       :: else -> end = (end == 0 -> r : end); break
       fi
    :: else -> break
    od;
    atomic {
        fence(p);
        if
        :: H && !parked[0] -> H = false; did = true
        :: else
        fi
    }
    unlock_side(p, TLOCK)
}

/* which: 1 the owner, 2 the senders. end: how the first of them ended. */
inline pump(p, which)
{
    atomic { todo = which; end = 0 }
    do
    :: todo == 0 -> break
    :: todo & 1 -> pump_owner(p); end = (end == 0 -> OK : end);
       atomic { todo = todo & 2; todo = (did && tword(p) -> 2 : todo) }
    :: todo == 2 -> pump_senders(p); end = (end == 0 -> OK : end);
       todo = (did && rword(p) -> 1 : 0)
    od;
    atomic { hit = false; did = false; r = 0 }
}

/* By the tickets: could who is parked on that side be served? */
#define ready(p, side) \
    ((side) == 1 && (tail != rd(p, HEAD) || (C && !H))) || \
        ((side) == 2 && rd(p, HEAD) + 1 != tail)

/* After listing, until it may sleep. */
inline look_again(p, side)
{
    do
    :: ready(p, side) ->
       pump(p, side);
       if
       :: end != HALF || MUT(10) -> break
       :: else ->
          if
          :: true
          :: barrier_by(p); pump(p, side); break
          fi
       fi
    :: else -> break
    od;
    end = 0
}

inline drop_inside(p)
{
    do
    :: take(p);
       if
       :: r == OK -> dropped++
       :: else -> break
       fi
    od
}

#define LOCALS \
    byte w, todo, m; \
    mtype r, end; \
    bool did, hit, look

proctype sender(byte p; byte times)
{
    LOCALS;
    do
    :: times == 0 -> break
    :: else ->
       look = MUT(11) && rword(p);
       put(p, false);
       if
       :: r == OK ->
          if
          :: (MUT(11) -> look : rword(p)) -> pump(p, 1)
          :: else
          fi;
          sent++;
          times--
       :: r == END -> break
       :: r == HALF
       :: r == FULL ->
          lock_side(p, TLOCK);
          if
          :: C -> unlock_side(p, TLOCK); break
          :: else ->
             if
             :: parked[0] -> parked[1] = p
             :: else -> parked[0] = p
             fi;
             unlock_side(p, TLOCK);
             if
             :: !MUT(1) -> barrier_by(p)
             :: else
             fi;
             if
             :: !MUT(2) -> look_again(p, 2)
             :: else
             fi;
end_parked:
             atomic { twoken[p] -> twoken[p] = false; r = tresult[p] }
             if
             :: r == OK -> sent++; times--
             :: else -> break
             fi
          fi
       fi
    od
}

/* A sender that was parked at the start. */
proctype waiter(byte p)
{
end_parked:
    atomic { twoken[p] -> twoken[p] = false; sent = (tresult[p] == OK -> sent + 1 : sent) }
}

proctype owner(byte times; bool timed)
{
    LOCALS;
    bool late;
    do
    :: times == 0 -> break
    :: else ->
       late = cancel_done;
       if
       :: cancelled && !MUT(7) -> drop_inside(OWNER); break
       :: else
       fi;
again:
       look = MUT(3) && tword(OWNER);
       take(OWNER);
       look = (MUT(3) -> look : r == OK && tword(OWNER));
       if
       :: r == OK -> assert(!late); received++; times--;
          if
          :: look -> pump(OWNER, 2)
          :: else
          fi;
          look = false;
          if
          :: cancelled && !MUT(7) -> drop_inside(OWNER); break
          :: else
          fi
       :: r == END -> break
       :: r == OWED -> pump(OWNER, 2); goto again
       :: r == HALF || r == EMPTY ->
          atomic { fence(OWNER) && !mem[RLOCK] -> mem[RLOCK] = 1; rwait = true }
          unlock_side(OWNER, RLOCK);
          if
          :: !MUT(4) -> look_again(OWNER, 1)
          :: else
          fi;
end_parked:
          if
          :: atomic { rwoken -> rwoken = false; r = rresult }
          :: timed && !rwoken ->
             lock_side(OWNER, RLOCK);
             atomic { r = (rwait -> LATE : OK); rwait = false }
             unlock_side(OWNER, RLOCK);
             if
             :: tword(OWNER) -> pump(OWNER, 2); r = (rwoken -> OK : LATE)
             :: else
             fi;
             if
             :: r == OK -> atomic { rwoken -> rwoken = false; r = rresult }
             :: else
             fi
          fi;
          if
          :: r == OK -> received++; times--
          :: else -> break
          fi
       fi
    od
}

proctype closer(byte p; bool cancel)
{
    LOCALS;
    cancelled = cancel;
    lock_side(p, TLOCK);
    atomic { fence(p); C = true; H = parked[0] != 0 }
    if
    :: cancel && !MUT(9) ->
       atomic {
           do
           :: parked[0] -> m = parked[0]; parked[0] = parked[1]; parked[1] = 0;
              tresult[m] = END; twoken[m] = true
           :: else -> H = false; m = 0; break
           od
       }
    :: else
    fi;
    unlock_side(p, TLOCK);
    if
    :: rword(p) && !MUT(8) -> pump(p, 1)
    :: else
    fi;
    if
    :: MUT(6) -> drop_inside(p)
    :: else
    fi;
    cancel_done = cancel
}

init
{
    atomic {
        begin();
        if
        :: SHAPE(3) || SHAPE(4) -> tail = 1; sent = 1; mem[TURN] = 1
        :: else
        fi;
        if
        :: SHAPE(1) -> run sender(1, 2); run owner(2, false)
        :: SHAPE(2) -> run sender(1, 1); run closer(2, false); run owner(2, false)
        :: SHAPE(3) -> parked[0] = 1; run waiter(1); run closer(2, false);
           run owner(3, false)
        :: SHAPE(4) -> run sender(1, 1); run closer(2, true); run owner(2, false)
        :: SHAPE(5) -> run sender(1, 1); run owner(1, true)
        :: SHAPE(6) -> run sender(1, 1); run sender(2, 1); run owner(2, false)
        :: SHAPE(7) -> run sender(1, 2); run closer(2, true); run owner(2, false)
        fi
    }
end:
    timeout;
    assert(!mem[RLOCK] && !mem[TLOCK] && !moving);
    assert(!rwait || (tail == mem[HEAD] && !(C && !H)));
    assert(!parked[0] || tail == mem[HEAD] + 1);
    assert(!rwoken && !twoken[1] && !twoken[2]);
    assert(taken == mem[HEAD] && taken == received + dropped);
    assert(sent == tail)
}
