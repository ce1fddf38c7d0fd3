/* shutdown.c - draining, cancelling and ending pools.
 *
 * Ordering    A dying fiber's worker: count died; light fence; load closing.
 *             The one who shuts down: closing = 1; heavy fence; read the counts.
 *             Either it reads the death, or the worker sees `closing` and raises.
 *             Two last fibers may die on two workers at once: each counts its own death,
 *             then reads the other's count. A full fence on both sides, paid only while
 *             the pool closes, has one of them see both; else neither would raise.
 *             A start from outside that is refused was counted as born: it raises too.
 * SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "arch/atomic.h"
#include "arch/os.h"
#include "park/call.h"
#include "park/event.h"
#include "pool/dump.h"
#include "pool/elastic.h"
#include "pool/mill.h"
#include "pool/registry.h"

void leati_pool_death(leat_pool *p)
{
    leatp_fence_full(); /* pairs with itself on another worker; see Ordering */
    if (leati_pool_quiet(p))
        leati_event_raise(&p->drained);
}

static bool wait_quiet(leat_pool *p, struct leat_deadline until)
{
    for (;;) {
        uint32_t seen = leati_event_value(&p->drained);
        if (leati_pool_quiet(p))
            return true;
        if (!leati_event_wait(&p->drained, seen, until))
            return leati_pool_quiet(p);
    }
}

static void cancel_one(struct leat_fiber *f, void *arg)
{
    (void)arg;
    /* The record may be reused meanwhile: by a fiber of the same pool, equally doomed. */
    (void)leati_or_sc(&f->attn, (uint8_t)LEATI_ATTN_CANCEL);
    leati_kick(f);
}

bool leati_pool_close(leat_pool *p, enum leat_shutdown how, struct leat_deadline until)
{
    leati_store_sc(&p->closing, how == LEAT_CANCEL ? 2u : 1u);
    leati_pool_heavy(p);
    if (how == LEAT_CANCEL)
        leati_record_walk(p, cancel_one, NULL);
    leati_calls_flush();
    return wait_quiet(p, until);
}

int leat_pool_shutdown(leat_pool *p, enum leat_shutdown how, struct leat_deadline until)
{
    if (!p || (how != LEAT_DRAIN && how != LEAT_CANCEL))
        return LEAT_EINVAL;
    if (leati_pool_foreign(p))
        return LEAT_ENOTSUP;
    struct leati_worker *w = leati_worker_self();
    if ((w && w->pool == p) || leati_in_call())
        return LEAT_EDEADLK;
    if (!leati_pool_close(p, how, until)) {
        leati_pool_dump_one(p, STDERR_FILENO);
        return LEAT_ETIMEDOUT;
    }
    leati_registry_remove(p);
    leati_pool_halt(p);
    leati_pool_destroy(p);
    return 0;
}

leat_pool *leat_pool_free(leat_pool *p)
{
    if (p)
        (void)!leat_pool_shutdown(p, LEAT_CANCEL, LEAT_NEVER);
    return NULL;
}
