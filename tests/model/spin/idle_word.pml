/* idle_word.pml - for idle.pml: its words, the lists of sleepers, the rule who is woken.
 * SPDX-License-Identifier: MIT */
#define SLEEPERS 7
#define SEARCH   8
#define LOOK     16
#define keeper_of(s) ((s) >> 5) /* id + 1 */
#define no_keeper(s) ((s) & 15)

mtype = {AWAKE, SEARCHER, ASLEEP, CALLED};
mtype = {ANYTHING, COMPUTES, SLEEPS};
mtype = {READY, NEW, TIMER};
mtype = {NOTHING, MOVING, STILL, SHARED, MINE};

byte took[WORKERS]; /* of what mem[PUT] says was put */
mtype wake[WORKERS];
byte injected, remote[WORKERS];
bool running[WORKERS]; /* it may still be seen to move */
byte computing, workers;
bool late, clocked;
bool greedy; /* what is run computes for ever */
bool blind;  /* a look that is due by LOOK never comes */

#define queued(p, w)  (rd(p, PUT(w)) > took[w])
#define due(p, w)     (late && rd(p, DUE(w)))
#define listed(s, w)  ((s) & (1 << (w)))
#define alone_keeper(s) ((s) & 7 & ~(1 << (keeper_of(s) - 1)))

/* The section; what is done inside sets s. */
#define open_idle(p) fence(p) && !locked -> locked = true; s = mem[IDLE]
#define shut_idle(p) st(p, IDLE, s)

inline unlist(w)
{
    s = s & ~(1 << (w));
    if
    :: keeper_of(s) == (w) + 1 -> s = no_keeper(s)
    :: else
    fi
}

/* searched: what was armed meanwhile nobody else knows. */
inline enlist(w, searched)
{
    s = s | (1 << (w));
    if
    :: (!keeper_of(s) || (searched && !MUT(20))) && !(s & SEARCH) && !MUT(16) ->
       s = no_keeper(s) | LOOK | (((w) + 1) << 5)
    :: else
    fi
}

inline some_sleeper()
{
    t = 0;
    if
    :: keeper_of(s) && alone_keeper(s) ->
       do
       :: listed(alone_keeper(s), t) -> break
       :: else -> t++
       od
    :: else ->
       do
       :: listed(s, t) -> break
       :: else -> t++
       od
    fi
}

inline rule_slow(p)
{
    atomic {
        open_idle(p);
        t = WORKERS;
        if
        :: !(s & SLEEPERS) || (s & SEARCH)
        :: else -> some_sleeper(); unlist(t); s = s | SEARCH
        fi;
        shut_idle(p)
    }
    atomic {
        if
        :: t < WORKERS -> fence(p); wake[t] = (MUT(17) -> CALLED : SEARCHER)
        :: else
        fi;
        t = 0;
        s = 0
    }
}

inline rule(p, why)
{
    atomic {
        s = rd(p, IDLE); /* P2 */
        if
        :: !(s & SLEEPERS) || (s & SEARCH) -> again = false
        :: else ->
           if
           :: why == NEW -> again = true
           :: why == TIMER -> again = !(s & LOOK) && !MUT(13)
           :: why == READY && (s & LOOK) -> again = false /* trusted */
           :: why == READY -> again = !MUT(8)
           :: why == READY -> again = true
           fi
        fi;
        s = 0
    }
    if
    :: again -> rule_slow(p)
    :: else
    fi;
    again = false
}
