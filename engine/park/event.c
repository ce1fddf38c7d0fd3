/* event.c - see event.h; concurrencykit's event count on our futex.
 * SPDX-License-Identifier: MIT */
#include <time.h>
#include <ck_ec.h>

#include "arch/futex.h"
#include "arch/san.h"
#include "park/event.h"

_Static_assert(sizeof(struct leati_event) == sizeof(struct ck_ec32), "event");

static int ec_gettime(const struct ck_ec_ops *ops, struct timespec *ret)
{
    (void)ops;
    return clock_gettime(CLOCK_MONOTONIC, ret);
}

static void ec_wait32(const struct ck_ec_wait_state *state, const uint32_t *address,
                      uint32_t expect, const struct timespec *deadline)
{
    (void)state;
    struct leat_deadline until = LEAT_NEVER;
    if (deadline && deadline->tv_sec < INT64_MAX / 1000000000)
        until = leat_at((int64_t)deadline->tv_sec * 1000000000 + deadline->tv_nsec);
    (void)leatp_futex_wait((leati_a32 *)(uintptr_t)address, expect, until);
}

static void ec_wake32(const struct ck_ec_ops *ops, const uint32_t *address)
{
    (void)ops;
    leatp_futex_wake((leati_a32 *)(uintptr_t)address, INT32_MAX);
}

static const struct ck_ec_ops ec_ops = {
    .gettime = ec_gettime,
    .wait32 = ec_wait32,
    .wake32 = ec_wake32,
};

static const struct ck_ec_mode ec_mode = {.ops = &ec_ops, .single_producer = false};

LEATI_INLINE struct ck_ec32 *ec_of(struct leati_event *e)
{
    return (struct ck_ec32 *)(void *)&e->count;
}

uint32_t leati_event_value(struct leati_event *e)
{
    uint32_t value = ck_ec32_value(ec_of(e));
    leatp_san_acquire(e); /* the library orders, out of TSan's sight */
    return value;
}

void leati_event_raise(struct leati_event *e)
{
    leatp_san_release(e);
    ck_ec32_inc(ec_of(e), &ec_mode);
}

bool leati_event_wait(struct leati_event *e, uint32_t value, struct leat_deadline until)
{
    struct timespec ts, *deadline = NULL;
    if (until.at_ns != INT64_MAX) {
        int64_t at = until.at_ns < 0 ? 0 : until.at_ns;
        ts.tv_sec = at / 1000000000;
        ts.tv_nsec = at % 1000000000;
        deadline = &ts;
    }
    int r = ck_ec32_wait(ec_of(e), &ec_mode, value, deadline);
    leatp_san_acquire(e);
    return r == 0;
}
