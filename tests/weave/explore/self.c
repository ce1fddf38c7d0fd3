/* self.c - the interleaver proves itself: what is broken is found, what it did it can
 * do again. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "explore.h"

enum { SEEDS = 20000 };

static bool fails_within(unsigned bound, uint64_t *executions)
{
    weave_exhaust_begin(bound);
    do {
        ++*executions;
        if (!weave_scenario_once(&weave_exhaust))
            return true;
    } while (weave_exhaust_next());
    return false;
}

static bool fails_by_chance(uint64_t *ret_seed)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        weave_random_seed(seed);
        if (!weave_scenario_once(&weave_random)) {
            *ret_seed = seed;
            return true;
        }
    }
    return false;
}

bool weave_self_same(uint64_t seed)
{
    char first[sizeof(weave->message)];
    weave_random_seed(seed);
    bool ok = weave_scenario_once(&weave_random);
    uint64_t hash = weave->hash, steps = weave->steps;
    memcpy(first, weave->message, sizeof(first));
    weave_random_seed(seed);
    if (weave_scenario_once(&weave_random) == ok && weave->hash == hash &&
        weave->steps == steps && (ok || strcmp(first, weave->message) == 0))
        return true;
    printf("%s: seed %llu gives two different executions\n", explorer->scenario->name,
           (unsigned long long)seed);
    return false;
}

bool weave_self_found(const struct weave_scenario *s, uint64_t *ret_executions)
{
    uint64_t seed, sooner = 0;
    *ret_executions = 0;
    for (unsigned bound = 0; bound < s->broken; bound++)
        if (fails_within(bound, &sooner)) {
            printf("%s: %s, with %u deviations\n", s->name, weave->message, bound);
            return false;
        }
    if (!fails_within(s->broken, ret_executions)) {
        printf("%s: not found with %u deviations\n", s->name, s->broken);
        return false;
    }
    if (!fails_by_chance(&seed)) {
        printf("%s: not found by chance\n", s->name);
        return false;
    }
    return weave_self_same(seed);
}

/* Contents of memory at the ends of all executions. */
static uint64_t ends(unsigned bound, bool every, struct weave_set *ret)
{
    struct weave_explorer *e = explorer;
    uint64_t executions = 0;
    e->every = every;
    weave_exhaust_begin(bound);
    do {
        executions++;
        (void)weave_scenario_once(&weave_exhaust);
        if (e->known_state)
            continue;
        uint64_t h = e->digest ? e->digest : 1, *slot = weave_set_find(ret, h, 0);
        ret->used += *slot == 0;
        *slot = h;
    } while (weave_exhaust_next());
    return executions;
}

bool weave_self_complete(const struct weave_scenario *s, unsigned bound)
{
    struct weave_set few = {0}, all = {0};
    size_t missed = 0;
    explorer->digests = weave->clean = true;
    uint64_t n = ends(bound, false, &few), m = ends(bound, true, &all);
    for (size_t i = 0; i < all.room; i++)
        missed += all.slot[i] && !*weave_set_find(&few, all.slot[i], 0);
    explorer->every = explorer->digests = weave->clean = false;
    printf("%-52s %zu ends after %llu, %zu after %llu  %s\n", s->name, few.used,
           (unsigned long long)n, all.used, (unsigned long long)m,
           missed ? "FAILED" : "ok");
    fflush(stdout);
    weave_set_free(&few);
    weave_set_free(&all);
    return !missed;
}
