/* reclaim.pml - headers of channels and the registry of pools: who may still look at what
 * goes (engine/chan/open.c, engine/mem/reclaim.c, engine/pool/registry.c).
 *
 * Headers: an owner opens a channel with a waiter, frees it and opens the next in the
 * same header; a sender that was done with the first one looks at its waiters late; a
 * dump visits. Pools: one is unlinked and freed while a dump walks the list and a thread
 * from outside lets the last fiber go. The grace period is the library's promise: who was
 * in a section at its begin has left it at its end.
 * At rest: all was freed once, no reference is left, a visited channel stayed open, what
 * a late look found was a header, and a waiter in it one of an open channel.
 *
 * @shape 1 a channel is freed and its header reused, a late look
 * @shape 2 the same, a visit
 * @shape 3 a pool is removed, a walk
 * @shape 4 a pool is removed by the death that a thread outside lets happen
 * @mutation 1 shape=3 a pool is freed without a grace period
 * @mutation 2 shape=3 a walk without a section
 * @mutation 3 shape=4 the last look at a pool from outside is in no section
 * @mutation 4 shape=2 a visit takes a reference from zero
 * @mutation 5 shape=2 a visit takes its reference by a store
 * @mutation 6 shape=1 a header goes to the slab with its lists full
 * @mutation 7 shape=1 the memory of a header is given back
 * @mutation 8 shape=3 the grace period begins before the pool is unlinked
 * @mutation 9 shape=2 a visit is without a reference
 * @mutation 10 shape=2 a header counts as open before it is made
 * @mutation 11 shape=2 a visit that was the last to let go leaves the channel
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#define READERS 2

/* The header: one place. life: which channel it is, by turns. */
byte refs, life, fini_of[3];
bool in_slab, is_header, made, waiter;

/* The pool: on the list or not; memory of it is there or not. */
bool listed, alive, quiet;
bool section[READERS];

/* --- headers --- */

inline drop_ref()
{
    atomic { assert(refs > 0); refs--; last = refs == 0 }
    if
    :: last && !(MUT(11) && visits) ->
       atomic {
           assert(made && !in_slab);
           waiter = MUT(6) && waiter; /* fini: parked ones are told, lists are empty */
           fini_of[life]++;
           made = false
       }
       atomic { in_slab = true; is_header = !MUT(7) }
    :: else
    fi;
    last = false
}

/* The late look starts when the first channel is published to its receiver. */
proctype owner()
{
    bool last, visits;
    byte n;
    do
    :: n == 2 -> break
    :: else ->
       atomic { in_slab -> in_slab = false; is_header = true; life = n + 1 }
       if
       :: MUT(10) -> refs = 1
       :: else
       fi;
       atomic { assert(!waiter); made = true }
       if
       :: !MUT(10) -> refs = 1
       :: else
       fi;
       if
       :: SHAPE(1) -> waiter = true
       :: else
       fi;
       drop_ref();
       n++
    od
}

/* P3: are there waiters? A pump under the lock serves those of the channel of now, to
 * whom it does no harm: they look again. The look itself needs a header. */
proctype late_sender()
{
    life > 0;
    assert(is_header);
    if
    :: atomic {
           waiter ->
           assert(is_header && !in_slab && made); /* nobody waits in the slab */
           waiter = false
       }
    :: !waiter
    fi;
    assert(is_header)
}

proctype visitor()
{
    byte seen, was;
    bool last, visits, has;
    visits = true;
    seen = refs;
    do
    :: seen == 0 && !MUT(4) && !MUT(9) -> break
    :: else ->
       if
       :: MUT(5) -> refs = seen + 1; has = true
       :: MUT(9) -> has = true
       :: else ->
          atomic {
              if
              :: refs == seen -> refs++; has = true
              :: else -> seen = refs
              fi
          }
       fi;
       if
       :: has -> break
       :: else
       fi
    od;
    if
    :: has ->
       atomic { assert(made && !in_slab); was = life }
       atomic { assert(made && !in_slab && life == was) }
       if
       :: !MUT(9) -> drop_ref()
       :: else
       fi
    :: else
    fi
}

/* --- pools --- */

inline read_lock(me)
{
    section[me] = true
}

inline read_unlock(me)
{
    section[me] = false
}

/* Each reader was outside at some moment after its begin; new sections do not matter. */
inline synchronize()
{
    !section[0];
    !section[1]
}

proctype walker()
{
    bool found;
    if
    :: !MUT(2) -> read_lock(0)
    :: else
    fi;
    found = listed;
    if
    :: found ->
       assert(alive); /* fn(p) */
       assert(alive)  /* its next */
    :: else
    fi;
    read_unlock(0)
}

/* ready_far, turn_away: with the step that makes it quiet the pool may end. */
proctype outside()
{
    if
    :: !MUT(3) -> read_lock(1)
    :: else
    fi;
    quiet = true;
    assert(alive); /* the rule: is there somebody to wake? */
    read_unlock(1)
}

proctype closer()
{
    quiet;
    if
    :: MUT(8) -> synchronize()
    :: else
    fi;
    listed = false;
    if
    :: !MUT(1) && !MUT(8) -> synchronize()
    :: else
    fi;
    assert(alive);
    alive = false
}

init
{
    atomic {
        begin();
        in_slab = true;
        is_header = true;
        listed = true;
        alive = true;
        quiet = SHAPE(3);
        if
        :: SHAPE(1) || SHAPE(2) -> run owner()
        :: else -> run closer()
        fi;
        if
        :: SHAPE(1) -> run late_sender()
        :: SHAPE(2) -> run visitor()
        :: SHAPE(3) -> run walker()
        :: SHAPE(4) -> run outside()
        fi
    }
    (_nr_pr == 1);
    if
    :: SHAPE(1) || SHAPE(2) ->
       assert(refs == 0 && in_slab && is_header);
       assert(fini_of[1] == 1 && fini_of[2] == 1)
    :: else -> assert(!listed && !alive && !section[0] && !section[1])
    fi
}
