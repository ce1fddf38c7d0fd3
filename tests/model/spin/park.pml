/* park.pml - how a thread sleeps: the futex of a wait (engine/park/thread.c) and the
 * event count (engine/park/event.h).
 *
 * The futex compares and enqueues in one step; it may return for nothing and, with a
 * deadline, at any time; a call on a word whose wait has returned wakes nobody. Wake-ups
 * go through to a sleeper once. Every completion is seen, a deadline withdraws or waits.
 *
 * @shape 1 a wait with a deadline, a completer
 * @shape 2 a wait without one, a completer
 * @shape 3 an event count: one waits for a flag, one raises twice
 * @shape 4 an event count: two wait, one raises
 * @mutation 1 shape=2 the word is SLEEPING by a store
 * @mutation 2 shape=2 the futex does not compare
 * @mutation 3 shape=2 the completer stores DONE and wakes by what it read before
 * @mutation 4 shape=1 after the deadline nobody waits for a completer at work
 * @mutation 5 shape=1 a deadline withdraws by a store
 * @mutation 6 shape=3 the count is read behind the look at the flag
 * @mutation 7 shape=3 a raise wakes without counting
 * @mutation 8 shape=4 a raise wakes one
 * @mutation 9 shape=3 the waiters' flag is looked at before the count is raised
 * SPDX-License-Identifier: MIT */
#include "common.pml"

mtype = {WAITING, SLEEPING, DONE};

mtype word = WAITING;
bool claimed, value, gone;
byte nap[3];    /* 1: enqueued, 0: awake */

byte count;
bool flagged, waiters;

/* Waits on the wait's word until it is DONE, or the deadline. */
inline sleep_until_done(timed)
{
    do
    :: word == DONE -> break
    :: word != DONE ->
       if
       :: MUT(1) -> word = SLEEPING
       :: atomic {
              !MUT(1) ->
              if
              :: word == WAITING -> word = SLEEPING
              :: else
              fi
          }
       fi;
       if
       :: word == DONE && !MUT(2) -> break
       :: else
       fi;
       atomic { /* the kernel */
           if
           :: word == SLEEPING || MUT(2) -> nap[0] = 1
           :: else
           fi
       }
       if
       :: nap[0] == 0
       :: timed && nap[0] == 1 -> nap[0] = 0; out = true
       fi;
       if
       :: out -> break
       :: else
       fi
    od
}

proctype sleeper(bool timed)
{
    bool out, mine;
    sleep_until_done(timed);
    if
    :: word != DONE ->
       if
       :: MUT(5) && !claimed -> mine = true; claimed = true
       :: atomic { !(MUT(5) && !claimed) -> mine = !claimed; claimed = true }
       fi;
       out = false;
       if
       :: !mine && !MUT(4) -> sleep_until_done(false)
       :: else
       fi
    :: else
    fi;
    assert(mine || value);
    gone = true
}

proctype completer()
{
    mtype old;
    bool mine;
    atomic { mine = !claimed; claimed = true }
    if
    :: mine ->
       assert(!gone);
       value = true;
       if
       :: MUT(3) -> old = word; word = DONE
       :: atomic { !MUT(3) -> old = word; word = DONE }
       fi;
       if
       :: old == SLEEPING -> nap[0] = 0 /* the word may be gone */
       :: else
       fi
    :: else
    fi
}

/* ck_ec: a bit in the count says that somebody sleeps. */
proctype waiter(byte p)
{
    byte seen;
    do
    :: if
       :: MUT(6)
       :: !MUT(6) -> seen = count
       fi;
       if
       :: flagged -> break
       :: else
       fi;
       if
       :: MUT(6) -> seen = count
       :: else
       fi;
       atomic {
           if
           :: count == seen -> waiters = true
           :: else -> seen = 99
           fi
       }
       atomic {
           if
           :: seen != 99 && count == seen && waiters -> nap[p] = 1
           :: else
           fi
       }
       nap[p] == 0
    od
}

proctype raiser(byte times)
{
    bool had;
    do
    :: times == 0 -> break
    :: else ->
       times--;
       flagged = flagged || times == 0;
       if
       :: MUT(9) -> had = waiters; count++
       :: atomic {
              !MUT(9) ->
              count = (MUT(7) -> count : count + 1);
              had = waiters;
              waiters = false
          }
       fi;
       if
       :: had ->
          atomic {
              nap[1] = 0;
              nap[2] = (MUT(8) && nap[2] -> 1 : 0)
          }
       :: else
       fi
    od
}

init
{
    atomic {
        begin();
        if
        :: SHAPE(1) -> run sleeper(true); run completer()
        :: SHAPE(2) -> run sleeper(false); run completer()
        :: SHAPE(3) -> run waiter(1); run raiser(2)
        :: SHAPE(4) -> run waiter(1); run waiter(2); run raiser(1)
        fi
    }
}
