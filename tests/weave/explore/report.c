/* report.c - see report.h. SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

enum { TAIL = 120 };

static const char *const op_name[] = {"load", "store", "rmw", "  visible", "fence",
                                      "membarrier", "futex wait", "futex wake", "pause",
                                      "start", "end", "time", "call"};

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
    static struct {
        uintptr_t pc;
        char text[200];
    } cache[512];
    unsigned i = (unsigned)(pc * 0x9E3779B1u >> 7) % 512;
    for (unsigned k = 0; k < 512; k++, i = (i + 1) % 512) {
        if (cache[i].pc == pc)
            return cache[i].text;
        if (!cache[i].pc) {
            cache[i].pc = pc;
            where(pc, cache[i].text, sizeof(cache[i].text));
            return cache[i].text;
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

static void again(const char *how, const struct weave_scenario *s,
                  const struct weave_policy *policy, void *(*body)(void *), bool whole)
{
    char first[512];
    memcpy(first, weave->message, sizeof(first));
    printf("%s: %s\n", s->name, first);
    printf("  to repeat: ./tests/run --weave '^%s$' --replay '%s'\n", s->name, how);
    weave->tracing = true;
    bool ok = weave_execute(policy, body, (void *)(uintptr_t)s);
    weave->tracing = false;
    if (ok || strcmp(first, weave->message) != 0)
        printf("  the repetition differs: %s\n", ok ? "ok" : weave->message);
    weave_report_trace(whole);
}

void weave_report_random(const struct weave_scenario *s, uint64_t seed, bool whole)
{
    char how[32];
    (void)snprintf(how, sizeof(how), "r%llu", (unsigned long long)seed);
    weave_random_seed(seed);
    again(how, s, &weave_random, weave_scenario_main, whole);
}

void weave_report_exhaust(const struct weave_scenario *s, bool whole)
{
    struct weave_explorer *e = explorer;
    static char how[CHOICES * 3];
    unsigned last = e->depth;
    while (last > 0 && e->chosen[last - 1] == 0)
        last--;
    int n = snprintf(how, sizeof(how), "x%u:", e->bound);
    for (unsigned i = 0; i < last && n < (int)sizeof(how) - 8; i++)
        n += snprintf(how + n, sizeof(how) - (size_t)n, i ? ".%u" : "%u", e->chosen[i]);
    e->known = last;
    e->depth = e->spent = 0;
    again(how, s, &weave_exhaust, weave_scenario_main, whole);
}

void weave_report_parse(const char *text)
{
    char *end;
    weave_exhaust_begin((unsigned)strtoul(text + 1, &end, 10));
    while (*end && explorer->known < CHOICES)
        explorer->chosen[explorer->known++] = (uint16_t)strtoul(end + 1, &end, 10);
}

static void on_fault(int sig)
{
    static const char text[] = "the subject crashed; see the scenario and seed above\n";
    weave->failed = true;
    (void)snprintf(weave->message, sizeof(weave->message), "signal %d", sig);
    (void)!write(2, text, sizeof(text) - 1);
    printf("%s: signal %d; seed state r? x%u depth %u\n", explorer->scenario->name, sig,
           explorer->bound, explorer->depth);
    fflush(stdout);
    _exit(1);
}

void weave_report_prepare(void)
{
    static char stack[64 << 10];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
    (void)sigaltstack(&alt, NULL);
    (void)sigaction(SIGSEGV, &sa, NULL);
    (void)sigaction(SIGBUS, &sa, NULL);
    (void)sigaction(SIGABRT, &sa, NULL);
}
