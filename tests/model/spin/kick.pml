/* kick.pml - cancelling and timing out the wait of a fiber (engine/pool/wait.c, timers.c).
 *
 * A fiber waits twice; its stores of `waiting` and of the published wait are plain ones of
 * its worker, in a store buffer. A canceller, the timer of the first wait and a completer
 * come at any time. Each wait is ended once; a kick touches no wait that has returned; a
 * cancelled fiber does not stay in a wait; the first wait's deadline does not end the
 * second one.
 *
 * @shape 1 a canceller and a completer
 * @shape 2 the timer of the first wait and a completer of both
 * @shape 3 a canceller and the timer, nobody else
 * @mutation 1 shape=1 the bits are not looked at after publishing
 * @mutation 2 shape=1 the kick does without the barrier
 * @mutation 3 shape=1 the fiber returns while a kick looks at its wait
 * @mutation 4 shape=1 the kick does not take the lock
 * @mutation 5 shape=1 the kick looks for the wait before it has the lock
 * @mutation 6 shape=1 a wait is withdrawn by a store
 * @mutation 7 shape=2 TIMEOUT is cleared before the timer is disarmed
 * @mutation 8 shape=2 a timer fires after it was taken out, the bit set outside its lock
 * @mutation 9 shape=1 the kick sets the bit after its look
 * SPDX-License-Identifier: MIT */
#define BUFFERS 1
#define DEPTH   2
#define WORDS   2
#include "common.pml"

#define IN     0 /* the wait that the fiber is in: 1, 2, or 0 */
#define LISTED 1 /* the wait that is published, or 0 */
#define CANCEL  1
#define TIMEOUT 2

byte attn;
bool klock, tlock, armed;
byte woken, gone, why; /* gone: waits that have returned; why: the bits of the last abort */

inline abort_wait(wt)
{
    assert(wt > gone);
    if
    :: MUT(6) && mem[LISTED] == wt -> mem[LISTED] = 0; hit = true
    :: atomic {
           !(MUT(6) && mem[LISTED] == wt) ->
           if
           :: mem[LISTED] == wt -> mem[LISTED] = 0; hit = true
           :: else
           fi
       }
    fi
}

/* By the fiber's own worker (own) or somebody else. */
inline kick(own)
{
    hit = false;
    if
    :: MUT(5) -> wt = mem[IN]
    :: else
    fi;
    atomic {
        (!own || fence(0)) && (!klock || MUT(4)) ->
        klock = !MUT(4)
    }
    if
    :: !MUT(2) -> barrier()
    :: else
    fi;
    if
    :: !MUT(5) -> wt = (own -> rd(0, IN) : mem[IN])
    :: else
    fi;
    if
    :: wt ->
       bits = attn;
       if
       :: bits && (!own || fence(0)) -> abort_wait(wt)
       :: !bits
       fi
    :: else
    fi;
    klock = false;
    atomic {
        if
        :: hit -> why = bits; assert(!woken); woken = wt
        :: else
        fi;
        wt = 0; bits = 0; hit = false
    }
}

inline wait(g)
{
    if
    :: attn & CANCEL -> goto over /* as park does, before anything else */
    :: else
    fi;
    st(0, IN, g);
    if
    :: timed -> atomic { fence(0) && !tlock -> armed = true }
    :: else
    fi;
    st(0, LISTED, g); /* on the next stack from here on */
    if
    :: attn && !MUT(1) -> kick(true)
    :: else
    fi;
    atomic { woken == g -> woken = 0 }
    atomic { assert(!(g == 2 && (why & TIMEOUT) && !(why & CANCEL))); why = 0 }
    st(0, IN, 0);
    if
    :: !MUT(3) -> !klock
    :: else
    fi;
    if
    :: timed ->
       if
       :: MUT(7) -> atomic { fence(0) -> attn = attn & ~TIMEOUT }
       :: else
       fi;
       if
       :: armed -> atomic { fence(0) && !tlock -> armed = false }
       :: !armed -> !tlock || MUT(8)
       fi;
       if
       :: !MUT(7) -> atomic { fence(0) -> attn = attn & ~TIMEOUT }
       :: else
       fi
    :: else
    fi;
    gone = g
}

proctype fiber()
{
    byte wt, bits;
    bool hit, timed;
    timed = SHAPE(2) || SHAPE(3);
    wait(1);
    timed = false;
    wait(2);
over:
    skip
}

proctype canceller()
{
    byte wt, bits;
    bool hit;
    if
    :: !MUT(9) -> attn = attn | CANCEL
    :: else
    fi;
    kick(false);
    attn = attn | CANCEL
}

proctype timer()
{
    byte wt, bits;
    bool hit;
    bool mine;
end_unused:
    if
    :: atomic { armed && !tlock -> tlock = true; mine = armed; armed = false }
       if
       :: MUT(8) -> tlock = false
       :: else
       fi;
       attn = attn | TIMEOUT;
       tlock = false; /* and tix: the last touch */
       kick(false)
    :: gone >= 1
    fi
}

proctype completer(byte times)
{
    do
    :: times == 0 -> break
    :: else ->
end_none:
       atomic { mem[LISTED] -> assert(!woken); woken = mem[LISTED]; mem[LISTED] = 0 }
       times--
    od
}

init
{
    atomic {
        begin();
        run fiber();
        if
        :: SHAPE(1) -> run canceller(); run completer(1)
        :: SHAPE(2) -> run timer(); run completer(2)
        :: SHAPE(3) -> run timer(); run canceller()
        fi
    }
}
