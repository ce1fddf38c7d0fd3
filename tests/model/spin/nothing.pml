/* nothing.pml - "nothing was ready", the promise of a select that does not wait
 * (engine/select/select.c, ready of bounded.h and rendezvous.h).
 *
 * Two channels; the select reads each case's ticket in a first pass and all of them again
 * in a second one; only if nothing was ready and nothing changed it says so. Others make
 * the channels ready and not ready. It must have been true of both at one instant during
 * the call.
 *
 * @shape 1 two rings: a value moves from one to the other, so that always one is ready
 * @shape 2 two rings: values come and go at will
 * @shape 3 two unbuffered channels: a sender is always on one of them
 * @shape 4 an unbuffered one and a ring
 * @mutation 1 shape=1 no second pass
 * @mutation 2 shape=3 the top word has no version
 * @mutation 3 shape=2 the second pass looks whether it is ready only
 * @mutation 4 shape=2 the second pass looks at the last case only
 * @mutation 5 shape=2 a ring's ticket is the number inside
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#define RING 0
#define TOP  1

bool kind[2];
byte sent[2], taken[2]; /* ring: tickets, which never repeat */
byte version[2];
bool full_[2];          /* top: a sender is there */
bool idle, called;

#define is_ready(c) (kind[c] == RING -> sent[c] != taken[c] : full_[c])

/* The select's ghost: was there an instant during the call at which none was ready? */
#define note() idle = idle || (called && !is_ready(0) && !is_ready(1))

inline fill(c)
{
    atomic {
        if
        :: kind[c] == RING -> sent[c] = sent[c] + 1
        :: else -> full_[c] = true; version[c] = (MUT(2) -> 0 : version[c] + 1)
        fi;
        note()
    }
}

inline drain(c)
{
    atomic {
        if
        :: kind[c] == RING -> taken[c] = taken[c] + 1
        :: else -> full_[c] = false
        fi;
        note()
    }
}

/* head, then tail; or the one word */
inline look(c)
{
    if
    :: kind[c] == RING ->
       h = taken[c];
       atomic {
           ticket = (MUT(5) -> sent[c] - h : sent[c]);
           yes = sent[c] != h;
           h = 0
       }
    :: else -> atomic { ticket = version[c] * 2 + full_[c]; yes = full_[c] }
    fi
}

/* Always one of them is ready: the next one is filled before the other is emptied. */
proctype mover(byte times)
{
    do
    :: times == 0 -> break
    :: else -> times--;
       fill(1);
       drain(0);
       fill(0);
       drain(1)
    od
}

proctype will(byte c; byte times)
{
    do
    :: times == 0 -> break
    :: else -> times--;
       fill(c);
       drain(c)
    od
}

proctype chooser()
{
    byte ticket, h, first[2], i;
    bool yes, changed;
    atomic { called = true; note() }
again:
    atomic { i = 0; changed = false }
    do
    :: i == 2 -> break
    :: else -> look(i);
       if
       :: yes -> goto ready
       :: else
       fi;
       atomic { first[i] = ticket; i++ }
    od;
    i = (MUT(4) -> 1 : 0);
    do
    :: i == 2 || MUT(1) -> break
    :: else -> look(i);
       atomic { changed = changed || yes || (ticket != first[i] && !MUT(3)); i++ }
    od;
    if
    :: changed -> goto again
    :: else -> assert(idle)
    fi;
ready:
    atomic { ticket = 0; first[0] = 0; first[1] = 0; called = false }
}

init
{
    atomic {
        begin();
        if
        :: SHAPE(1) -> sent[0] = 1; run mover(3)
        :: SHAPE(2) -> run will(0, 3); run will(1, 3)
        :: SHAPE(3) -> kind[0] = TOP; kind[1] = TOP; full_[0] = true; run mover(3)
        :: SHAPE(4) -> kind[0] = TOP; full_[0] = true; run mover(3)
        fi;
        run chooser()
    }
}
