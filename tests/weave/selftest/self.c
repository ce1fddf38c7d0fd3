/* self.c - small scenarios with known answers: the interleaver's own test.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/leat.h>
#include "arch/futex.h"
#include "arch/relax.h"
#include "weave.h"

static leati_a32 word[3];
static uint32_t saw[2];

/* --- store buffers --- */

static void store_and_look(unsigned i)
{
    leati_store_rel(&word[i], 1u);
    saw[i] = leati_load_acq(&word[!i]);
}

static void store_sc_and_look(unsigned i)
{
    leati_store_sc(&word[i], 1u);
    saw[i] = leati_load_sc(&word[!i]);
}

static void one_was_seen(void)
{
    weave_check(saw[0] || saw[1]);
}

WEAVE_SCENARIO(release, .name = "self.released_stores_pass_loads", .actors = 2,
               .actor = store_and_look, .check = one_was_seen, .broken = 2);
WEAVE_SCENARIO(seq_cst, .name = "self.seq_cst_stores_pass_no_load", .actors = 2,
               .actor = store_sc_and_look, .check = one_was_seen);

static void pass_message(unsigned i)
{
    if (i == 0) {
        leati_store_rlx(&word[0], 7u);
        leati_store_rel(&word[1], 1u);
    } else if (leati_load_acq(&word[1])) {
        weave_check(leati_load_rlx(&word[0]) == 7);
    }
}

WEAVE_SCENARIO(message, .name = "self.stores_keep_their_order", .actors = 2,
               .actor = pass_message);

/* --- sleep and wake --- */

enum { SLEEPS, NEWS, BELL };

static void wake_if_asleep(bool asleep)
{
    if (!asleep)
        return;
    leati_store_rel(&word[BELL], 1u);
    leatp_futex_wake(&word[BELL], 1);
}

static void lossy_wake(unsigned i)
{
    if (i == 1) {
        leati_store_rel(&word[NEWS], 1u);
        wake_if_asleep(leati_load_acq(&word[SLEEPS]));
        return;
    }
    leati_store_rel(&word[SLEEPS], 1u);
    while (!leati_load_acq(&word[NEWS]))
        (void)leatp_futex_wait(&word[BELL], 0, LEAT_NEVER);
}

static void sound_wake(unsigned i)
{
    if (i == 1) {
        leati_store_sc(&word[NEWS], 1u);
        wake_if_asleep(leati_load_sc(&word[SLEEPS]));
        return;
    }
    leati_store_sc(&word[SLEEPS], 1u);
    while (!leati_load_sc(&word[NEWS]))
        (void)leatp_futex_wait(&word[BELL], 0, LEAT_NEVER);
}

WEAVE_SCENARIO(lossy, .name = "self.lost_wake_is_found", .actors = 2,
               .actor = lossy_wake, .broken = 2);
WEAVE_SCENARIO(sound, .name = "self.sound_wake_passes", .actors = 2,
               .actor = sound_wake);

/* --- hangs --- */

static leat_mutex a, b;

static void opposite_order(unsigned i)
{
    weave_check(leat_mutex_lock(i ? &a : &b) == 0);
    weave_check(leat_mutex_lock(i ? &b : &a) == 0);
    leat_mutex_unlock(&a);
    leat_mutex_unlock(&b);
}

WEAVE_SCENARIO(cycle, .name = "self.deadlock_is_found", .actors = 2,
               .actor = opposite_order, .broken = 1);

static void spin_on_what_was(unsigned i)
{
    if (i == 0) {
        leati_store_sc(&word[0], 1u);
        leati_store_sc(&word[0], 0u);
    } else if (leati_load_acq(&word[0])) {
        while (!leati_load_acq(&word[1]))
            leatp_pause();
    }
}

WEAVE_SCENARIO(livelock, .name = "self.endless_spin_is_found", .actors = 2,
               .actor = spin_on_what_was, .broken = 1);

/* --- preemptions --- */

static void glimpse(unsigned i)
{
    if (i == 0) {
        leati_store_sc(&word[0], 1u);
        leati_store_sc(&word[0], 0u);
        leati_store_sc(&word[1], 1u);
    } else {
        bool early = leati_load_sc(&word[0]);
        weave_check(!(early && leati_load_sc(&word[1])));
    }
}

WEAVE_SCENARIO(two, .name = "self.two_preemptions_are_needed", .actors = 2,
               .actor = glimpse, .broken = 2);

static leati_a32 *block;

static void make_block(void)
{
    block = calloc(1, sizeof(*block));
    weave_check(block != NULL);
    leati_store_sc(&word[0], 1u);
}

static void free_too_early(unsigned i)
{
    if (i == 0) {
        leati_store_sc(&word[0], 0u);
        free(block);
    } else if (leati_load_sc(&word[0])) {
        saw[0] = leati_load_rlx(block);
    }
}

WEAVE_SCENARIO(freed, .name = "self.touch_of_freed_memory_is_found", .actors = 2,
               .setup = make_block, .actor = free_too_early, .broken = 1);

static leati_aptr lent;

static void lends_a_frame(unsigned i)
{
    leati_a32 here = {0};
    if (i == 0) {
        leati_store_sc(&lent, (void *)&here);
        leati_store_sc(&lent, (void *)NULL);
        return;
    }
    leati_a32 *there = leati_load_sc(&lent);
    if (there)
        saw[0] = leati_load_rlx(there);
}

WEAVE_SCENARIO(frame, .name = "self.touch_of_a_frame_that_was_left_is_found", .actors = 2,
               .actor = lends_a_frame, .broken = 2);

/* --- choices --- */

static void passes(unsigned i)
{
    weave_check(weave_self() == i);
    weave_check(weave_choose(3) < 3);
}

WEAVE_SCENARIO(numbers, .name = "self.actors_know_their_number", .actors = 3,
               .actor = passes);
