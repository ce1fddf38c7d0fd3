/* test_late_refusal.c - a thread of leat_blocking() is refused late.
 *
 * pthread_create is held until other calls have queued behind the thread to come, and then
 * fails. They must not wait for it: each call is run, or is told that there is no thread.
 * SPDX-License-Identifier: MIT */
#include <sched.h>

#include "inject.h"
#include "pool/elastic.h"
#include "support/support.h"

enum { OTHERS = 3, CALLERS = 1 + OTHERS };

static leat_pool *pool;

struct caller {
    leat_fiber *fiber;
    bool ran;
    int result;
    bool done;
};
static struct caller callers[CALLERS];

static int seven(void *arg)
{
    (void)arg;
    return 7;
}

static int call(void *arg)
{
    struct caller *c = arg;
    c->result = leat_blocking(seven, NULL, &c->ran);
    __atomic_store_n(&c->done, true, __ATOMIC_RELEASE); /* pairs with is_done */
    return 0;
}

static void spawn(struct caller *c)
{
    expect_eq(leat_pool_go(pool, &c->fiber, call, c), 0);
}

static bool is_done(void *arg)
{
    return __atomic_load_n(&((struct caller *)arg)->done, __ATOMIC_ACQUIRE);
}

static bool held; /* the first one's start */

static bool is_held(void *unused)
{
    (void)unused;
    return __atomic_load_n(&held, __ATOMIC_ACQUIRE); /* pairs with until_others_queue */
}

static unsigned queued(void)
{
    unsigned threads, n;
    leati_elastic_numbers(pool, &threads, &n);
    return n;
}

/* On a worker's own stack, where nothing of the engine may wait; the other worker runs
 * the others. */
static void until_others_queue(void)
{
    int64_t end = leat_now() + INT64_C(20000000000);
    inject_before_thread(NULL);
    __atomic_store_n(&held, true, __ATOMIC_RELEASE);
    while (queued() < OTHERS && leat_now() < end)
        (void)sched_yield();
    expect_eq(queued(), OTHERS);
}

/* Who is still waiting for a thread that never comes is taken out of there, so that the
 * test has an end. */
static void end_of(struct caller *c)
{
    leat_fiber_cancel(c->fiber);
    expect_eq(leat_fiber_join(c->fiber, NULL), 0);
}

static bool all_done(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < CALLERS; i++)
        if (!is_done(&callers[i]))
            return false;
    return true;
}

/* The first `refused` threads of leat_blocking() are refused, the very first one late. */
static void refuse(unsigned refused)
{
    const struct leat_pool_opts o = {.workers = 2, .blocking = 1, .name = "late"};
    const struct inject_plan plan = {INJECT_THREAD, 1, refused, 0, 0};
    pool = support_pool(&o);
    memset(callers, 0, sizeof(callers));
    held = false;
    inject_arm(&plan); /* the workers run; no thread of that kind does */
    inject_before_thread(until_others_queue);
    spawn(&callers[0]);
    expect(support_until(is_held, NULL));
    for (unsigned i = 1; i < CALLERS; i++)
        spawn(&callers[i]);
    expect(support_until(all_done, NULL));
    for (unsigned i = 0; i < CALLERS; i++)
        end_of(&callers[i]);
    assert_int_equal(inject_fired(), refused);
}

static void those_behind_a_refused_thread_start_their_own(void **state)
{
    (void)state;
    refuse(1);
    /* The first one may come to a thread that another one has started meanwhile. */
    assert_int_equal(callers[0].result, callers[0].ran ? 7 : LEAT_EAGAIN);
    for (unsigned i = 1; i < CALLERS; i++) {
        assert_true(callers[i].ran);
        assert_int_equal(callers[i].result, 7);
    }
    assert_null(leat_pool_free(pool));
    verdict();
}

static void when_all_threads_are_refused_each_call_is_told(void **state)
{
    struct caller later = {.ran = false};
    (void)state;
    refuse(CALLERS);
    for (unsigned i = 0; i < CALLERS; i++) {
        assert_false(callers[i].ran);
        assert_int_equal(callers[i].result, LEAT_EAGAIN);
    }
    spawn(&later);
    expect(support_until(is_done, &later));
    end_of(&later);
    assert_true(later.ran && later.result == 7);
    assert_null(leat_pool_free(pool));
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_behind_a_refused_thread_start_their_own),
        cmocka_unit_test(when_all_threads_are_refused_each_call_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
