/* idle.pml - who searches, who sleeps, who must be woken (engine/pool/idle.c).
 *
 * Up to three workers, each with a store buffer: what a worker queues, a timer that it
 * arms and the idle word are plain stores. The idle word and the bits of the sleepers are
 * one byte, written inside a lock that is free again when that store has left the buffer.
 * A worker queues its fibers, then computes for ever or goes idle; a fiber that is run
 * computes for ever or ends. What another worker is seen to do, whether a search gives
 * up, and whether a waker is trusted, is arbitrary. Foreign threads inject fibers, shared
 * or pinned. One timer becomes due at any time, or when nobody moves. Some begin asleep, the
 * keeper of them when it has stopped looking.
 * At the end, when nobody can move: nothing is queued, nothing is due, or all compute.
 *
 * @big yes
 * @shape 1 a worker queues and computes or goes idle, another one comes and goes
 * @shape 2 two workers queue, compute or go idle
 * @shape 5 a worker arms a timer, another one sleeps
 * @shape 9 a worker arms a timer and computes, one sleeps, one comes and goes
 * @shape 11 one of two sleepers has a timer, a worker queues and computes
 * @shape 12 the same, a pinned fiber for the one with the timer
 * @shape 13 a foreign thread injects a fiber that nobody may have to look for, two workers
 * @shape 14 a keeper sleeps, a worker comes and goes, a pinned fiber for it and a shared one
 * @shape 15 the same, only the pinned fiber
 * @deep 3 a foreign thread injects a fiber, two workers
 * @deep 4 a thread injects a pinned fiber and a shared one, two workers
 * @deep 6 a worker queues, two others come and go
 * @deep 8 a pinned fiber and a shared one from different threads, two workers
 * @deep 10 a worker queues, arms a timer and computes, one sleeps, one comes and goes
 * @mutation 1 shape=13 no barrier between lying down and the last look
 * @mutation 2 shape=1 no look after lying down
 * @mutation 3 shape=14 a found fiber ends the search without a look at what else there is
 * @mutation 4 shape=1 LOOK is cleared without another look
 * @mutation 5 shape=1 LOOK is cleared without the barrier
 * @mutation 6 shape=3 the rule is judged before the fiber is queued
 * @mutation 7 shape=1 a sleeper is put to sleep by a store of its wake word
 * @mutation 8 shape=1 a trusted waker does not wake although nobody looks
 * @mutation 9 shape=2 getting up alone does not leave the list of sleepers
 * @mutation 10 shape=15 a pinned fiber wakes anybody
 * @mutation 11 shape=15 the pinned queue is not looked at before the sleep
 * @mutation 12 shape=5 a keeper sleeps without regard to the timers of those who run
 * @mutation 13 shape=5 an armed timer tells nobody when nobody looks
 * @mutation 14 shape=1 the searcher lies down as searcher
 * @mutation 15 shape=14 the baton is passed without the barrier
 * @mutation 16 shape=5 two sleepers and no keeper among them
 * @mutation 17 shape=2 who is woken gets no search role, the word says that one searches
 * @mutation 18 shape=1 a keeper that stopped looking sleeps for good on work that moves
 * @mutation 19 shape=14 who gets up for its own work leaves the shared to nobody
 * @mutation 20 shape=9 a searcher that lies down leaves the office to an older keeper
 * @mutation 21 shape=11 a search ends with a find without a look at the timers
 * @mutation 22 shape=12 who gets up for its own work leaves its timers to nobody
 * SPDX-License-Identifier: MIT */
#define WORKERS 3
#define BUFFERS 3
#define DEPTH   2
#define WORDS   7
#define ON_DRAIN(a) locked = ((a) == IDLE -> false : locked);
#define IDLE    0
#define PUT(w)  (1 + (w))
#define DUE(w)  (4 + (w))
bool locked;
#include "common.pml"

#include "idle_word.pml"

inline queue(p)
{
    v = rd(p, PUT(p)) + 1;
    st(p, PUT(p), v)
}

/* A look at worker w, not oneself. */
inline still(p, w)
{
    if
    :: running[w] -> moved = true
    :: true
    fi;
    seen = queued(p, w)
}

#define any_queued(p) \
    (injected || queued(p, 0) || queued(p, 1) || queued(p, 2))
#define armed(w) (mem[DUE(w)] && !listed(mem[IDLE], w))
#define any_armed (armed(0) || armed(1) || armed(2))

inline leave_search(p)
{
    atomic {
        open_idle(p);
        s = s & ~SEARCH;
        shut_idle(p)
    }
    if
    :: (s & SLEEPERS) && !MUT(3) ->
       if
       :: !MUT(15) -> barrier_by(p) /* S2 */
       :: else
       fi;
       if
       :: any_queued(p) || (!(s & LOOK) && any_armed && !MUT(21)) -> rule_slow(p)
       :: else
       fi
    :: else
    fi;
    s = 0
}

/* Up for its own work or called: what it was trusted to look at, or seen to search for. */
inline pass_on(p)
{
    s = rd(p, IDLE);
    if
    :: (s & SLEEPERS) && !(s & (SEARCH | LOOK)) && !MUT(19) ->
       barrier_by(p);
       if
       :: any_queued(p) || (!keeper_of(s) && any_armed) || (armed(p) && !MUT(22)) ->
          rule_slow(p)
       :: else
       fi
    :: else
    fi;
    s = 0
}

/* Due timers of others: their fibers are queued here. */
inline expire(p, w)
{
    if
    :: atomic { fence(p) && due(p, w) -> mem[DUE(w)] = 0; queue(p) }
       rule(p, READY)
    :: else
    fi
}

inline get_up(p, search)
{
    atomic {
        open_idle(p);
        if
        :: !listed(s, p) -> rise = CALLED
        :: else ->
           if
           :: search && (s & SEARCH) -> rise = ASLEEP
           :: else ->
              rise = AWAKE;
              if
              :: !MUT(9) -> unlist(p)
              :: else
              fi;
              s = (search -> (s | SEARCH) : s)
           fi
        fi;
        shut_idle(p);
        s = 0
    }
}

#define own_work(p) (queued(p, p) || (remote[p] && !MUT(11)))

inline scan(p)
{
    atomic {
        moved = false;
        what = NOTHING;
        if
        :: own_work(p) || due(p, p) -> what = MINE
        :: else ->
           if
           :: injected -> what = SHARED
           :: else
           fi
        fi;
        v = 0
    }
    do
    :: atomic { v == workers || what == MINE || what == SHARED || MUT(2) -> break }
    :: atomic {
           else ->
           if
           :: v == p
           :: v != p && due(p, v) && !listed(rd(p, IDLE), v) -> what = SHARED
           :: else ->
              again = moved;
              moved = false;
              still(p, v);
              if
              :: seen && !moved -> what = STILL
              :: seen && moved && what == NOTHING -> what = MOVING
              :: else
              fi;
              moved = moved || again;
              again = false
           fi;
           seen = false;
           v++
       }
    od;
    v = 0
}

/* May the sleep end by itself? limit: 0 no, 1 when the timer is due, 2 yes */
inline sleep_limit(p)
{
    atomic {
        s = rd(p, IDLE);
        limit = (rd(p, DUE(p)) -> 1 : 0);
        if
        :: keeper_of(s) == p + 1 ->
           limit = (!MUT(12) && ((mem[DUE(0)] && !listed(s, 0)) ||
                                 (mem[DUE(1)] && !listed(s, 1)) ||
                                 (mem[DUE(2)] && !listed(s, 2))) -> 1 : limit);
           limit = (((s & LOOK) && !blind) -> 2 : limit)
        :: else
        fi;
        limit = (what != NOTHING && !(s & LOOK) &&
                 !(MUT(18) && keeper_of(s) == p + 1) -> 2 : limit);
        limit = (what == SHARED -> 2 : limit);
        limit = (rise == CALLED -> 0 : limit);
        s = 0
    }
}

inline doze(p)
{
    tried = false;
    timed_out = false;
    do
    :: scan(p);
       atomic {
           keeper = keeper_of(rd(p, IDLE)) == p + 1;
           look = (rd(p, IDLE) & LOOK) != 0;
           rise = ASLEEP
       }
       if
       :: what == MINE ->
          get_up(p, false);
          if
          :: rise == AWAKE -> atomic { searching = false; break }
          :: else
          fi
       :: what == SHARED || (what == STILL && (timed_out || !tried)) ->
          get_up(p, true);
          if
          :: rise == AWAKE -> atomic { searching = true; break }
          :: else -> tried = true
          fi
       :: !(what == MINE || what == SHARED || (what == STILL && (timed_out || !tried))) &&
             timed_out && keeper && look && !moved && what == NOTHING ->
          atomic {
              open_idle(p);
              s = (keeper_of(s) == p + 1 -> (s & ~LOOK) : s);
              shut_idle(p);
              s = 0;
              timed_out = false
          }
          if
          :: !MUT(5) -> barrier_by(p)
          :: else
          fi;
          if
          :: MUT(4) -> goto asleep
          :: else -> goto next
          fi
       :: else
       fi;
asleep:
       sleep_limit(p);
       timed_out = false;
       if
       :: MUT(7) -> wake[p] = ASLEEP
       :: atomic { else -> fence(p);
              if
              :: wake[p] == AWAKE -> wake[p] = ASLEEP
              :: else
              fi
          }
       fi;
parked:
       skip;
end_asleep:
       if
       :: wake[p] != ASLEEP
       :: atomic {
              wake[p] == ASLEEP && (limit == 2 || (limit == 1 && late)) ->
              wake[p] = AWAKE;
              timed_out = true
          }
       fi;
       if
       :: !timed_out -> atomic { searching = wake[p] == SEARCHER; break }
       :: else
       fi;
next:
       skip
    od;
    atomic { tried = false; timed_out = false; keeper = false; look = false; limit = 0;
             what = 0; rise = 0; moved = false }
}

inline run_fiber()
{
    if
    :: goto compute
    :: !greedy
    fi
}

/* then: what it does when it has queued and armed. */
proctype worker(byte p; byte puts; bool arms; mtype then)
{
    byte s, t, v, limit;
    mtype what, rise;
    bool again, searching, moved, seen, tried, timed_out, keeper, look;
    if
    :: then == SLEEPS -> what = NOTHING; rise = ASLEEP; limit = mem[DUE(p)]; goto parked
    :: else
    fi;
    do
    :: puts > 0 -> puts--; queue(p);
       if
       :: rule(p, NEW)
       :: rule(p, READY)
       fi
    :: arms -> arms = false; st(p, DUE(p), 1); rule(p, TIMER)
    :: puts == 0 && !arms && then == ANYTHING -> break
    :: puts == 0 && !arms && then == COMPUTES -> goto compute
    od;
    if
    :: goto compute
    :: true
    fi;
    do
    :: atomic { queued(p, p) -> took[p] = took[p] + 1 } run_fiber()
    :: atomic { fence(p) && !queued(p, p) && remote[p] -> remote[p]-- } run_fiber()
    :: atomic { fence(p) && due(p, p) -> mem[DUE(p)] = 0 } run_fiber()
    :: atomic { fence(p) && !queued(p, p) && injected -> injected-- }
       if
       :: injected -> rule(p, NEW)
       :: else
       fi;
       run_fiber()
    :: atomic {
           !queued(p, p) && !remote[p] && !injected && !due(p, p) ->
           running[p] = false
       }
       atomic {
           open_idle(p);
           searching = !(s & SEARCH);
           s = s | SEARCH;
           shut_idle(p);
           s = 0
       }
       do
       :: searching ->
          v = 0;
          do
          :: v == workers -> break
          :: v < workers && v != p -> expire(p, v); v++;
          :: v == p -> v++
          od;
          v = 0;
          if
          :: own_work(p) || injected -> leave_search(p); break
          :: true /* gives up */
          :: atomic { fence(p) && mem[PUT(0)] > took[0] && p != 0 -> took[0] = took[0] + 1 }
             leave_search(p); run_fiber(); break
          :: atomic { fence(p) && mem[PUT(1)] > took[1] && p != 1 -> took[1] = took[1] + 1 }
             leave_search(p); run_fiber(); break
          :: atomic { fence(p) && mem[PUT(2)] > took[2] && p != 2 -> took[2] = took[2] + 1 }
             leave_search(p); run_fiber(); break
          fi;
          goto lie_down
       :: else ->
lie_down:
          atomic {
              open_idle(p);
              wake[p] = AWAKE;
              if
              :: searching && !MUT(14) -> s = s & ~SEARCH
              :: else
              fi;
              enlist(p, searching);
              shut_idle(p);
              s = 0
          }
          if
          :: !MUT(1) -> barrier_by(p) /* S2 */
          :: else
          fi;
          doze(p);
          if
          :: !searching -> pass_on(p); break
          :: else
          fi
       od;
       running[p] = true
    od;
compute:
    atomic { running[p] = false; computing++ }
}

/* Foreign threads: the enqueuing is a full barrier. */
proctype foreign(byte target; bool both)
{
    byte s, t;
    bool again;
next:
    if
    :: target == WORKERS ->
       if
       :: MUT(6) -> again = (mem[IDLE] & SLEEPERS) && !(mem[IDLE] & SEARCH)
       :: else
       fi;
       injected++;
       if
       :: !MUT(6) -> again = (mem[IDLE] & SLEEPERS) && !(mem[IDLE] & SEARCH)
       :: else
       fi;
       atomic {
           if
           :: again -> !locked; s = mem[IDLE]; t = WORKERS;
              if
              :: !(s & SLEEPERS) || (s & SEARCH)
              :: else -> some_sleeper(); unlist(t); s = s | SEARCH; mem[IDLE] = s;
                 wake[t] = (MUT(17) -> CALLED : SEARCHER)
              fi
           :: else
           fi
       }
    :: else ->
       remote[target] = remote[target] + 1;
       if
       :: listed(mem[IDLE], target) || MUT(10) ->
          atomic {
              !locked; s = mem[IDLE]; t = target;
              if
              :: MUT(10) && (s & SLEEPERS) -> some_sleeper()
              :: else
              fi;
              if
              :: listed(s, t) -> unlist(t); mem[IDLE] = s; wake[t] = CALLED
              :: else
              fi;
              s = 0;
              t = 0
          }
       :: else
       fi
    fi;
    if
    :: both -> both = false; target = WORKERS; goto next
    :: else
    fi
}

/* At the beginning: w sleeps; it is the keeper that has stopped looking. */
#define sleeps(w) \
    mem[IDLE] = mem[IDLE] | (1 << (w)); running[w] = false; wake[w] = ASLEEP
#define keeps(w) mem[IDLE] = ((w) + 1) << 5; sleeps(w)

#define free(w, puts, arms)    run worker(w, puts, arms, ANYTHING)
#define busy(w, puts, arms)    run worker(w, puts, arms, COMPUTES)
#define sleeper(w)             run worker(w, 0, false, SLEEPS)

/* patient: when nobody moves any more. */
proctype clock(bool patient)
{
    if
    :: patient -> timeout
    :: else
    fi;
    late = true
}

init
{
    atomic {
        begin();
        wake[0] = AWAKE; wake[1] = AWAKE; wake[2] = AWAKE;
        running[0] = true; running[1] = true; running[2] = true;
        workers = (SHAPE(6) || SHAPE(9) || SHAPE(10) || SHAPE(11) -> 3 : 2);
        clocked = SHAPE(5) || SHAPE(9) || SHAPE(10) || SHAPE(11) || SHAPE(12);
        greedy = SHAPE(6) || SHAPE(10) || SHAPE(11) || SHAPE(12);
        if
        :: SHAPE(1) -> free(0, 1, false); free(1, 0, false)
        :: SHAPE(2) -> free(0, 2, false); free(1, 1, false)
        :: SHAPE(3) || SHAPE(13) -> blind = SHAPE(13); free(0, 0, false); free(1, 0, false);
           run foreign(WORKERS, false)
        :: SHAPE(4) -> free(0, 0, false); free(1, 0, false); run foreign(1, true)
        :: SHAPE(14) || SHAPE(15) -> keeps(0); sleeper(0); free(1, 0, false);
           run foreign(1, SHAPE(14))
        :: SHAPE(5) -> free(0, 0, true); free(1, 0, false); run clock(false)
        :: SHAPE(6) -> free(0, 1, false); free(1, 0, false); free(2, 0, false)
        :: SHAPE(8) -> free(0, 0, false); free(1, 0, false); run foreign(1, false);
           run foreign(WORKERS, false)
        :: SHAPE(9) -> keeps(1); busy(0, 0, true); sleeper(1); free(2, 0, false);
           run clock(true)
        :: SHAPE(10) -> keeps(1); busy(0, 1, true); sleeper(1); free(2, 0, false);
           run clock(true)
        :: SHAPE(11) -> keeps(1); sleeps(0); mem[DUE(0)] = 1; sleeper(0); sleeper(1);
           busy(2, 1, false); run clock(true)
        :: SHAPE(12) -> keeps(1); sleeps(0); mem[DUE(0)] = 1; sleeper(0); sleeper(1);
           run foreign(0, false); run clock(true)
        fi
    }
end:
    timeout && (late || !clocked);
    assert(computing == workers ||
           !(mem[PUT(0)] > took[0] || mem[PUT(1)] > took[1] || mem[PUT(2)] > took[2] ||
             injected || (late && (mem[DUE(0)] || mem[DUE(1)] || mem[DUE(2)]))));
    assert(!remote[0] || !listed(mem[IDLE], 0));
    assert(!remote[1] || !listed(mem[IDLE], 1))
}
