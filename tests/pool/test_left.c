/* test_left.c - a trusted worker wakes nobody for what it readies while a keeper looks at
 * intervals. What it leaves to that keeper is not forgotten when the keeper is called
 * for a pinned fiber, and for long: somebody who sleeps is woken for it.
 * SPDX-License-Identifier: MIT */
/* ctest: serial onecpu (a keeper looks every millisecond: the rest is to come before) */
#include "pool/mill.h"
#include "support/support.h"

enum { WORKERS = 3 };
#define MS    INT64_C(1000000)
#define SOON  (50 * MS)
#define STUCK (20000 * MS)

/* What the fiber that is pinned to a keeper does when it is called. */
enum errand { GREETS, COMPUTES };

struct call {
    leat_sem s;
    leati_a32 errand, round;
};

struct left {
    leat_pool *pool;
    leat_sem work;             /* the fiber that is left to the keeper waits for it */
    struct call call[WORKERS]; /* each pinned one waits for its own */
    leati_a32 round;
    leati_a32 greeted, done; /* of which round */
    unsigned caught;         /* rounds in which a keeper was to see the work */
};

static bool reached(const leati_a32 *word, uint32_t round)
{
    int64_t end = leat_now() + STUCK;
    while (leati_load_acq(word) < round)
        if (leat_now() > end)
            return false;
    return true;
}

/* Its id + 1, or 0. */
static unsigned keeper(const struct left *l)
{
    return (unsigned)(leati_load_acq(&l->pool->idle) >> LEATI_IDLE_KEEPER) & 0xffff;
}

/* All the others sleep, one of them with a limit: it will look. */
static bool kept(const struct left *l)
{
    uint64_t s = leati_load_acq(&l->pool->idle);
    return (s & LEATI_IDLE_SLEEPERS) == WORKERS - 1 && !(s & LEATI_IDLE_SEARCH) &&
           (s & LEATI_IDLE_LOOK) && keeper(l);
}

static bool kept_until(const struct left *l, int64_t end)
{
    while (!kept(l))
        if (leat_now() > end)
            return false;
    return true;
}

static int works(void *arg)
{
    struct left *l = arg;
    while (leat_sem_acquire(&l->work, 1) == 0)
        leati_store_rel(&l->done, leati_load_acq(&l->round));
    return 0;
}

struct pinned {
    struct left *l;
    unsigned worker;
};

static int runs_errands(void *arg)
{
    struct pinned *p = arg;
    struct left *l = p->l;
    struct call *c = &l->call[p->worker];
    while (leat_sem_acquire(&c->s, 1) == 0) {
        uint32_t errand = leati_load_acq(&c->errand), round = leati_load_acq(&c->round);
        if (errand == GREETS)
            leati_store_rel(&l->greeted, round);
        else
            expect(reached(&l->done, round));
    }
    return 0;
}

static void call_keeper(struct left *l, enum errand errand)
{
    unsigned k = keeper(l);
    struct call *c = &l->call[k ? k - 1 : 1];
    leati_store_rel(&c->errand, (uint32_t)errand);
    leati_store_rel(&c->round, leati_load_rlx(&l->round));
    leat_sem_release(&c->s, 1);
}

/* By a worker that is trusted to run soon what it readies, and does not. */
static void leave_work(struct left *l)
{
    leati_store_rlx(&leati_worker_self()->trust, 1u);
    leat_sem_release(&l->work, 1);
    l->caught += kept(l); /* who would have been woken sleeps */
}

/* It gets up, lies down again and looks from then on; then it is called for long. */
static bool leave_to_one_who_is_called(struct left *l)
{
    uint32_t round = leati_load_rlx(&l->round);
    call_keeper(l, GREETS);
    if (!expect(reached(&l->greeted, round)))
        return false;
    if (!kept_until(l, leat_now() + SOON))
        return true;
    leave_work(l);
    call_keeper(l, COMPUTES);
    return expect(reached(&l->done, round));
}

static int leaves(void *arg)
{
    struct left *l = arg;
    size_t least = support_scale(50), most = 100 * least; /* it may take its time */
    for (uint32_t i = 1; i <= least || (i <= most && l->caught == 0); i++) {
        leati_store_rel(&l->round, i);
        if (!leave_to_one_who_is_called(l))
            break;
        leat_yield();
    }
    return 0;
}

static void work_left_to_a_keeper_who_is_called_is_done(void **state)
{
    (void)state;
    struct left l = {.pool = support_pool_of(WORKERS, 0)};
    struct pinned pin[WORKERS];
    leat_fiber *f;
    assert_int_equal(leat_pool_go(l.pool, NULL, works, &l), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct leat_fiber_opts o = {
            .size = sizeof(o), .pool = l.pool, .pin = (int)i + 1};
        pin[i] = (struct pinned){&l, i};
        if (i == 0)
            assert_int_equal(leat_fiber_start(&f, &o, leaves, &l), 0);
        else
            assert_int_equal(leat_fiber_start(NULL, &o, runs_errands, &pin[i]), 0);
    }
    assert_int_equal(leat_fiber_join(f, NULL), 0);
    print_message("left to a keeper %u times\n", l.caught);
    assert_int_equal(leat_pool_shutdown(l.pool, LEAT_CANCEL, LEAT_NEVER), 0);
    verdict();
    assert_true(l.caught > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_left_to_a_keeper_who_is_called_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
