/* test_fork_at_start.c - a fork while another thread starts the clock's thread.
 *
 * That one is held inside pthread_create until the fork is over, or waits for it. A child
 * must neither wait for the start, which nobody ends there, nor for a thread that it has
 * not. SPDX-License-Identifier: MIT */
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/san.h"
#include "inject.h"
#include "support/support.h"

enum { PATIENCE_S = 60 };

struct timed {
    leat_call call;
    leat_chan *chan;
    leat_sem done;
    int64_t until_ms;
    int armed, result;
};

static void completed(leat_call *c, int result, void *arg)
{
    struct timed *t = arg;
    (void)c;
    t->result = result;
    leat_sem_release(&t->done, 1);
}

static void arm(struct timed *t)
{
    leat_call_init(&t->call, completed, t, NULL);
    t->armed = leat_call_recv_until(&t->call, t->chan, NULL, leat_in_ms(t->until_ms));
}

static void *arms(void *arg)
{
    arm(arg);
    return NULL;
}

static bool held, forked;
static unsigned naps;

static bool is(const bool *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE); /* pairs with set */
}

static void set(bool *flag)
{
    __atomic_store_n(flag, true, __ATOMIC_RELEASE);
}

static bool is_held(void *unused)
{
    (void)unused;
    return is(&held);
}

/* Inside pthread_create. */
static void until_the_fork(void)
{
    inject_before_thread(NULL);
    naps = inject_naps();
    set(&held);
    while (!is(&forked) && inject_naps() == naps)
        (void)sched_yield();
}

static void note_fork(void)
{
    set(&forked);
}

/* In the child. It may have a thread of its own, if it can. */
static bool has_a_clock(leat_chan *c, int first)
{
    struct timed t = {.chan = c, .until_ms = 1};
    leat_sem_init(&t.done, 0);
    arm(&t);
    if (first == LEAT_ENOTSUP)
        return t.armed == LEAT_ENOTSUP;
    return t.armed == 0 && leat_sem_acquire(&t.done, 1) == 0 &&
           t.result == LEAT_ETIMEDOUT;
}

/* Forks in the middle of a start that is refused or not; what the child must be told. */
static void fork_in_a_start(bool refused, int told, int parent)
{
    const struct inject_plan plan = {refused ? INJECT_THREAD : INJECT_NONE, 1, 1, 0, 0};
    struct timed t = {.until_ms = 100000};
    pthread_t starter;
    int status;
    assert_int_equal(leat_chan_new(&t.chan, 0, 0), 0);
    held = forked = false;
    inject_arm(&plan);
    inject_before_thread(until_the_fork);
    assert_int_equal(inject_thread(&starter, arms, &t), 0);
    assert_true(support_until(is_held, NULL));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE_S);
        inject_disarm();
        _exit(has_a_clock(t.chan, told) ? 0 : 1);
    }
    assert_int_equal(pthread_join(starter, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(t.armed, parent);
    if (parent == 0)
        assert_int_equal(leat_call_cancel(&t.call), 0);
    inject_disarm();
    leat_chan_free(t.chan);
}

static void after_a_refused_start_the_child_starts_its_own(void **state)
{
    (void)state;
#if defined(LEATP_TSAN) || defined(LEATP_ASAN) /* no threads in such a child */
    skip();
#else
    if (support_emulated()) /* nor under qemu 7.2 */
        skip();
    fork_in_a_start(true, 0, LEAT_EAGAIN);
#endif
}

static void after_a_start_the_child_is_told_that_it_has_none(void **state)
{
    (void)state;
    fork_in_a_start(false, LEAT_ENOTSUP, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_refused_start_the_child_starts_its_own), /* first */
        cmocka_unit_test(after_a_start_the_child_is_told_that_it_has_none),
    };
    (void)pthread_atfork(NULL, note_fork, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
