/* idle.pml - who searches, who sleeps, who must be woken (engine/pool/idle.c).
 *
 * Up to three workers, each with a store buffer: what a worker queues, a timer that it
 * arms and the idle word are plain stores. The idle word and the bits of the sleepers are
 * one byte, written inside a lock that is free again when that store has left the buffer.
 * A worker queues its fibers, then computes for ever or goes idle; a fiber that is run
 * computes for ever or ends. What another worker is seen to do, whether a search gives
 * up, and whether a waker is trusted, is arbitrary. Foreign threads inject fibers, shared
 * or pinned. One timer becomes due at any time.
 * At the end, when nobody can move: nothing is queued, nothing is due, or all compute.
 *
 * @big yes
 * @shape 1 a worker queues and computes or goes idle, another one comes and goes
 * @shape 2 two workers queue, compute or go idle
 * @shape 3 a foreign thread injects a fiber, two workers
 * @shape 4 a thread injects a pinned fiber and a shared one, two workers
 * @shape 5 a worker arms a timer, another one sleeps
 * @deep 6 a worker queues, two others come and go
 * @deep 7 a worker arms a timer, two others come and go
 * @deep 8 a pinned fiber and a shared one from different threads, two workers
 * @mutation 1 shape=3 no barrier between lying down and the last look
 * @mutation 2 shape=1 no look after lying down
 * @mutation 3 shape=4 a found fiber ends the search without a look at what else there is
 * @mutation 4 shape=1 LOOK is cleared without another look
 * @mutation 5 shape=1 LOOK is cleared without the barrier
 * @mutation 6 shape=3 the rule is judged before the fiber is queued
 * @mutation 7 shape=1 a sleeper is put to sleep by a store of its wake word
 * @mutation 8 shape=1 a trusted waker does not wake although nobody looks
 * @mutation 9 shape=2 getting up alone does not leave the list of sleepers
 * @mutation 10 shape=4 a pinned fiber wakes anybody
 * @mutation 11 shape=4 the pinned queue is not looked at before the sleep
 * @mutation 12 shape=5 a keeper sleeps without regard to the timers of those who run
 * @mutation 13 shape=5 an armed timer tells nobody when nobody looks
 * @mutation 14 shape=1 the searcher lies down as searcher
 * @mutation 15 shape=4 the baton is passed without the barrier
 * @mutation 16 shape=5 two sleepers and no keeper among them
 * @mutation 17 shape=2 who is woken gets no search role, the word says that one searches
 * @mutation 18 shape=1 a keeper that stopped looking sleeps for good on work that moves
 * @mutation 19 shape=4 who gets up for its own work leaves the shared to nobody
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

#define SLEEPERS 7
#define SEARCH   8
#define LOOK     16
#define keeper_of(s) ((s) >> 5) /* id + 1 */
#define no_keeper(s) ((s) & 15)

mtype = {AWAKE, SEARCHER, ASLEEP, CALLED};
mtype = {READY, NEW, TIMER};
mtype = {NOTHING, MOVING, STILL, SHARED, MINE};

byte took[WORKERS]; /* of what mem[PUT] says was put */
mtype wake[WORKERS];
byte injected, remote[WORKERS];
bool running[WORKERS]; /* it may still be seen to move */
byte computing, workers;
bool late;

#define queued(p, w)  (rd(p, PUT(w)) > took[w])
#define due(p, w)     (late && rd(p, DUE(w)))
#define listed(s, w)  ((s) & (1 << (w)))
#define alone_keeper(s) ((s) & 7 & ~(1 << (keeper_of(s) - 1)))

/* The section; what is done inside sets s. */
#define open_idle(p) fence(p) && !locked -> locked = true; s = mem[IDLE]
#define shut_idle(p) st(p, IDLE, s)

inline unlist(w)
{
    s = s & ~(1 << (w));
    if
    :: keeper_of(s) == (w) + 1 -> s = no_keeper(s)
    :: else
    fi
}

inline enlist(w)
{
    s = s | (1 << (w));
    if
    :: !keeper_of(s) && !(s & SEARCH) && !MUT(16) -> s = s | LOOK | (((w) + 1) << 5)
    :: else
    fi
}

inline some_sleeper()
{
    t = 0;
    if
    :: keeper_of(s) && alone_keeper(s) ->
       do
       :: listed(alone_keeper(s), t) -> break
       :: else -> t++
       od
    :: else ->
       do
       :: listed(s, t) -> break
       :: else -> t++
       od
    fi
}

inline rule_slow(p)
{
    atomic {
        open_idle(p);
        t = WORKERS;
        if
        :: !(s & SLEEPERS) || (s & SEARCH)
        :: else -> some_sleeper(); unlist(t); s = s | SEARCH
        fi;
        shut_idle(p)
    }
    atomic {
        if
        :: t < WORKERS -> fence(p); wake[t] = (MUT(17) -> CALLED : SEARCHER)
        :: else
        fi;
        t = 0;
        s = 0
    }
}

inline rule(p, why)
{
    atomic {
        s = rd(p, IDLE); /* P2 */
        if
        :: !(s & SLEEPERS) || (s & SEARCH) -> again = false
        :: else ->
           if
           :: why == NEW -> again = true
           :: why == TIMER -> again = !(s & LOOK) && !MUT(13)
           :: why == READY && (s & LOOK) -> again = false /* trusted */
           :: why == READY -> again = !MUT(8)
           :: why == READY -> again = true
           fi
        fi;
        s = 0
    }
    if
    :: again -> rule_slow(p)
    :: else
    fi;
    again = false
}

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
       :: injected || queued(p, 0) || queued(p, 1) || queued(p, 2) -> rule_slow(p)
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
       :: injected || queued(p, 0) || queued(p, 1) || queued(p, 2) ||
             (!keeper_of(s) && (mem[DUE(0)] || mem[DUE(1)] || mem[DUE(2)])) ->
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
           limit = ((s & LOOK) -> 2 : limit)
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
    :: true
    fi
}

proctype worker(byte p; byte puts; bool arms)
{
    byte s, t, v, limit;
    mtype what, rise;
    bool again, searching, moved, seen, tried, timed_out, keeper, look;
    do
    :: puts > 0 -> puts--; queue(p);
       if
       :: rule(p, NEW)
       :: rule(p, READY)
       fi
    :: arms -> arms = false; st(p, DUE(p), 1); rule(p, TIMER)
    :: puts == 0 && !arms -> break
    od;
    run_fiber();
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
              enlist(p);
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

proctype clock()
{
    late = true
}

init
{
    atomic {
        begin();
        wake[0] = AWAKE; wake[1] = AWAKE; wake[2] = AWAKE;
        running[0] = true; running[1] = true; running[2] = true;
        if
        :: SHAPE(1) -> workers = 2; run worker(0, 1, false); run worker(1, 0, false)
        :: SHAPE(2) -> workers = 2; run worker(0, 2, false); run worker(1, 1, false)
        :: SHAPE(3) -> workers = 2; run worker(0, 0, false); run worker(1, 0, false);
           run foreign(WORKERS, false)
        :: SHAPE(4) -> workers = 2; run worker(0, 0, false); run worker(1, 0, false);
           run foreign(1, true)
        :: SHAPE(8) -> workers = 2; run worker(0, 0, false); run worker(1, 0, false);
           run foreign(1, false); run foreign(WORKERS, false)
        :: SHAPE(5) -> workers = 2; run worker(0, 0, true); run worker(1, 0, false);
           run clock()
        :: SHAPE(6) -> workers = 3; run worker(0, 1, false); run worker(1, 0, false);
           run worker(2, 0, false)
        :: SHAPE(7) -> workers = 3; run worker(0, 0, true); run worker(1, 0, false);
           run worker(2, 0, false); run clock()
        fi
    }
end:
    timeout;
    assert(computing == workers ||
           !(mem[PUT(0)] > took[0] || mem[PUT(1)] > took[1] || mem[PUT(2)] > took[2] ||
             injected || (late && (mem[DUE(0)] || mem[DUE(1)] || mem[DUE(2)]))));
    assert(!remote[0] && !remote[2]);
    assert(!remote[1] || !listed(mem[IDLE], 1))
}
