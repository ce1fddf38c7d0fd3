/* stepper.c - see stepper.h. SPDX-License-Identifier: MIT */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/stepper.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { POSSIBLE = 1 };
#define TRAP()            __asm__ __volatile__("int3" ::: "memory")
#define DEBUG_REGISTER(n) offsetof(struct user, u_debugreg[n])
/* Register 7: bit 0 enables register 0, for execution. */
#define BREAKPOINT(pid, at)                                                              \
    (ptrace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), NULL) == 0 &&                       \
     ptrace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(0), (void *)(uintptr_t)(at)) == 0 &&    \
     ptrace(PTRACE_POKEUSER, pid, DEBUG_REGISTER(7), (void *)(uintptr_t)((at) != 0)) == 0)
#else
enum { POSSIBLE = 0 };
#define TRAP()              abort()
#define BREAKPOINT(pid, at) ((void)(pid), (void)(at), false)
#endif

enum { PATIENCE_MS = 10000, NO_PTRACE = 2, ASLEEP_LOOKS = 20 };

static size_t mapped;

/* ---- in the child ---- */

static void (*child_other)(int order);
static struct stepper *child_stepper;

void stepper_check(struct stepper_board *b, bool ok, int line, long long got)
{
    if (!ok && b->failed_line == 0) {
        b->got = got;
        b->failed_line = line;
    }
}

static void *other_main(void *arg)
{
    struct stepper *s = child_stepper;
    char order;
    (void)arg;
    while (read(s->to[0], &order, 1) == 1) {
        child_other(order);
        if (write(s->from[1], &order, 1) != 1)
            break;
    }
    _exit(0);
}

static void child_main(struct stepper *s, void (*victim)(void))
{
    pthread_t t;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(NO_PTRACE);
    if (pthread_create(&t, NULL, other_main, NULL) != 0)
        _exit(3);
    for (;;) {
        s->board->over = 0;
        TRAP();
        victim();
        s->board->over = 1;
        TRAP();
    }
}

/* ---- in the test ---- */

static void fails(const char *what)
{
    fail_msg("%s: %s", support_about ? support_about : "stepper", what);
}

static void stopped(int status)
{
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), SIGTRAP);
}

bool stepper_start(struct stepper *s, size_t bytes, void (*victim)(void),
                   void (*other)(int order))
{
    int status;
    if (!POSSIBLE)
        return false;
    mapped = bytes;
    s->pending = false;
    s->board = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s->board != MAP_FAILED);
    assert_int_equal(pipe(s->to), 0);
    assert_int_equal(pipe(s->from), 0);
    child_other = other;
    child_stepper = s;
    fflush(stdout);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        child_main(s, victim);
    assert_int_equal(waitpid(s->pid, &status, __WALL), s->pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PTRACE)
        return false;
    stopped(status);
    ptrace(PTRACE_SETOPTIONS, s->pid, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL);
    return true;
}

void stepper_end(struct stepper *s)
{
    int status;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, &status, __WALL);
    munmap(s->board, mapped);
    for (unsigned i = 0; i < 2; i++) {
        close(s->to[i]);
        close(s->from[i]);
    }
}

static bool sleeps(pid_t pid)
{
    char name[64], line[400] = "";
    snprintf(name, sizeof(name), "/proc/%d/task/%d/stat", (int)pid, (int)pid);
    FILE *f = fopen(name, "r");
    if (f == NULL)
        return false;
    (void)!fgets(line, sizeof(line), f);
    fclose(f);
    const char *p = strrchr(line, ')');
    return p && p[1] == ' ' && p[2] == 'S';
}

/* Waits for the next stop. False: it has gone to sleep in the kernel. */
static bool arrives(pid_t pid)
{
    int status;
    unsigned asleep = 0;
    int64_t end = leat_now() + PATIENCE_MS * INT64_C(1000000);
    while (leat_now() < end) {
        pid_t r = waitpid(pid, &status, __WALL | WNOHANG);
        if (r == pid) {
            stopped(status);
            return true;
        }
        /* several looks: on its way to a stop it may seem to sleep */
        asleep = sleeps(pid) ? asleep + 1 : 0;
        if (asleep >= ASLEEP_LOOKS)
            return false;
        sched_yield();
    }
    fails("the victim neither stops nor sleeps");
    return false;
}

enum stepper_state stepper_step(struct stepper *s)
{
    if (!s->pending)
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, s->pid, NULL, NULL), 0);
    s->pending = !arrives(s->pid);
    return s->pending ? STEPPER_ASLEEP : s->board->over ? STEPPER_OVER : STEPPER_INSIDE;
}

static void go_on(struct stepper *s)
{
    assert_int_equal(ptrace(PTRACE_CONT, s->pid, NULL, NULL), 0);
}

static uint64_t instruction(pid_t pid)
{
    long at = 0;
#if defined(__x86_64__)
    at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), NULL);
#else
    (void)pid; /* never asked: stepper_start() has refused */
#endif
    return (uint64_t)at;
}

unsigned stepper_record(struct stepper *s)
{
    enum stepper_state st = STEPPER_INSIDE;
    for (s->n = 0; st == STEPPER_INSIDE && s->n < STEPPER_MAX; s->n++) {
        s->at[s->n] = instruction(s->pid);
        st = stepper_step(s);
    }
    return s->n;
}

/* Sets the CPU's first breakpoint; 0 clears it. */
static bool breakpoint(pid_t pid, uint64_t at)
{
    return BREAKPOINT(pid, at);
}

/* Waits for the stop that ends the running step or stretch. */
static void wait_stop(struct stepper *s, const char *what)
{
    int status;
    int64_t end = leat_now() + PATIENCE_MS * INT64_C(1000000);
    while (waitpid(s->pid, &status, __WALL | WNOHANG) != s->pid) {
        if (leat_now() > end)
            fails(what);
        sched_yield();
    }
    stopped(status);
}

enum stepper_state stepper_stop_at(struct stepper *s, unsigned k, bool wakes)
{
    enum stepper_state st = STEPPER_INSIDE;
    unsigned passes = 0;
    for (unsigned i = 1; i <= k; i++)
        passes += s->at[i] == s->at[k];
    if (passes && !breakpoint(s->pid, s->at[k])) {
        for (unsigned i = 0; i < k && st == STEPPER_INSIDE; i++)
            st = stepper_step(s);
        return st;
    }
    while (passes-- > 0 && st == STEPPER_INSIDE) {
        go_on(s);
        s->pending = !wakes && !arrives(s->pid);
        if (wakes)
            wait_stop(s, "the victim does not wake");
        st = s->pending ? STEPPER_ASLEEP : s->board->over ? STEPPER_OVER : STEPPER_INSIDE;
    }
    /* asleep, it cannot be told; it may then stop once more, which finish() allows */
    if (st != STEPPER_ASLEEP)
        (void)breakpoint(s->pid, 0);
    return st;
}

void stepper_run(struct stepper *s)
{
    while (!s->pending && !s->board->over) {
        go_on(s);
        s->pending = !arrives(s->pid);
    }
}


void stepper_finish(struct stepper *s)
{
    while (s->pending || !s->board->over) {
        if (!s->pending)
            go_on(s);
        s->pending = false; /* a step that began ends when the victim wakes */
        wait_stop(s, "the victim's call does not return");
    }
}

void stepper_next(struct stepper *s)
{
    while (s->board->over) {
        go_on(s);
        wait_stop(s, "the victim does not go on");
    }
}

void stepper_tell(struct stepper *s, int order)
{
    char c = (char)order;
    assert_int_equal(write(s->to[1], &c, 1), 1);
}

bool stepper_hear(struct stepper *s, int ms)
{
    char c;
    struct pollfd p = {s->from[0], POLLIN, 0};
    if (poll(&p, 1, ms) != 1)
        return false;
    assert_int_equal(read(s->from[0], &c, 1), 1);
    return true;
}

void stepper_ask(struct stepper *s, int order)
{
    stepper_tell(s, order);
    if (!stepper_hear(s, PATIENCE_MS))
        fails("the others hang while the victim is stopped");
}

void stepper_assert_well(struct stepper *s, const char *what, unsigned step)
{
    if (s->board->failed_line)
        fail_msg("%s: stopped after %u instructions, line %d, got %lld", what, step,
                 s->board->failed_line, s->board->got);
}
