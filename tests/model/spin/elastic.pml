/* elastic.pml - calls that block, on threads that come and go (engine/pool/elastic.c).
 *
 * Everything but the events is under one lock, so each section is one step. Two fibers
 * call, one of them twice; a call may block until the other fiber's call has run. A thread
 * that waits may lose patience at any moment; a start may fail where a shape says so; a
 * call that is queued may be cancelled. In the end the set is stopped.
 * At rest: every fiber has its answer, every thread has ended and was joined once; a call
 * never waits for a thread that the limit allows; who calls alone has one thread.
 *
 * @big yes
 * @shape 1 one fiber calls twice, two threads at most
 * @deep 2 two fibers, two threads at most, one call waits for the other
 * @shape 3 two fibers, one thread at most, cancelled at will
 * @deep 4 two fibers, two threads, starts fail at will
 * @shape 5 two fibers call while one thread idles, one call waits for the other
 * @mutation 1 shape=5 a call is queued without a look whether a thread idles
 * @mutation 2 shape=1 who is done counts as idle after the wake
 * @mutation 3 shape=4 a call whose start failed is queued although no thread is left
 * @mutation 4 shape=1 an impatient thread does not look at the queue before it ends
 * @mutation 5 shape=2 the event is read after the queue
 * @mutation 6 shape=2 a queued call raises nothing
 * @mutation 7 shape=3 a cancelled call stays queued
 * @mutation 8 shape=3 a call that runs is cancelled
 * @mutation 9 shape=1 the stop raises nothing
 * @mutation 10 shape=2 a thread that ends stays counted as idle
 * @mutation 11 shape=4 a start that failed stays counted
 * @mutation 12 shape=2 the last look for threads to join comes before they have ended
 * @mutation 13 shape=2 an ended thread tells nobody
 * @mutation 14 shape=4 a start that failed leaves the calls that counted on it queued
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#define FIBERS  2
#define THREADS 3 /* places; a thread that was joined leaves its place */

mtype = {NONE, QUEUED, RUNS, DONE, CANCELLED, REFUSED};
mtype = {FREE, ALIVE, ENDED, EXITED}; /* a place */

byte queued, threads, idle, most, job[FIBERS]; /* job: fibers + 1, the oldest first */
bool stop, may_fail, cancels;
byte event, gone;
mtype state[FIBERS], place[THREADS];
bool woken[FIBERS], ran[FIBERS], needs[FIBERS]; /* needs: the call waits for the other's */
byte answered, fibers, tired;

inline remove(f)
{
    if
    :: job[0] == f + 1 -> job[0] = job[1]
    :: else
    fi;
    job[1] = 0
}

inline serve()
{
    atomic {
        if
        :: job[0] && !(MUT(4) && !patient) -> f = job[0] - 1; remove(f); queued--; idle--;
           assert(state[f] == QUEUED);
           state[f] = RUNS;
           has = true
        :: else ->
           has = false;
           if
           :: stop || !patient ->
              idle = (MUT(10) -> idle : idle - 1);
              threads--;
              place[id] = ENDED;
              ends = true
           :: else
           fi
        fi
    }
}

proctype thread(byte id)
{
    byte seen, f;
    bool has, ends, patient;
end_unborn:
    atomic { place[id] == ALIVE -> patient = true; ends = false }
    do
    :: if
       :: !MUT(5) -> seen = event
       :: else
       fi;
       serve();
       if
       :: MUT(5) -> seen = event
       :: else
       fi;
       if
       :: ends -> break
       :: has ->
          !needs[f] || ran[1 - f];
          ran[f] = true;
          atomic { state[f] = DONE; idle = (MUT(2) -> idle : idle + 1) }
          atomic { assert(!woken[f]); woken[f] = true; f = 0 }
          atomic { idle = (MUT(2) -> idle + 1 : idle); patient = true }
       :: else ->
          if
          :: event != seen -> patient = true
          :: atomic { event == seen && tired > 0 -> tired--; patient = false }
          fi
       fi
    od;
    if
    :: !MUT(13) -> gone = (gone + 1) & 7
    :: else
    fi;
    atomic { place[id] = EXITED; seen = 0; goto end_unborn }
}

/* Those that had ended when it began. */
inline join_ended()
{
    atomic {
        them[0] = place[0] == ENDED || place[0] == EXITED;
        them[1] = place[1] == ENDED || place[1] == EXITED;
        them[2] = place[2] == ENDED || place[2] == EXITED
    }
    do
    :: i == THREADS -> break
    :: else ->
       if
       :: atomic { them[i] && place[i] == EXITED -> place[i] = FREE }
       :: !them[i]
       fi;
       atomic { them[i] = false; i++ }
    od;
    i = 0
}

/* The thread is counted. */
inline start()
{
    join_ended();
    if
    :: atomic {
           true ->
           do
           :: place[i] == FREE -> break
           :: else -> i++
           od;
           place[i] = ALIVE;
           i = 0
       }
    :: atomic {
           may_fail ->
           failed = true;
           threads = (MUT(11) -> threads : threads - 1);
           idle = (MUT(11) -> idle : idle - 1);
           do
           :: !threads && queued && !MUT(14) -> i = job[0] - 1; remove(i); queued--;
              state[i] = REFUSED;
              woken[i] = true
           :: else -> i = 0; break
           od
       }
    fi
}

proctype fiber(byte me; byte calls)
{
    byte i;
    bool failed, more, again, them[THREADS];
    do
    :: calls == 0 -> break
    :: else ->
       failed = false;
       calls--;
retry:
       atomic {
           more = queued >= idle && threads < most;
           if
           :: more -> threads++; idle++;
              assert(fibers == 2 || threads == 1)
           :: else
           fi
       }
       if
       :: more -> start()
       :: else
       fi;
       atomic {
           again = (failed -> threads == 0 && !MUT(3) :
                    (MUT(1) -> threads == 0 : queued >= idle && threads < most));
           if
           :: !again ->
              woken[me] = false;
              state[me] = QUEUED;
              if
              :: job[0] -> job[1] = me + 1
              :: else -> job[0] = me + 1
              fi;
              queued++
           :: else
           fi
       }
       if
       :: again && failed -> break /* refused */
       :: again && !failed -> goto retry
       :: else
       fi;
       if
       :: !MUT(6) -> event = (event + 1) & 7
       :: else
       fi;
       if
       :: woken[me] ->
          if
          :: state[me] == REFUSED && !failed -> goto retry
          :: state[me] == REFUSED && failed -> break
          :: else -> assert(state[me] == DONE)
          fi
       :: atomic {
              cancels && (state[me] == QUEUED || MUT(8)) ->
              if
              :: !MUT(7) && state[me] == QUEUED -> remove(me); queued--
              :: else
              fi;
              state[me] = CANCELLED
          }
       fi
    od;
    atomic { needs[1 - me] = false; answered++ }
}

/* When nobody is alive any more. */
proctype shutdown()
{
    byte seen, i;
    bool them[THREADS];
    answered == fibers;
    stop = true;
    if
    :: !MUT(9) -> event = (event + 1) & 7
    :: else
    fi;
    if
    :: MUT(12) -> join_ended()
    :: else
    fi;
    do
    :: seen = gone;
       if
       :: threads == 0 -> break
       :: else -> gone != seen
       fi
    od;
    if
    :: !MUT(12) -> join_ended()
    :: else
    fi;
    assert(!threads && !idle && !queued);
    assert(place[0] == FREE && place[1] == FREE && place[2] == FREE)
}

init
{
    atomic {
        begin();
        most = (SHAPE(3) -> 1 : 2);
        tired = (SHAPE(4) -> 0 : 1);
        may_fail = SHAPE(4);
        cancels = SHAPE(3);
        fibers = (SHAPE(1) -> 1 : 2);
        needs[0] = SHAPE(2) || SHAPE(5);
        place[0] = FREE; place[1] = FREE; place[2] = FREE;
        if
        :: SHAPE(5) -> threads = 1; idle = 1; place[0] = ALIVE
        :: else
        fi;
        run thread(0);
        run thread(1);
        run thread(2);
        run fiber(0, (SHAPE(1) || SHAPE(3) -> 2 : 1));
        if
        :: fibers == 2 -> run fiber(1, 1)
        :: else
        fi;
        run shutdown()
    }
}
