/* random.c - schedules by chance: half of them a random walk, half by priorities with a
 * few changes (Burckhardt et al., A randomized scheduler with probabilistic guarantees of
 * finding bugs, ASPLOS 2010). Buffered stores linger: each becomes visible with a chance
 * of 1/2 to 1/32 a step, or only with its thread's next locked instruction or pause. SPDX-License-Identifier: MIT */
#include "explore.h"

static uint64_t rnd(void)
{
    uint64_t z = explorer->rng += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 32) * n >> 32);
}

void weave_random_seed(uint64_t seed)
{
    static const unsigned odds[] = {2, 4, 16, 48}, drain[] = {2, 8, 32, 0};
    struct weave_explorer *e = explorer;
    e->seed = seed;
    e->rng = seed * 0xD1342543DE82EF95u + 1;
    e->walk = below(2) == 0;
    e->odds = odds[below(4)];
    e->drain = drain[below(4)];
    e->lowest = 1000;
    for (unsigned i = 0; i < WEAVE_THREADS; i++)
        e->priority[i] = 1001 + below(1000);
    e->changes = 1 + below(3);
    for (unsigned i = 0; i < e->changes; i++)
        e->change[i] = 1 + below(150); /* from the actors' start on */
    e->length = 0;
}

static unsigned any_runnable(unsigned except)
{
    unsigned n = 0, pick = WEAVE_THREADS;
    for (unsigned i = 0; i < weave->threads; i++)
        if (i != except && weave_runnable(i) && !weave_spinning(i) && below(++n) == 0)
            pick = i;
    return pick;
}

static unsigned walk(bool leave)
{
    unsigned t = leave || below(explorer->odds) == 0 ? any_runnable(weave->current)
                                                     : weave->current;
    if (t < WEAVE_THREADS)
        return t;
    return leave ? weave_longest_waiting() : weave->current;
}

static unsigned by_priority(bool leave)
{
    struct weave_explorer *e = explorer;
    for (unsigned i = 0; i < e->changes; i++)
        if (e->length == e->change[i])
            e->priority[weave->current] = --e->lowest;
    unsigned best = WEAVE_THREADS;
    for (unsigned i = 0; i < weave->threads; i++)
        if (weave_runnable(i) && !weave_spinning(i) &&
            (best == WEAVE_THREADS || e->priority[i] > e->priority[best]))
            best = i;
    if (best < WEAVE_THREADS)
        return best;
    return leave ? weave_longest_waiting() : weave->current;
}

static struct weave_action pick(bool leave)
{
    struct weave_explorer *e = explorer;
    int64_t at;
    if (!weave->active)
        return weave_calm(leave);
    e->length++;
    for (unsigned i = 0; i < weave->threads; i++)
        if (weave->thread[i].stores && e->drain && below(e->drain) == 0)
            return (struct weave_action){WEAVE_DRAIN, i};
    if (below(64) == 0 && weave_timer(&at))
        return (struct weave_action){WEAVE_TIME, 0};
    return (struct weave_action){WEAVE_RUN, e->walk ? walk(leave) : by_priority(leave)};
}

static bool hold(void)
{
    return weave->active;
}

static unsigned choose(unsigned n)
{
    unsigned i = below(n);
    weave_mix(i);
    return i;
}

static bool spurious(void)
{
    bool yes = weave->active && below(32) == 0;
    if (yes)
        weave_mix(77);
    return yes;
}

const struct weave_policy weave_random = {pick, hold, choose, spurious};
