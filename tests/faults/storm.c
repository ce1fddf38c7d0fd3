/* storm.c - see storm.h. SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storm.h"
#include "support/support.h"

enum { MOST = 256, ROUNDS = 64 };

static unsigned threads(pid_t *ret)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL && n < MOST) {
        pid_t tid = (pid_t)atoi(e->d_name);
        if (tid > 0 && tid != (pid_t)syscall(SYS_gettid))
            ret[n++] = tid;
    }
    if (d)
        closedir(d);
    return n;
}

static void *storm_main(void *arg)
{
    struct storm *s = (struct storm *)arg;
    pid_t tids[MOST];
    unsigned n = 0, sig = 0;
    for (unsigned round = 0; !__atomic_load_n(&s->over, __ATOMIC_ACQUIRE); round++) {
        if (round % ROUNDS == 0)
            n = threads(tids);
        for (unsigned i = 0; i < n; i++) {
            sig = s->signals[sig] ? sig : 0;
            s->sent += syscall(SYS_tgkill, getpid(), tids[i], s->signals[sig++]) == 0;
        }
        sched_yield();
    }
    return NULL;
}

static void set_of(const struct storm *s, sigset_t *set)
{
    sigemptyset(set);
    for (unsigned i = 0; s->signals[i]; i++)
        sigaddset(set, s->signals[i]);
}

void storm_begin(struct storm *s, void (*handler)(int), int flags)
{
    sigset_t own, old;
    struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
    for (unsigned i = 0; s->signals[i]; i++)
        assert_int_equal(sigaction(s->signals[i], &sa, NULL), 0);
    set_of(s, &own);
    pthread_sigmask(SIG_BLOCK, &own, &old); /* the storm itself has none */
    assert_int_equal(pthread_create(&s->thread, NULL, storm_main, s), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void storm_end(struct storm *s)
{
    __atomic_store_n(&s->over, true, __ATOMIC_RELEASE);
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; s->signals[i]; i++)
        (void)signal(s->signals[i], SIG_IGN);
}

void storm_let_in(const struct storm *s)
{
    sigset_t own;
    set_of(s, &own);
    pthread_sigmask(SIG_UNBLOCK, &own, NULL);
}
