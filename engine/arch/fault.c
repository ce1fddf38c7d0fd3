/* fault.c - the opt-in fault handler and its chain; see os.h.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "arch/atomic.h"
#include "arch/os.h"

static struct sigaction former[2]; /* of SIGSEGV, SIGBUS */
static leatp_fault_fn *ask;

/* Reported or not, the fault is then the former handler's. */
static void chain(const struct sigaction *old, int sig, siginfo_t *info, void *context)
{
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(sig, info, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(sig);
    } else {
        /* Returning repeats the instruction, which then ends the process. */
        struct sigaction dfl;
        memset(&dfl, 0, sizeof(dfl));
        dfl.sa_handler = SIG_DFL;
        (void)sigaction(sig, &dfl, NULL);
    }
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)ask(info->si_addr);
    chain(&former[sig == SIGBUS], sig, info, context);
}

static void install(void)
{
    struct sigaction act;
    memset(&act, 0, sizeof(act));
    act.sa_sigaction = on_fault;
    act.sa_flags = SA_SIGINFO | SA_ONSTACK;
    (void)sigemptyset(&act.sa_mask);
    (void)sigaction(SIGSEGV, &act, &former[0]);
    (void)sigaction(SIGBUS, &act, &former[1]);
}

void leatp_fault_install(leatp_fault_fn *fn)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    ask = fn; /* every caller passes the same */
    (void)pthread_once(&once, install);
}

void leatp_fault_stack(void *p, size_t bytes)
{
    stack_t ss;
    memset(&ss, 0, sizeof(ss));
    ss.ss_sp = p;
    ss.ss_size = bytes;
    ss.ss_flags = p ? 0 : SS_DISABLE;
    (void)sigaltstack(&ss, NULL);
}
