/* bounded.pml - the buffered channel: tickets, pump, parking, close, cancel, H, hand-over,
 * batches, selects and sets (engine/chan/bounded.h, bounded.c).
 *
 * One ring. Tickets are modulo 16 and start just below their wrap. Publishing a cell and
 * leaving a side's lock are plain stores: they leave a party's store buffer in order, at
 * any time; a locked instruction waits for that. A select is a claim that other channels
 * may hold, release or win at any moment. A timed party may give up at any moment.
 * At rest: receivers wait only on an empty ring that is not drained, senders on a full
 * one; H stands only while somebody waits; what was sent was received, is inside or was
 * dropped; after a receiver was told `closed` nobody receives; who parked before the
 * close was served; a waiter was passed by at most OVERTAKES newcomers.
 *
 * @shape 14 cap 1, a sender of two and a receiver of two
 * @shape 15 cap 1, a sender, close, a receiver until closed
 * @shape 16 cap 1, a select that receives, a sender
 * @shape 17 cap 1 full, a sender, cancel
 * @shape 18 cap 2, a batch of two, a receiver of two, timed
 * @shape 19 cap 1, an entry of a set, a sender of two
 * @shape 20 cap 1 full, a parked sender, a sender of two, a receiver of three
 * @shape 21 cap 1 full and closed, a parked sender, timed, two receivers
 * @deep 1 cap 1, two senders, a receiver who takes two
 * @deep 2 cap 1, two receivers and a sender of two
 * @deep 3 cap 1 full, a parked sender, close, a receiver who takes until closed
 * @deep 4 cap 1 full, a sender, cancel, a receiver
 * @deep 5 cap 1, a select that receives, a receiver behind it, a sender
 * @deep 6 cap 1 full, a select that sends, close, a receiver
 * @deep 7 cap 2, a batch of two, two receivers
 * @deep 8 cap 1 full, one parked sender, a sender of two, a receiver of three
 * @deep 9 cap 1, an entry of a set and a receiver behind it, a sender
 * @deep 10 cap 1, LEAT_FAIR, a receiver timed, another one, a sender
 * @deep 11 cap 1, two senders of two, two receivers of two
 * @deep 12 cap 1 full, two parked senders, one timed, close, two receivers
 * @deep 13 cap 2, batches on both sides, close
 * @mutation 1 shape=1 a send looks for receivers before it takes its ticket
 * @mutation 2 shape=2 a parked party does not look at the tickets again
 * @mutation 3 shape=2 it looks at the cell instead
 * @mutation 4 shape=21 C without H
 * @mutation 5 shape=2 pump without the second round
 * @mutation 6 shape=3 close wakes nobody
 * @mutation 7 shape=17 a sender is listed without a look at C
 * @mutation 8 shape=21 the last sender who leaves lowers H and tells nobody
 * @mutation 9 shape=5 a held select is passed over
 * @mutation 10 shape=5 a select is settled before its value is there
 * @mutation 11 shape=2 on a half-done cell it sleeps without the barrier
 * @mutation 12 shape=20 H is not raised for a waiter who was passed
 * @mutation 13 shape=7 a batch looks for one waiter only
 * @mutation 14 shape=9 an entry swallows the turn of the receiver behind it
 * @mutation 15 shape=19 an entry is armed without a second look
 * @mutation 16 shape=2 a hand-over does not look whether the ring is empty
 * @mutation 17 shape=10 H stays when the last waiter gives up
 * @mutation 18 shape=17 cancel leaves H
 * @mutation 19 shape=15 empty is judged by tail before head
 * SPDX-License-Identifier: MIT */
#include "common.pml"

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
          :: end != BUSY || MUT(11) -> break
          :: else ->
             if
             :: true /* pauses, looks again */
             :: sbn[0] == 0; sbn[1] == 0; sbn[2] == 0; sbn[3] == 0; sbn[4] == 0;
                pump(p, d + 1);
                break
             fi
          fi;
          tickets(d)
       od;
       atomic { ready = false; end = 0; r = OK }
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

#define LOCALS \
    byte w, d_, flags, todo, m, n, v, keep; \
    mtype r, end; \
    bool pd, did, starving, held, ready, gaveup

proctype sender(byte p; byte times; mtype mode; bool batch)
{
    LOCALS;
    dir_of[p] = S;
    do
    :: times == 0 -> break
    :: else ->
       atomic { n = (batch && times > 1 -> 2 : 1); v = born + 1; born = born + n; r = AGAIN }
again:
       if
       :: word(R) && !batch -> hand(p, v)
       :: else
       fi;
       if
       :: r != OK ->
          did = MUT(1) && word(R);
          push(p, v, false, n);
          if
          :: r == OK && (MUT(1) -> did : word(R)) ->
             if
             :: MUT(13) && batch && nwait[R] > 1 -> skip
             :: else -> keep = n; pump(p, 1); n = keep; keep = 0
             fi;
             r = OK
          :: else
          fi;
          did = false
       :: else
       fi;
       if
       :: r == OK -> sent = sent + n; times = times - n
       :: r == CLOSED -> break
       :: r == QUEUE || r == BUSY || r == AGAIN ->
          if
          :: r == QUEUE -> pump(p, 2); r = (end == AGAIN -> AGAIN : BUSY); end = 0
          :: else
          fi;
          n = 1;
          if
          :: r == BUSY -> goto again
          :: true
          fi;
          buf[p] = v;
          park(p, S, mode);
          atomic {
              assert(r != CLOSED || !early[p] || cancelled);
              early[p] = false;
              buf[p] = 0
          }
          if
          :: r == OK -> sent++; times--
          :: else -> break
          fi
       fi
    od
}

proctype receiver(byte p; byte times; mtype mode)
{
    LOCALS;
    dir_of[p] = R;
    do
    :: times == 0 -> break
    :: else ->
again:
       pop(p, v, false);
       if
       :: r == OK -> took(v); v = 0; times--; after(p, R)
       :: r == CLOSED -> break
       :: else ->
          if
          :: r == QUEUE -> pump(p, 1); r = (end == AGAIN -> AGAIN : BUSY); end = 0
          :: r == OWED -> pump(p, 2); r = BUSY
          :: else
          fi;
          if
          :: r == BUSY -> goto again
          :: true
          fi;
          park(p, R, mode);
          if
          :: r == OK -> took(buf[p]); buf[p] = 0; times--
          :: else -> break
          fi
       fi
    od
}

/* A sender who was parked at the start. */
proctype waiter(byte p; mtype mode)
{
    LOCALS;
    waits[p] = true;
end_park:
    if
    :: atomic { woken[p] -> r = err[p] }
    :: mode == TIMED && !woken[p] ->
       delist(p, S);
       if
       :: gaveup -> r = LATE
       :: else -> atomic { woken[p] -> r = err[p] }
       fi
    fi;
    atomic {
        waits[p] = false;
        woken[p] = false;
        assert(r == LATE || r == OK);
        sent = (r == OK -> sent + 1 : sent);
        buf[p] = 0
    }
}

/* A select with one case here and others elsewhere. */
proctype chooser(byte p; bool d)
{
    LOCALS;
    atomic {
        dir_of[p] = d; is_select[p] = true; st[p] = WAITING;
        choosing++;
        if
        :: d == S -> born++; buf[p] = born
        :: else
        fi
    }
    enlist(p, d);
    if
    :: r == OK ->
       waits[p] = true;
end_wait:
       woken[p]; /* by a pump, or by another channel */
       atomic { waits[p] = false; r = err[p] }
       if
       :: linked[p] -> delist(p, d)
       :: else
       fi
    :: else -> hold(p, held); st[p] = DONE; r = CLOSED
    fi;
    atomic {
        assert(r != CLOSED || !early[p] || cancelled || d == R);
        choosing--;
        if
        :: err[p] == OK && d == S -> sent++
        :: err[p] == OK && d == R -> took(buf[p])
        :: else
        fi;
        buf[p] = 0
    }
}

/* Another channel, or the deadline, of chooser p. */
proctype other(byte p)
{
    bool held;
    if
    :: true /* never */
    :: st[p] == WAITING ->
       hold(p, held);
       if
       :: held ->
          if
          :: st[p] = WAITING
          :: atomic { st[p] = GONE; err[p] = LATE; woken[p] = true }
          fi
       :: else
       fi
    fi
}

/* Owner of a set with an entry here. */
proctype owner(byte p; byte times)
{
    LOCALS;
    atomic { dir_of[p] = R; is_event[p] = true }
    if
    :: times == 0 -> enlist(p, R); goto done /* whatever fires it, he never looks */
    :: else
    fi;
    do
    :: times == 0 -> break
    :: else ->
       pop(p, v, false);
       if
       :: r == OK -> took(v); v = 0; times--; after(p, R)
       :: r == CLOSED -> break
       :: else ->
          woken[p] = false;
          enlist(p, R);
          waits[p] = true;
end_wait:
          woken[p];
          waits[p] = false
       fi
    od;
done:
    skip
}

proctype closer(byte p; bool cancel)
{
    LOCALS;
    enter(p, S);
    atomic { C = true; H[S] = H[S] || (nwait[S] && !MUT(4)); cancelled = cancel }
    if
    :: cancel ->
       do
       :: atomic { nwait[S] == 0 -> break }
       :: else -> m = list[3];
          held = true;
          if
          :: is_select[m] -> hold(m, held)
          :: else
          fi;
          atomic {
              unlink(m);
              if
              :: held -> complete(m, CLOSED)
              :: else
              fi;
              m = 0
          }
       od;
       H[S] = H[S] && MUT(18)
    :: else
    fi;
    leave(p, S);
    if
    :: !MUT(6) -> after(p, S)
    :: else
    fi;
    if
    :: cancel ->
       do
       :: pop(p, v, true);
          if
          :: atomic { r == OK -> dropped++; v = 0 }
          :: else -> break
          fi
       od;
       after(p, S)
    :: else
    fi
}

init
{
    byte i;
    atomic {
        begin();
        cap = ((SHAPE(7) || SHAPE(13) || SHAPE(18)) -> 2 : 1);
        fair = SHAPE(10);
        ordered = SHAPE(2) || SHAPE(14);
        tail = START;
        head = START;
        turn[0] = free_at(START);
        turn[1] = free_at(START);
        if
        :: SHAPE(3) || SHAPE(4) || SHAPE(6) || SHAPE(8) || SHAPE(12) || SHAPE(17) || SHAPE(20) || SHAPE(21) -> born = 1; sent = 1;
           cell[0] = 1; turn[0] = full_at(START); tail = START + 1
        :: else
        fi;
        if
        :: SHAPE(20) || SHAPE(21) -> born = 2; buf[0] = 2; dir_of[0] = S; append(0);
           C = SHAPE(21);
           H[S] = C && !MUT(4)
        :: else
        fi;
        if
        :: SHAPE(1) -> run sender(0, 1, FOREVER, false); run sender(1, 1, FOREVER, false);
           run receiver(2, 2, FOREVER)
        :: SHAPE(2) -> run sender(0, 2, FOREVER, false); run receiver(1, 1, FOREVER);
           run receiver(2, 1, FOREVER)
        :: SHAPE(3) -> run sender(0, 1, TIMED, false); run closer(1, false);
           run receiver(2, 3, FOREVER)
        :: SHAPE(4) -> run sender(0, 1, FOREVER, false); run closer(1, true);
           run receiver(2, 2, FOREVER)
        :: SHAPE(5) -> run chooser(0, R); run other(0); run sender(1, 1, FOREVER, false);
           run receiver(2, 1, FOREVER)
        :: SHAPE(6) -> run chooser(0, S); run other(0); run closer(1, false);
           run receiver(2, 3, FOREVER)
        :: SHAPE(7) -> run sender(0, 2, FOREVER, true); run receiver(1, 1, FOREVER);
           run receiver(2, 1, FOREVER)
        :: SHAPE(8) -> run sender(0, 1, FOREVER, false); run sender(1, 2, FOREVER, false);
           run receiver(2, 3, FOREVER)
        :: SHAPE(9) -> run owner(0, 0); run receiver(1, 1, FOREVER);
           run sender(2, 1, FOREVER, false)
        :: SHAPE(10) -> run receiver(0, 1, TIMED); run receiver(1, 1, FOREVER);
           run sender(2, 1, FOREVER, false)
        :: SHAPE(11) -> run sender(0, 2, FOREVER, false); run sender(1, 2, FOREVER, false);
           run receiver(2, 2, FOREVER); run receiver(3, 2, FOREVER)
        :: SHAPE(12) -> run sender(0, 1, FOREVER, false); run sender(1, 1, TIMED, false);
           run closer(2, false); run receiver(3, 2, FOREVER); run receiver(4, 2, FOREVER)
        :: SHAPE(14) -> run sender(0, 2, FOREVER, false); run receiver(1, 2, FOREVER)
        :: SHAPE(15) -> run sender(0, 1, TIMED, false); run closer(1, false);
           run receiver(2, 2, FOREVER)
        :: SHAPE(16) -> run chooser(0, R); run other(0); run sender(1, 1, FOREVER, false)
        :: SHAPE(17) -> run sender(0, 1, FOREVER, false); run closer(1, true)
        :: SHAPE(18) -> run sender(0, 2, FOREVER, true); run receiver(1, 2, TIMED)
        :: SHAPE(19) -> run owner(0, 2); run sender(1, 2, FOREVER, false)
        :: SHAPE(20) -> run waiter(0, FOREVER); run sender(1, 2, FOREVER, false);
           run receiver(2, 3, FOREVER)
        :: SHAPE(21) -> run waiter(0, TIMED); run receiver(1, 1, FOREVER);
           run receiver(2, 2, FOREVER)
        :: SHAPE(13) -> run sender(0, 3, FOREVER, true); run closer(1, false);
           run receiver(2, 2, FOREVER); run receiver(3, 2, FOREVER)
        fi
    }
end:
    timeout;
    atomic {
        assert(!told || head == tail);
        assert(!lock[R] && !lock[S]);
        assert(!nwait[R] || (head == tail && !(C && !H[S])));
        assert(!nwait[S] || lap_later(head) == tail);
        assert(!(C && !H[S]) || !nwait[S]);
        assert((!H[R] || nwait[R]) && (!H[S] || nwait[S]));
        assert(sent == received + dropped + ((tail - head) & POS));
        do
        :: i == PARTIES -> break
        :: else -> assert(st[i] != HELD && !(waits[i] && (woken[i] || !linked[i]))); i++
        od
    }
}
