/* crew.c - actors that are threads, fibers or both. SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "support/support.h"

const char *const crew_kind_name[CREW_KINDS] = {"threads", "fibers", "mixed"};

struct member {
    struct actor actor;
    actor_fn *fn;
    bool is_fiber;
    pthread_t thread;
    leat_fiber *fiber;
};

struct crew {
    enum crew_kind kind;
    unsigned n, arrived;
    leat_pool *pool;
    struct member member[];
};

static bool all_arrived(void *arg)
{
    struct crew *c = (struct crew *)arg;
    return __atomic_load_n(&c->arrived, __ATOMIC_ACQUIRE) == c->n;
}

static int member_main(void *arg)
{
    struct member *m = (struct member *)arg;
    __atomic_fetch_add(&m->actor.crew->arrived, 1u, __ATOMIC_RELEASE);
    if (expect(support_until(all_arrived, m->actor.crew)))
        m->fn(&m->actor);
    return 0;
}

static void *member_thread(void *arg)
{
    member_main(arg);
    return NULL;
}

static void member_start(struct crew *c, struct member *m)
{
    if (m->is_fiber)
        assert_int_equal(leat_pool_go(c->pool, &m->fiber, member_main, m), 0);
    else
        assert_int_equal(pthread_create(&m->thread, NULL, member_thread, m), 0);
}

struct crew *crew_start_each(enum crew_kind kind, unsigned workers, unsigned n,
                             actor_fn *const *fns, unsigned nfns, void *arg)
{
    struct crew *c = (struct crew *)calloc(1, sizeof(*c) + n * sizeof(c->member[0]));
    assert_non_null(c);
    c->kind = kind;
    c->n = n;
    if (kind != CREW_THREADS) {
        struct leat_pool_opts o = {.size = sizeof(o), .workers = workers, .name = "crew"};
        assert_int_equal(leat_pool_new(&c->pool, &o), 0);
    }
    for (unsigned i = 0; i < n; i++) {
        struct member *m = &c->member[i];
        m->actor = (struct actor){c, i, arg, support_rng(i)};
        m->fn = fns[i % nfns];
        m->is_fiber = kind == CREW_FIBERS || (kind == CREW_MIXED && i % 2 == 1);
        member_start(c, m);
    }
    return c;
}

struct crew *crew_start(enum crew_kind kind, unsigned workers, unsigned n, actor_fn *fn,
                        void *arg)
{
    return crew_start_each(kind, workers, n, &fn, 1, arg);
}

static _Noreturn void give_up(const struct crew *c, unsigned index)
{
    fprintf(stderr, "actor %u of %u (%s) did not end; LEAT_SEED=%llu\n", index, c->n,
            crew_kind_name[c->kind], (unsigned long long)support_seed());
    leat_dump(STDERR_FILENO);
    abort();
}

static int64_t patience_ns(void)
{
    const char *s = getenv("LEAT_PATIENCE");
    return (s && *s ? strtoll(s, NULL, 10) : 100) * INT64_C(1000000000);
}

static void member_join(struct crew *c, struct member *m, int64_t end_ns)
{
    if (m->is_fiber) {
        if (leat_fiber_join_until(m->fiber, NULL, leat_at(end_ns)) != 0)
            give_up(c, m->actor.index);
    } else {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_sec += (time_t)((end_ns - leat_now()) / 1000000000) + 1;
        /* The clock of the day: TSan knows this call, but not pthread_clockjoin_np. */
        if (pthread_timedjoin_np(m->thread, NULL, &t) != 0)
            give_up(c, m->actor.index);
    }
}

void crew_join(struct crew *c)
{
    int64_t end_ns = leat_now() + patience_ns();
    for (unsigned i = 0; i < c->n; i++)
        member_join(c, &c->member[i], end_ns);
    if (c->pool)
        assert_int_equal(leat_pool_shutdown(c->pool, LEAT_DRAIN, leat_at(end_ns)), 0);
    free(c);
    verdict();
}

void crew_run(enum crew_kind kind, unsigned n, actor_fn *fn, void *arg)
{
    crew_join(crew_start(kind, 0, n, fn, arg));
}

leat_pool *crew_pool(struct crew *c)
{
    return c->pool;
}

leat_fiber *crew_fiber(struct crew *c, unsigned index)
{
    return c->member[index].fiber;
}
