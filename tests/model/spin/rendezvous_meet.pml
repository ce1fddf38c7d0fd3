/* rendezvous_meet.pml - for rendezvous.pml: its words, the lists, the claims, how two meet
 * and how one leaves. SPDX-License-Identifier: MIT */
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
