/* bounded_ring.pml - for bounded.pml: its words, the store buffers, tickets, the lists of
 * parked ones, pump, listing and the hand-over. SPDX-License-Identifier: MIT */
#define PARTIES 5
#define POS     15
#define START   14
#define R       0
#define S       1
#define OVERTAKES 1

mtype = {WAITING, HELD, GONE, DONE};
mtype = {OK, AGAIN, CLOSED, BUSY, QUEUE, OWED, LATE};
mtype = {FOREVER, TIMED};

byte cap;
bool fair;
byte tail, head;            /* positions; C and H beside them belong to the words */
bool C, H[2];               /* H[S] in tail, H[R] in head */
byte turn[2], cell[2];
bool lock[2];
byte nwait[2], list[6];     /* of dir * 3 */
bool linked[PARTIES], is_select[PARTIES], is_event[PARTIES], dir_of[PARTIES];
byte lost[PARTIES], passed[PARTIES];
byte buf[PARTIES];
mtype err[PARTIES], st[PARTIES];
bool woken[PARTIES], waits[PARTIES], early[PARTIES];
byte sbn[PARTIES], sb[10]; /* cell + 1: publish; 3 + dir: unlock */
byte born, sent, received, dropped;
byte got[8];
bool told, cancelled, ordered;
byte out; /* values in order: the last one that left */
byte choosing; /* parties of selects that others may still complete */

#define next_of(w)   (((w) + 1) & POS)
#define full_at(w)   ((((w) / cap) * 2 + 1) & 31)
#define free_at(w)   ((((w) / cap) * 2) & 31)
#define behind(t, w) ((((t) - (w)) & 31) > 15)
#define lap_later(h) (((h) + cap) & POS)
#define word(d)      (lock[d] || nwait[d])
#define fence(p)     (sbn[p] == 0)

inline put(p, code)
{
    atomic { sbn[p] < 2; sb[(p) * 2 + sbn[p]] = code; sbn[p] = sbn[p] + 1 }
}

inline drain(p)
{
    if
    :: sb[(p) * 2] < 3 -> turn[sb[(p) * 2] - 1] = (turn[sb[(p) * 2] - 1] + 1) & 31
    :: else -> lock[sb[(p) * 2] - 3] = false
    fi;
    sb[(p) * 2] = sb[(p) * 2 + 1];
    sb[(p) * 2 + 1] = 0;
    sbn[p] = sbn[p] - 1
}

active proctype memory()
{
end:
    do
    :: d_step { sbn[0] > 0 -> drain(0) }
    :: d_step { sbn[1] > 0 -> drain(1) }
    :: d_step { sbn[2] > 0 -> drain(2) }
    :: d_step { sbn[3] > 0 -> drain(3) }
    :: d_step { sbn[4] > 0 -> drain(4) }
    od
}

/* Somebody new has passed the first waiter of that side. */
inline note_passed(d)
{
    if
    :: nwait[d] && linked[list[(d) * 3]] ->
       passed[list[(d) * 3]] = passed[list[(d) * 3]] + 1;
       assert(passed[list[(d) * 3]] <= OVERTAKES)
    :: else
    fi
}

/* r: OK, CLOSED, QUEUE, AGAIN, BUSY; n: how many cells are wanted and were claimed */
inline push(p, value, pump, n)
{
    do
    :: atomic {
           w = tail;
           flags = C * 2 + H[S];
           if
           :: C && !(pump) -> r = CLOSED; break
           :: !C && H[S] && !(pump) -> r = QUEUE; break
           :: else
           fi;
           fence(p)
       }
       atomic {
           if
           :: turn[w % cap] == free_at(w) -> d_ = 0
           :: behind(turn[w % cap], free_at(w)) -> d_ = 1
           :: else -> d_ = 2
           fi;
           if
           :: n == 2 && (w % cap || turn[1] != free_at(w + 1)) -> n = 1
           :: else
           fi
       }
       if
       :: atomic {
              d_ == 0 && fence(p) ->
              if
              :: tail == w && flags == C * 2 + H[S] ->
                 tail = (w + n) & POS;
                 if
                 :: !(pump) && !fair -> note_passed(S)
                 :: else
                 fi;
                 cell[w % cap] = value;
                 put(p, w % cap + 1);
                 r = OK;
                 break
              :: else
              fi
          }
       :: atomic { d_ == 1 -> r = (lap_later(head) == w -> AGAIN : BUSY); break }
       :: d_ == 2
       fi
    od;
    if
    :: r == OK && n == 2 -> atomic { cell[1] = value + 1; put(p, 2) }
    :: else
    fi;
    atomic { w = 0; d_ = 0; flags = 0 }
}

inline pop(p, value, pump)
{
    do
    :: atomic {
           w = head;
           flags = H[R];
           if
           :: H[R] && !(pump) -> r = QUEUE; break
           :: else
           fi;
           fence(p)
       }
       atomic {
           if
           :: turn[w % cap] == full_at(w) -> d_ = 0
           :: behind(turn[w % cap], full_at(w)) -> d_ = 1
           :: else -> d_ = 2
           fi
       }
       if
       :: atomic {
              d_ == 0 && fence(p) ->
              if
              :: head == w && flags == H[R] ->
                 assert(!told);
                 head = next_of(w);
                 if
                 :: !(pump) && !fair -> note_passed(R)
                 :: else
                 fi;
                 value = cell[w % cap];
                 out++;
                 assert(!ordered || value == out);
                 put(p, w % cap + 1);
                 r = OK;
                 break
              :: else
              fi
          }
       :: atomic {
              d_ == 1 ->
              if
              :: tail != w && !(MUT(19) && C && !H[S]) -> r = BUSY
              :: (tail == w || MUT(19)) && C && !H[S] -> r = CLOSED; told = true
              :: tail == w && C && H[S] -> r = OWED
              :: tail == w && !C -> r = AGAIN
              fi;
              break
          }
       :: d_ == 2
       fi
    od;
    atomic { w = 0; d_ = 0; flags = 0 }
}

inline hold(q, ret)
{
    if
    :: atomic { st[q] == WAITING -> st[q] = HELD; ret = true }
    :: atomic { st[q] == GONE || st[q] == DONE || (MUT(9) && st[q] == HELD) -> ret = false }
    fi
}

inline append(q)
{
    list[dir_of[q] * 3 + nwait[dir_of[q]]] = q;
    nwait[dir_of[q]] = nwait[dir_of[q]] + 1;
    linked[q] = true;
    passed[q] = 0
}

inline unlink(q)
{
    assert(linked[q]);
    if
    :: list[dir_of[q] * 3] == q && nwait[dir_of[q]] -> list[dir_of[q] * 3] = list[dir_of[q] * 3 + 1];
       list[dir_of[q] * 3 + 1] = list[dir_of[q] * 3 + 2]
    :: else ->
       if
       :: list[dir_of[q] * 3 + 1] == q -> list[dir_of[q] * 3 + 1] = list[dir_of[q] * 3 + 2]
       :: else
       fi
    fi;
    list[dir_of[q] * 3 + 2] = 0;
    nwait[dir_of[q]] = nwait[dir_of[q]] - 1;
    list[dir_of[q] * 3 + nwait[dir_of[q]]] = 0;
    linked[q] = false
}

/* Settles and wakes; the wake of the engine comes behind the unlock. */
inline complete(q, e)
{
    err[q] = e;
    st[q] = (is_select[q] -> DONE : st[q]);
    assert(!woken[q]);
    woken[q] = true
}

inline enter(p, d) { atomic { fence(p) && !lock[d] -> lock[d] = true } }
inline leave(p, d) { put(p, 3 + d) }

inline lower_h(d, served)
{
    if
    :: H[d] && (nwait[d] == 0 || (served && !fair && !(d == S && C))) -> H[d] = false; did = true
    :: else
    fi
}

/* end: how the first pass ended: OK, AGAIN, BUSY, CLOSED */
inline pump(p, which)
{
    atomic { todo = which; end = 0 }
    do
    :: todo == 0 -> break
    :: else ->
       atomic { pd = (todo & 1 -> R : S); todo = todo & ~(pd + 1); did = false; starving = false }
       enter(p, pd);
       do
       :: atomic { nwait[pd] == 0 -> end = (end == 0 -> OK : end); break }
       :: else ->
          m = list[pd * 3];
          if
          :: is_event[m] ->
             atomic { unlink(m); woken[m] = true }
             if
             :: MUT(14) -> break
             :: else
             fi
          :: else ->
             held = true;
             if
             :: is_select[m] -> hold(m, held)
             :: else
             fi;
             if
             :: atomic { !held -> unlink(m) }
             :: else ->
                if
                :: MUT(10) && is_select[m] -> st[m] = DONE
                :: else
                fi;
                n = 1;
                if
                :: pd == S -> push(p, buf[m], true, n)
                :: else -> pop(p, buf[m], true)
                fi;
                atomic {
                    if
                    :: r == OK || r == CLOSED ->
                       did = did || r == OK;
                       starving = starving || (r == OK && lost[m] >= OVERTAKES);
                       unlink(m);
                       complete(m, r)
                    :: else ->
                       end = (end == 0 -> r : end);
                       lost[m] = (lost[m] < OVERTAKES -> lost[m] + 1 : lost[m]);
                       fence(p);
                       if
                       :: lost[m] == OVERTAKES && !MUT(12) -> H[pd] = true
                       :: else
                       fi;
                       st[m] = (is_select[m] -> (MUT(10) -> DONE : WAITING) : st[m])
                    fi
                }
                if
                :: r != OK && r != CLOSED -> break
                :: else
                fi
             fi
          fi
       od;
       atomic { fence(p) || !H[pd]; lower_h(pd, starving) }
       leave(p, pd);
       atomic {
           if
           :: did && word(!pd) && !MUT(5) -> todo = todo | (2 - pd)
           :: else
           fi;
           m = 0; held = false; did = false; r = 0; pd = 0; n = 0; starving = false
       }
    od
}
/* the bit of a side: R 1, S 2; of the other side: 2 - pd */

inline after(p, d)
{
    if
    :: word(!(d)) -> pump(p, 2 - (d))
    :: else
    fi
}

/* ready: could a parked one be served, by the tickets? */
inline tickets(d)
{
    if
    :: d == R -> w = head;
       atomic { ready = tail != w || (C && !H[S]); w = 0 }
    :: else -> w = tail;
       atomic { ready = lap_later(head) != w; w = 0 }
    fi;
    if
    :: MUT(2) || (MUT(15) && is_event[p]) -> ready = false
    :: MUT(3) && d == R -> ready = turn[head % cap] == full_at(head)
    :: else
    fi
}

/* r: CLOSED (not listed) or OK */
inline enlist(p, d)
{
    enter(p, d);
    if
    :: d == S && C && !MUT(7) -> leave(p, d); r = CLOSED
    :: else ->
       atomic {
           append(p);
           early[p] = !C;
           H[d] = H[d] || (fair && !is_event[p])
       }
       r = OK;
       tickets(d);
       leave(p, d);
       do
       :: !ready -> break
       :: else -> pump(p, d + 1);
          if
          :: end != BUSY || once || MUT(11) -> break
          :: else ->
             if
             :: tickets(d) /* pauses, looks again */
             :: sbn[0] == 0; sbn[1] == 0; sbn[2] == 0; sbn[3] == 0; sbn[4] == 0;
                once = true
             fi
          fi
       od;
       atomic { ready = false; once = false; end = 0; r = OK }
    fi
}

inline delist(p, d)
{
    enter(p, d);
    atomic {
        gaveup = linked[p];
        did = false;
        if
        :: gaveup ->
           unlink(p);
           if
           :: nwait[d] == 0 && !MUT(17) -> lower_h(d, false)
           :: else
           fi
        :: else
        fi
    }
    leave(p, d);
    if
    :: did && !MUT(8) -> did = false; after(p, d)
    :: else -> did = false
    fi
}

inline hand(p, value)
{
    enter(p, R);
    w = head;
    atomic {
        r = AGAIN;
        if
        :: (tail == w || MUT(16)) && !C && !H[S] && nwait[R] && !is_event[list[0]] && !is_select[list[0]] ->
           m = list[0];
           buf[m] = value;
           out++;
           assert(!ordered || value == out);
           did = lost[m] >= OVERTAKES;
           unlink(m);
           complete(m, OK);
           lower_h(R, did);
           r = OK
        :: else
        fi;
        m = 0; w = 0; did = false
    }
    leave(p, R)
}

inline took(value)
{
    atomic {
        assert(value && got[value] == 0);
        got[value] = 1;
        received++
    }
}

/* Parks for one operation that has to be in buf[p]: r. */
inline park(p, d, mode)
{
    atomic { woken[p] = false; lost[p] = 0; err[p] = 0 }
    enlist(p, d);
    if
    :: r == OK ->
       waits[p] = true;
end_park:
       if
       :: atomic { woken[p] -> r = err[p] }
       :: mode == TIMED && !woken[p] ->
          delist(p, d);
          if
          :: gaveup -> r = LATE
          :: else -> atomic { woken[p] -> r = err[p] }
          fi
       fi;
       atomic { waits[p] = false; woken[p] = false }
    :: else
    fi
}
