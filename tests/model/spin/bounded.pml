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
 * @part 8 cap 1 full, one parked sender, a sender of two, a receiver of three
 * @deep 9 cap 1, an entry of a set and a receiver behind it, a sender
 * @deep 10 cap 1, LEAT_FAIR, a receiver timed, another one, a sender
 * @part 11 cap 1, two senders of two, two receivers of two
 * @part 12 cap 1 full, two parked senders, one timed, close, two receivers
 * @part 13 cap 2, batches on both sides, close
 * @mutation 1 shape=1 a send looks for receivers before it takes its ticket
 * @mutation 2 shape=2 a parked party does not look at the tickets again
 * @mutation 3 shape=2 it looks at the cell instead
 * @mutation 4 shape=21 C without H
 * @mutation 5 shape=14 pump without the second round
 * @mutation 6 shape=3 close wakes nobody
 * @mutation 7 shape=17 a sender is listed without a look at C
 * @mutation 8 shape=21 the last sender who leaves lowers H and tells nobody
 * @mutation 9 shape=16 a held select is passed over
 * @mutation 10 shape=5 a select is settled before its value is there
 * @mutation 11 shape=2 on a half-done cell it sleeps without the barrier
 * @mutation 12 shape=20 H is not raised for a waiter who was passed
 * @mutation 13 shape=7 a batch looks for one waiter only
 * @mutation 14 shape=9 an entry swallows the turn of the receiver behind it
 * @mutation 15 shape=19 an entry is armed without a second look
 * @mutation 16 shape=14 a hand-over does not look whether the ring is empty
 * @mutation 17 shape=10 H stays when the last waiter gives up
 * @mutation 18 shape=17 cancel leaves H
 * @mutation 19 shape=15 empty is judged by tail before head
 * SPDX-License-Identifier: MIT */
#include "common.pml"

#include "bounded_ring.pml"

#define LOCALS \
    byte w, d_, flags, todo, m, n, v, keep; \
    mtype r, end; \
    bool pd, did, starving, held, ready, once, gaveup

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
          :: r == QUEUE || r == OWED ->
             keep = (r == QUEUE -> 1 : 2);
             pump(p, keep);
             atomic {
                 r = (keep == 1 && end == AGAIN -> AGAIN : BUSY);
                 end = 0;
                 keep = 0
             }
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
    :: times == 0 -> goto arm /* whatever fires it, he never looks */
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
arm:
          enlist(p, R);
          if
          :: times == 0 -> break
          :: else -> waits[p] = true
          fi;
end_wait:
          woken[p];
          waits[p] = false
       fi
    od
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
tell:
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
       cancel = false;
       goto tell
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
