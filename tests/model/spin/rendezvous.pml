/* rendezvous.pml - the unbuffered channel and selects on it (engine/chan/rendezvous.c,
 * node.h, select/select.c).
 *
 * Two channels, up to four parties: each has one plain operation or a select of two. top
 * is the word with its version; lists and the lock are as in the engine; a claim is held
 * in the order of the parties' numbers. A timed party may give up at any moment. A party
 * that returns ends its nodes: nobody may touch them later. Values are the senders'
 * numbers. When nobody can move: who was to be woken is awake, no two parties wait that
 * could meet, nothing is HELD, each value has been received once, top and lists agree.
 *
 * @shape 1 two senders, two receivers, one of them timed
 * @shape 2 two selects, both directions, and a select of two receives
 * @shape 3 a select that sends and receives on one channel, a plain one of each
 * @shape 4 close, a parked sender that may give up, a receiver, a sender
 * @shape 5 two crossed selects, one of them timed, a plain sender
 * @shape 6 a select of receives, two senders, cancel
 * @part 7 two senders, two receivers, all timed, and close
 * @deep 8 two crossed selects and two plain parties, one select timed
 * @deep 9 two crossed selects, one of them timed, a plain sender, a try
 * @mutation 1 shape=2 the own claim is held before the peer's
 * @mutation 2 shape=3 a select meets itself
 * @mutation 3 shape=1 a lone waiter is not moved to the lists
 * @mutation 4 shape=1 the lists are left while one of them is in use
 * @mutation 5 shape=4 close leaves the receivers waiting
 * @mutation 6 shape=4 close refuses the parked senders
 * @mutation 7 shape=1 a lone waiter is taken by a store
 * @mutation 8 shape=1 a timeout takes whatever is on top off
 * @mutation 9 shape=5 a timeout does not hold the claim
 * @mutation 10 shape=2 the losers' nodes stay listed
 * @mutation 11 shape=2 the completer alone resumes a select
 * @mutation 12 shape=2 a held select counts as dead
 * @mutation 13 shape=4 closed is told while senders wait
 * @mutation 14 shape=1 a timeout leaves the node in its list
 * @mutation 15 shape=5 the first of two claims stays held when the second is dead
 * @mutation 16 shape=1 looking and listing are two critical sections
 * @mutation 17 shape=4 who is listed after the close waits
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#include "rendezvous_meet.pml"

proctype plain(byte p; bool d; bool c; mtype mode)
{
    byte tn, tb, tv, k, m, mate, lo, hi, i_, d_, told[4], ntold;
    mtype r, claim;
    bool held, gaveup;
    atomic {
        dir_of[p * 2] = d;
        chan_of[p * 2] = c;
        val[p * 2] = (d == S -> p + 1 : 0)
    }
    lone(c, p * 2, (mode == TRY));
    if
    :: r == LISTED -> meet(c, p * 2, (mode == TRY))
    :: atomic { else -> r = (r == DONE -> LISTED : r) }
    fi;
    if
    :: r == LISTED ->
       waits[p] = true;
end_waits:
       if
       :: atomic { woken[p] -> r = err[p * 2] }
       :: mode == TIMED && !woken[p] ->
          delist(c, p * 2);
          if
          :: gaveup -> r = LATE
          :: else -> atomic { woken[p] -> r = err[p * 2] }
          fi
       fi;
       waits[p] = false
    :: else
    fi;
    atomic {
        gone[p] = true;
        assert(r != CLOSED || d == R || !safe[p] || cancelled);
        if
        :: r == OK && d == S -> sent++
        :: r == OK && d == R -> received++; got[val[p * 2]] = got[val[p * 2]] + 1;
           assert(got[val[p * 2]] == 1 && val[p * 2])
        :: else
        fi;
        r = 0
    }
}

proctype chooser(byte p; bool d0; bool c0; bool d1; bool c1; mtype mode)
{
    byte tn, tb, tv, k, m, mate, lo, hi, i_, d_, told[4], ntold, node, upto, ch;
    mtype r, claim;
    bool held, gaveup;
    atomic {
        dir_of[p * 2] = d0; chan_of[p * 2] = c0; is_select[p * 2] = true;
        dir_of[p * 2 + 1] = d1; chan_of[p * 2 + 1] = c1; is_select[p * 2 + 1] = true;
        val[p * 2] = (d0 == S -> p + 1 : 0);
        val[p * 2 + 1] = (d1 == S -> p + 1 : 0);
        st[p] = WAITING;
        pend[p] = (MUT(11) -> 1 : 2);
        registers[p] = true
    }
    upto = 0;
    do
    :: upto == 2 -> break
    :: else ->
       node = p * 2 + upto;
       upto++;
       ch = chan_of[node];
       meet(ch, node, false);
       if
       :: r == OK || r == CLOSED -> registers[p] = false; goto leave /* by ourselves */
       :: r != OK && r != CLOSED && (st[p] == GONE || st[p] == DONE) -> break
       :: else
       fi
    od;
    atomic {
        registers[p] = false;
        if
        :: !MUT(11) ->
           pend[p]--;
           if
           :: pend[p] == 0 -> woken[p] = true
           :: else
           fi
        :: else
        fi
    }
    waits[p] = true;
end_waits:
    if
    :: woken[p]
    :: mode == TIMED && !woken[p] ->
       if
       :: MUT(9) -> gaveup = true
       :: else -> hold(p, gaveup)
       fi;
       if
       :: gaveup -> st[p] = GONE
       :: else -> woken[p]
       fi
    fi;
    waits[p] = false;
leave:
    node = 0;
    do
    :: node == upto -> break
    :: else ->
       if
       :: linked[p * 2 + node] && !MUT(10) ->
          ch = chan_of[p * 2 + node];
          delist(ch, p * 2 + node)
       :: else
       fi;
       node++
    od;
    atomic {
        gone[p] = true;
        if
        :: won[p] -> node = won[p] - 1;
           assert(err[node] != CLOSED || dir_of[node] == R || !safe[p] || cancelled);
           if
           :: err[node] == OK && dir_of[node] == S -> sent++
           :: err[node] == OK && dir_of[node] == R -> received++; got[val[node]] = got[val[node]] + 1;
              assert(got[val[node]] == 1 && val[node])
           :: else
           fi
        :: else
        fi;
        r = 0
    }
}

proctype shut(bool c; bool cancel)
{
    byte tn, tb, tv, m, i_, d_, told[4], ntold;
    bool held;
    atomic { !lock[c] -> lock[c] = true }
    enter(c);
    atomic {
        bump(c);
        topb[c] = LISTS | C;
        cancelled = cancelled || cancel
    }
    if
    :: cancel || MUT(6) -> refuse(c, S)
    :: else
    fi;
    if
    :: !MUT(5) -> refuse(c, R)
    :: else
    fi;
    settle(c);
    lock[c] = false;
    wake_told()
}

#define listed_live(c, d) (count(c, d) > 0 || topb[c] == bit_of(d))

init
{
    byte i;
    atomic {
        begin();
        topv[0] = 6;
        topv[1] = 7;
        if
        :: SHAPE(1) -> run plain(0, S, 0, FOREVER); run plain(1, S, 0, FOREVER);
           run plain(2, R, 0, TIMED); run plain(3, R, 0, FOREVER)
        :: SHAPE(2) -> run chooser(0, S, 0, R, 1, FOREVER); run chooser(1, S, 1, R, 0, FOREVER);
           run chooser(2, R, 0, R, 1, FOREVER)
        :: SHAPE(3) -> run chooser(0, S, 0, R, 0, FOREVER); run plain(1, S, 0, FOREVER);
           run plain(2, R, 0, FOREVER)
        :: SHAPE(4) -> run plain(0, S, 0, TIMED); run plain(1, R, 0, FOREVER);
           run plain(2, S, 0, FOREVER); run shut(0, false)
        :: SHAPE(5) -> run chooser(0, S, 0, R, 1, TIMED); run chooser(1, S, 1, R, 0, FOREVER);
           run plain(2, S, 0, FOREVER)
        :: SHAPE(6) -> run chooser(0, R, 0, R, 1, FOREVER); run plain(1, S, 0, FOREVER);
           run plain(2, S, 1, FOREVER); run shut(0, true)
        :: SHAPE(7) -> run plain(0, S, 0, TIMED); run plain(1, S, 0, TIMED);
           run plain(2, R, 0, TIMED); run plain(3, R, 0, TIMED); run shut(0, false)
        :: SHAPE(9) -> run chooser(0, S, 0, R, 1, TIMED); run chooser(1, S, 1, R, 0, FOREVER);
           run plain(2, S, 0, FOREVER); run plain(3, R, 0, TRY)
        :: SHAPE(8) -> run chooser(0, S, 0, R, 1, TIMED); run chooser(1, S, 1, R, 0, FOREVER);
           run plain(2, R, 0, FOREVER); run plain(3, S, 1, FOREVER)
        fi
    }
end:
    timeout;
    assert(sent == received);
    atomic {
        do
        :: i == PARTIES -> i = 0; break
        :: else ->
           assert(st[i] != HELD);
           assert(!(waits[i] && woken[i]));
           assert(!waits[i] || linked[i * 2] || topn[chan_of[i * 2]] == i * 2 + 1);
           assert(!waits[i] || !is_select[i * 2] || linked[i * 2 + 1]);
           i++
        od;
        do
        :: i == 2 -> break
        :: else ->
           assert(!lock[i]);
           assert(!(topb[i] & (BS | BR)) || !(count(i, S) || count(i, R)));
           assert(((topb[i] & LISTS) != 0) == (count(i, S) || count(i, R)));
           assert(!(topb[i] & C) || !count(i, R)); /* with senders: they would meet */
           assert(!(listed_live(i, S) && listed_live(i, R)) || SHAPE(3));
           i++
        od
    }
}
