/* join.pml - the end of a fiber, its joiner and its record (engine/pool/life.c, record.c).
 *
 * The fiber leaves its result and exchanges the join word; a joiner parks there by a
 * compare-and-swap, may give up, and may try again; a second joiner is refused; the handle
 * may be dropped instead. The last of fiber and handle frees the record.
 *
 * @shape 1 a joiner who may give up, then drops the handle
 * @shape 2 a joiner who may give up and joins again
 * @shape 3 two joiners at once, one of them refused
 * @mutation 1 shape=1 the result is left after the exchange
 * @mutation 2 shape=1 the fiber's end is a store
 * @mutation 3 shape=2 a joiner gives up by a store
 * @mutation 4 shape=1 references are counted by load and store
 * @mutation 5 shape=3 a joiner parks by a store
 * @mutation 6 shape=1 a fiber with a handle is freed by its end
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#define RUNNING 0
#define DONE    1 /* else: joiner + 2 */

byte join, refs = 2, freed;
bool result, woken[2], parked[2];
byte joined;

inline unref()
{
    if
    :: MUT(4) -> seen = refs; refs = seen - 1; seen = seen - 1
    :: atomic { !MUT(4) -> refs--; seen = refs }
    fi;
    atomic {
        if
        :: seen == 0 || MUT(6) -> freed++; assert(freed == 1)
        :: else
        fi
    }
}

proctype fiber()
{
    byte seen;
    if
    :: !MUT(1) -> result = true
    :: else
    fi;
    assert(!freed);
    if
    :: MUT(2) -> seen = join; join = DONE
    :: atomic { !MUT(2) -> seen = join; join = DONE }
    fi;
    if
    :: seen > DONE -> assert(!woken[seen - 2] && parked[seen - 2]); woken[seen - 2] = true
    :: else
    fi;
    if
    :: MUT(1) -> result = true
    :: else
    fi;
    unref()
}

proctype joiner(byte me; byte tries; bool drops)
{
    byte seen;
    bool late;
    do
    :: tries == 0 -> break
    :: else ->
       tries--;
       late = false;
       woken[me] = false;
       parked[me] = true;
       assert(!freed || !drops); /* two at once: the handle may be the other one's */
       if
       :: join == DONE && drops -> goto have
       :: join == DONE && !drops -> goto out /* the handle is the other one's */
       :: else
       fi;
       if
       :: MUT(5) && join != DONE -> join = me + 2
       :: atomic {
              !(MUT(5) && join != DONE) ->
              if
              :: join == RUNNING -> join = me + 2
              :: join == DONE && drops -> goto have
              :: else -> goto out /* EBUSY */
              fi
          }
       fi;
       if
       :: woken[me]
       :: !SHAPE(3) && !woken[me] ->
          if
          :: MUT(3) -> join = RUNNING; late = true
          :: atomic {
                 !MUT(3) ->
                 if
                 :: join == me + 2 -> join = RUNNING; late = true
                 :: else
                 fi
             }
          fi;
          if
          :: !late -> woken[me]
          :: else
          fi
       fi;
       parked[me] = false;
       if
       :: !late -> goto have
       :: else
       fi
    od;
    if
    :: drops -> unref()
    :: else
    fi;
    goto out;
have:
    assert(result && !freed);
    atomic { joined++; assert(joined == 1) }
    unref();
out:
    skip
}

init
{
    atomic {
        begin();
        run fiber();
        if
        :: SHAPE(1) -> run joiner(0, 1, true)
        :: SHAPE(2) -> run joiner(0, 2, true)
        :: SHAPE(3) -> run joiner(0, 1, false); run joiner(1, 1, false)
        fi
    }
    timeout;
    assert(SHAPE(3) || (freed == 1 && refs == 0))
}
