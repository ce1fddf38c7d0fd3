/* test_reclaim.c - a grace period lasts as long as the sections that were open at its
 * start. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <leat/leat.h>
#include "arch/atomic.h"
#include "mem/reclaim.h"
#include "support/support.h"

struct grace {
    leati_a32 reading, waiting, left, ended;
};

static void *reads(void *arg)
{
    struct grace *g = arg;
    leati_rcu_read_lock();
    leati_rcu_read_lock(); /* sections nest */
    leati_rcu_read_unlock();
    leati_store_rel(&g->reading, 1u);
    while (!leati_load_acq(&g->waiting))
        sched_yield();
    for (int i = 0; i < 2000; i++) {
        expect_eq(leati_load_acq(&g->ended), 0);
        sched_yield();
    }
    leati_store_rel(&g->left, 1u);
    leati_rcu_read_unlock();
    return NULL;
}

static void a_grace_period_outlasts_every_reader(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct grace g = {.ended = {0}};
        pthread_t t;
        assert_int_equal(pthread_create(&t, NULL, reads, &g), 0);
        while (!leati_load_acq(&g.reading))
            sched_yield();
        leati_store_rel(&g.waiting, 1u);
        leati_rcu_synchronize();
        expect_eq(leati_load_acq(&g.left), 1);
        leati_store_rel(&g.ended, 1u);
        assert_int_equal(pthread_join(t, NULL), 0);
    }
    verdict();
}

/* Pools come and go, and fibers of theirs are woken from outside, while they are looked
 * at: under a sanitizer an early free is seen here. */
static void *dumps(void *arg)
{
    leati_a32 *stop = arg;
    FILE *f = fopen("/dev/null", "w");
    while (!leati_load_acq(stop))
        leat_dump(fileno(f));
    fclose(f);
    return NULL;
}

static int receives(void *arg)
{
    uint64_t v;
    return leat_chan_recv(arg, &v);
}

static void pools_go_while_they_are_dumped(void **state)
{
    (void)state;
    leati_a32 stop = {0};
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, dumps, &stop), 0);
    for (size_t i = 0; i < support_scale(300); i++) {
        leat_pool *p;
        leat_chan *c;
        struct leat_pool_opts o = {.size = sizeof(o), .workers = 1 + (unsigned)i % 2};
        assert_int_equal(leat_pool_new(&p, &o), 0);
        assert_int_equal(leat_chan_new(&c, 8, 0), 0);
        assert_int_equal(leat_pool_go(p, NULL, receives, c), 0);
        assert_int_equal(leat_chan_send(c, &(uint64_t){1}), 0);
        assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
        leat_chan_free(c);
    }
    leati_store_rel(&stop, 1u);
    assert_int_equal(pthread_join(t, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grace_period_outlasts_every_reader),
        cmocka_unit_test(pools_go_while_they_are_dumped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
