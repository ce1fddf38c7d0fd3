/* pool.c - workers that sleep, steal and are woken; the end, the cancelling and the
 * waiting of fibers. SPDX-License-Identifier: MIT */
#include "common.h"

static leat_pool *pool;
static leati_a32 ran;

static int runs(void *arg)
{
    (void)leati_add_sc(&ran, 1u);
    return (int)(intptr_t)arg;
}

static void workers(unsigned n)
{
    struct leat_pool_opts o = {.size = sizeof(o), .workers = n};
    weave_check(leat_pool_new(&pool, &o) == 0);
}

static void one_worker(void)
{
    workers(1);
}

static void two_workers(void)
{
    workers(2);
}

static void finish(void)
{
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

/* --- from outside, against a worker that lies down --- */

static void start_and_join(unsigned i)
{
    leat_fiber *f;
    int r = -1;
    weave_check(leat_pool_go(pool, &f, runs, (void *)(intptr_t)(i + 5)) == 0);
    weave_check(leat_fiber_join(f, &r) == 0 && r == (int)i + 5);
}

WEAVE_SCENARIO(outside, .name = "pool.start_from_outside", .actors = 1,
               .setup = one_worker, .actor = start_and_join, .check = finish,
               .bound = 2);
WEAVE_SCENARIO(outside2, .name = "pool.two_start_from_outside", .actors = 2,
               .setup = one_worker, .actor = start_and_join, .check = finish,
               .bound = 2);

/* Long after the worker has looked for work the last time. */
static void start_late(unsigned i)
{
    weave_check(leat_sleep_ns(5000000) == 0);
    start_and_join(i);
}

WEAVE_SCENARIO(late, .name = "pool.start_when_nobody_looks", .actors = 1,
               .setup = one_worker, .actor = start_late, .check = finish, .bound = 2);

static void start_only(unsigned i)
{
    (void)i;
    weave_check(leat_pool_go(pool, NULL, runs, NULL) == 0);
    finish();
    weave_check(leati_load_sc(&ran) == 1);
}

WEAVE_SCENARIO(drain1, .name = "pool.last_death_ends_the_drain", .actors = 1,
               .setup = one_worker, .actor = start_only, .bound = 2);

/* --- a fiber that readies others: stealing against popping, a ring that is full --- */

static int spawns(void *arg)
{
    leat_fiber *f[6];
    unsigned n = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < n; i++)
        weave_check(leat_go(&f[i], runs, NULL) == 0);
    for (unsigned i = 0; i < n; i++)
        weave_check(leat_fiber_join(f[i], NULL) == 0);
    return 0;
}

static void spawn(unsigned n)
{
    leat_fiber *f;
    weave_check(leat_pool_go(pool, &f, spawns, (void *)(uintptr_t)n) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
    weave_check(leati_load_sc(&ran) == n);
}

static void spawn_two(unsigned i)
{
    (void)i;
    spawn(2);
}

static void spawn_six(unsigned i)
{
    (void)i;
    spawn(6);
}

WEAVE_SCENARIO(two, .name = "pool.two_ready_fibers", .actors = 1, .setup = two_workers,
               .actor = spawn_two, .check = finish, .bound = 2);
WEAVE_SCENARIO(six, .name = "pool.a_full_ring_is_stolen_from", .actors = 1,
               .setup = two_workers, .actor = spawn_six, .check = finish, .bound = 2);

/* --- channel between fiber and thread --- */

static int sends(void *arg)
{
    (void)arg;
    put(1);
    put(2);
    return 0;
}

static int receives(void *arg)
{
    (void)arg;
    uint64_t v;
    while (leat_chan_recv(chan, &v) == 0)
        got += v;
    return 0;
}

static void with_ring(void)
{
    open_one();
    one_worker();
}

static void with_meeting(void)
{
    open_rendezvous();
    one_worker();
}

static void ended(void)
{
    finish();
    settle();
}

static void fiber_sends(unsigned i)
{
    (void)i;
    weave_check(leat_pool_go(pool, NULL, sends, NULL) == 0);
    take();
    take();
}

static void fiber_receives(unsigned i)
{
    leat_fiber *f;
    (void)i;
    weave_check(leat_pool_go(pool, &f, receives, NULL) == 0);
    put(1);
    put(2);
    weave_check(leat_chan_close(chan) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
}

#define CHANNEL(kind)                                                                \
    WEAVE_SCENARIO(send_##kind, .name = "pool.fiber_sends_" #kind, .actors = 1,      \
                   .setup = kind, .actor = fiber_sends, .check = ended, .bound = 2); \
    WEAVE_SCENARIO(recv_##kind, .name = "pool.fiber_receives_" #kind, .actors = 1,   \
                   .setup = kind, .actor = fiber_receives, .check = ended,           \
                   .bound = 2);
CHANNEL(with_ring)
CHANNEL(with_meeting)

/* --- cancel and deadline against the end of a wait --- */

static int waits(void *arg)
{
    uint64_t v = 0;
    int r = leat_chan_recv_until(chan, &v, *(struct leat_deadline *)arg);
    got += v;
    weave_check((r == 0) == (v != 0));
    return r;
}

static void cancel_against_send(unsigned i)
{
    struct leat_deadline never = LEAT_NEVER;
    leat_fiber *f;
    int r = -1;
    (void)i;
    weave_check(leat_pool_go(pool, &f, waits, &never) == 0);
    (void)put_until(chan, 1, LEAT_NOW);
    leat_fiber_cancel(f);
    weave_check(leat_fiber_join(f, &r) == 0);
    weave_check(r == 0 || r == LEAT_ECANCELED);
}

static void time_against_send(unsigned i)
{
    struct leat_deadline soon = leat_in_us(20 * (int)weave_choose(3));
    leat_fiber *f;
    int r = -1;
    (void)i;
    weave_check(leat_pool_go(pool, &f, waits, &soon) == 0);
    (void)put_until(chan, 1, leat_in_us(20));
    weave_check(leat_fiber_join(f, &r) == 0);
    weave_check(r == 0 || r == LEAT_ETIMEDOUT || r == LEAT_EAGAIN);
}

static void cancel_against_close(unsigned i)
{
    struct leat_deadline soon = leat_in_us(50);
    leat_fiber *f;
    (void)i;
    weave_check(leat_pool_go(pool, &f, waits, &soon) == 0);
    weave_check(leat_chan_close(chan) == 0);
    leat_fiber_cancel(f);
    weave_check(leat_fiber_join(f, NULL) == 0);
}

#define KICKS(kind)                                                           \
    WEAVE_SCENARIO(cancel_##kind, .name = "pool.cancel_against_send_" #kind,  \
                   .actors = 1, .setup = kind, .actor = cancel_against_send,  \
                   .check = ended, .bound = 2);                               \
    WEAVE_SCENARIO(time_##kind, .name = "pool.deadline_against_send_" #kind,  \
                   .actors = 1, .setup = kind, .actor = time_against_send,    \
                   .check = ended, .bound = 2);                               \
    WEAVE_SCENARIO(close_##kind, .name = "pool.cancel_against_close_" #kind,  \
                   .actors = 1, .setup = kind, .actor = cancel_against_close, \
                   .check = ended, .bound = 2);
KICKS(with_ring)
KICKS(with_meeting)

/* --- sleep, the cancelling shutdown, a pinned fiber, blocking --- */

static int sleeps(void *arg)
{
    (void)arg;
    return leat_sleep_ns(5000);
}

static void cancel_against_sleep(unsigned i)
{
    leat_fiber *f;
    int r = -1;
    (void)i;
    weave_check(leat_pool_go(pool, &f, sleeps, NULL) == 0);
    if (weave_choose(2))
        leat_fiber_cancel(f);
    weave_check(leat_fiber_join(f, &r) == 0 && (r == 0 || r == LEAT_ECANCELED));
}

static void shut_against_sleep(unsigned i)
{
    (void)i;
    weave_check(leat_pool_go(pool, NULL, sleeps, NULL) == 0);
    weave_check(leat_pool_shutdown(pool, LEAT_CANCEL, LEAT_NEVER) == 0);
}

static void pinned(unsigned i)
{
    struct leat_fiber_opts o = {.size = sizeof(o), .pool = pool, .pin = 2};
    leat_fiber *f;
    (void)i;
    weave_check(leat_fiber_start(&f, &o, receives, NULL) == 0);
    put(1);
    weave_check(leat_chan_close(chan) == 0);
    weave_check(leat_fiber_join(f, NULL) == 0);
}

static void two_and_ring(void)
{
    open_one();
    two_workers();
}

WEAVE_SCENARIO(sleep, .name = "pool.cancel_against_sleep", .actors = 1,
               .setup = one_worker, .actor = cancel_against_sleep, .check = finish,
               .bound = 2);
WEAVE_SCENARIO(shut, .name = "pool.shutdown_against_sleep", .actors = 1,
               .setup = one_worker, .actor = shut_against_sleep, .bound = 2);
WEAVE_SCENARIO(pin, .name = "pool.a_pinned_fiber_is_woken", .actors = 1,
               .setup = two_and_ring, .actor = pinned, .check = ended, .bound = 2);
