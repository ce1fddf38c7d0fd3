/* test_stack.c - stacks: all sizes, overflow told by name, a million at once.
 * SPDX-License-Identifier: MIT */
/* ctest: serial timeout=300 onecpu novalgrind (stacks that overflow, a million of them) */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <leat/leat.h>
#include "arch/ctx.h"
#include "arch/os.h"
#include "arch/san.h"
#include "chan/chan.h"
#include "mem/stack.h"
#include "support/support.h"

/* Writes n bytes of the own stack from the top down. */
static LEATI_NOINLINE void fill(size_t n)
{
    volatile char *a = __builtin_alloca(n);
    for (size_t i = n; i > 0; i -= i < 4 ? i : 4)
        a[i - 1] = (char)i;
}

struct depth {
    size_t bytes;
    leati_a64 ran;
};

static int digs(void *arg)
{
    struct depth *d = arg;
    fill(d->bytes);
    leat_yield();
    fill(d->bytes);
    (void)leati_add_ar(&d->ran, (uint64_t)1);
    return 0;
}

static void a_stack_holds_what_was_asked_for(void **state)
{
    (void)state;
#if defined(LEATP_ASAN) || defined(LEATP_TSAN) || defined(LEATI_UCONTEXT)
    const size_t least = 16384;
#else
    const size_t least = LEAT_STACK_MIN;
#endif
    leat_pool *p = support_pool_of(2, 0);
    for (size_t size = least; size <= ((size_t)4 << 20); size += size / 2) {
        struct depth d = {.bytes = size - 1400};
        leat_fiber *f[50];
        struct leat_fiber_opts o = {.size = sizeof(o), .pool = p, .stack_size = size};
        if (least != LEAT_STACK_MIN)
            d.bytes = size / 4;
        for (int i = 0; i < 50; i++)
            assert_int_equal(leat_fiber_start(&f[i], &o, digs, &d), 0);
        for (int i = 0; i < 50; i++)
            assert_int_equal(leat_fiber_join(f[i], NULL), 0);
        assert_int_equal(d.ran.v, 50);
    }
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
}

static void stacks_do_not_overlap(void **state)
{
    (void)state;
    for (unsigned class = 0; class < 8; class++) {
        struct leati_stacks s;
        struct leati_stack_cache c[LEATI_STACK_CLASSES];
        char *got[300];
        size_t size = leati_stack_size(class);
        memset(&s, 0, sizeof(s));
        memset(c, 0, sizeof(c));
        for (int i = 0; i < 300; i++) {
            got[i] = leati_stack_make(&s, c, class);
            assert_non_null(got[i]);
            size_t colour = (size_t)(got[i] + size - leati_stack_top(got[i], class));
            assert_true(colour < 1024 && colour < size / 4 && colour % 64 == 0);
            for (int k = 0; k < i; k++)
                assert_true(got[i] + size <= got[k] || got[k] + size <= got[i]);
        }
        for (int i = 0; i < 300; i++)
            leati_stack_give(&s, c, class, got[i]);
        for (int i = 299; i >= 0; i--)
            assert_ptr_equal(leati_stack_take(c, class), got[i]);
        assert_null(leati_stack_take(c, class));
        leati_stacks_fini(&s);
    }
}

static void chains_of_stacks_move_between_workers(void **state)
{
    (void)state;
    enum { N = 5 * LEATI_STACK_CHAIN };
    struct leati_stacks s;
    struct leati_stack_cache a[LEATI_STACK_CLASSES], b[LEATI_STACK_CLASSES];
    char **got = malloc(N * sizeof(*got));
    assert_non_null(got);
    memset(&s, 0, sizeof(s));
    memset(a, 0, sizeof(a));
    memset(b, 0, sizeof(b));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < N; i++) {
            got[i] = leati_stack_make(&s, a, 1);
            assert_non_null(got[i]);
            got[i][0] = 1;
        }
        for (int i = 0; i < N; i++) {
            assert_int_equal(got[i][0], 1); /* handed out once */
            got[i][0] = 0;
            leati_stack_give(&s, b, 1, got[i]);
        }
        assert_true(s.pile[1].chains != NULL);
    }
    free(got);
    leati_stacks_fini(&s);
}

/* --- overflow --- */

static int overflows(void *arg)
{
    fill(*(size_t *)arg);
    leat_yield();
    return 0;
}

static void on_segv(int sig)
{
    (void)sig;
    static const char text[] = "former handler\n";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(77);
}

/* In a child: its stderr into text; returns its wait status. */
static int child_overflows(size_t stack, size_t bytes, unsigned flags, char *text,
                           size_t room)
{
    int fds[2], status = 0;
    size_t n = 0;
    ssize_t r;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        leat_pool *p;
        leat_fiber *f;
        struct leat_pool_opts o = {.size = sizeof(o), .workers = 1, .flags = flags};
        struct leat_fiber_opts fo = {
            .size = sizeof(fo), .stack_size = stack, .name = "glutton"};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)dup2(fds[1], STDERR_FILENO);
        if (flags)
            signal(SIGSEGV, on_segv);
        else
            signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (leat_pool_new(&p, &o))
            _exit(1);
        fo.pool = p;
        if (leat_fiber_start(&f, &fo, overflows, &bytes))
            _exit(2);
        _exit(leat_fiber_join(f, NULL) ? 3 : 4);
    }
    close(fds[1]);
    while ((r = read(fds[0], text + n, room - 1 - n)) > 0)
        n += (size_t)r;
    text[n] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void overflow_is_reported_with_the_name(void **state)
{
    (void)state;
#if defined(LEATP_ASAN) || defined(LEATP_TSAN)
    skip(); /* they have handlers and stack checks of their own */
#endif
    char text[4096];
    int status =
        child_overflows(16384, 16384, LEAT_POOL_FAULT_HANDLER, text, sizeof(text));
    assert_non_null(strstr(text, "stack overflow in fiber \"glutton\""));
    assert_non_null(strstr(text, "former handler")); /* and then the chain */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 77);
    /* Without the handler: the guard page ends the process. */
    status = child_overflows(16384, 16384, 0, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    /* Below a page: the canary, at the next switch. */
#ifndef LEATI_UCONTEXT /* its stacks are larger */
    status = child_overflows(2048, 2048, 0, text, sizeof(text));
    assert_non_null(strstr(text, "stack overflow in fiber \"glutton\""));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

/* --- more fibers than memory for stacks --- */

static long statm(int field)
{
    long v[2] = {0, 0};
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &v[0], &v[1]) != 2)
        v[field] = -1;
    if (f)
        fclose(f);
    return v[field];
}

static int uses_a_large_stack(void *arg)
{
    leati_a64 *done = arg;
    for (int i = 0; i < 20; i++) {
        fill(1000);
        leat_yield();
    }
    (void)leati_add_ar(done, (uint64_t)1);
    return 0;
}

/* Its result: how it went, 0 for well. One worker alone comes to every turn at which others
 * may come first while what has a stack waits. */
static int more_fibers_than_memory(unsigned workers)
{
    leati_a64 done = {0};
    leat_pool *p;
    struct leat_pool_opts o = {.size = sizeof(o), .workers = workers};
    struct rlimit r;
    struct leat_fiber_opts fo = {.size = sizeof(fo), .stack_size = (size_t)4 << 20};
    if (leat_pool_new(&p, &o))
        return 1;
    r.rlim_cur = r.rlim_max =
        (rlim_t)statm(0) * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)20 << 20);
    if (setrlimit(RLIMIT_AS, &r))
        return 2;
    fo.pool = p;
    for (int i = 0; i < 60; i++)
        if (leat_fiber_start(NULL, &fo, uses_a_large_stack, &done))
            return 3;
    if (leat_pool_shutdown(p, LEAT_DRAIN, leat_in_s(60)))
        return 4;
    return done.v == 60 ? 0 : 5;
}

static void fibers_wait_for_a_stack_when_memory_is_short(void **state)
{
    (void)state;
#if defined(LEATP_ASAN) || defined(LEATP_TSAN)
    skip(); /* they need address space themselves */
#endif
    if (support_emulated())
        skip(); /* it takes no RLIMIT_AS, since that is its own address space too */
    for (unsigned workers = 1; workers <= 2; workers++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
            _exit(more_fibers_than_memory(workers));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* --- a million, and not more where other tests do more: that is a matter of memory --- */

enum { MILLION = 1000000 };

struct crowd {
    leat_chan *c;
    size_t n;
    leati_a64 got;
};

static int receives_one(void *arg)
{
    struct crowd *c = arg;
    uint64_t v = 0;
    int err = leat_chan_recv(c->c, &v);
    if (!err)
        (void)leati_add_ar(&c->got, v);
    return err;
}

static bool all_parked(void *arg)
{
    struct crowd *c = arg;
    unsigned parked[2];
    c->c->ops->waiting(c->c, parked);
    return parked[LEAT_OP_RECV] == c->n;
}

/* Before Linux 6.13 a guard page costs two mappings, of which a process has few: most of
 * a million stacks then have a canary instead, on a page that nothing else touches. */
static bool guards_cost_no_mapping(void)
{
    enum { GUARD_INSTALL = 102 };
    size_t page = leatp_page();
    void *p = leatp_map(page);
    bool yes = p && madvise(p, page, GUARD_INSTALL) == 0 && madvise(p, page, -1) != 0;
    leatp_unmap(p, page);
    return yes;
}

static void many_at_once(size_t stack, size_t n, double most)
{
    bool guarded = guards_cost_no_mapping();
    struct crowd c = {.n = n};
    leat_pool *p =
        support_pool(&(struct leat_pool_opts){.workers = 2, .stack_size = stack});
    assert_int_equal(leat_chan_new(&c.c, 8, 0), 0);
    long before = statm(1);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(leat_pool_go(p, NULL, receives_one, &c), 0);
    assert_true(support_until(all_parked, &c));
    double each = (double)(statm(1) - before) * (double)sysconf(_SC_PAGESIZE) / (double)n;
    print_message("%zu fibers with stacks of %zu: %.0f bytes each\n", n, stack, each);
    struct leat_pool_stats s;
    leat_pool_stats(p, &s);
    if (guarded && (stack != 2048 || LEATP_CTX_LEAST > 2048))
        assert_int_equal(s.unguarded, 0);
    if (most > 0)
        assert_true(each < most + (guarded ? 0 : (double)leatp_page()));
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(leat_chan_send(c.c, &(uint64_t){1}), 0);
    assert_int_equal(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER), 0);
    assert_int_equal(c.got.v, n);
    leat_chan_free(c.c);
}

static void a_million_fibers_are_parked_at_once(void **state)
{
    (void)state;
#if defined(LEATP_ASAN) || defined(LEATP_TSAN)
    many_at_once(0, 2000, 0);
#else
    size_t n = support_scale(MILLION) < MILLION ? support_scale(MILLION) : MILLION;
    many_at_once(0, n, 4500);
    many_at_once(2048, n, LEATP_CTX_LEAST > 2048 ? 9000 : 2500);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_holds_what_was_asked_for),
        cmocka_unit_test(stacks_do_not_overlap),
        cmocka_unit_test(chains_of_stacks_move_between_workers),
        cmocka_unit_test(overflow_is_reported_with_the_name),
        cmocka_unit_test(fibers_wait_for_a_stack_when_memory_is_short),
        cmocka_unit_test(a_million_fibers_are_parked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
