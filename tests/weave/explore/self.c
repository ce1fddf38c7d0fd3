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
