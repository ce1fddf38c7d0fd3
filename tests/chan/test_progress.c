/* test_progress.c - a thread stopped at any instruction of a buffered send or receive
 * stops nobody beyond its own cells.
 *
 * The victim (support/stepper.h) is stopped after k instructions of its call; another
 * thread must then be able to fill the room that is left and to take what was published
 * before, and every try, deadline, select and close must return. Then the victim goes on,
 * and what was sent and received must add up. k = 0, 1, 2, ... until the call is over.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=120 noemu novalgrind (the stepper wants ptrace and a real CPU) */
#include <pthread.h>
#include <sched.h>

#include "support/kinds.h"
#include "support/stepper.h"

enum { MAX_STEPS = 5000, OWN = 100000, WAIT_US = 100 };

struct plan {
    struct kind kind;
    unsigned inside; /* values before the operation */
    unsigned dir;
    unsigned n; /* 1: the plain call; more: a batch */
};

enum order { PREPARE, CHECK, FINISH, WAIT };

/* Shared by the processes. */
struct board {
    struct stepper_board board;
    struct plan plan;
    volatile int above; /* the waiter is about to wait */
    unsigned held_back; /* checks in which the victim really held something */
};

static struct stepper stepper;

static struct board *shared(void)
{
    return (struct board *)(void *)stepper.board;
}

/* ---- in the child ---- */

static struct {
    leat_chan *c;
    uint64_t v[4];       /* the victim's */
    ptrdiff_t result;
    unsigned sent, received, victims; /* by the checker; values of the victim among them */
    uint64_t next;       /* the order of the values that were inside */
} child;

#define CHECK_THAT(cond, got)                                                            \
    stepper_check(stepper.board, (cond), __LINE__, (long long)(got))

static void victim(void)
{
    const struct plan *p = &shared()->plan;
    if (p->n > 1)
        child.result = p->dir == LEAT_OP_SEND
                           ? leat_chan_send_n(child.c, child.v, p->n, LEAT_NEVER)
                           : leat_chan_recv_n(child.c, child.v, p->n, LEAT_NEVER);
    else
        child.result = p->dir == LEAT_OP_SEND ? leat_chan_send(child.c, child.v)
                                              : leat_chan_recv(child.c, child.v);
}

static void prepare(void)
{
    struct leat_chan_opts o = kind_opts(&shared()->plan.kind, sizeof(uint64_t));
    memset(&child, 0, sizeof(child));
    CHECK_THAT(leat_chan_open(&child.c, &o) == 0, 0);
    for (uint64_t v = 0; v < shared()->plan.inside; v++)
        CHECK_THAT(leat_chan_try_send(child.c, &v) == 0, v);
    for (unsigned i = 0; i < 4; i++)
        child.v[i] = OWN + i;
}

/* Fills what room there is; returns how many, *ret how it ended. */
static unsigned fill_room(int *ret)
{
    uint64_t v = 100 + child.sent;
    unsigned n = 0;
    while ((*ret = leat_chan_try_send(child.c, &v)) == 0) {
        n++;
        v++;
    }
    child.sent += n;
    return n;
}

static unsigned take_all(int *ret)
{
    uint64_t v;
    unsigned n = 0;
    while ((*ret = leat_chan_try_recv(child.c, &v)) == 0) {
        n++;
        if (v >= OWN) {
            child.victims++;
        } else if (v < 100) { /* those from before come in order */
            CHECK_THAT(v >= child.next, v);
            child.next = v + 1;
        }
    }
    child.received += n;
    return n;
}

/* Whatever waits returns at its deadline, whatever does not wait returns at once. */
static void calls_return(bool may_send, bool may_recv)
{
    uint64_t v = 500;
    int r;
    if (may_recv) {
        r = leat_chan_recv_until(child.c, &v, leat_in_us(WAIT_US));
        CHECK_THAT(r == LEAT_ETIMEDOUT, r);
        struct leat_case k = LEAT_RECV(child.c, &v);
        r = leat_select(&k, 1, LEAT_NOW, 0, NULL);
        CHECK_THAT(r == LEAT_EAGAIN || r == LEAT_EBUSY, r);
        r = leat_select(&k, 1, leat_in_us(WAIT_US), 0, NULL);
        CHECK_THAT(r == LEAT_ETIMEDOUT, r);
    }
    if (may_send) {
        int end;
        (void)fill_room(&end);
        r = leat_chan_send_until(child.c, &v, leat_in_us(WAIT_US));
        CHECK_THAT(r == LEAT_ETIMEDOUT, r);
        struct leat_case k = LEAT_SEND(child.c, &v);
        r = leat_select(&k, 1, LEAT_NOW, 0, NULL);
        CHECK_THAT(r == LEAT_EAGAIN || r == LEAT_EBUSY, r);
    }
    (void)leat_chan_len(child.c);
    r = leat_chan_close(child.c);
    CHECK_THAT(r == 0, r);
    CHECK_THAT(leat_chan_closed(child.c), 0);
    if (may_send) {
        r = leat_chan_try_send(child.c, &v);
        CHECK_THAT(r == LEAT_ECLOSED, r);
    }
}

/* The victim is in a send of up to n values. */
static void check_beside_sender(const struct plan *p)
{
    unsigned cap = (unsigned)p->kind.cap, room = cap - p->inside;
    bool may_send = !(p->kind.flags & LEAT_SINGLE_PRODUCER);
    unsigned filled = 0;
    int r = 0;
    if (may_send) {
        filled = fill_room(&r);
        CHECK_THAT(filled + p->n >= room && filled <= room, filled);
        CHECK_THAT(r == LEAT_EAGAIN, r);
    }
    unsigned taken = take_all(&r);
    CHECK_THAT(taken >= p->inside, taken);
    CHECK_THAT(r == LEAT_EAGAIN || r == LEAT_EBUSY, r);
    if (r == LEAT_EBUSY) { /* up to its cell, not beyond */
        shared()->held_back++;
        CHECK_THAT(taken < p->inside + p->n, taken);
        if (may_send) {
            unsigned more = fill_room(&r);
            CHECK_THAT(more == taken, more);
            CHECK_THAT(r == LEAT_EAGAIN, r);
        }
    } else {
        CHECK_THAT(taken == p->inside + filled + child.victims, taken);
    }
    calls_return(may_send, true);
}

/* The victim is in a receive of up to n values. */
static void check_beside_receiver(const struct plan *p)
{
    unsigned cap = (unsigned)p->kind.cap;
    bool may_recv = !(p->kind.flags & LEAT_SINGLE_CONSUMER);
    int r;
    if (may_recv) {
        unsigned taken = take_all(&r);
        CHECK_THAT(taken + p->n >= p->inside && taken <= p->inside, taken);
        CHECK_THAT(r == LEAT_EAGAIN, r);
    }
    unsigned filled = fill_room(&r);
    CHECK_THAT(filled >= cap - p->inside && filled <= cap, filled);
    CHECK_THAT(r == LEAT_EAGAIN || r == LEAT_EBUSY, r);
    shared()->held_back += r == LEAT_EBUSY;
    if (may_recv) {
        unsigned taken = take_all(&r);
        CHECK_THAT(taken == filled, taken);
        CHECK_THAT(r == LEAT_EAGAIN, r);
    }
    /* what the blocking calls do is the sender's part; here a send might have room */
    uint64_t v;
    if (may_recv) {
        r = leat_chan_recv_until(child.c, &v, leat_in_us(WAIT_US));
        CHECK_THAT(r == LEAT_ETIMEDOUT, r);
    }
    r = leat_chan_close(child.c);
    CHECK_THAT(r == 0, r);
    r = leat_chan_try_send(child.c, &v);
    CHECK_THAT(r == LEAT_ECLOSED, r);
    if (may_recv) {
        r = leat_chan_try_recv(child.c, &v);
        CHECK_THAT(r == LEAT_ECLOSED, r);
    }
}

/* The victim's call has returned. */
static void finish(void)
{
    const struct plan *p = &shared()->plan;
    unsigned done = child.result < 0             ? 0
                    : p->n > 1                   ? (unsigned)child.result
                                                 : 1;
    CHECK_THAT(child.result >= 0 || child.result == LEAT_ECLOSED, child.result);
    (void)leat_chan_close(child.c);
    int r;
    take_all(&r);
    CHECK_THAT(r == LEAT_ECLOSED, r);
    if (p->dir == LEAT_OP_SEND) {
        CHECK_THAT(child.victims == done, child.victims);
        CHECK_THAT(child.received == p->inside + child.sent + done, child.received);
    } else {
        CHECK_THAT(child.received + done == p->inside + child.sent, child.received);
    }
    leat_chan_free(child.c);
}

/* As a real-time thread on the victim's CPU: needs what the victim holds. */
static void wait_above(void)
{
    const struct sched_param high = {.sched_priority = 5}, none = {0};
    uint64_t v = OWN + 3;
    int r;
    CHECK_THAT(pthread_setschedparam(pthread_self(), SCHED_FIFO, &high) == 0, 0);
    shared()->above = 1;
    if (shared()->plan.dir == LEAT_OP_SEND) {
        while (child.received < shared()->plan.inside + 1) {
            r = leat_chan_recv(child.c, &v);
            CHECK_THAT(r == 0, r);
            child.received++;
        }
        child.victims++;
    } else {
        for (unsigned n = (unsigned)shared()->plan.kind.cap - shared()->plan.inside + 1; n; n--) {
            v = 100;
            r = leat_chan_send(child.c, &v);
            CHECK_THAT(r == 0, r);
            child.sent++;
        }
    }
    CHECK_THAT(pthread_setschedparam(pthread_self(), SCHED_OTHER, &none) == 0, 0);
}

static void checker(int order)
{
    if (order == PREPARE)
        prepare();
    else if (order == FINISH)
        finish();
    else if (order == WAIT)
        wait_above();
    else if (order == CHECK && shared()->plan.dir == LEAT_OP_SEND)
        check_beside_sender(&shared()->plan);
    else if (order == CHECK)
        check_beside_receiver(&shared()->plan);
}

/* ---- in the test ---- */

/* Stops the victim after `steps` instructions. False: its call is over before. */
static bool stop_after(unsigned steps)
{
    enum stepper_state st = STEPPER_INSIDE;
    stepper_ask(&stepper, PREPARE);
    for (unsigned i = 0; i < steps && st == STEPPER_INSIDE; i++)
        st = stepper_step(&stepper);
    return st == STEPPER_INSIDE;
}

static void end_round(unsigned steps)
{
    stepper_finish(&stepper);
    stepper_ask(&stepper, FINISH);
    stepper_assert_well(&stepper, shared()->plan.kind.name, steps);
    stepper_next(&stepper);
}

static bool round_of(unsigned steps)
{
    bool inside = stop_after(steps);
    if (inside)
        stepper_ask(&stepper, CHECK);
    end_round(steps);
    return inside;
}

static void set_plan(const struct plan *p)
{
    shared()->plan = *p;
    shared()->held_back = 0;
    (void)stop_after(0); /* lazy binding happens here */
    end_round(0);
}

static void run_plan(const struct plan *p)
{
    set_plan(p);
    unsigned steps = 0;
    while (steps < MAX_STEPS && round_of(steps))
        steps += p->n == 1 ? 1 : 5; /* a batch repeats itself: a sample */
    print_message("%s, %s of %u: %u instructions, held something in %u\n", p->kind.name,
                  p->dir == LEAT_OP_SEND ? "send" : "receive", p->n, steps,
                  shared()->held_back);
    assert_true(steps > 10 && steps < MAX_STEPS);
    assert_true(shared()->held_back > 0); /* the interesting steps were among them */
}

static const struct kind stopped_kinds[] = {
    {"capacity 4", 4, 0},
    {"capacity 3", 3, 0},
    {"capacity 4, fair", 4, LEAT_FAIR},
    {"capacity 1024, single producer", 1024, LEAT_SINGLE_PRODUCER},
    {"capacity 1024, single consumer", 1024, LEAT_SINGLE_CONSUMER},
    {"capacity 1024, single both", 1024, LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER},
};

enum { STOPPED_KINDS = sizeof(stopped_kinds) / sizeof(stopped_kinds[0]) };

static void a_stopped_thread_stops_nobody_beyond_its_cell(void **state)
{
    (void)state;
    if (!stepper_start(&stepper, sizeof(struct board), victim, checker))
        skip();
    for (unsigned k = 0; k < STOPPED_KINDS; k++) {
        for (unsigned dir = 0; dir < 2; dir++) {
            for (unsigned n = 1; n < 3; n++) {
                const struct plan p = {stopped_kinds[k], 2, dir, n};
                run_plan(&p);
            }
        }
    }
    stepper_end(&stepper);
}

/* One round: the victim is stopped in mid-call, the checker begins to wait with a higher
 * real-time priority on the same and only CPU, then the victim may go on: the waiter
 * must let it. Returns false when the call was over. */
static bool round_above(unsigned steps)
{
    bool inside = stop_after(steps);
    if (inside) {
        shared()->above = 0;
        stepper_tell(&stepper, WAIT);
        while (!shared()->above)
            sched_yield();
    }
    stepper_finish(&stepper);
    if (inside)
        assert_true(stepper_hear(&stepper, 10000));
    end_round(steps);
    return inside;
}

static bool real_time_allowed(void)
{
    const struct sched_param high = {.sched_priority = 5}, none = {0};
    if (sched_setscheduler(0, SCHED_FIFO, &high) != 0)
        return false;
    return sched_setscheduler(0, SCHED_OTHER, &none) == 0;
}

static void a_waiter_of_higher_priority_lets_the_stopped_one_go_on(void **state)
{
    (void)state;
    cpu_set_t all, one;
    if (!real_time_allowed())
        skip();
    sched_getaffinity(0, sizeof(all), &all);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one); /* the child inherits it */
    bool possible = stepper_start(&stepper, sizeof(struct board), victim, checker);
    sched_setaffinity(0, sizeof(all), &all);
    if (!possible)
        skip();
    int64_t start = leat_now();
    unsigned rounds = 0;
    for (unsigned k = 0; k < STOPPED_KINDS; k++) {
        for (unsigned dir = 0; dir < 2; dir++) {
            const struct plan p = {stopped_kinds[k], 2, dir, 1};
            set_plan(&p);
            for (unsigned steps = 0; round_above(steps); steps++)
                rounds++;
        }
    }
    int64_t each_us = (leat_now() - start) / 1000 / (rounds + 1);
    print_message("%u rounds of %lld us\n", rounds, (long long)each_us);
    /* The kernel lets the lower one run 5 % of each second in any case: a waiter that
     * spins takes 950 ms a round. */
    assert_true(each_us < 100000);
    stepper_end(&stepper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_thread_stops_nobody_beyond_its_cell),
        cmocka_unit_test(a_waiter_of_higher_priority_lets_the_stopped_one_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
