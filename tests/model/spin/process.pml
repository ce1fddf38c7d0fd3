/* process.pml - a parent and the lives of one worker process (engine/proc/lane.h,
 * engine/pipe/process_offer.c, process_life.c): the slot's word, both sleep flags, death at
 * any step, recall, an item that is late.
 *
 * Two slots, three items. The parent's offers are plain stores in a store buffer; all else
 * is exchanges. A worker dies between any two steps, as often as the shape says; its end
 * (the pidfd) is seen some time later, and then a new life begins in a new segment. Each
 * item is over exactly once and with the result of that item; one that fails was begun and
 * not finished, and is begun no more often than it may be tried; nobody sleeps for ever.
 *
 * @shape 1 one death, failed items are tried again
 * @shape 2 one death, failed items are skipped
 * @shape 3 recalls, no death
 * @shape 4 a late item is revoked and its worker killed
 * @shape 5 a death, and recalls
 * @deep 6 two deaths, tried again
 * @deep 7 a late item, and a death
 * @mutation 1 shape=2 the result is written after FINISHED
 * @mutation 2 shape=3 a recall by look and store
 * @mutation 3 shape=4 a late item is decided by a look, without the exchange
 * @mutation 4 shape=2 FINISHED slots of a dead worker are taken for TAKEN ones
 * @mutation 5 shape=2 OFFERED slots of a dead worker fail
 * @mutation 6 shape=1 the end of the worker does not wake the parent
 * @mutation 7 shape=3 the parent does not look again before it sleeps
 * @mutation 8 shape=3 the worker does not look again before it sleeps
 * @mutation 9 shape=3 no fence between offers and the look at wsleep
 * @mutation 10 shape=3 the worker does not ring
 * @mutation 11 shape=1 a new life uses the old segment
 * @mutation 12 shape=1 TAKEN slots of a dead worker go back as if they were OFFERED
 * @big
 * SPDX-License-Identifier: MIT */
#define BUFFERS 1
#define DEPTH   2
#define WORDS   4
#include "common.pml"

#define SLOTS 2
#define ITEMS 3

#define WSLEEP 2 /* mem[0], mem[1]: the slots' words */
#define PSLEEP 3

#define OFFERED  1
#define TAKEN    2
#define FINISHED 3
#define RECALLED 4
#define PASSED   5
#define REVOKED  6
#define word(i, phase) (((((i) / SLOTS) & 7) << 3) | (phase))
#define slot(i)        ((i) % SLOTS)

#define retry   (SHAPE(1) || SHAPE(6))
#define recalls (SHAPE(3) || SHAPE(5))
#define lates   (SHAPE(4) || SHAPE(7))

byte payload[SLOTS]; /* the item, written before OFFERED */
byte result[SLOTS];  /* its answer: the item + 1; 0: none */
bool quit, bell, dead, ended;
byte deaths; /* that are still to come */

/* What is the case, for the assertions. */
byte begun[ITEMS], tries[ITEMS];
bool over[ITEMS], finished[ITEMS];

proctype worker()
{
    byte i, it;
    bool got;
    {
        do
        :: mem[slot(i)] == word(i, OFFERED) || mem[slot(i)] == word(i, RECALLED) ->
           atomic {
               got = mem[slot(i)] == word(i, OFFERED);
               if
               :: got ->
                  mem[slot(i)] = word(i, TAKEN);
                  it = payload[slot(i)];
                  begun[it] = begun[it] + 1 /* from here on it counts as begun */
               :: else
               fi
           }
           if
           :: got ->
              if
              :: MUT(1)
              :: else -> result[slot(i)] = it + 1
              fi;
              atomic {
                  if
                  :: mem[slot(i)] == word(i, TAKEN) ->
                     mem[slot(i)] = word(i, FINISHED);
                     finished[it] = true
                  :: else -> got = false
                  fi
              }
              if
              :: !got -> dead /* it was late: waits to be killed */
              :: else
              fi;
              if
              :: MUT(1) -> result[slot(i)] = it + 1
              :: else
              fi
           :: else ->
              atomic {
                  mem[slot(i)] == word(i, RECALLED) -> mem[slot(i)] = word(i, PASSED)
              }
           fi;
           i++;
           atomic { /* the look at psleep, then the exchange: one step is no less */
               if
               :: mem[PSLEEP] && !MUT(10) -> mem[PSLEEP] = 0; bell = true
               :: else
               fi
           }
        :: else ->
           mem[WSLEEP] = 1;
           if
           :: !MUT(8) && (mem[slot(i)] == word(i, OFFERED) ||
                          mem[slot(i)] == word(i, RECALLED)) -> mem[WSLEEP] = 0
           :: quit -> break
           :: else -> mem[WSLEEP] == 0 || quit
           fi
        od
    } unless { dead };
    ended = true
}

proctype killer()
{
    do
    :: atomic { deaths > 0 && !dead && !ended -> deaths = deaths - 1; dead = true }
    :: deaths == 0 -> break
    :: quit -> break
    od
}

/* --- the parent's own memory --- */

byte queue[ITEMS], queued; /* the first one last */
byte item[SLOTS];
bool recalled[SLOTS];

inline push(n)
{
    queue[queued] = n;
    queued = queued + 1
}

inline fail(n)
{
    d_step {
        assert(begun[n] > 0 && !over[n] && !finished[n]);
        tries[n] = tries[n] + 1;
        if
        :: retry && tries[n] < 3 -> push(n)
        :: else -> over[n] = true
        fi
    }
}

inline deliver(n, s)
{
    d_step {
        assert(!over[n] && result[s] == n + 1);
        over[n] = true;
        result[s] = 0
    }
}

#define seen(i) mem[slot(i)] /* the parent's own stores in its buffer: fence() came before */

inline collect()
{
    do
    :: head != tail && !recalled[slot(head)] && seen(head) == word(head, FINISHED) ->
       deliver(item[slot(head)], slot(head));
       head++;
       moved = true
    :: head != tail && recalled[slot(head)] && seen(head) == word(head, PASSED) ->
       head++;
       moved = true
    :: else -> break
    od
}

/* Every slot is decided, from the last to the first. */
inline settle()
{
    do
    :: head == tail -> break
    :: else ->
       tail--;
       if
       :: recalled[slot(tail)]
       :: else ->
          atomic {
              ph = seen(tail) & 7;
              if
              :: MUT(3) && !ended
              :: (!MUT(3) || ended) && ph == OFFERED ->
                 mem[slot(tail)] = word(tail, RECALLED)
              :: (!MUT(3) || ended) && ph == TAKEN -> mem[slot(tail)] = word(tail, REVOKED)
              :: else
              fi
          }
          if
          :: ph == FINISHED && !MUT(4) -> deliver(item[slot(tail)], slot(tail))
          :: ph == OFFERED && !MUT(5) -> push(item[slot(tail)])
          :: ph == TAKEN && MUT(12) -> push(item[slot(tail)])
          :: else -> fail(item[slot(tail)])
          fi
       fi
    od
}

inline begin_life()
{
    d_step {
        if
        :: !MUT(11) ->
           mem[0] = 0;
           mem[1] = 0;
           mem[WSLEEP] = 0;
           mem[PSLEEP] = 0;
           result[0] = 0;
           result[1] = 0
        :: else
        fi;
        head = 0;
        tail = 0;
        dead = false;
        ended = false;
        bell = false
    }
    run worker()
}

inline offer()
{
    given = false;
    do
    :: queued > 0 && tail - head < SLOTS ->
       d_step {
           queued = queued - 1;
           payload[slot(tail)] = queue[queued];
           item[slot(tail)] = queue[queued];
           recalled[slot(tail)] = false
       }
       st(0, slot(tail), word(tail, OFFERED));
       tail++;
       given = true;
       moved = true
    :: else -> break
    od;
    if
    :: !MUT(9) -> fence(0)
    :: else
    fi;
    atomic {
        if
        :: given && mem[WSLEEP] -> mem[WSLEEP] = 0
        :: else
        fi
    }
    fence(0)
}

/* Takes back what was offered last. */
inline recall()
{
    if
    :: head != tail && !recalled[slot(tail - 1)] && seen(tail - 1) == word(tail - 1, OFFERED) ->
       if
       :: MUT(2) -> ph = OFFERED; mem[slot(tail - 1)] = word(tail - 1, RECALLED)
       :: else ->
          atomic {
              ph = 0;
              if
              :: mem[slot(tail - 1)] == word(tail - 1, OFFERED) ->
                 mem[slot(tail - 1)] = word(tail - 1, RECALLED);
                 ph = OFFERED
              :: else
              fi
          }
       fi;
       if
       :: ph == OFFERED -> recalled[slot(tail - 1)] = true; push(item[slot(tail - 1)])
       :: else
       fi;
       ph = 0
    :: else
    fi
}

#define all_over (over[0] && over[1] && over[2])

proctype parent()
{
    byte head, tail, ph;
    bool moved, given, late, taken_back;
    late = lates;
    taken_back = recalls;
    run worker();
    do
    :: all_over && head == tail -> break
    :: !(all_over && head == tail) && ended ->
       settle();
       begin_life()
    :: !(all_over && head == tail) && !ended ->
       moved = false;
       collect();
       offer();
       if
       :: taken_back -> taken_back = false; recall(); moved = true
       :: true
       fi;
       if
       :: late && head != tail && seen(head) == word(head, TAKEN) ->
          late = false;
          settle();
          dead = true;
          ended;
          moved = true
       :: true
       fi;
       if
       :: !moved ->
          mem[PSLEEP] = 1;
          if
          :: !MUT(7) -> collect()
          :: else
          fi;
          if
          :: !moved -> bell || (ended && !MUT(6)); bell = false
          :: else
          fi
       :: else
       fi
    od;
    quit = true;
    assert(begun[0] <= 1 + tries[0] && begun[1] <= 1 + tries[1] && begun[2] <= 1 + tries[2])
}

init
{
    atomic {
        begin();
        queue[0] = 2; queue[1] = 1; queue[2] = 0; queued = 3;
        if
        :: SHAPE(3) || SHAPE(4)
        :: SHAPE(6) -> deaths = 2
        :: else -> deaths = 1
        fi;
        run parent();
        run killer()
    }
}
