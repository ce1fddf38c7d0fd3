/* explore.h - strategies: who chooses the schedules of a scenario.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_EXPLORE_H
#define LEAT_WEAVE_EXPLORE_H

#include "../runtime/runtime.h"
#include "../weave.h"

enum { CHOICES = 1 << 15 };

/* Numbers, none of them 0. */
struct weave_set {
    uint64_t *slot;
    size_t room, used;
};

/* Of the explorers; outside of the program's data, as *weave. */
struct weave_explorer {
    const struct weave_scenario *scenario;
    uint64_t executions;
    unsigned threads; /* that act, at most */
    bool by_seed; /* the one that runs: by chance */
    /* random.c */
    uint64_t seed;
    uint64_t rng;
    bool walk;           /* else by priorities */
    unsigned odds, drain;
    uint64_t priority[WEAVE_THREADS], lowest;
    unsigned changes;
    uint64_t change[4], length;
    /* exhaust.c */
    uint16_t chosen[CHOICES], options[CHOICES];
    unsigned depth, known; /* choices made in this execution; prefix to repeat */
    unsigned spent, bound;
    bool cut;     /* for want of deviations something was not tried */
    bool every;   /* all schedules, be their states known or not */
    bool known_state; /* the execution came to one, and was given up there */
    struct weave_set states;
    bool digests;
    uint64_t digest; /* of memory, when the actors had ended */
    /* common.c */
    struct weave_set schedules;
};

extern struct weave_explorer *explorer;

/* --- main.c --- */
void *weave_scenario_main(void *scenario); /* what the first thread does */
bool weave_scenario_once(const struct weave_policy *policy); /* true: no failure */

/* --- self.c --- */
/* A scenario with a fault is found by both searches, and not with fewer deviations. */
bool weave_self_found(const struct weave_scenario *s, uint64_t *ret_executions);
/* Do the search that gives up at known states and the one that does not end in the same
 * contents of memory? */
bool weave_self_complete(const struct weave_scenario *s, unsigned bound);
/* Does the same seed give the same execution twice? */
bool weave_self_same(uint64_t seed);

/* --- random.c --- */
extern const struct weave_policy weave_random;
void weave_random_seed(uint64_t seed);

/* --- exhaust.c --- */
extern const struct weave_policy weave_exhaust;
void weave_exhaust_begin(unsigned bound);
bool weave_exhaust_next(void); /* to the next schedule; false: that was the last */

/* --- common.c --- */
/* What a thread that must stop running gives way to: who has not run for longest, rather
 * one that does not spin. */
unsigned weave_longest_waiting(void);
struct weave_action weave_calm(bool leave); /* no deviation: setup and check */
void weave_mix(uint64_t x);                 /* into the schedule's hash */
bool weave_is_new(uint64_t hash);           /* a schedule; counts it */
void weave_forget(void);                    /* schedules and states */
/* The place of h, or an empty one to fill (and to count as used). The bits of `value` are
 * no part of the key, and are free for use. */
uint64_t *weave_set_find(struct weave_set *s, uint64_t h, uint64_t value);
void weave_set_free(struct weave_set *s);

#endif
