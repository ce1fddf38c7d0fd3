/* lane.c - waiting and waking across a segment; see lane.h. SPDX-License-Identifier: MIT */
#include "arch/futex.h"
#include "arch/message.h"
#include "arch/relax.h"
#include "proc/lane.h"

/* Looks before a worker sleeps: about 2 us of pauses, then a few turns for whoever else
 * wants the CPU, the parent above all. */
enum { PAUSES = 64, YIELDS = 4 };

void leati_lane_wake_worker(const struct leati_lane *l)
{
    leati_a32 *sleeps = &leati_lane_head(l)->wsleep;
    /* relaxed: behind the full fence of whoever calls; pairs with await */
    if (leati_load_rlx(sleeps) && leati_xchg_sc(sleeps, 0u))
        leatp_futex_wake_shared(sleeps, 1);
}

bool leati_lane_pending(const struct leati_lane *l, uint32_t i)
{
    uint32_t phase = leati_lane_phase(l, i);
    return phase == LEATI_OFFERED || phase == LEATI_RECALLED;
}

bool leati_lane_await(const struct leati_lane *l, uint32_t i)
{
    struct leati_lane_head *h = leati_lane_head(l);
    for (unsigned look = 0; look < PAUSES + YIELDS; look++) {
        if (leati_lane_pending(l, i))
            return true;
        if (look < PAUSES)
            leatp_pause();
        else
            (void)sched_yield();
    }
    for (;;) {
        leati_store_sc(&h->wsleep, 1u); /* before the looks: pairs with wake_worker */
        /* acq: what was offered before it is seen by the look that follows */
        uint32_t quit = leati_load_acq(&h->quit);
        bool some = leati_lane_pending(l, i);
        if (some || quit) {
            leati_store_rlx(&h->wsleep, 0u); /* a wake too many does no harm */
            return some;
        }
        leatp_futex_wait_shared(&h->wsleep, 1);
    }
}

void leati_lane_tell_parent(const struct leati_lane *l, int bell)
{
    leati_a32 *sleeps = &leati_lane_head(l)->psleep;
    /* sc: behind the exchange that moved the slot; pairs with the parent's */
    if (leati_load_sc(sleeps) && leati_xchg_sc(sleeps, 0u))
        leatp_bell_ring(bell);
}
