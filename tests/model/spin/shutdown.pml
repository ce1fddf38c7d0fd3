/* shutdown.pml - who tells a closing pool that its last fiber has died
 * (engine/pool/shutdown.c, life.c, sched.c).
 *
 * Each worker counts its own births and deaths by plain stores, which wait in its store
 * buffer; a foreign thread counts by locked instructions. The one who shuts down sets
 * `closing`, passes the barrier and reads the counts: the deaths first, then the births.
 * He must not sleep when all are dead, nor see the end while somebody lives.
 *
 * @shape 1 two workers, one fiber dies on each, a shutdown
 * @shape 2 a fiber has a child started on its worker that the other worker runs
 * @shape 3 a fiber dies, a foreign thread starts one or is turned away, a shutdown
 * @mutation 1 shape=1 no full fence where a fiber dies while the pool closes
 * @mutation 2 shape=1 the shutdown reads the counts without the barrier
 * @mutation 3 shape=2 births are read before deaths
 * @mutation 4 shape=3 a foreign thread looks at `closing` before it is counted
 * @mutation 5 shape=3 who is turned away does not look whether he was the last
 * @mutation 6 shape=1 the event's value is read behind the look at the counts
 * SPDX-License-Identifier: MIT */
#define BUFFERS 2
#define DEPTH   2
#define WORDS   4
#include "common.pml"

#define BORN(w) (w)
#define DIED(w) (2 + (w))

byte foreign_born, foreign_died;
bool closing, over;
byte event, alive;
bool stolen; /* the child, in a queue */

#define dead_of(p)  (rd(p, DIED(0)) + rd(p, DIED(1)) + foreign_died)

/* Two sums, each word read in a step of its own: deaths first. */
inline quiet(p)
{
    sum = (MUT(3) -> rd(p, BORN(0)) : rd(p, DIED(0)));
    sum = sum + (MUT(3) -> rd(p, BORN(1)) : rd(p, DIED(1)));
    sum = sum + (MUT(3) -> foreign_born : foreign_died);
    sum = sum - (MUT(3) -> rd(p, DIED(0)) : rd(p, BORN(0)));
    sum = sum - (MUT(3) -> rd(p, DIED(1)) : rd(p, BORN(1)));
    atomic {
        sum = sum - (MUT(3) -> foreign_died : foreign_born);
        is_quiet = sum == 0;
        sum = 0
    }
}

inline die(p)
{
    atomic { alive--; sum = rd(p, DIED(p)) + 1; st(p, DIED(p), sum); sum = 0 }
    if
    :: closing ->
       if
       :: MUT(1)
       :: atomic { !MUT(1) -> fence(p) }
       fi;
       quiet(p);
       if
       :: is_quiet -> event++
       :: else
       fi;
       is_quiet = false
    :: else
    fi
}

proctype worker(byte p; bool parent; bool thief)
{
    short sum;
    bool is_quiet;
    if
    :: parent -> atomic { alive++; st(p, BORN(p), 2) } fence(p); stolen = true
    :: else
    fi;
    if
    :: thief -> atomic { stolen -> stolen = false }
    :: else
    fi;
    die(p)
}

proctype foreigner()
{
    short sum;
    bool is_quiet, turned;
    if
    :: MUT(4) -> turned = closing; foreign_born++
    :: else -> foreign_born++; turned = closing
    fi;
    if
    :: !turned -> atomic { assert(!over); alive++ } alive--
    :: else
    fi;
    foreign_died++; /* in the worker that ran it, or here */
    if
    :: closing && !(turned && MUT(5)) ->
       sum = mem[DIED(0)] + foreign_died - mem[BORN(0)];
       atomic { sum = sum - foreign_born + mem[DIED(1)] - mem[BORN(1)]; is_quiet = sum == 0 }
       if
       :: is_quiet -> event++
       :: else
       fi
    :: else
    fi
}

proctype shutter()
{
    short sum;
    byte seen;
    bool is_quiet;
    closing = true;
    if
    :: !MUT(2) -> barrier()
    :: else
    fi;
    do
    :: if
       :: !MUT(6) -> seen = event
       :: else
       fi;
       sum = (MUT(3) -> mem[BORN(0)] : mem[DIED(0)]);
       sum = sum + (MUT(3) -> mem[BORN(1)] : mem[DIED(1)]);
       sum = sum + (MUT(3) -> foreign_born : foreign_died);
       sum = sum - (MUT(3) -> mem[DIED(0)] : mem[BORN(0)]);
       sum = sum - (MUT(3) -> mem[DIED(1)] : mem[BORN(1)]);
       atomic {
           sum = sum - (MUT(3) -> foreign_died : foreign_born);
           is_quiet = sum == 0
       }
       if
       :: is_quiet -> break
       :: else
       fi;
       if
       :: MUT(6) -> seen = event
       :: else
       fi;
       event != seen
    od;
    atomic { assert(alive == 0); over = true }
}

init
{
    atomic {
        begin();
        if
        :: SHAPE(1) -> alive = 2; mem[BORN(0)] = 1; mem[BORN(1)] = 1;
           run worker(0, false, false); run worker(1, false, false)
        :: SHAPE(2) -> alive = 1; mem[BORN(0)] = 1;
           run worker(0, true, false); run worker(1, false, true)
        :: SHAPE(3) -> alive = 1; mem[BORN(0)] = 1;
           run worker(0, false, false); run foreigner()
        fi;
        run shutter()
    }
}
