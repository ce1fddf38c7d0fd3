/* sched.c - coroutines, and who runs next. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

/* --- the switch: callee-saved registers on the stack --- */

void weave_switch(void **save, void *to);
__asm__(".text\n"
        ".globl weave_switch\n"
        ".type weave_switch, @function\n"
        "weave_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n"
        "    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n"
        "    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size weave_switch, .-weave_switch\n");

void weave_give_up(void)
{
    void *lost;
    weave->over = true;
    weave_switch(&lost, weave->host);
    abort();
}

void weave_failv(const char *format, va_list ap)
{
    if (!weave->failed)
        (void)vsnprintf(weave->message, sizeof(weave->message), format, ap);
    weave->failed = true;
    weave_give_up();
}

void weave_fail(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    weave_failv(format, ap);
}

void weave_note(enum weave_op op, const volatile void *at, unsigned size, uint64_t value,
                const void *pc)
{
    if (!weave->tracing || weave->events == WEAVE_TRACE)
        return;
    weave->trace[weave->events++] =
        (struct weave_event){(uint8_t)op, (uint8_t)weave->current, (uint8_t)size,
                             (uintptr_t)at, (uintptr_t)pc, value};
}

/* --- threads --- */

static void thread_main(void)
{
    struct weave_thread *t = weave_me;
    t->result = t->fn(t->arg);
    weave_point();
    weave_drain(t);
    weave_note(OP_END, NULL, 0, 0, NULL);
    t->state = WEAVE_DONE;
    weave->commits++;
    weave_wake_joiners(weave->current);
    if (weave->current == 0)
        weave_give_up();
    weave_leave();
    abort();
}

unsigned weave_thread_new(void *(*fn)(void *), void *arg, int actor)
{
    unsigned i = weave->threads;
    if (i == WEAVE_THREADS)
        weave_fail("more than %d threads", WEAVE_THREADS);
    struct weave_thread *t = &weave->thread[i];
    memset(t, 0, sizeof(*t));
    t->stack = weave->stacks + (size_t)i * WEAVE_STACK;
    if (weave->clean)
        memset(t->stack, 0, WEAVE_STACK);
    t->state = WEAVE_READY;
    t->fn = fn;
    t->arg = arg;
    t->actor = actor;
    t->until = INT64_MAX;
    t->random = 0x9E3779B97F4A7C15u * (i + 1);
    if (weave->states) { /* its number tells who else started one */
        weave_state_read((uintptr_t)&weave->threads, sizeof(weave->threads));
        weave_state_write((uintptr_t)&weave->threads, sizeof(weave->threads));
        t->history = weave_me->history + i;
    }
    void **sp = (void **)(void *)(t->stack + WEAVE_STACK);
    *--sp = NULL; /* a return address for the unwinder */
    *--sp = (void *)(uintptr_t)thread_main;
    sp -= 6;
    memset(sp, 0, 6 * sizeof(*sp));
    t->sp = sp;
    weave->threads++;
    weave_note(OP_START, NULL, 0, i, NULL);
    return i;
}

static bool actor_left(void)
{
    for (unsigned i = 0; i < weave->threads; i++)
        if (weave->thread[i].actor >= 0 && weave->thread[i].state != WEAVE_DONE)
            return true;
    return false;
}

void weave_wake_joiners(unsigned t)
{
    for (unsigned i = 0; i < weave->threads; i++) {
        struct weave_thread *o = &weave->thread[i];
        if ((o->state == WEAVE_JOIN && o->target == t) ||
            (o->state == WEAVE_REST && !actor_left()))
            o->state = WEAVE_READY;
    }
}

bool weave_timer(int64_t *ret)
{
    *ret = INT64_MAX;
    for (unsigned i = 0; i < weave->threads; i++) {
        const struct weave_thread *t = &weave->thread[i];
        if ((t->state == WEAVE_FUTEX || t->state == WEAVE_SLEEP) && t->until < *ret)
            *ret = t->until;
    }
    return *ret != INT64_MAX;
}

/* --- decisions --- */

static void time_passes(void)
{
    int64_t at;
    if (!weave_timer(&at))
        return;
    weave->now = at > weave->now ? at : weave->now;
    weave_note(OP_TIME, NULL, 8, (uint64_t)weave->now, NULL);
    for (unsigned i = 0; i < weave->threads; i++) {
        struct weave_thread *t = &weave->thread[i];
        if ((t->state == WEAVE_FUTEX || t->state == WEAVE_SLEEP) && t->until <= weave->now) {
            t->timed_out = true;
            t->state = WEAVE_READY;
        }
    }
    weave->commits++; /* whoever spins may look at the clock again */
}

static void describe(char *s, size_t n)
{
    static const char *const names[] = {"unused", "ready", "futex", "sleep",
                                        "join", "rest", "grace", "done"};
    for (unsigned i = 0; i < weave->threads && n > 24; i++) {
        const struct weave_thread *t = &weave->thread[i];
        int k = snprintf(s, n, " %u:%s", i, names[t->state]);
        if (t->state == WEAVE_FUTEX)
            k += snprintf(s + k, n - (size_t)k, "(%p)", (const void *)t->futex);
        s += k;
        n -= (size_t)k;
    }
}

static void deadlock(void)
{
    char who[400];
    describe(who, sizeof(who));
    weave_fail("deadlock:%s", who);
}

static void hash(struct weave_action a)
{
    uint64_t h = weave->hash ^ (a.thread * 4u + a.act + 1);
    weave->hash = (h ^ h >> 29) * 0xBF58476D1CE4E5B9u;
}

static void resume(unsigned t)
{
    struct weave_thread *from = weave_me, *to = &weave->thread[t];
    to->last_run = ++weave->stamp;
    if (from == to)
        return;
    weave->current = t;
    weave_switch(&from->sp, to->sp);
}

static void decide(bool leave)
{
    for (;;) {
        bool any = false;
        int64_t at;
        for (unsigned i = 0; i < weave->threads && !any; i++)
            any = weave_runnable(i);
        if (!any && !weave_timer(&at))
            deadlock();
        struct weave_action a =
            any ? weave->policy->pick(leave) : (struct weave_action){WEAVE_TIME, 0};
        hash(a);
        if (a.act == WEAVE_RUN) {
            resume(a.thread);
            return;
        }
        if (a.act == WEAVE_DRAIN)
            weave_commit(&weave->thread[a.thread]);
        else
            time_passes();
    }
}

/* Called at the border: what lies below is the runtime's. */
#define BORDER() (weave_me->low = (uintptr_t)__builtin_frame_address(0))

/* A thread inside a library touches the object whenever it runs. */
static void come(bool leave)
{
    if (weave->states) {
        if (weave_me->library)
            weave_state_write((uintptr_t)weave_me->library, 1);
        weave_state_step();
    }
    decide(leave);
    if (weave->states && weave_me->library)
        weave_state_read((uintptr_t)weave_me->library, 1);
}

void weave_point(void)
{
    BORDER();
    if (++weave->steps > WEAVE_STEPS) {
        char who[400];
        describe(who, sizeof(who));
        weave_fail("no end within %d steps:%s", WEAVE_STEPS, who);
    }
    come(false);
}

void weave_leave(void)
{
    BORDER();
    weave->steps++;
    come(true);
}

void weave_pause_point(void)
{
    struct weave_thread *t = weave_me;
    BORDER();
    if (++weave->steps > WEAVE_STEPS)
        weave_point();
    weave_drain(t); /* nothing stays in a buffer for ever */
    weave->now += WEAVE_PAUSE_NS;
    t->spun = weave->commits + 1;
    weave_note(OP_PAUSE, NULL, 0, 0, NULL);
    come(true);
}

bool weave_execute(const struct weave_policy *policy, void *(*body)(void *), void *arg)
{
    weave_snapshot_restore();
    weave_host_reset();
    weave->policy = policy;
    weave->threads = weave->current = 0;
    weave->steps = weave->commits = weave->stamp = weave->answers = 0;
    weave->hash = 0;
    weave->now = 1000000000;
    weave->active = weave->states = weave->failed = weave->over = false;
    weave->events = 0;
    (void)weave_thread_new(body, arg, -1);
    weave_switch(&weave->host, weave->thread[0].sp);
    bool ended = !weave->failed && weave->thread[0].state == WEAVE_DONE;
    for (unsigned i = 0; i < weave->threads && ended; i++)
        if (weave->thread[i].state != WEAVE_DONE) {
            weave->failed = true;
            (void)snprintf(weave->message, sizeof(weave->message),
                           "thread %u is still there after the check", i);
            break;
        }
    return !weave->failed;
}
