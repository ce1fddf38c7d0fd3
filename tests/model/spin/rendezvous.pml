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
 * @deep 7 two senders, two receivers, all timed, and close
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

#define PARTIES 4
#define NODES   8
#define R       0
#define S       1
#define BS      1 /* bits of top */
#define BR      2
#define LISTS   4
#define C       8
#define bit_of(dir) ((dir) == S -> BS : BR)

mtype = {WAITING, HELD, GONE, DONE};
mtype = {FOREVER, TIMED, TRY};
mtype = {OK, AGAIN, CLOSED, LATE, LISTED, DEAD, CANCELLED};

byte topn[2], topb[2], topv[2];  /* node + 1, bits, version */
byte list[16], fill[4];           /* of channel * 2 + dir: four places each */
bool lock[2];

bool linked[NODES], is_select[NODES], dir_of[NODES], chan_of[NODES];
byte val[NODES];                 /* what a sender gives, what a receiver got */
mtype err[NODES];
mtype st[PARTIES];
byte pend[PARTIES], won[PARTIES]; /* node + 1 */
bool woken[PARTIES], waits[PARTIES], gone[PARTIES], safe[PARTIES], registers[PARTIES];
byte sent, received;
byte got[PARTIES + 1];
bool cancelled;

#define party(n)  ((n) / 2)
#define bump(c)   topv[c] = (topv[c] + 1) & 7
#define at(c, d, i) list[((c) * 2 + (d)) * 4 + (i)]
#define count(c, d) fill[(c) * 2 + (d)]
#define same(c) (topn[c] == tn && topb[c] == tb && topv[c] == tv)

inline load(c) { tn = topn[c]; tb = topb[c]; tv = topv[c] }

inline append(c, n)
{
    assert(!gone[party(n)]);
    at(c, dir_of[n], count(c, dir_of[n])) = n;
    count(c, dir_of[n]) = count(c, dir_of[n]) + 1;
    linked[n] = true
}

inline unlink(c, n)
{
    assert(!gone[party(n)] && linked[n]);
    d_ = dir_of[n];
    i_ = 0;
    do
    :: at(c, d_, i_) == n -> break
    :: else -> i_++
    od;
    do
    :: i_ + 1 < count(c, d_) -> at(c, d_, i_) = at(c, d_, i_ + 1); i_++
    :: else -> break
    od;
    at(c, d_, i_) = 0;
    count(c, d_) = count(c, d_) - 1;
    linked[n] = false;
    i_ = 0;
    d_ = 0
}

inline hold(p, ret)
{
    if
    :: atomic { st[p] == WAITING -> assert(!gone[p]); st[p] = HELD; ret = true }
    :: atomic { st[p] == GONE || st[p] == DONE || (MUT(12) && st[p] == HELD) -> ret = false }
    fi
}

inline settle_node(n, e)
{
    atomic {
        assert(!gone[party(n)]);
        err[n] = e;
        if
        :: is_select[n] -> won[party(n)] = n + 1; st[party(n)] = DONE
        :: else
        fi
    }
}

inline wake_node(n)
{
    atomic {
        assert(!gone[party(n)]);
        if
        :: is_select[n] ->
           pend[party(n)]--;
           if
           :: pend[party(n)] == 0 ->
              assert(!woken[party(n)] && !registers[party(n)]);
              woken[party(n)] = true
           :: else
           fi
        :: else -> assert(!woken[party(n)]); woken[party(n)] = true
        fi
    }
}

inline copy(n, m)
{
    atomic {
        assert(!gone[party(m)] && dir_of[n] != dir_of[m] && chan_of[n] == chan_of[m]);
        assert(party(n) != party(m));
        if
        :: dir_of[n] == S -> val[m] = val[n]
        :: else -> val[n] = val[m]
        fi
    }
}

/* Under the lock. */
inline enter(c)
{
    do
    :: atomic {
           load(c);
           if
           :: tb & (LISTS | C) -> break
           :: else
           fi
       }
       atomic {
           if
           :: same(c) ->
              bump(c);
              topb[c] = LISTS;
              topn[c] = 0;
              if
              :: tb && !MUT(3) -> append(c, tn - 1)
              :: else
              fi;
              tb = LISTS;
              break
           :: else
           fi
       }
    od
}

inline settle(c)
{
    atomic {
        if
        :: (topb[c] & LISTS) && ((!count(c, S) && !count(c, R)) ||
                                 (MUT(4) && (!count(c, S) || !count(c, R)))) ->
           bump(c);
           topb[c] = topb[c] & C
        :: else
        fi
    }
}

/* Claims m, for me when that is listed. claim: OK, DEAD (m is), LATE (me is) */
inline claim_pair(me, m, attempt)
{
    if
    :: !attempt && is_select[me] && is_select[m] ->
       if
       :: atomic { party(me) < party(m) || MUT(1) -> lo = party(me); hi = party(m) }
       :: atomic { else -> lo = party(m); hi = party(me) }
       fi;
       hold(lo, held);
       if
       :: atomic { !held -> claim = (lo == party(me) -> LATE : DEAD) }
       :: else ->
          hold(hi, held);
          if
          :: atomic {
                 !held ->
                 claim = (hi == party(me) -> LATE : DEAD);
                 if
                 :: !MUT(15) -> st[lo] = WAITING
                 :: else
                 fi
             }
          :: atomic { else -> claim = OK }
          fi
       fi
    :: else ->
       claim = OK;
       if
       :: is_select[m] -> hold(party(m), held);
          claim = (held -> OK : DEAD)
       :: else
       fi;
       if
       :: claim == OK && !attempt && is_select[me] ->
          hold(party(me), held);
          if
          :: atomic {
                 !held ->
                 claim = LATE;
                 st[party(m)] = (is_select[m] -> WAITING : st[party(m)])
             }
          :: else
          fi
       :: else
       fi
    fi;
    atomic { lo = 0; hi = 0; held = false }
}

/* The oldest counterpart that can be had: m + 1 in mate. */
inline find(c, me, attempt)
{
    atomic { mate = 0; k = 0; claim = OK }
    do
    :: k >= count(c, !dir_of[me]) || mate || claim == LATE -> break
    :: else ->
       m = at(c, !dir_of[me], k);
       if
       :: !attempt && is_select[m] && party(m) == party(me) && !MUT(2) -> k++
       :: else ->
          claim_pair(me, m, attempt);
          atomic {
              if
              :: claim != LATE ->
                 unlink(c, m);
                 bump(c);
                 mate = (claim == OK -> m + 1 : 0)
              :: else
              fi
          }
       fi
    od;
    atomic { k = 0; m = 0 }
}

/* Under the lock. */
inline refuse(c, d)
{
    do
    :: count(c, d) == 0 || (d == R && count(c, S)) -> break
    :: else ->
       m = at(c, d, 0);
       held = true;
       if
       :: is_select[m] -> hold(party(m), held)
       :: else
       fi;
       atomic {
           unlink(c, m);
           if
           :: held -> settle_node(m, CLOSED); told[ntold] = m; ntold++
           :: else
           fi
       }
    od;
    atomic { m = 0; held = false; bump(c) }
}

inline wake_told()
{
    do
    :: ntold == 0 -> break
    :: else -> ntold--; wake_node(told[ntold]); told[ntold] = 0
    od
}

/* r: OK, CLOSED, AGAIN (attempt), LISTED, DEAD */
inline meet(c, me, attempt)
{
    atomic { !lock[c] -> lock[c] = true }
    enter(c);
    r = AGAIN;
    if
    :: ((tb & C) && dir_of[me] == S && !MUT(17)) || (tb & (C | LISTS)) == C ||
       (MUT(13) && (tb & C)) -> r = CLOSED
    :: else ->
       find(c, me, attempt);
       if
       :: MUT(16) && !mate -> atomic { lock[c] = false } atomic { !lock[c] -> lock[c] = true }
          enter(c)
       :: else
       fi;
       atomic {
           if
           :: mate -> r = OK
           :: claim == LATE -> r = DEAD
           :: !mate && claim != LATE && (tb & C) && !count(c, S) -> r = CLOSED
           :: !mate && claim != LATE && !((tb & C) && !count(c, S)) && !attempt ->
              append(c, me);
              bump(c);
              assert(!(tb & C) || dir_of[me] == R);
              safe[party(me)] = safe[party(me)] || !(tb & C);
              r = LISTED
           :: else
           fi
       }
    fi;
    assert(r != CLOSED || dir_of[me] == S || !count(c, S));
    settle(c);
    lock[c] = false;
    if
    :: mate && r == OK -> copy(me, mate - 1); settle_node(mate - 1, OK)
    :: else
    fi;
    if
    :: !attempt && (r == OK || r == CLOSED) ->
       held = true;
       if
       :: r == CLOSED && is_select[me] -> hold(party(me), held)
       :: else
       fi;
       if
       :: held -> settle_node(me, r)
       :: else -> r = DEAD
       fi
    :: else
    fi;
    if
    :: mate -> wake_node(mate - 1)
    :: else
    fi;
    atomic { mate = 0; held = false; claim = 0 }
}

/* A plain operation's way to top: r OK, LISTED, or AGAIN (to the lists). */
inline lone(c, me, attempt)
{
    do
    :: atomic {
           load(c);
           if
           :: tb == 0 && attempt -> r = AGAIN; break
           :: tb == C && attempt -> r = CLOSED; break
           :: tb == bit_of(dir_of[me]) && attempt -> r = AGAIN; break
           :: tb & (LISTS | C) -> r = LISTED; break
           :: tb == bit_of(dir_of[me]) && !attempt -> r = LISTED; break
           :: else
           fi
       }
       if
       :: atomic {
              tb == 0 ->
              if
              :: same(c) -> bump(c); topb[c] = bit_of(dir_of[me]); topn[c] = me + 1;
                 safe[party(me)] = true; r = DONE; break
              :: else
              fi
          }
       :: atomic {
              tb != 0 ->
              if
              :: same(c) || MUT(7) -> topb[c] = 0; topn[c] = 0; r = OK
              :: else -> r = 0
              fi
          }
          if
          :: r == OK -> mate = tn; copy(me, mate - 1); settle_node(mate - 1, OK);
             wake_node(mate - 1); mate = 0; settle_node(me, OK); break
          :: else
          fi
       fi
    od
}

/* gaveup: it was still listed and is not any more. */
inline delist(c, n)
{
    gaveup = false;
    do
    :: atomic {
           load(c);
           if
           :: !(tb & (BS | BR)) || (tn != n + 1 && !MUT(8)) -> break
           :: else
           fi
       }
       atomic {
           if
           :: same(c) -> topb[c] = 0; topn[c] = 0; gaveup = true; break
           :: else
           fi
       }
    od;
    if
    :: !gaveup ->
       atomic { !lock[c] -> lock[c] = true }
       if
       :: linked[n] ->
          gaveup = true;
          atomic {
              if
              :: !MUT(14) -> unlink(c, n); bump(c)
              :: else
              fi
          }
          if
          :: (topb[c] & C) -> refuse(c, R)
          :: else
          fi;
          settle(c)
       :: else
       fi;
       lock[c] = false;
       wake_told()
    :: else
    fi
}

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
