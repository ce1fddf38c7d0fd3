/* report.c - see report.h. SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "report.h"

enum { TAIL = 120, PLACES = 512 };

/* Outside of the program's data, all of which is copied before each execution. */
static struct scratch {
    struct {
        uintptr_t pc;
        char text[200];
    } place[PLACES];
    char how[CHOICES * 3];
    char stack[64 << 10];
    uint64_t executions; /* when the watchdog looked last */
} * scratch;

static const char *const op_name[] = {
    "load",       "store", "rmw",   "  visible", "fence", "membarrier", "futex wait",
    "futex wake", "pause", "start", "end",       "time",  "call"};

/* Function and line of an address in this program, by addr2line. */
static void where(uintptr_t pc, char *ret, size_t n)
{
    char cmd[96], function[160] = "", line[256] = "";
    ret[0] = '\0';
    if (!pc)
        return;
    (void)snprintf(cmd, sizeof(cmd), "addr2line -f -i -e /proc/%d/exe %#lx 2>/dev/null",
                   (int)getpid(), (unsigned long)(pc - 1));
    FILE *p = popen(cmd, "r");
    if (!p)
        return;
    if (fgets(function, sizeof(function), p) && fgets(line, sizeof(line), p)) {
        function[strcspn(function, "\n")] = line[strcspn(line, "\n")] = '\0';
        char *slash = strrchr(line, '/');
        (void)snprintf(ret, n, "%s %s", function, slash ? slash + 1 : line);
    }
    (void)pclose(p);
}

static const char *known(uintptr_t pc)
{
    unsigned i = (unsigned)(pc * 0x9E3779B1u >> 7) % PLACES;
    for (unsigned k = 0; k < PLACES; k++, i = (i + 1) % PLACES) {
        char *text = scratch->place[i].text;
        if (scratch->place[i].pc == pc)
            return text;
        if (!scratch->place[i].pc) {
            scratch->place[i].pc = pc;
            where(pc, text, sizeof(scratch->place[i].text));
            return text;
        }
    }
    return "";
}

void weave_report_trace(bool whole)
{
    unsigned from = whole || weave->events < TAIL ? 0 : weave->events - TAIL;
    if (from)
        printf("    ... (%u events before; all with --trace)\n", from);
    for (unsigned i = from; i < weave->events; i++) {
        const struct weave_event *e = &weave->trace[i];
        printf("    %5u  %*s%u %-11s", i, 2 * e->thread, "", e->thread, op_name[e->op]);
        if (e->at)
            printf(" %#lx", (unsigned long)e->at);
        if (e->size)
            printf(" = %#llx", (unsigned long long)e->value);
        printf("  %s\n", e->pc ? known(e->pc) : "");
    }
}

/* The --replay string of the execution that runs, or ran last. */
static const char *replay_string(void)
{
    const struct weave_explorer *e = explorer;
    char *how = scratch->how;
    const int room = sizeof(scratch->how);
    if (e->by_seed) {
        (void)snprintf(how, (size_t)room, "r%llu", (unsigned long long)e->seed);
        return how;
    }
    unsigned last = e->depth;
    while (last > 0 && e->chosen[last - 1] == 0)
        last--;
    int n = snprintf(how, (size_t)room, "x%u:", e->bound);
    for (unsigned i = 0; i < last && n < room - 8; i++)
        n += snprintf(how + n, (size_t)(room - n), i ? ".%u" : "%u", e->chosen[i]);
    return how;
}

static void say(const char *what)
{
    const char *name = explorer->scenario->name;
    printf("%s: %s\n  to repeat: ./tests/run --weave '^%s$' --replay '%s'\n", name,
           what, name, replay_string());
    fflush(stdout);
}

void weave_report(enum weave_report how)
{
    struct weave_explorer *e = explorer;
    char first[sizeof(weave->message)];
    memcpy(first, weave->message, sizeof(first));
    say(first);
    if (how == WEAVE_BRIEF)
        return;
    e->known = e->depth;
    e->depth = e->spent = 0;
    if (e->by_seed)
        weave_random_seed(e->seed);
    const bool every = e->every;
    weave->tracing = e->every = true;
    bool ok = weave_scenario_once(e->by_seed ? &weave_random : &weave_exhaust);
    weave->tracing = false;
    e->every = every;
    if (ok || strcmp(first, weave->message) != 0)
        printf("  the repetition differs: %s\n", ok ? "ok" : weave->message);
    weave_report_trace(how == WEAVE_WHOLE);
}

void weave_report_parse(const char *text)
{
    char *end;
    explorer->every = true;
    weave_exhaust_begin((unsigned)strtoul(text + 1, &end, 10));
    while (*end && explorer->known < CHOICES)
        explorer->chosen[explorer->known++] = (uint16_t)strtoul(end + 1, &end, 10);
}

/* Leaves the signal's stack for the host's: the execution is given up like any other.
 */
static void on_fault(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    const void *pc = (void *)uc->uc_mcontext.gregs[REG_RIP];
    weave_note(OP_CALL, info->si_addr, 0, 0, (const char *)pc + 1);
    weave_fail("signal %d at %p, address %p", sig, pc, info->si_addr);
}

/* A loop without any call to the runtime never comes back by itself. */
static void look_whether_it_goes_on(int sig)
{
    (void)sig;
    bool same = scratch->executions == explorer->executions;
    scratch->executions = explorer->executions;
    if (same && explorer->executions > 0 && !weave->over)
        weave_fail("goes on without a step");
}

void weave_report_prepare(void)
{
    scratch = mmap(NULL, sizeof(*scratch), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (scratch == MAP_FAILED)
        abort();
    stack_t alt = {.ss_sp = scratch->stack, .ss_size = sizeof(scratch->stack)};
    struct sigaction sa = {.sa_sigaction = on_fault,
                           .sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO};
    (void)sigaltstack(&alt, NULL);
    (void)sigaction(SIGSEGV, &sa, NULL);
    (void)sigaction(SIGBUS, &sa, NULL);
    (void)sigaction(SIGABRT, &sa, NULL);
    (void)sigaction(SIGFPE, &sa, NULL);
    sa.sa_flags &= ~SA_SIGINFO;
    sa.sa_handler = look_whether_it_goes_on;
    (void)sigaction(SIGVTALRM, &sa, NULL);
    const struct itimerval every = {{5, 0}, {5, 0}};
    (void)setitimer(ITIMER_VIRTUAL, &every, NULL);
}
