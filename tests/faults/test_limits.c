/* test_limits.c - the process may have no more threads, or no more memory.
 *
 * In child processes with RLIMIT_NPROC and RLIMIT_AS: what the kernel really does, where
 * test_each_site.c only pretends. The latter not under sanitizers.
 * SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (they live under the same limits) */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/san.h"
#include "support/support.h"

#define MUST(cond)                                                                       \
    do {                                                                                 \
        if (!(cond)) {                                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                   \
            _exit(1);                                                                    \
        }                                                                                \
    } while (0)

static void in_child(void (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        fn();
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    assert_int_equal(status, 0);
}

static void limit(int what, rlim_t n)
{
    struct rlimit l;
    MUST(getrlimit(what, &l) == 0);
    l.rlim_cur = n < l.rlim_max ? n : l.rlim_max;
    MUST(setrlimit(what, &l) == 0);
}

/* ---- threads ---- */

static int seven(void *arg)
{
    (void)arg;
    return 7;
}

static int blocks(void *arg)
{
    bool ran = true;
    (void)arg;
    int r = leat_blocking(seven, NULL, &ran);
    return ran ? r : r == LEAT_EAGAIN ? -1 : -2;
}

/* The superuser has no such limit: another user then. */
static void become_nobody(void)
{
    if (geteuid() == 0)
        MUST(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

static void no_threads(void)
{
    leat_pool *p = NULL, *before;
    leat_chan *c;
    leat_signal *s = NULL;
    leat_fiber *f;
    uint32_t v = 5;
    int r;
    become_nobody();
    MUST(leat_pool_new(&before, NULL) == 0);
    MUST(leat_chan_new(&c, sizeof(v), 4) == 0);
    limit(RLIMIT_NPROC, 1);
    for (unsigned i = 0; i < 50; i++) {
        MUST(leat_pool_new(&p, NULL) == LEAT_EAGAIN && p == NULL);
        MUST(leat_signal_new(&s, c) == LEAT_EAGAIN && s == NULL);
        MUST(leat_pool_default() == NULL);
        MUST(leat_go(NULL, seven, NULL) == LEAT_EAGAIN);
        MUST(leat_run(seven, NULL) == LEAT_EAGAIN);
        /* What is there goes on working. */
        MUST(leat_chan_send(c, &v) == 0 && leat_chan_recv(c, &v) == 0 && v == 5);
        MUST(leat_pool_run(before, seven, NULL) == 7);
        MUST(leat_pool_go(before, &f, blocks, NULL) == 0);
        MUST(leat_fiber_join(f, &r) == 0 && r == -1);
    }
    limit(RLIMIT_NPROC, RLIM_INFINITY);
    MUST(leat_pool_run(before, blocks, NULL) == 7);
    MUST(leat_run(seven, NULL) == 7);
    MUST(leat_signal_new(&s, c) == 0);
    MUST(leat_signal_post(s, 9) == 0);
    MUST(leat_chan_recv(c, &v) == 0 && v == 9);
    MUST(leat_signal_free(s) == NULL);
    MUST(leat_pool_new(&p, NULL) == 0);
    MUST(leat_pool_free(p) == NULL && leat_pool_free(before) == NULL);
    MUST(leat_chan_free(c) == NULL);
}

static void without_threads_calls_say_so_and_work_later(void **state)
{
    (void)state;
    in_child(no_threads);
}

/* ---- memory ---- */

/* A sanitizer needs address space of its own: there is none to take away. */
static void in_little_memory(void (*fn)(void))
{
#if defined(LEATP_ASAN) || defined(LEATP_TSAN)
    (void)fn;
    skip();
#else
    in_child(fn);
#endif
}

static size_t mapped_now(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    MUST(f && fscanf(f, "%lu", &pages) == 1);
    (void)fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static leat_chan *gate, *done;

static int big(void *arg)
{
    (void)arg;
    int r = leat_chan_recv(gate, NULL);
    return r == 0 ? leat_chan_send(done, NULL) : r;
}

/* More fibers than there is room for stacks: each has its turn when others have ended. */
static void too_few_stacks(void)
{
    enum { FIBERS = 64 };
    const struct leat_pool_opts o = {
        .size = sizeof(o), .workers = 2, .stack_size = (size_t)4 << 20};
    leat_pool *p;
    MUST(leat_pool_new(&p, &o) == 0);
    MUST(leat_pool_run(p, seven, NULL) == 7);
    MUST(leat_chan_new(&gate, 0, 0) == 0 && leat_chan_new(&done, 0, FIBERS) == 0);
    limit(RLIMIT_AS, mapped_now() + ((rlim_t)64 << 20));
    for (unsigned i = 0; i < FIBERS; i++)
        MUST(leat_pool_go(p, NULL, big, NULL) == 0);
    for (unsigned i = 0; i < FIBERS; i++)
        MUST(leat_chan_send(gate, NULL) == 0);
    for (unsigned i = 0; i < FIBERS; i++)
        MUST(leat_chan_recv(done, NULL) == 0);
    MUST(leat_chan_try_recv(done, NULL) == LEAT_EAGAIN);
    MUST(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER) == 0);
}

static void fibers_have_their_turns_when_memory_is_short(void **state)
{
    (void)state;
    in_little_memory(too_few_stacks);
}

/* From almost nothing on, a little more each time: it fails cleanly until it works. */
static void pools_in_little_memory(void)
{
    const size_t base = mapped_now();
    unsigned refused = 0, made = 0;
    for (size_t kb = 0; made < 3; kb += 64) {
        leat_pool *p = NULL;
        leat_fiber *f = NULL;
        limit(RLIMIT_AS, base + (kb << 10));
        int r = leat_pool_new(&p, NULL), go = LEAT_ENOMEM, result = 7;
        if (r == 0) /* it may have to wait for a stack */
            go = leat_pool_go(p, &f, seven, NULL);
        limit(RLIMIT_AS, RLIM_INFINITY);
        MUST(r == 0 || ((r == LEAT_ENOMEM || r == LEAT_EAGAIN) && p == NULL));
        MUST(go == 0 || (go == LEAT_ENOMEM && f == NULL));
        MUST(go != 0 || leat_fiber_join(f, &result) == 0);
        MUST(result == 7 && leat_pool_free(p) == NULL);
        refused += r != 0;
        made += go == 0;
    }
    MUST(refused > 10);
}

static void pools_start_or_say_that_they_cannot(void **state)
{
    (void)state;
    in_little_memory(pools_in_little_memory);
}

/* Until nothing is left; then all values are there. */
static void full_memory(void)
{
    static char elem[4096], got[4096];
    leat_chan *u;
    unsigned sent = 0, r;
    MUST(leat_chan_new(&u, sizeof(elem), LEAT_UNBOUNDED) == 0);
    limit(RLIMIT_AS, mapped_now() + ((rlim_t)32 << 20));
    do {
        memset(elem, (int)sent, sizeof(elem));
        r = (unsigned)leat_chan_send(u, elem);
        sent += r == 0;
    } while (r == 0);
    MUST((int)r == LEAT_ENOMEM && sent > 1000);
    MUST(leat_chan_len(u) == sent);
    for (unsigned i = 0; i < sent; i++) {
        MUST(leat_chan_recv(u, got) == 0);
        MUST(got[0] == (char)i && got[sizeof(got) - 1] == (char)i);
    }
    MUST(leat_chan_try_recv(u, got) == LEAT_EAGAIN);
    MUST(leat_chan_send(u, elem) == 0); /* there is room again */
    MUST(leat_chan_free(u) == NULL);
}

static void an_unbounded_channel_ends_with_memory_and_goes_on_with_it(void **state)
{
    (void)state;
    in_little_memory(full_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_threads_calls_say_so_and_work_later),
        cmocka_unit_test(fibers_have_their_turns_when_memory_is_short),
        cmocka_unit_test(pools_start_or_say_that_they_cannot),
        cmocka_unit_test(an_unbounded_channel_ends_with_memory_and_goes_on_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
