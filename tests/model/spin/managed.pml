/* managed.pml - a channel over any buffer, under one lock (engine/chan/managed.c).
 *
 * Two channels of one cell. What is done under the lock is one step, but for a select
 * that others hold. The state word and the unlock are stores of their own: the unlock
 * leaves the store buffer at any later time, the state is stored past it. Tries look at
 * the state only. A select is a claim that other channels may hold, release or win. Who
 * has received the last value may free the channel.
 * At rest: nobody waits beside what he waits for; the state says what the buffer would;
 * what was sent was received, dropped or is inside. After `closed` nobody receives and no
 * try is told `empty`; after a cancel nobody receives; who came after the close does not
 * send; a freed channel is not touched; "nothing is ready" was true at some moment; of
 * two who send on one channel and then try the other, not both find nothing. Buffers that
 * have neither room nor a value to give, where a listed sender keeps a closed channel from
 * being drained, are not here.
 *
 * @shape 1 two senders, one of them timed, a receiver of two
 * @shape 2 two receivers, one of them timed, a sender
 * @shape 3 a sender, close, a receiver until closed, who tries once more
 * @shape 4 full and closed, a parked sender who may give up, a receiver until closed
 * @shape 5 full, a sender, cancel, a receiver who begins after it or not
 * @shape 6 a select that receives, a receiver behind it, a sender
 * @shape 7 an entry of a set and a receiver behind it, a sender
 * @shape 8 each of two sends on one channel and tries the other
 * @shape 9 a select that does not wait on two channels, values that come and go
 * @shape 10 a sender, a receiver who then frees the channel
 * @shape 11 a full buffer that loses the older value, the same two
 * @shape 12 full, a sender, a receiver
 * @mutation 1 shape=2 a try believes the state without a look under the lock
 * @mutation 2 shape=8 the state is stored without a fence
 * @mutation 3 shape=9 versions are not raised
 * @mutation 4 shape=3 who waits is woken before the state is stored
 * @mutation 5 shape=5 cancel does not mark what is inside as dead
 * @mutation 6 shape=12 a receive does not serve the senders
 * @mutation 7 shape=2 a send does not serve the receivers
 * @mutation 8 shape=1 who is listed is not served in the same section
 * @mutation 9 shape=5 a sender is listed without a look at C
 * @mutation 10 shape=3 close serves nobody
 * @mutation 11 shape=5 cancel leaves the parked senders
 * @mutation 12 shape=10 the state is stored after the unlock
 * @mutation 13 shape=11 a lost value is dropped without a reference
 * @mutation 14 shape=7 an entry swallows the turn of the receiver behind it
 * @mutation 15 shape=6 a held select counts as dead
 * SPDX-License-Identifier: MIT */
#define PARTIES 3
#define BUFFERS 3
#define DEPTH   3
#define WORDS   4
#define LOCK(c)  (c)
#define STATE(c) (2 + (c))
#define TAKE 1
#define ADD  2
#define SHUT 4
#define OVER 8
#define VERSION 16
#define R 0
#define S 1
bool freed;
#define ON_DRAIN(a) assert(!freed);
#include "common.pml"

mtype = {OK, AGAIN, CLOSED, LATE};
mtype = {PLAIN, SELECT, EVENT};
mtype = {WAITING, HELD, GONE, DONE};
mtype = {FOREVER, TIMED};

byte val[2];                /* what is inside; 0: nothing */
bool shut[2], dead[2], changed[2];
byte nw[4], list[8];        /* waiters: of side c * 2 + dir, two at most */
bool linked[PARTIES], woken[PARTIES], waits[PARTIES], early[PARTIES];
mtype kind[PARTIES], claim[PARTIES], err[PARTIES];
byte buf[PARTIES];
bool loses;
byte refs;
byte born, sent, received, dropped, got[8], missed;
bool told, cancelled, moment;

#define side(c, d) ((c) * 2 + (d))
#define first(c, d) list[side(c, d) * 2]
#define can_add(c)  (loses || !val[c])
#define can_take(c) (val[c] && !dead[c])
#define drained(c)  (shut[c] && !nw[side(c, S)] && !can_take(c))

inline add(c, v, lost)
{
    assert(loses || !val[c]);
    lost = val[c];
    val[c] = v;
    changed[c] = true
}

inline take(c, ret)
{
    assert(val[c]);
    ret = val[c];
    val[c] = 0;
    changed[c] = true
}

inline unlink(c, d, q)
{
    assert(linked[q]);
    list[side(c, d) * 2] = (first(c, d) == q -> list[side(c, d) * 2 + 1] : first(c, d));
    list[side(c, d) * 2 + 1] = 0;
    nw[side(c, d)] = nw[side(c, d)] - 1;
    linked[q] = false
}

inline settle(c, d, q, e)
{
    unlink(c, d, q);
    err[q] = e;
    claim[q] = (kind[q] == SELECT -> DONE : claim[q]);
    wake = wake | (1 << q)
}

inline hold(q, ret)
{
    if
    :: kind[q] == SELECT && claim[q] == WAITING -> claim[q] = HELD; ret = true
    :: kind[q] == SELECT && (claim[q] == GONE || claim[q] == DONE ||
                             (MUT(15) && claim[q] == HELD)) -> ret = false
    :: kind[q] != SELECT -> ret = true
    fi
}

inline serve(c)
{
    do
    :: nw[side(c, R)] && (can_take(c) || drained(c)) && !(MUT(7) && side_of == S) ->
       changed[c] = true;
       q = first(c, R);
       if
       :: kind[q] == EVENT -> unlink(c, R, q); wake = wake | (1 << q);
          if
          :: MUT(14) -> break
          :: else
          fi
       :: else -> hold(q, held);
          if
          :: !held -> unlink(c, R, q)
          :: held && can_take(c) -> take(c, buf[q]); settle(c, R, q, OK)
          :: else -> settle(c, R, q, CLOSED)
          fi
       fi
    :: !(nw[side(c, R)] && (can_take(c) || drained(c)) && !(MUT(7) && side_of == S)) &&
          nw[side(c, S)] && can_add(c) && !(MUT(6) && side_of == R) ->
       q = first(c, S);
       add(c, buf[q], lost);
       settle(c, S, q, OK)
    :: else -> break
    od;
    q = 0;
    held = false
}

#define enter(p, c) \
    fence(p) && !mem[LOCK(c)] -> mem[LOCK(c)] = 1; assert(!freed)

/* The unlock is out before anybody is woken: to wake is a locked instruction. */
inline run_woken(p)
{
    atomic {
        wake == 0 || fence(p) || MUT(4);
        q = 0;
        do
        :: q == PARTIES -> break
        :: else ->
           woken[q] = woken[q] || (wake & (1 << q));
           q++
        od;
        q = 0;
        wake = 0
    }
}

inline note_moment()
{
    moment = moment || !((mem[STATE(0)] | mem[STATE(1)]) & TAKE)
}

/* Serving is in the section before it. */
inline leave(p, c)
{
    if
    :: MUT(4) -> run_woken(p)
    :: else
    fi;
    if
    :: MUT(12) -> st(p, LOCK(c), 0)
    :: else
    fi;
    if
    :: atomic {
           changed[c] ->
           s = (rd(p, STATE(c)) & 240) + (MUT(3) -> 0 : VERSION);
           s = s | (shut[c] -> SHUT | ADD : (can_add(c) -> ADD : 0));
           s = s | (drained(c) -> OVER | TAKE : (can_take(c) -> TAKE : 0));
           changed[c] = false;
           if
           :: MUT(2) -> st(p, STATE(c), s)
           :: else -> fence(p); assert(!freed); mem[STATE(c)] = s; note_moment()
           fi;
           s = 0
       }
    :: !changed[c]
    fi;
    if
    :: !MUT(12) -> st(p, LOCK(c), 0)
    :: else
    fi;
    if
    :: !MUT(4) -> run_woken(p)
    :: else
    fi
}

/* r: OK, AGAIN, CLOSED. What a losing buffer has lost is dropped here. */
inline attempt(p, c, d, v)
{
    atomic {
        assert(!freed);
        s = rd(p, STATE(c));
        if
        :: (d == S && (s & SHUT)) || (d == R && (s & OVER)) -> r = CLOSED
        :: else -> r = ((s & (d == S -> ADD : TAKE)) -> OK : AGAIN)
        fi;
        s = 0
    }
    if
    :: r == OK ->
       atomic {
           enter(p, c);
           lost = 0;
           side_of = d;
           if
           :: d == S && shut[c] -> r = CLOSED
           :: d == S && !shut[c] && (can_add(c) || MUT(1)) -> add(c, v, lost)
           :: d == R && (can_take(c) || MUT(1)) -> take(c, v)
           :: d == R && !can_take(c) && !MUT(1) && drained(c) -> r = CLOSED
           :: else -> r = AGAIN
           fi;
           serve(c);
           refs = (lost && !MUT(13) -> refs + 1 : refs)
       }
       leave(p, c);
       if
       :: lost ->
          atomic { dropped++; lost = 0 }
          atomic { enter(p, c) } /* its cell goes back */
          st(p, LOCK(c), 0);
          if
          :: !MUT(13) -> unref(p)
          :: else
          fi
       :: else
       fi
    :: else
    fi
}

inline unref(p)
{
    atomic { fence(p); refs--; freed = refs == 0 }
}

inline enlist(p, c, d)
{
    atomic {
        woken[p] = woken[p] && kind[p] == SELECT; /* another case may have won already */
        enter(p, c);
        early[p] = !shut[c];
        r = ((d == R || !shut[c] || MUT(9)) -> OK : CLOSED);
        side_of = 3; /* neither */
        if
        :: r == OK ->
           list[side(c, d) * 2 + nw[side(c, d)]] = p;
           nw[side(c, d)] = nw[side(c, d)] + 1;
           linked[p] = true
        :: else
        fi;
        if
        :: !MUT(8) -> serve(c)
        :: else
        fi
    }
    leave(p, c)
}

inline delist(p, c, d)
{
    atomic {
        enter(p, c);
        r = (linked[p] -> LATE : OK);
        side_of = 3;
        if
        :: linked[p] -> unlink(c, d, p); changed[c] = true
        :: else
        fi;
        serve(c)
    }
    leave(p, c)
}

inline park(p, c, d, mode)
{
    enlist(p, c, d);
    if
    :: r == OK ->
       waits[p] = true;
end_park:
       if
       :: atomic { woken[p] -> r = err[p] }
       :: mode == TIMED && !woken[p] ->
          delist(p, c, d);
          if
          :: r == LATE
          :: else -> atomic { woken[p] -> r = err[p] }
          fi
       fi;
       atomic { waits[p] = false; woken[p] = false }
    :: else
    fi
}

#define LOCALS \
    byte s, q, v, lost, wake, side_of; \
    mtype r; \
    bool held, after_cancel

inline took(value)
{
    atomic {
        assert(value && !got[value] && !told && !after_cancel);
        got[value] = 1;
        received++;
        value = 0
    }
}

proctype sender(byte p; byte c; byte times; mtype mode)
{
    LOCALS;
    do
    :: times == 0 -> break
    :: else ->
       atomic { born++; v = born; buf[p] = v }
       attempt(p, c, S, v);
       if
       :: r == AGAIN ->
          park(p, c, S, mode);
          assert(r != OK || early[p])
       :: else
       fi;
       atomic {
           v = 0;
           if
           :: r == OK -> sent++; times--
           :: else -> break
           fi
       }
    od
}

#define last_one (loses && got[2]) /* an older one may be lost */

/* then: it frees the channel, or tries again when it was told `closed`. */
proctype receiver(byte p; byte c; byte times; mtype mode; bool then)
{
    LOCALS;
    do
    :: times == 0 -> break
    :: else ->
       after_cancel = cancelled;
       attempt(p, c, R, v);
       if
       :: r == OK -> took(v); times = (last_one -> 0 : times - 1)
       :: r == CLOSED -> told = true; break
       :: else ->
          park(p, c, R, mode);
          if
          :: r == OK -> took(buf[p]); times = (last_one -> 0 : times - 1)
          :: r == CLOSED -> told = true; break
          :: else -> break
          fi
       fi
    od;
    if
    :: then && r == CLOSED ->
       attempt(p, c, R, v);
       assert(r == CLOSED)
    :: then && r == OK -> unref(p)
    :: else
    fi
}

/* A sender who was parked at the start. */
proctype waiter(byte p)
{
    LOCALS;
    waits[p] = true;
end_park:
    if
    :: atomic { woken[p] -> r = err[p] }
    :: !woken[p] ->
       delist(p, 0, S);
       if
       :: r == LATE
       :: else -> atomic { woken[p] -> r = err[p] }
       fi
    fi;
    atomic { waits[p] = false; sent = (r == OK -> sent + 1 : sent) }
}

/* A select that receives here, with other cases elsewhere: other() holds or wins it. */
proctype chooser(byte p)
{
    LOCALS;
    enlist(p, 0, R);
    waits[p] = true;
end_wait:
    woken[p];
    atomic { waits[p] = false; r = err[p] }
    if
    :: r == OK -> took(buf[p])
    :: else -> delist(p, 0, R)
    fi
}

proctype other(byte p)
{
    if
    :: true /* never */
    :: atomic { claim[p] == WAITING -> claim[p] = HELD }
       if
       :: claim[p] = WAITING
       :: atomic { claim[p] = GONE; err[p] = LATE; woken[p] = true }
       fi
    fi
}

/* An entry of a set whose owner does not look. */
proctype entry(byte p)
{
    LOCALS;
    enlist(p, 0, R)
}

proctype closer(byte p; bool cancel)
{
    LOCALS;
    atomic {
        enter(p, 0);
        shut[0] = true;
        s = rd(p, STATE(0)) | SHUT | ADD;
        st(p, STATE(0), s);
        s = 0;
        changed[0] = true;
        side_of = 3;
        dead[0] = cancel && !MUT(5);
        do
        :: cancel && nw[side(0, S)] && !MUT(11) -> q = first(0, S); settle(0, S, q, CLOSED)
        :: else -> break
        od;
        if
        :: !MUT(10) -> serve(0)
        :: else
        fi
    }
    leave(p, 0);
    cancelled = cancel;
    if
    :: cancel ->
       atomic {
           enter(p, 0);
           dropped = (val[0] -> dropped + 1 : dropped);
           val[0] = 0
       }
       st(p, LOCK(0), 0)
    :: else
    fi
}

/* Sends on c, then tries the other one. */
proctype crosser(byte p; byte c)
{
    LOCALS;
    atomic { born++; v = born }
    attempt(p, c, S, v);
    assert(r == OK);
    atomic { sent++; c = 1 - c }
    attempt(p, c, R, v);
    atomic {
        if
        :: r == OK -> took(v)
        :: else -> missed++; assert(missed < 2)
        fi
    }
}

/* Two looks at each of two channels. */
proctype looker(byte p)
{
    byte t0, t1;
    atomic { t0 = mem[STATE(0)]; moment = false; note_moment() }
    t1 = mem[STATE(1)];
    if
    :: !(t0 & TAKE) && !(t1 & TAKE) && t0 == mem[STATE(0)] ->
       if
       :: t1 == mem[STATE(1)] -> assert(moment)
       :: else
       fi
    :: else
    fi
}

/* A value is in one of the channels at least, always. */
proctype mover(byte p; byte times)
{
    LOCALS;
    byte c;
    do
    :: times == 0 -> break
    :: else ->
       atomic { born++; v = born }
       attempt(p, c, S, v);
       sent++;
       c = 1 - c;
       attempt(p, c, R, v);
       took(v);
       c = 1 - c;
       c = 1 - c;
       times--
    od
}

#define fill(c) \
    born++; sent++; val[c] = born; mem[STATE(c)] = TAKE

init
{
    byte i;
    atomic {
        begin();
        refs = 1;
        mem[STATE(0)] = ADD;
        mem[STATE(1)] = ADD;
        i = 0;
        do
        :: i == PARTIES -> break
        :: else -> kind[i] = PLAIN; i++
        od;
        i = 0;
        if
        :: SHAPE(1) -> run sender(0, 0, 1, TIMED); run sender(1, 0, 1, FOREVER);
           run receiver(2, 0, 2, TIMED, false)
        :: SHAPE(2) -> run receiver(0, 0, 1, TIMED, false);
           run receiver(1, 0, 1, FOREVER, false); run sender(2, 0, 1, FOREVER)
        :: SHAPE(3) -> run sender(0, 0, 1, FOREVER); run closer(1, false);
           run receiver(2, 0, 2, FOREVER, true)
        :: SHAPE(4) -> fill(0); shut[0] = true; mem[STATE(0)] = TAKE | ADD | SHUT;
           born++; buf[0] = born; first(0, S) = 0; nw[side(0, S)] = 1; linked[0] = true;
           run waiter(0); run receiver(1, 0, 3, FOREVER, true)
        :: SHAPE(5) -> fill(0); run sender(0, 0, 1, FOREVER); run closer(1, true);
           run receiver(2, 0, 1, FOREVER, false)
        :: SHAPE(6) -> kind[0] = SELECT; claim[0] = WAITING; run chooser(0); run other(0);
           run receiver(1, 0, 1, FOREVER, false); run sender(2, 0, 1, FOREVER)
        :: SHAPE(7) -> kind[0] = EVENT; run entry(0);
           run receiver(1, 0, 1, FOREVER, false); run sender(2, 0, 1, FOREVER)
        :: SHAPE(8) -> run crosser(0, 0); run crosser(1, 1)
        :: SHAPE(9) -> fill(1); run mover(0, 3); run looker(1)
        :: SHAPE(10) -> run sender(0, 0, 1, FOREVER); run receiver(1, 0, 1, FOREVER, true)
        :: SHAPE(11) -> fill(0); loses = true; mem[STATE(0)] = TAKE | ADD;
           run sender(0, 0, 1, FOREVER); run receiver(1, 0, 2, FOREVER, true)
        :: SHAPE(12) -> fill(0); run sender(0, 0, 1, FOREVER);
           run receiver(1, 0, 1, FOREVER, false)
        fi
    }
end:
    timeout;
    atomic {
        assert(freed || (!mem[LOCK(0)] && !mem[LOCK(1)]));
        assert(!nw[side(0, R)] || !(can_take(0) || drained(0)));
        assert(!nw[side(0, S)] || !can_add(0));
        assert(freed || (mem[STATE(0)] & 15) ==
                            ((shut[0] -> SHUT | ADD : (can_add(0) -> ADD : 0)) |
                             (drained(0) -> OVER | TAKE : (can_take(0) -> TAKE : 0))));
        assert(sent == received + dropped + (val[0] != 0) + (val[1] != 0));
        do
        :: i == PARTIES -> break
        :: else -> assert(!(waits[i] && (woken[i] || !linked[i]))); i++
        od
    }
}
