/* test_fork.c - what a fork child is told, and what it may use whatever the other
 * threads of its parent were doing. SPDX-License-Identifier: MIT */
/* ctest: onecpu novalgrind (one thread runs at a time there: no fork meets a lock) */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/san.h"
#include "park/waitq.h"
#include "support/lone.h"

enum { PATIENCE_S = 60 };

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int waits_for_cancel(void *arg)
{
    return leat_sem_acquire(arg, UINT32_MAX);
}

/* The child's verdict by its exit; one that hangs is ended by the alarm. */
static void ends_well(pid_t pid)
{
    int status;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

struct before {
    leat_pool *pool;
    leat_fiber *fiber;
    leat_signal *mailbox;
};

static bool is_told(const struct before *b)
{
    leat_pool *own = NULL;
    int null = open("/dev/null", O_WRONLY);
    bool ok = leat_run(nothing, NULL) == LEAT_ENOTSUP &&
              leat_pool_go(b->pool, NULL, nothing, NULL) == LEAT_ENOTSUP &&
              leat_pool_shutdown(b->pool, LEAT_DRAIN, LEAT_NEVER) == LEAT_ENOTSUP &&
              leat_fiber_join(b->fiber, NULL) == LEAT_ENOTSUP &&
              leat_signal_post(b->mailbox, 1) == LEAT_ENOTSUP;
    leat_fiber_cancel(b->fiber);
    leat_fiber_detach(b->fiber);
    leat_signal_free(b->mailbox);
    leat_dump(null);
#if !defined(LEATP_TSAN) && !defined(LEATP_ASAN) /* no threads in such a child */
    /* nor under qemu 7.2, which then fails an assertion of its own */
    ok = ok && (support_emulated() || (leat_pool_new(&own, NULL) == 0 &&
                                       leat_pool_run(own, nothing, NULL) == 0));
#endif
    leat_pool_free(own);
    close(null);
    return ok;
}

static void a_forked_child_is_told_not_to_use_the_pool(void **state)
{
    (void)state;
    leat_sem never = LEAT_SEM_INIT(0);
    leat_chan *posts;
    struct before b = {.pool = support_pool_of(2, 0)};
    assert_int_equal(leat_run(nothing, NULL), 0);
    assert_int_equal(leat_pool_go(b.pool, &b.fiber, waits_for_cancel, &never), 0);
    assert_int_equal(leat_chan_new(&posts, sizeof(uint32_t), 4), 0);
    assert_int_equal(leat_signal_new(&b.mailbox, posts), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE_S);
        _exit(is_told(&b) ? 0 : 1);
    }
    ends_well(pid);
    leat_fiber_cancel(b.fiber);
    int r = 0;
    assert_int_equal(leat_fiber_join(b.fiber, &r), 0);
    assert_int_equal(r, LEAT_ECANCELED);
    assert_null(leat_signal_free(b.mailbox));
    leat_chan_free(posts);
    assert_null(leat_pool_free(b.pool));
}

/* --- locks that objects share --- */

struct busy {
    leat_sem much; /* somebody waits for more than it will have */
    leati_a32 stop;
};

static void *releases(void *arg)
{
    struct busy *b = arg;
    while (!leati_load_acq(&b->stop))
        leat_sem_release(&b->much, 1);
    return NULL;
}

/* The allocator of a sanitizer is not made for forks of programs with threads. */
#if defined(LEATP_TSAN) || defined(LEATP_ASAN)
#define OPENS 0
#else
#define OPENS 1
#endif

static const size_t capacities[] = {0, 3, LEAT_UNBOUNDED};

static bool opens_all(void)
{
    bool ok = true;
    for (unsigned i = 0; OPENS && i < 3; i++) {
        leat_chan *c = NULL;
        ok = ok && leat_chan_new(&c, 8, capacities[i]) == 0;
        leat_chan_free(c);
    }
    return ok;
}

static void *opens(void *arg)
{
    struct busy *b = arg;
    while (!leati_load_acq(&b->stop))
        expect(opens_all());
    return NULL;
}

/* Another semaphore that shares its lock with s. */
static leat_sem *twin_of(const leat_sem *s)
{
    static leat_sem many[4096];
    leati_a32 *lock = leati_waitq_lock(&s->q);
    leati_unlock(lock);
    for (unsigned i = 0; i < 4096; i++) {
        leati_a32 *other = leati_waitq_lock(&many[i].q);
        leati_unlock(other);
        if (other == lock)
            return &many[i];
    }
    return NULL;
}

static bool somebody_waits(void *arg)
{
    return leati_load_acq(&((struct busy *)arg)->much.permits) >> 63;
}

static void no_lock_that_objects_share_is_left_held_in_a_child(void **state)
{
    (void)state;
    struct busy b = {.stop = {0}};
    struct lone waiter;
    pthread_t t[2];
    leat_sem *twin = twin_of(&b.much);
    assert_non_null(twin);
    lone_start(&waiter, CREW_FIBERS, 0, waits_for_cancel, &b.much);
    assert_true(support_until(somebody_waits, &b));
    assert_int_equal(pthread_create(&t[0], NULL, releases, &b), 0);
    assert_int_equal(pthread_create(&t[1], NULL, opens, &b), 0);
    for (size_t i = support_scale(100); i > 0; i--) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(PATIENCE_S);
            int r = leat_sem_acquire_until(twin, 1, leat_in_us(50));
            _exit(r == LEAT_ETIMEDOUT && opens_all() ? 0 : 1);
        }
        ends_well(pid);
    }
    leati_store_rel(&b.stop, 1u);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    leat_fiber_cancel(waiter.fiber);
    assert_int_equal(lone_join(&waiter), LEAT_ECANCELED);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forked_child_is_told_not_to_use_the_pool),
        cmocka_unit_test(no_lock_that_objects_share_is_left_held_in_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
