/* sync.pml - semaphore, mutex, wait group: hand-over against timeouts
 * (engine/park/sem.c, mutex.c, wg.c, waitq.h).
 *
 * Three parties; a timed one may give up at any moment while it is parked. The lists are
 * served in order under a lock. At rest nobody waits beside what he could have, WAIT
 * stands exactly while somebody is listed, and permits are conserved; a mutex has one
 * owner; a wait group's waiters return when the count is zero and not before.
 *
 * @shape 1 semaphore: one wants two and may give up, one wants one, one is released
 * @shape 2 semaphore: two take and give back one
 * @shape 3 mutex: three parties, one timed
 * @shape 4 mutex: three parties, one of them twice
 * @shape 5 wait group: a thing to do and one added, a waiter, a timed waiter
 * @shape 6 semaphore: two want one, two are released at once
 * @mutation 1 shape=1 a leaver does not serve those behind
 * @mutation 2 shape=2 a leaver stays listed
 * @mutation 3 shape=1 WAIT is set by a store
 * @mutation 4 shape=6 serving stops at the first
 * @mutation 5 shape=4 an unlock leaves the waiters alone
 * @mutation 6 shape=3 a told waiter gives up without a try
 * @mutation 7 shape=4 a told waiter's failed try leaves TOLD
 * @mutation 8 shape=3 an unlock under the lock forgets WAIT
 * @mutation 9 shape=3 the mutex is free although it was handed on
 * @mutation 10 shape=5 the last thing is done without the lock
 * @mutation 11 shape=5 a waiter is listed without WAIT
 * @mutation 12 shape=5 the last step does not look whether it still is the last
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#define PARTIES 4

mtype = {NONE, TAKEN, AGAIN, LATE};

byte free;               /* permits; the wait group's count */
bool WAIT, LOCKED, TOLD; /* each word is read and changed as one */
bool lock;
byte list[PARTIES], nlist, want[PARTIES];
bool listed[PARTIES], lost[PARTIES];
mtype result[PARTIES];
byte inside, held;
bool sem;

inline enter() { atomic { !lock -> lock = true } }
inline leave() { lock = false }

inline remove(q)
{
    i = 0;
    do
    :: list[i] == q -> break
    :: else -> i++
    od;
    do
    :: i + 1 < nlist -> list[i] = list[i + 1]; i++
    :: else -> break
    od;
    nlist--;
    list[nlist] = 0;
    listed[q] = false;
    i = 0
}

inline append(q)
{
    list[nlist] = q;
    nlist++;
    listed[q] = true
}

inline complete(q, r)
{
    remove(q);
    assert(result[q] == NONE);
    result[q] = r
}

/* gaveup */
inline abort()
{
    enter();
    atomic {
        gaveup = listed[p];
        if
        :: gaveup && !MUT(2) ->
           remove(p);
           WAIT = WAIT && nlist > 0
        :: else
        fi
    }
    leave()
}

/* --- semaphore --- */

inline give(n)
{
    atomic {
        if
        :: !WAIT -> free = free + n; served = true
        :: else -> served = false
        fi
    }
    if
    :: !served ->
       enter();
       atomic {
           if
           :: !WAIT -> free = free + n
           :: else ->
              free = free + n;
              do
              :: nlist && want[list[0]] <= free ->
                 free = free - want[list[0]];
                 q = list[0];
                 complete(q, TAKEN);
                 if
                 :: MUT(4) -> break
                 :: else
                 fi
              :: else -> break
              od;
              WAIT = nlist > 0;
              q = 0
           fi
       }
       leave()
    :: else
    fi
}

proctype acquirer(byte p; byte n; bool timed; bool back)
{
    byte i, q, seen;
    bool gaveup, served, had;
    atomic {
        result[p] = NONE;
        want[p] = n;
        if
        :: !WAIT && free >= n -> free = free - n; result[p] = TAKEN
        :: else
        fi
    }
    if
    :: result[p] == NONE ->
       enter();
       if
       :: MUT(3) -> seen = free; WAIT = true; had = false; append(p)
       :: atomic {
              !MUT(3) ->
              if
              :: !WAIT && free >= n -> free = free - n; result[p] = TAKEN
              :: else -> WAIT = true; append(p)
              fi
          }
       fi;
       leave();
end_park:
       if
       :: result[p] != NONE
       :: timed && result[p] == NONE ->
          abort();
          if
          :: gaveup ->
             result[p] = LATE;
             if
             :: !MUT(1) -> give(0)
             :: else
             fi
          :: else -> result[p] != NONE
          fi
       fi
    :: else
    fi;
    if
    :: result[p] == TAKEN && back -> give(n)
    :: result[p] == TAKEN && !back -> held = held + n
    :: else
    fi
}

proctype releaser(byte n)
{
    byte i, q, p;
    bool served;
    give(n)
}

/* --- mutex --- */

inline take()
{
    atomic {
        got = !LOCKED;
        LOCKED = true
    }
}

proctype locker(byte p; byte times; bool timed)
{
    byte i, q;
    bool gaveup, got, slow;
    do
    :: times == 0 -> break
    :: else ->
       times--;
       lost[p] = false;
       take();
       do
       :: got -> break
       :: else ->
          result[p] = NONE;
          enter();
          atomic { /* takes it, or sets WAIT while it is LOCKED */
              got = !LOCKED;
              LOCKED = true;
              if
              :: !got ->
                 WAIT = true;
                 append(p);
                 if
                 :: lost[p] && nlist > 1 ->
                    list[2] = (nlist == 3 -> list[1] : list[2]);
                    list[1] = list[0];
                    list[0] = p
                 :: else
                 fi
              :: else
              fi
          }
          leave();
          if
          :: got -> break
          :: else
          fi;
end_park:
          if
          :: result[p] != NONE
          :: timed && result[p] == NONE ->
             abort();
             if
             :: gaveup -> result[p] = LATE
             :: else -> result[p] != NONE
             fi
          fi;
          if
          :: result[p] == LATE || (result[p] == AGAIN && timed && MUT(6)) -> goto out
          :: result[p] == TAKEN -> got = true
          :: result[p] == AGAIN && !(timed && MUT(6)) ->
             atomic {
                 got = !LOCKED;
                 LOCKED = true;
                 TOLD = TOLD && !got && MUT(7);
                 lost[p] = !got
             }
          fi
       od;
       atomic { inside++; assert(inside == 1) }
       inside--;
       atomic {
           slow = WAIT && !TOLD && !MUT(5);
           LOCKED = slow
       }
       if
       :: slow ->
          enter();
          if
          :: nlist == 0 -> atomic { LOCKED = false; WAIT = false; TOLD = false }
          :: else ->
             q = list[0];
             if
             :: atomic {
                    true -> /* handed on: it has lost, or waited for long */
                    complete(q, TAKEN);
                    LOCKED = !MUT(9);
                    TOLD = false;
                    WAIT = nlist > 0 && !MUT(8)
                }
             :: atomic {
                    !lost[q] ->
                    complete(q, AGAIN);
                    LOCKED = false;
                    TOLD = true;
                    WAIT = nlist > 0 && !MUT(8)
                }
             fi
          fi;
          q = 0;
          leave()
       :: else
       fi
    od;
out:
    skip
}

/* --- wait group --- */

proctype doer(bool late)
{
    byte i, q, p;
    bool ok;
    atomic { /* one more, while there is something to do */
        if
        :: late && free == 0 -> goto out
        :: late && free -> free++
        :: else
        fi
    }
    do
    :: atomic {
           if
           :: !(WAIT && free == 1) || MUT(10) ->
              free--;
              break
           :: else
           fi
       }
       enter();
       atomic {
           ok = (WAIT && free == 1) || MUT(12);
           if
           :: ok ->
              free = 0;
              WAIT = false;
              do
              :: nlist -> q = list[0]; complete(q, TAKEN)
              :: else -> break
              od
           :: else
           fi;
           q = 0
       }
       leave();
       if
       :: ok -> break
       :: else
       fi
    od;
out:
    skip
}

proctype waiter(byte p; bool timed)
{
    byte i;
    bool gaveup;
    result[p] = NONE;
    if
    :: free == 0 -> result[p] = TAKEN
    :: else ->
       enter();
       atomic {
           if
           :: free == 0 -> result[p] = TAKEN
           :: else -> WAIT = !MUT(11) || WAIT; append(p)
           fi
       }
       leave()
    fi;
end_park:
    if
    :: result[p] != NONE
    :: timed && result[p] == NONE ->
       abort();
       if
       :: gaveup -> result[p] = LATE
       :: else -> result[p] != NONE
       fi
    fi;
    assert(result[p] != TAKEN || free == 0)
}

init
{
    atomic {
        begin();
        sem = SHAPE(1) || SHAPE(2) || SHAPE(6);
        if
        :: SHAPE(1) -> run acquirer(0, 2, true, false); run acquirer(1, 1, false, false);
           run releaser(1)
        :: SHAPE(2) -> free = 1; run acquirer(0, 1, true, true);
           run acquirer(1, 1, false, true); run acquirer(2, 1, false, true)
        :: SHAPE(3) -> run locker(0, 1, true); run locker(1, 1, false); run locker(2, 1, false)
        :: SHAPE(4) -> run locker(0, 2, false); run locker(1, 1, false);
           run locker(2, 1, false)
        :: SHAPE(5) -> free = 1; run doer(false); run doer(true); run waiter(0, false);
           run waiter(1, true)
        :: SHAPE(6) -> run acquirer(0, 1, false, false); run acquirer(1, 1, false, false);
           run releaser(2)
        fi
    }
end:
    timeout;
    assert(!lock && WAIT == (nlist > 0));
    assert(!(sem) || !nlist || want[list[0]] > free);
    assert(!(sem) || free + held == (SHAPE(6) -> 2 : 1));
    assert(sem || (!nlist && !LOCKED && !TOLD));
    assert(!SHAPE(5) || free == 0)
}
