/* queues.pml - the injection queue with its half-linked state (engine/pool/inject.c and
 * the queue library), and the unbounded channel (engine/chan/unbounded.c).
 *
 * Injection: an enqueue is an exchange of the tail, then a store of the link; a consumer
 * under the lock takes what is visible and may keep the rest of a batch. A worker sleeps
 * only when nothing is there, not even half-linked; the enqueuer looks for sleepers.
 * Channel: a sender stores tail under its lock, then looks for receivers; a receiver is
 * listed in the critical section in which it found the queue empty.
 *
 * @shape 1 two threads inject, a worker takes and sleeps
 * @shape 2 a batch of two, two workers one takes a single fiber and computes
 * @shape 3 unbounded: two senders, two receivers, one timed
 * @shape 4 unbounded: a sender, close, two receivers until closed
 * @mutation 1 shape=1 a half-linked queue is made empty by its taker
 * @mutation 2 shape=1 a worker sleeps without another look
 * @mutation 3 shape=1 an enqueuer looks for sleepers before it has enqueued
 * @mutation 4 shape=2 what is left of a batch does not count
 * @mutation 5 shape=2 two workers take at once
 * @mutation 6 shape=3 a receiver is listed after it has let go of the lock
 * @mutation 7 shape=3 a sender looks for receivers before its value is there
 * @mutation 8 shape=4 close wakes nobody
 * @mutation 9 shape=4 a sender looks at C outside the lock
 * @mutation 10 shape=3 a newcomer does not take the lock of the parked ones
 * @mutation 11 shape=4 closed is told while values are inside
 * SPDX-License-Identifier: MIT */
#include "common.pml"

/* --- injection --- */

byte tailq, headq;        /* nodes: 0 is the dummy that the head holds */
byte link_[4];            /* next + 1 of a node */
byte size[4], rest;       /* fibers of a batch; of one that was taken off */
bool lock, sleeping[2];
byte born, ran, busy;

#define nothing_there() \
    (tailq == headq && (rest == 0 || MUT(4)) && (!lock || MUT(4)))

proctype enqueuer(byte node; byte n)
{
    byte old;
    bool look;
    size[node] = n;
    look = MUT(3) && (sleeping[0] || sleeping[1]);
    atomic { old = tailq; tailq = node }
    link_[old] = node + 1;
    look = (MUT(3) -> look : (sleeping[0] || sleeping[1]));
    if
    :: look -> atomic {
           if
           :: sleeping[0] -> sleeping[0] = false
           :: else -> sleeping[1] = false
           fi
       }
    :: else
    fi
}

proctype worker(byte p; byte most)
{
    byte got, b;
    do
    :: atomic {
           got = 0;
           if
           :: !lock || MUT(5) -> lock = true; b = rest
           :: else -> b = 99
           fi
       }
       if
       :: b == 99
       :: b == 0 ->
          if
          :: link_[headq] ->
             atomic {
                 headq = link_[headq] - 1;
                 b = size[headq];
                 assert(b)
             }
          :: else -> tailq = (MUT(1) -> headq : tailq)
          fi
       :: else
       fi;
       if
       :: b != 99 ->
          got = (b < most -> b : most);
          rest = b - got;
          lock = false;
          ran = ran + got
       :: else
       fi;
       if
       :: got && !nothing_there() -> atomic { /* the rule: wake another one */
              if
              :: sleeping[1 - p] -> sleeping[1 - p] = false
              :: else
              fi
          }
       :: got && nothing_there()
       :: !got && !nothing_there()
       :: !got && nothing_there() ->
          sleeping[p] = true;
          if
          :: !MUT(2) && !nothing_there() ->
             sleeping[p] = false
          :: else
          fi;
end_asleep:
          !sleeping[p]
       fi;
       if
       :: got && most == 1 -> break /* that fiber computes for ever */
       :: else
       fi
    od
}

/* --- the unbounded channel --- */

byte sent, taken;
bool C, txlock, rxlock;
byte list[2], nlist, outcome[2]; /* 1: a value, 2: closed, 3: late */
bool told;

#define rxword (rxlock || nlist)

inline serve()
{
    do
    :: nlist && (sent != taken || C) ->
       atomic {
           if
           :: sent != taken -> assert(!told); taken++; outcome[list[0]] = 1
           :: else -> told = true; outcome[list[0]] = 2
           fi;
           list[0] = list[1];
           nlist--
       }
    :: else -> break
    od
}

inline pump()
{
    atomic { !rxlock -> rxlock = true }
    serve();
    rxlock = false
}

proctype sender()
{
    bool look, shut;
    if
    :: MUT(9) -> shut = C
    :: else
    fi;
    atomic { !txlock -> txlock = true }
    if
    :: !MUT(9) -> shut = C
    :: else
    fi;
    if
    :: !shut ->
       look = MUT(7) && rxword;
       sent = sent + 1;
       txlock = false;
       if
       :: (MUT(7) -> look : rxword) -> pump()
       :: else
       fi
    :: else -> txlock = false
    fi
}

proctype receiver(byte p; byte times; bool timed)
{
    bool closed;
    byte b;
    do
    :: times == 0 -> break
    :: else ->
       if
       :: atomic { !rxlock && !MUT(10) -> rxlock = true }
       :: MUT(10)
       fi;
       if
       :: atomic { sent != taken && !(MUT(11) && C) -> closed = false }
          if
          :: MUT(10) -> b = taken; taken = b + 1; b = 0
          :: atomic { !MUT(10) -> assert(!told); taken++ }
          fi;
          rxlock = false;
          times--
       :: atomic { else -> closed = C } /* one word with the tickets */
          if
          :: closed -> atomic { told = true; rxlock = false; break }
          :: else
          fi;
          if
          :: MUT(6) -> rxlock = false; atomic { !rxlock -> rxlock = true }
          :: else
          fi;
          atomic { outcome[p] = 0; list[nlist] = p; nlist++ }
          if
          :: !MUT(6) -> serve()
          :: else
          fi;
          rxlock = false;
end_parked:
          if
          :: outcome[p]
          :: timed && !outcome[p] ->
             atomic { !rxlock -> rxlock = true }
             atomic {
                 if
                 :: !outcome[p] ->
                    list[0] = (list[0] == p -> list[1] : list[0]);
                    nlist--;
                    outcome[p] = 3
                 :: else
                 fi;
                 rxlock = false
             }
          fi;
          if
          :: outcome[p] == 1 -> times--
          :: else -> break
          fi
       fi
    od
}

proctype closer()
{
    atomic { !txlock -> txlock = true }
    C = true;
    txlock = false;
    if
    :: rxword && !MUT(8) -> pump()
    :: else
    fi
}

init
{
    atomic {
        begin();
        if
        :: SHAPE(1) -> born = 2; run enqueuer(1, 1); run enqueuer(2, 1); run worker(0, 3)
        :: SHAPE(2) -> born = 2; run enqueuer(1, 2); run worker(0, 1); run worker(1, 3)
        :: SHAPE(3) -> run sender(); run sender(); run receiver(0, 1, true);
           run receiver(1, 1, false)
        :: SHAPE(4) -> run sender(); run closer(); run receiver(0, 2, false);
           run receiver(1, 2, false)
        fi
    }
end:
    timeout;
    assert(ran == born);
    assert(!rxlock && !txlock && !lock);
    assert(!nlist || (sent == taken && !C));
    assert(!told || sent == taken)
}
