/* process.c - see process.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <leat/err.h>
#include "arch/process.h"
#include "arch/san.h"

extern char **environ;

int leatp_self_pid(void)
{
    return getpid();
}

int leatp_parent_pid(void)
{
    return getppid();
}

/* TSan has a thread of its own, which it stops for a fork. */
#ifdef LEATP_TSAN
enum { THREADS_OF_TOOLS = 1 };
#else
enum { THREADS_OF_TOOLS = 0 };
#endif

bool leatp_single_threaded(void)
{
    struct stat st;
    int keep = errno;
    bool ok = stat("/proc/self/task", &st) == 0 && st.st_nlink <= 3 + THREADS_OF_TOOLS;
    errno = keep;
    return ok; /* where it cannot be told, it is not */
}

int leatp_fork(void)
{
    int keep = errno;
    pid_t pid = fork();
    int r = pid >= 0 ? pid : errno == ENOMEM ? LEAT_ENOMEM : LEAT_EAGAIN;
    errno = keep;
    return r;
}

/* Waits until a child has ended, unless somebody else has waited for it. */
static void wait_for(pid_t pid)
{
    int keep = errno;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    errno = keep;
}

int leatp_fork_apart(void)
{
    int pid = leatp_fork();
    if (pid < 0)
        return pid;
    if (pid > 0) {
        wait_for(pid);
        return 1;
    }
    int again = leatp_fork();
    if (again != 0)
        _exit(again < 0);
    (void)setpgid(0, 0);
    return 0;
}

static size_t environment_size(void)
{
    size_t n = 0;
    while (environ && environ[n])
        n++;
    return n;
}

int leatp_spawn_self(int fd, const char *name)
{
    char entry[64], *argv[2] = {NULL, NULL};
    int keep = errno, r = -1;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    int open = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    size_t n = environment_size();
    char **env = malloc((n + 2) * sizeof(*env));
    if (env && open >= 0 && posix_spawn_file_actions_init(&actions) == 0) {
        memcpy(env, environ, n * sizeof(*env));
        env[n] = entry;
        env[n + 1] = NULL;
        (void)snprintf(entry, sizeof(entry), "%s=%d", name, open);
        argv[0] = program_invocation_name;
        /* Onto itself: it stays open in the new program, and only there. */
        if (posix_spawn_file_actions_adddup2(&actions, open, open) == 0)
            r = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, env);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    if (open >= 0)
        (void)close(open);
    free(env);
    if (r == 0)
        wait_for(pid);
    errno = keep;
    return r == 0 ? 0 : LEAT_ENOTSUP;
}

int leatp_spawned_fd(const char *name)
{
    const char *text = secure_getenv(name);
    char *end;
    if (!text)
        return -1;
    int keep = errno;
    long fd = strtol(text, &end, 10);
    bool good = end != text && *end == '\0' && fd > 2 && fd < INT32_MAX &&
                fcntl((int)fd, F_SETFD, FD_CLOEXEC) == 0;
    (void)unsetenv(name);
    errno = keep;
    return good ? (int)fd : -1;
}

void leatp_leave(int status)
{
    _exit(status);
}

void leatp_leave_flushed(int status)
{
    (void)fflush(NULL);
    _exit(status);
}

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

int leatp_pidfd(int pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
}

void leatp_pidfd_kill(int pidfd)
{
    int keep = errno;
    (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    errno = keep;
}

void leatp_kill_child(int pid)
{
    (void)kill(pid, SIGKILL);
}

static sigset_t before;

int leatp_helper_signals(void)
{
    sigset_t all, child;
    struct sigaction dfl;
    memset(&dfl, 0, sizeof(dfl));
    dfl.sa_handler = SIG_DFL; /* ignored, no child would be waited for */
    (void)sigaction(SIGCHLD, &dfl, NULL);
    (void)sigfillset(&all);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

void leatp_worker_signals(void)
{
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

int leatp_child_news(int signals, enum leatp_child_what *ret)
{
    struct signalfd_siginfo drain[8];
    while (read(signals, drain, sizeof(drain)) > 0)
        ;
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    if (waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WCONTINUED | WNOHANG) != 0)
        return 0;
    *ret = info.si_code == CLD_STOPPED     ? LEATP_CHILD_STOPPED
           : info.si_code == CLD_CONTINUED ? LEATP_CHILD_CONTINUED
                                           : LEATP_CHILD_ENDED;
    return info.si_pid;
}

bool leatp_die_with(int parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    return getppid() == parent; /* it may have died before the call */
}

void leatp_no_new_privs(void)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void leatp_process_name(const char *name)
{
    (void)prctl(PR_SET_NAME, (unsigned long)(uintptr_t)name, 0, 0, 0);
}

/* The soft limit becomes n and the hard one no higher; lower ones stay. */
static bool limit(int which, uint64_t n)
{
    struct rlimit l;
    if (n == 0)
        return true;
    if (getrlimit((__rlimit_resource_t)which, &l) != 0)
        return false;
    l.rlim_max = l.rlim_max == RLIM_INFINITY || l.rlim_max > n ? n : l.rlim_max;
    l.rlim_cur = l.rlim_max;
    return setrlimit((__rlimit_resource_t)which, &l) == 0;
}

bool leatp_limit(const struct leatp_limits *l)
{
    return limit(RLIMIT_CPU, l->cpu_seconds) && limit(RLIMIT_AS, l->memory_bytes) &&
           limit(RLIMIT_NOFILE, l->open_files);
}
