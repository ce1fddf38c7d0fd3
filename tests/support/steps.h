/* steps.h - waiting and completing, stopped at every instruction, while others act.
 *
 * The victim (support/stepper.h) makes one call that has to wait, or that completes a
 * waiter; after k of its instructions another thread takes, sends, closes, cancels or
 * lets a deadline pass; then the victim goes on. Whatever k is: the victim returns (no
 * lost wake-up), with a result that fits, every value is received once, dropped once or
 * was never sent, and nobody is left parked. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_STEPS_H
#define LEAT_TESTS_STEPS_H

#include <pthread.h>
#include <sched.h>

#include "support/op.h"
#include "support/stepper.h"

enum { OWN = 1000, BUSY_MS = 5, WAITER_US = 300 };

enum victim { PLAIN, TIMED, SELECT, TIMED_SELECT, NOW_SELECT, SET };
enum action { MEET, CLOSE, MEET_CLOSE, CANCEL, OTHER, MEET_OTHER, NEWCOMER, MOVE, ACTIONS };
enum waiter { NOBODY, ONE_PLAIN, ONE_SELECT };
enum order { PREPARE, ACT, FINISH, STEAL };

struct plan {
    struct kind kind;
    unsigned dir; /* of the victim */
    enum victim victim;
    enum waiter waiter; /* of the other direction, parked: the victim serves it */
    enum action action;
};

struct board {
    struct stepper_board board;
    struct plan plan;
    volatile bool stolen; /* STEAL got something */
    bool recording;       /* single steps are slow: the waiter is patient */
};

static struct stepper stepper;

static const struct plan *plan(void)
{
    return &((struct board *)(void *)stepper.board)->plan;
}

static bool recording(void)
{
    return ((struct board *)(void *)stepper.board)->recording;
}

static bool timed(const struct plan *p)
{
    return p->victim == TIMED || p->victim == TIMED_SELECT;
}

static bool selects(const struct plan *p)
{
    return p->victim >= SELECT;
}

#define CHECK_THAT(cond, got)                                                            \
    stepper_check(stepper.board, (cond), __LINE__, (long long)(got))

/* ---- in the child ---- */

static struct {
    leat_chan *c, *d; /* d: the other channel of a select */
    struct dropped dropped;
    uint64_t value, d_value;
    int err;
    size_t which;
    unsigned ok[2]; /* calls of the victim that took effect, by case */
    leat_set *set;
    volatile bool finishing;
    unsigned sent, received;   /* by the other thread and the waiter, over c */
    unsigned d_sent, d_received;
    bool drained;              /* the other thread has been told ECLOSED */
    pthread_t waiter;
    struct leat_deadline waiter_until;
    int waiter_result;
    uint64_t waiter_value;
} child;

static leat_chan *open_c(const struct plan *p)
{
    struct leat_chan_opts o = kind_opts(&p->kind, sizeof(uint64_t));
    leat_chan *c = NULL;
    o.spin = LEAT_SPIN_NEVER; /* few instructions */
    o.drop = dropped_add;
    o.drop_arg = &child.dropped;
    CHECK_THAT(leat_chan_open(&c, &o) == 0, 0);
    return c;
}

/* Where the frames of the waiter's call were: whoever completed it must not touch them
 * any more, although he may still be in his call. */
static __attribute__((noinline)) void watch_stack(void)
{
    volatile unsigned char frame[2048];
    bool same = true;
    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = 0xA5;
    while (!stepper.board->over && !child.finishing)
        sched_yield();
    for (size_t i = 0; i < sizeof(frame); i++)
        same &= frame[i] == 0xA5;
    CHECK_THAT(same, 0);
}

static void *waiter_main(void *arg)
{
    const struct plan *p = plan();
    struct leat_deadline until = timed(p) ? child.waiter_until : LEAT_NEVER;
    (void)arg;
    if (p->waiter == ONE_SELECT) {
        struct leat_case cs[2] = {LEAT_RECV(child.d, NULL),
                                  {child.c, &child.waiter_value, !p->dir, 0, {NULL}}};
        int r = leat_select(cs, 2, until, 0, NULL);
        child.waiter_result = r == 0 ? cs[1].err : r;
    } else {
        child.waiter_result =
            p->dir == LEAT_OP_SEND
                ? leat_chan_recv_until(child.c, &child.waiter_value, until)
                : leat_chan_send_until(child.c, &child.waiter_value, until);
    }
    watch_stack();
    return NULL;
}

static void put(leat_chan *c, uint64_t v)
{
    CHECK_THAT(leat_chan_try_send(c, &v) == 0, v);
}

static bool waiter_is_late(void)
{
    /* and it has had the time to see it */
    return leat_now() > child.waiter_until.at_ns + WAITER_US * 1000;
}

static void prepare(void)
{
    const struct plan *p = plan();
    memset(&child, 0, sizeof(child));
    child.c = open_c(p);
    CHECK_THAT(leat_chan_new(&child.d, sizeof(uint64_t), 1) == 0, 0);
    /* full for whoever sends and has to wait */
    bool full = p->waiter ? p->dir == LEAT_OP_RECV : p->dir == LEAT_OP_SEND;
    for (uint64_t v = 0; full && v < p->kind.cap; v++, child.sent++)
        put(child.c, v);
    child.value = OWN;
    child.waiter_value = OWN + 1;
    if (p->victim == SET) {
        CHECK_THAT(leat_set_new(&child.set) == 0, 0);
        CHECK_THAT(leat_set_add(child.set, child.d, &child.d) == 0, 0);
        CHECK_THAT(leat_set_add(child.set, child.c, &child.c) == 0, 0);
    }
    if (p->action == MOVE) {
        put(child.c, 1);
        child.sent++;
    }
    if (p->waiter) {
        struct parked_goal g = {child.c, !p->dir, 1};
        child.waiter_until = leat_in_us(recording() ? 1000000 : WAITER_US);
        pthread_create(&child.waiter, NULL, waiter_main, NULL);
        while (!parked_reached(&g) && (!timed(p) || !waiter_is_late()))
            sched_yield();
    }
}

static int wait_set(void)
{
    void *user = NULL;
    int r = leat_set_wait(child.set, &child.value, NULL, &user, LEAT_NEVER);
    child.which = user == &child.d;
    return r;
}

static int call_select(struct leat_deadline until)
{
    struct leat_case cs[2] = {LEAT_RECV(child.d, &child.d_value),
                              {child.c, &child.value, plan()->dir, 0, {NULL}}};
    size_t i = 0;
    int r = leat_select(cs, 2, until, 0, &i);
    child.which = !i;
    return r == 0 ? cs[i].err : r;
}

static void victim(void)
{
    const struct plan *p = plan();
    struct leat_deadline until = p->waiter               ? leat_in_ms(20)
                                 : timed(p)                 ? leat_in_us(100)
                                 : p->victim == NOW_SELECT ? LEAT_NOW
                                                            : LEAT_NEVER;
    child.which = 0;
    child.err = p->victim == SET ? wait_set()
                : selects(p)     ? call_select(until)
                : p->dir == LEAT_OP_SEND
                    ? leat_chan_send_until(child.c, &child.value, until)
                    : leat_chan_recv_until(child.c, &child.value, until);
    child.ok[child.which] += child.err == 0;
}

static void take(struct leat_deadline until)
{
    uint64_t v;
    int r = leat_chan_recv_until(child.c, &v, until);
    child.received += r == 0;
    CHECK_THAT(r != LEAT_ETIMEDOUT || timed(plan()), r);
    child.drained |= r == LEAT_ECLOSED;
}

static void give(struct leat_deadline until)
{
    uint64_t v = 500;
    int r = leat_chan_send_until(child.c, &v, until);
    child.sent += r == 0;
    CHECK_THAT(r != LEAT_ETIMEDOUT || timed(plan()), r);
}

static void give_other(void)
{
    uint64_t v = 600;
    child.d_sent += leat_chan_try_send(child.d, &v) == 0;
}

static void meet(void)
{
    /* a victim with a deadline may be gone */
    struct leat_deadline until = timed(plan()) ? leat_in_ms(2) : leat_in_s(9);
    if (plan()->dir == LEAT_OP_SEND)
        take(until);
    else
        give(until);
}

static void act(void)
{
    const struct plan *p = plan();
    /* its deadline passes while the victim is at this very instruction */
    while (p->waiter && timed(p) && !recording() && !waiter_is_late())
        sched_yield();
    switch (p->action) {
    case MEET:
        meet();
        break;
    case MEET_CLOSE:
        meet();
        CHECK_THAT(leat_chan_close(child.c) == 0, 0);
        break;
    case CLOSE:
        CHECK_THAT(leat_chan_close(child.c) == 0, 0);
        while (!child.drained && (p->dir == LEAT_OP_SEND || p->waiter)) {
            int64_t start = leat_now();
            take(leat_in_s(3));
            CHECK_THAT(leat_now() - start < 2000000000, 0); /* told in the end */
        }
        break;
    case CANCEL:
        CHECK_THAT(leat_chan_cancel(child.c) == 0, 0);
        break;
    case OTHER:
        give_other();
        break;
    case MEET_OTHER:
        if (p->dir == LEAT_OP_SEND)
            take(LEAT_NOW);
        else
            give(LEAT_NOW);
        give_other();
        break;
    case MOVE: /* never are both empty */
        give_other();
        take(LEAT_NOW);
        break;
    default: /* NEWCOMER: a rival of the waiter, then of the victim */
        if (p->dir == LEAT_OP_SEND)
            take(LEAT_NOW);
        else
            give(LEAT_NOW);
        if (p->dir == LEAT_OP_SEND)
            give(LEAT_NOW);
        else
            take(LEAT_NOW);
    }
}

/* The results that are possible for the victim. */
static void check_result(const struct plan *p)
{
    int r = child.err;
    bool may_close = p->action == CLOSE || p->action == CANCEL || p->action == MEET_CLOSE;
    CHECK_THAT(r == 0 || (r == LEAT_ECLOSED && may_close) ||
                   (r == LEAT_ETIMEDOUT && (timed(p) || p->waiter)) ||
                   (r == LEAT_EBUSY && p->victim == NOW_SELECT),
               r);
    if (p->waiter || timed(p))
        return;
    if (p->action == MEET || p->action == OTHER || p->action == MEET_OTHER)
        CHECK_THAT(r == 0, r);
    if (p->dir == LEAT_OP_RECV && (p->action == CLOSE || p->action == CANCEL))
        CHECK_THAT(r == LEAT_ECLOSED, r);
    if (p->dir == LEAT_OP_RECV && p->action == MEET_CLOSE)
        CHECK_THAT(r == 0, r);
    if (p->action == OTHER)
        CHECK_THAT(child.which == 1, child.which);
}

/* All calls but the waiter's have returned: nobody waits for what is there. */
static void check_rest(const struct plan *p)
{
    size_t len = leat_chan_len(child.c);
    if (parked(child.c, LEAT_OP_RECV) && p->victim != SET)
        CHECK_THAT(len == 0, len);
    if (parked(child.c, LEAT_OP_SEND))
        CHECK_THAT(len == p->kind.cap, len);
}

static void finish(void)
{
    const struct plan *p = plan();
    unsigned sent = child.sent, received = child.received, d_received = 0, after = 0;
    child.finishing = true;
    check_result(p);
    check_rest(p);
    d_received += child.ok[1];
    *(p->dir == LEAT_OP_SEND ? &sent : &received) += child.ok[0];
    if (p->waiter) {
        /* still parked: served or refused now */
        (void)leat_chan_close(child.c);
        if (p->dir == LEAT_OP_RECV)
            for (; leat_chan_recv(child.c, NULL) == 0; received++)
                CHECK_THAT(!child.drained, received); /* drained is for ever */
        pthread_join(child.waiter, NULL);
        if (child.waiter_result == 0)
            ++*(p->dir == LEAT_OP_SEND ? &received : &sent);
    }
    while (leat_chan_try_recv(child.c, NULL) == 0)
        after++;
    CHECK_THAT(after == 0 || !child.drained, after); /* closed and drained is for ever */
    while (leat_chan_try_recv(child.d, NULL) == 0)
        d_received++;
    for (unsigned dir = 0; dir < 2 && p->victim != SET; dir++) {
        CHECK_THAT(parked(child.c, dir) == 0, dir);
        CHECK_THAT(parked(child.d, dir) == 0, dir);
    }
    leat_set_free(child.set);
    leat_chan_free(child.c);
    leat_chan_free(child.d);
    CHECK_THAT(d_received == child.d_sent, d_received);
    CHECK_THAT(received + after + child.dropped.count == sent,
               (received + after) * 10000 + sent);
}

/* A newcomer that passes the parked waiter, if the channel lets it. */
static void steal(void)
{
    unsigned before = child.sent + child.received;
    if (plan()->dir == LEAT_OP_SEND)
        take(LEAT_NOW);
    else
        give(LEAT_NOW);
    ((struct board *)(void *)stepper.board)->stolen = child.sent + child.received > before;
}

static void other(int order)
{
    if (order == PREPARE)
        prepare();
    else if (order == STEAL)
        steal();
    else if (order == ACT)
        act();
    else
        finish();
}

/* ---- in the test ---- */

static const char *about(const struct plan *p)
{
    static char text[200];
    static const char *const victims[] = {"plain",        "timed",      "select",
                                          "timed select", "now select", "set"};
    static const char *const actions[] = {"meet",  "close",      "meet and close", "cancel",
                                          "other", "meet+other", "newcomer",       "move"};
    snprintf(text, sizeof(text), "%s, %s %s%s, against %s", p->kind.name,
             victims[p->victim], p->dir == LEAT_OP_SEND ? "send" : "receive",
             p->waiter == ONE_PLAIN    ? " with a waiter"
             : p->waiter == ONE_SELECT ? " with a waiting select"
                                       : "", actions[p->action]);
    return text;
}

/* The victim is where it is to be: the other acts, the victim goes on, all is checked. */
static void rest_of_round(unsigned steps)
{
    /* the other may have to wait for the victim: a lock of a few instructions */
    stepper_tell(&stepper, ACT);
    bool heard = stepper_hear(&stepper, BUSY_MS);
    stepper_finish(&stepper);
    if (!heard && !stepper_hear(&stepper, 10000))
        fail_msg("%s: the other hangs, step %u", about(plan()), steps);
    stepper_ask(&stepper, FINISH);
    stepper_assert_well(&stepper, about(plan()), steps);
    stepper_next(&stepper);
}

static unsigned run_plan(const struct plan *p, unsigned stride, struct support_rng *rng)
{
    struct board *b = (struct board *)(void *)stepper.board;
    bool wakes = timed(p) && p->waiter == NOBODY;
    b->plan = *p;
    b->recording = true;
    support_about = about(p);
    for (unsigned i = 0; i < 2; i++) { /* lazy binding and first uses, then the way */
        stepper_ask(&stepper, PREPARE);
        if (i == 0)
            stepper_run(&stepper);
        else
            assert_true(stepper_record(&stepper) < STEPPER_MAX);
        rest_of_round(0);
    }
    b->recording = false;
    unsigned rounds = 0;
    for (unsigned k = support_below(rng, stride); k < stepper.n; k += stride, rounds++) {
        stepper_ask(&stepper, PREPARE);
        (void)stepper_stop_at(&stepper, k, wakes);
        rest_of_round(k);
    }
    return rounds;
}

static bool sensible(const struct plan *p)
{
    if (p->dir == LEAT_OP_SEND && !p->waiter && !kind_bounded(&p->kind))
        return false;
    if (p->waiter && p->dir == LEAT_OP_RECV && !kind_bounded(&p->kind))
        return false;
    if ((p->action == OTHER || p->action == MEET_OTHER) && !selects(p))
        return false;
    if ((p->action == MOVE) != (p->victim == NOW_SELECT))
        return false;
    if (p->action == MOVE)
        return p->dir == LEAT_OP_RECV && p->kind.cap > 0;
    if (p->victim == SET && p->dir == LEAT_OP_SEND)
        return false;
    if (p->waiter) /* the waiter may take what a blocking action waits for */
        return p->action == NEWCOMER || p->action == CLOSE || p->action == CANCEL;
    return p->action != NEWCOMER;
}

static const struct kind step_kinds[] = {
    {"rendezvous", 0, 0},
    {"capacity 1", 1, 0},
    {"capacity 2, fair", 2, LEAT_FAIR},
    {"capacity 1024, single both", 1024, LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER},
    {"unbounded", LEAT_UNBOUNDED, 0},
};
enum { STEP_KINDS = sizeof(step_kinds) / sizeof(step_kinds[0]) };

static bool owned_twice(const struct plan *p)
{
    /* the other thread would be a second one on a declared side */
    return p->kind.flags & LEAT_SINGLE_PRODUCER &&
           (p->waiter || p->action == MEET_OTHER || p->action == MOVE);
}

static void all_plans(enum victim v, enum waiter waiter, unsigned stride)
{
    struct support_rng rng = support_rng(v);
    if (!stepper_start(&stepper, sizeof(struct board), victim, other))
        skip();
    unsigned rounds = 0, instructions = 0;
    for (unsigned k = 0; k < STEP_KINDS; k++) {
        for (unsigned dir = 0; dir < 2; dir++) {
            for (int a = 0; a < ACTIONS; a++) {
                const struct plan p = {step_kinds[k], dir, v, waiter, (enum action)a};
                if (!sensible(&p) || owned_twice(&p))
                    continue;
                rounds += run_plan(&p, stride, &rng);
                instructions = stepper.n > instructions ? stepper.n : instructions;
            }
        }
    }
    print_message("%u rounds, calls of up to %u instructions\n", rounds, instructions);
    stepper_end(&stepper);
    support_about = NULL;
}

#endif
