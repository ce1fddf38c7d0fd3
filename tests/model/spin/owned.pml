/* owned.pml - a declared single producer: no locked instruction on its side
 * (engine/chan/owned.h, bounded.c).
 *
 * The producer's stores of busy, tail and the cell wait in its store buffer; a receiver
 * locks its side, passes the barrier and looks at the ticket; close stores CLOSING, passes
 * the barrier, stores CLOSED. A ring of one. At rest nobody is parked beside a value or a
 * channel that is closed and empty; nobody is told `closed` while a value is to come.
 *
 * @shape 1 a producer of two, a receiver of two
 * @shape 2 a producer of two, close, a receiver until closed
 * @shape 3 a parked producer, close, a receiver until closed
 * @mutation 1 shape=1 the receiver parks without the barrier
 * @mutation 2 shape=1 the producer looks for receivers before its value is there
 * @mutation 3 shape=2 close does without the barrier
 * @mutation 4 shape=2 the producer looks at shut before it is busy
 * @mutation 5 shape=2 drained is told without a look at busy
 * @mutation 6 shape=2 an owner who leaves a closing channel looks for nobody
 * @mutation 7 shape=3 drained is told while the producer is parked
 * @mutation 8 shape=1 a pump serves the parked producer outside its lock
 * @mutation 9 shape=2 close wakes nobody
 * @mutation 10 shape=3 an owner who is refused in the lock looks for nobody
 * SPDX-License-Identifier: MIT */
#define BUFFERS 1
#define DEPTH   3
#define WORDS   3
#include "common.pml"

#define TAIL 0 /* values sent */
#define CELL 1 /* 0 free, 1 full */
#define BUSY 2

mtype = {OPEN, CLOSING, CLOSED};
mtype = {OK, EMPTY, HALF, END};

mtype shut = OPEN;
byte head;
bool rlock, tlock, rwait, twait; /* each side has one party at most */
bool rwoken, twoken, told;
mtype result;
byte received;
bool putting; /* somebody moves the producer's ticket */

#define rword (rlock || rwait)
#define tword (tlock || twait)

/* The producer's operation, by himself or, while he is parked, by a pump. */
inline put(own, ok)
{
    atomic {
        assert(!putting);
        ok = (own -> rd(0, CELL) : mem[CELL]) == 0;
        putting = ok;
        if
        :: ok && own -> t = rd(0, TAIL) + 1; st(0, TAIL, t); t = 0
        :: ok && !own -> mem[TAIL] = mem[TAIL] + 1
        :: else
        fi
    }
    if
    :: ok && own -> st(0, CELL, 1)
    :: ok && !own -> mem[CELL] = 1
    :: else
    fi;
    putting = false
}

/* r: what a receiver finds; the tail word as leati_owned_tail has it. */
inline take()
{
    if
    :: atomic { mem[CELL] == 1 -> assert(!told); head++; mem[CELL] = 0; r = OK }
    :: else ->
       t = mem[TAIL];
       if
       :: shut != CLOSED -> r = (t == head -> EMPTY : HALF)
       :: else ->
          if
          :: tword && !MUT(7) -> r = HALF
          :: else ->
             if
             :: mem[BUSY] && !MUT(5) -> r = HALF
             :: else -> t = mem[TAIL]; atomic { r = (t == head -> END : HALF); told = told || r == END }
             fi
          fi
       fi
    fi;
    t = 0
}

/* Serves the parked producer, then the parked receiver, while there is something. */
inline pump()
{
    do
    :: did = false;
       if
       :: tword ->
          atomic { !tlock || MUT(8) -> tlock = true }
          if
          :: twait -> put(false, did);
             if
             :: did -> twait = false; twoken = true
             :: else
             fi
          :: else
          fi;
          tlock = false
       :: else
       fi;
       if
       :: rword ->
          atomic { !rlock -> rlock = true }
          if
          :: rwait -> take();
             if
             :: r == OK || r == END -> result = r; rwait = false; rwoken = true; did = true
             :: else
             fi
          :: else
          fi;
          rlock = false
       :: else
       fi;
       if
       :: !did -> break
       :: else
       fi
    od
}

proctype producer(byte times)
{
    byte t;
    mtype r;
    bool ok, did, look;
    do
    :: times == 0 -> break
    :: else ->
       if
       :: MUT(4) && shut != OPEN -> break
       :: else
       fi;
       st(0, BUSY, 1);
       ok = false;
       look = MUT(2) && rword;
       if
       :: shut == OPEN || MUT(4) -> put(true, ok)
       :: else -> look = true; times = 0
       fi;
       st(0, BUSY, 0);
       look = (MUT(2) -> look : rword) && (ok || (shut != OPEN && !MUT(6)));
       if
       :: look -> fence(0); pump()
       :: else
       fi;
       if
       :: ok -> times--
       :: !ok && times -> /* full: parks */
          atomic { fence(0) && !tlock -> tlock = true }
          if
          :: shut != OPEN -> tlock = false; /* the lock looked like a parked sender */
             if
             :: rword && !MUT(10) -> pump()
             :: else
             fi;
             break
          :: else -> twait = true; tlock = false;
             if
             :: mem[CELL] == 0 -> pump()
             :: else
             fi;
end_parked:
             atomic { twoken -> twoken = false; times-- }
          fi
       :: else
       fi
    od
}

proctype receiver(byte times)
{
    byte t;
    mtype r;
    bool did;
    do
    :: times == 0 -> break
    :: else -> take();
       if
       :: r == OK -> times--; received++; pump()
       :: r == END -> break
       :: else ->
          atomic { !rlock -> rlock = true; rwait = true }
          rlock = false;
          if
          :: !MUT(1) -> barrier()
          :: else
          fi;
          if
          :: mem[TAIL] != head || shut == CLOSED -> pump(); barrier(); pump()
          :: else
          fi;
end_parked:
          atomic { rwoken -> rwoken = false }
          if
          :: result == OK -> times--; received++
          :: else -> break
          fi
       fi
    od
}

proctype closer()
{
    byte t;
    mtype r;
    bool did;
    atomic { !tlock -> tlock = true }
    shut = CLOSING;
    tlock = false;
    if
    :: !MUT(3) -> barrier()
    :: else
    fi;
    shut = CLOSED;
    if
    :: rword && !MUT(9) -> pump()
    :: else
    fi
}

init
{
    atomic {
        begin();
        if
        :: SHAPE(1) -> run producer(2); run receiver(2)
        :: SHAPE(2) -> run producer(2); run closer(); run receiver(3)
        :: SHAPE(3) -> mem[CELL] = 1; mem[TAIL] = 1; run producer(1); run closer();
           run receiver(3)
        fi
    }
end:
    timeout;
    assert(!rlock && !tlock);
    assert(!rwait || (mem[CELL] == 0 && mem[TAIL] == head && shut == OPEN));
    assert(!twait || mem[CELL] == 1);
    assert(mem[TAIL] == head + mem[CELL] && received == head);
    assert(!told || !mem[CELL])
}
