/* pools.c - what fibers do, while calls of the system fail; see site.h.
 * SPDX-License-Identifier: MIT */
#include "site.h"

/* At once: several slabs of records, and timers that have to move. */
enum { FIBERS = 1300, CHILDREN = 300, CALLS = 12 };

#if defined(LEATP_ASAN) || defined(LEATP_TSAN)
#define SMALL ((size_t)16 << 10)
#else
#define SMALL LEAT_STACK_MIN
#endif

static struct {
    leat_pool *pool;
    leat_chan *gate, *echo;
    leat_wg wg;
    leat_mutex mutex;
    unsigned counted, ended; /* counted: under the mutex */
} mill;

static int waits_at_gate(void *arg)
{
    (void)arg;
    THAT(leat_chan_recv(mill.gate, NULL) == LEAT_ECLOSED, 0);
    THAT(leat_mutex_lock(&mill.mutex) == 0, 0);
    mill.counted++;
    THAT(leat_mutex_unlock(&mill.mutex) == 0, 0);
    leat_wg_done(&mill.wg);
    return 0;
}

static int only_ends(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&mill.ended, 1u, __ATOMIC_RELAXED);
    return 7;
}

/* Its children's records come from a worker's own list. */
static int parent(void *arg)
{
    unsigned n = 0;
    (void)arg;
    for (unsigned i = 0; i < CHILDREN; i++)
        n += TRY(leat_go(NULL, only_ends, NULL), LEAT_ENOMEM) == 0;
    return (int)n;
}

static int sleeps(void *arg)
{
    int64_t at = leat_now() + 50000;
    (void)arg;
    THAT(leat_sleep_until(leat_at(at)) == 0, 0);
    THAT(leat_now() >= at, 0);
    int r = leat_chan_recv_until(mill.gate, NULL, leat_in_us(50));
    THAT(r == LEAT_ETIMEDOUT || r == LEAT_ECLOSED, r);
    return 1;
}

static int waits_for_cancel(void *arg)
{
    (void)arg;
    return leat_chan_recv(mill.echo, NULL);
}

static leat_fiber *start(int (*fn)(void *), size_t stack, int pin, const char *name)
{
    const struct leat_fiber_opts o = {.size = sizeof(o),
                                      .pool = mill.pool,
                                      .stack_size = stack,
                                      .pin = pin,
                                      .name = name};
    leat_fiber *f = NULL;
    if (TRY(leat_fiber_start(&f, &o, fn, NULL), LEAT_ENOMEM))
        THAT(f == NULL, 0);
    return f;
}

static int result(leat_fiber *f)
{
    int r = -1;
    if (f)
        THAT(leat_fiber_join(f, &r) == 0, 0);
    return r;
}

static void kinds_of_fibers(void)
{
    leat_fiber *big = start(only_ends, (size_t)1 << 20, 0, "big");
    leat_fiber *pinned = start(sleeps, 0, 2, "pinned");
    leat_fiber *small = start(only_ends, SMALL, 1, NULL);
    leat_fiber *family = start(parent, (size_t)128 << 10, 0, "parent");
    leat_fiber *doomed = start(waits_for_cancel, 0, 0, "doomed");
    unsigned ended = 0;
    leat_fiber_cancel(doomed);
    ended += big != NULL;
    ended += small != NULL;
    THAT(!big || result(big) == 7, 0);
    THAT(!pinned || result(pinned) == 1, 0);
    THAT(!small || result(small) == 7, 0);
    THAT(!doomed || result(doomed) == LEAT_ECANCELED, 0);
    if (family) {
        int n = result(family);
        THAT(n >= 0 && (n == CHILDREN || inject_fired()), n);
        ended += (unsigned)n;
    }
    mill.counted = ended; /* nobody else counts yet: what the pool's end must show */
}

/* All of them wait at once. */
static unsigned crowd(void)
{
    unsigned n = FIBERS_COST ? FIBERS / 10 : FIBERS, started = 0;
    for (unsigned i = 0; i < n; i++) {
        leat_wg_add(&mill.wg, 1);
        if (TRY(leat_pool_go(mill.pool, NULL, waits_at_gate, NULL), LEAT_ENOMEM) == 0)
            started++;
        else
            leat_wg_done(&mill.wg);
    }
    return started;
}

static int open_mill(unsigned blocking)
{
    const struct leat_alloc alloc = inject_alloc();
    struct leat_pool_opts o = {.size = sizeof(o),
                               .workers = 2,
                               .blocking = blocking,
                               .name = "site",
                               .alloc = &alloc};
#if !defined(LEATP_ASAN) && !defined(LEATP_TSAN)
    o.flags = LEAT_POOL_FAULT_HANDLER; /* stacks for it are mapped */
#endif
    memset(&mill, 0, sizeof(mill));
    int r = TRY2(leat_pool_new(&mill.pool, &o), LEAT_ENOMEM, LEAT_EAGAIN);
    THAT((r == 0) == (mill.pool != NULL), r);
    return r;
}

void scenario_pool(void)
{
    if (open_mill(0))
        return;
    if (TRY(leat_chan_new(&mill.gate, 0, 4), LEAT_ENOMEM) == 0 &&
        TRY(leat_chan_new(&mill.echo, 8, 0), LEAT_ENOMEM) == 0) {
        kinds_of_fibers();
        unsigned ended = mill.counted;
        mill.counted = 0;
        unsigned started = crowd();
        leat_chan_close(mill.gate);
        THAT(leat_wg_wait(&mill.wg) == 0, 0);
        THAT(mill.counted == started, mill.counted);
        THAT(leat_pool_shutdown(mill.pool, LEAT_DRAIN, LEAT_NEVER) == 0, 0);
        THAT(mill.ended == ended, mill.ended);
    } else {
        leat_pool_free(mill.pool);
    }
    leat_chan_free(mill.echo);
    leat_chan_free(mill.gate);
}

/* ---- leat_blocking ---- */

static int blocks(void *arg)
{
    return *(int *)arg;
}

static int calls(void *arg)
{
    (void)arg;
    for (int i = 1; i <= CALLS; i++) {
        bool ran = true;
        int r = leat_blocking(blocks, &i, &ran);
        if (!ran) {
            THAT(r == LEAT_EAGAIN && !site_board->quiet && inject_fired(), r);
            if (site_once()) {
                r = leat_blocking(blocks, &i, &ran);
                THAT(ran && r == i, r);
            }
        } else {
            THAT(r == i, r);
        }
    }
    return 5;
}

void scenario_blocking(void)
{
    leat_fiber *f[4];
    if (open_mill(3))
        return;
    for (unsigned i = 0; i < 4; i++)
        f[i] = start(calls, (size_t)64 << 10, 0, "calls");
    for (unsigned i = 0; i < 4; i++)
        THAT(!f[i] || result(f[i]) == 5, i);
    THAT(leat_pool_shutdown(mill.pool, LEAT_DRAIN, LEAT_NEVER) == 0, 0);
}
