/* test_refused.c - a kernel that refuses membarrier: pools use fences instead.
 * The program runs itself once more under a filter that refuses the call, since
 * libraries ask for it once at their start. SPDX-License-Identifier: MIT */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <leat/leat.h>
#include "arch/atomic.h"
#include "support/support.h"

static bool refuse_membarrier(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the call's number */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {.len = sizeof(f) / sizeof(f[0]), .filter = f};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) == 0;
}

struct talk {
    leat_chan *to, *back;
    uint64_t n;
};

static int answers(void *arg)
{
    struct talk *t = arg;
    uint64_t v;
    while (leat_chan_recv(t->to, &v) == 0) {
        v++;
        if (leat_chan_send(t->back, &v))
            return 1;
    }
    return 0;
}

static int asks(void *arg)
{
    struct talk *t = arg;
    for (uint64_t i = 0, v; i < t->n; i++) {
        v = i;
        if (leat_chan_send(t->to, &v) || leat_chan_recv(t->back, &v) || v != i + 1)
            return 1;
        if (i % 100 == 0 && leat_sleep_ns(1000))
            return 2;
    }
    return 0;
}

/* In the second run: fibers talk, across workers and with this thread; some are
 * cancelled, so that the fences between canceller and waiter are used too. */
static int under_the_filter(void)
{
    leat_pool *p;
    struct leat_pool_opts o = {.size = sizeof(o), .workers = 2};
    leat_fiber *f[8];
    struct talk t[8];
    if (leat_pool_new(&p, &o))
        return 10;
    if (!leatp_no_membarrier)
        return 11;
    for (int i = 0; i < 8; i++) {
        t[i].n = support_scale(5000);
        if (leat_chan_new(&t[i].to, 8, 0) || leat_chan_new(&t[i].back, 8, 1) ||
            leat_pool_go(p, &f[i], answers, &t[i]))
            return 12;
    }
    for (int i = 1; i < 4; i++)
        if (leat_pool_go(p, NULL, asks, &t[i]))
            return 13;
    if (asks(&t[0]))
        return 14;
    for (int i = 4; i < 8; i++) {
        int r = 0;
        leat_fiber_cancel(f[i]);
        if (leat_fiber_join(f[i], &r) || r != 0)
            return 15;
    }
    for (int i = 0; i < 4; i++)
        (void)leat_fiber_detach(f[i]);
    return leat_pool_free(p) ? 16 : 0;
}

static const char *self;

static void pools_work_without_membarrier(void **state)
{
    (void)state;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (!refuse_membarrier())
            _exit(77);
        (void)execl(self, self, "again", (char *)NULL);
        _exit(9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); /* no filters here */
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return under_the_filter();
    self = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_work_without_membarrier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
