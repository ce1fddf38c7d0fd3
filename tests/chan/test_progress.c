/* test_progress.c - a thread stopped at any instruction of a buffered send or receive
 * stops nobody beyond its own cells.
 *
 * Deterministic: a child process runs the operation on its main thread, the victim, under
 * ptrace. The test single-steps the victim k instructions into the call, leaves it
 * stopped, and lets a second thread of the child, the checker, use the channel: it must
 * be able to fill the room that is left and to take what was published before, and every
 * try, deadline, select and close must return. Then the victim goes on, and what was
 * sent and received must add up. k = 0, 1, 2, ... until the call is over.
 * Only where single steps get through an atomic operation (x86-64), and not under
 * sanitizers, whose runtime has locks of its own that a stopped thread may hold.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=120 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kinds.h"

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
enum { POSSIBLE = 1 };
#define TRAP() __asm__ __volatile__("int3" ::: "memory")
#else
enum { POSSIBLE = 0 };
#define TRAP() abort()
#endif

enum { PATIENCE_MS = 20000, MAX_STEPS = 5000, OWN = 1000, WAIT_US = 100 };

struct plan {
    struct kind kind;
    unsigned inside; /* values before the operation */
    unsigned dir;
    unsigned n; /* 1: the plain call; more: a batch */
};

enum phase { BEFORE, AFTER };
enum order { PREPARE, CHECK, FINISH, WAIT };

/* Shared by the processes. */
struct board {
    struct plan plan;
    volatile enum phase phase; /* of the victim */
    int failed_line;           /* of the checker; 0: all well */
    long long got;
    unsigned held_back;        /* checks in which the victim really held something */
};

static struct board *board;
static int to_checker[2], from_checker[2];

/* ---- in the child ---- */

static struct {
    leat_chan *c;
    uint64_t v[4];       /* the victim's */
    ptrdiff_t result;
    unsigned sent, received, victims; /* by the checker; values of the victim among them */
    uint64_t next;       /* the order of the values that were inside */
} child;

static void check_that(bool ok, int line, long long got)
{
    if (!ok && board->failed_line == 0) {
        board->failed_line = line;
        board->got = got;
    }
}
#define CHECK_THAT(cond, got) check_that((cond), __LINE__, (long long)(got))

static void victim_loop(void)
{
    for (;;) {
        struct plan *p = &board->plan;
        board->phase = BEFORE;
        TRAP();
        if (p->n > 1)
            child.result = p->dir == LEAT_OP_SEND
                               ? leat_chan_send_n(child.c, child.v, p->n, LEAT_NEVER)
                               : leat_chan_recv_n(child.c, child.v, p->n, LEAT_NEVER);
        else
            child.result = p->dir == LEAT_OP_SEND ? leat_chan_send(child.c, child.v)
                                                  : leat_chan_recv(child.c, child.v);
        board->phase = AFTER;
        TRAP();
    }
}

static void prepare(void)
{
    struct leat_chan_opts o = kind_opts(&board->plan.kind, sizeof(uint64_t));
    memset(&child, 0, sizeof(child));
    CHECK_THAT(leat_chan_open(&child.c, &o) == 0, 0);
    for (uint64_t v = 0; v < board->plan.inside; v++)
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
        board->held_back++;
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
    board->held_back += r == LEAT_EBUSY;
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
    const struct plan *p = &board->plan;
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
    if (board->plan.dir == LEAT_OP_SEND) {
        while (child.received < board->plan.inside + 1) {
            r = leat_chan_recv(child.c, &v);
            CHECK_THAT(r == 0, r);
            child.received++;
        }
        child.victims++;
    } else {
        for (unsigned n = (unsigned)board->plan.kind.cap - board->plan.inside + 1; n; n--) {
            v = 100;
            r = leat_chan_send(child.c, &v);
            CHECK_THAT(r == 0, r);
            child.sent++;
        }
    }
    CHECK_THAT(pthread_setschedparam(pthread_self(), SCHED_OTHER, &none) == 0, 0);
}

static void *checker_main(void *arg)
{
    char order;
    (void)arg;
    while (read(to_checker[0], &order, 1) == 1) {
        if (order == WAIT) { /* answers before it waits, and again after */
            if (write(from_checker[1], &order, 1) != 1)
                break;
            wait_above();
        } else
        if (order == PREPARE)
            prepare();
        else if (order == FINISH)
            finish();
        else if (board->plan.dir == LEAT_OP_SEND)
            check_beside_sender(&board->plan);
        else
            check_beside_receiver(&board->plan);
        if (write(from_checker[1], &order, 1) != 1)
            break;
    }
    _exit(0);
}

static void child_main(void)
{
    pthread_t t;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(2);
    if (pthread_create(&t, NULL, checker_main, NULL) != 0)
        _exit(3);
    victim_loop();
}

/* ---- in the test ---- */

static void hear(const char *what)
{
    char c;
    struct pollfd p = {from_checker[0], POLLIN, 0};
    if (poll(&p, 1, PATIENCE_MS) != 1)
        fail_msg("%s", what);
    assert_int_equal(read(from_checker[0], &c, 1), 1);
}

static void tell(enum order order)
{
    char c = (char)order;
    assert_int_equal(write(to_checker[1], &c, 1), 1);
}

static void ask(enum order order)
{
    tell(order);
    hear("the others hang while the victim is stopped");
}

static void resume(pid_t child_pid, int how)
{
    int status;
    assert_int_equal(ptrace(how, child_pid, NULL, NULL), 0);
    assert_int_equal(waitpid(child_pid, &status, __WALL), child_pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), SIGTRAP);
}

static void assert_well(unsigned step)
{
    if (board->failed_line == 0)
        return;
    fail_msg("%s, %s of %u: stopped after %u instructions, line %d, got %lld",
             board->plan.kind.name, board->plan.dir == LEAT_OP_SEND ? "send" : "receive",
             board->plan.n, step, board->failed_line, board->got);
}

/* One round: stop after `steps` instructions. Returns false when the call was over. */
static bool round_of(pid_t pid, unsigned steps, bool check)
{
    bool inside = true;
    ask(PREPARE);
    for (unsigned i = 0; i < steps && inside; i++) {
        resume(pid, PTRACE_SINGLESTEP);
        inside = board->phase == BEFORE;
    }
    if (inside && check)
        ask(CHECK);
    bool more = inside;
    while (board->phase == BEFORE)
        resume(pid, PTRACE_CONT);
    ask(FINISH);
    assert_well(steps);
    while (board->phase == AFTER)
        resume(pid, PTRACE_CONT);
    return more;
}

static void run_plan(pid_t pid, const struct plan *p)
{
    board->plan = *p;
    board->failed_line = 0;
    board->held_back = 0;
    (void)round_of(pid, 0, false); /* lazy binding happens here */
    unsigned steps = 0;
    while (steps < MAX_STEPS && round_of(pid, steps, true))
        steps += p->n == 1 ? 1 : 5; /* a batch repeats itself: a sample */
    print_message("%s, %s of %u: %u instructions, held something in %u\n", p->kind.name,
                  p->dir == LEAT_OP_SEND ? "send" : "receive", p->n, steps,
                  board->held_back);
    assert_true(steps > 10 && steps < MAX_STEPS);
    assert_true(board->held_back > 0); /* the interesting steps were among them */
}

static const struct kind stopped_kinds[] = {
    {"capacity 4", 4, 0},
    {"capacity 3", 3, 0},
    {"capacity 4, fair", 4, LEAT_FAIR},
    {"capacity 64, single producer", 64, LEAT_SINGLE_PRODUCER},
    {"capacity 64, single consumer", 64, LEAT_SINGLE_CONSUMER},
    {"capacity 64, single both", 64, LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER},
};

static pid_t start_child(void)
{
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    assert_true(board != MAP_FAILED);
    assert_int_equal(pipe(to_checker), 0);
    assert_int_equal(pipe(from_checker), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        child_main();
        _exit(4);
    }
    return pid;
}

/* The victim of a new child, stopped before its first call; skips without ptrace. */
static pid_t victim_ready(void)
{
    if (!POSSIBLE)
        skip();
    pid_t pid = start_child();
    int status;
    assert_int_equal(waitpid(pid, &status, __WALL), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        skip();
    assert_true(WIFSTOPPED(status));
    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(uintptr_t)PTRACE_O_EXITKILL);
    return pid;
}

static void end_child(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    waitpid(pid, &status, __WALL);
    munmap(board, sizeof(*board));
    for (unsigned i = 0; i < 2; i++) {
        close(to_checker[i]);
        close(from_checker[i]);
    }
}

static void a_stopped_thread_stops_nobody_beyond_its_cell(void **state)
{
    (void)state;
    pid_t pid = victim_ready();
    for (unsigned k = 0; k < sizeof(stopped_kinds) / sizeof(stopped_kinds[0]); k++) {
        for (unsigned dir = 0; dir < 2; dir++) {
            for (unsigned n = 1; n < 3; n++) {
                const struct plan p = {stopped_kinds[k], 2, dir, n};
                run_plan(pid, &p);
            }
        }
    }
    end_child(pid);
}

/* One round: the victim is stopped in mid-call, the checker begins to wait with a higher
 * real-time priority on the same and only CPU, then the victim may go on: the waiter
 * must let it. Returns false when the call was over. */
static bool round_above(pid_t pid, unsigned steps)
{
    bool inside = true;
    ask(PREPARE);
    for (unsigned i = 0; i < steps && inside; i++) {
        resume(pid, PTRACE_SINGLESTEP);
        inside = board->phase == BEFORE;
    }
    bool more = inside;
    if (inside)
        ask(WAIT);
    while (board->phase == BEFORE)
        resume(pid, PTRACE_CONT);
    if (more)
        hear("a waiter of higher priority hangs");
    ask(FINISH);
    assert_well(steps);
    while (board->phase == AFTER)
        resume(pid, PTRACE_CONT);
    return more;
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
    pid_t pid = victim_ready();
    sched_setaffinity(0, sizeof(all), &all);
    int64_t start = leat_now();
    unsigned rounds = 0;
    for (unsigned k = 0; k < sizeof(stopped_kinds) / sizeof(stopped_kinds[0]); k++) {
        for (unsigned dir = 0; dir < 2; dir++) {
            const struct plan p = {stopped_kinds[k], 2, dir, 1};
            board->plan = p;
            (void)round_of(pid, 0, false);
            for (unsigned steps = 0; round_above(pid, steps); steps++)
                rounds++;
        }
    }
    int64_t each_us = (leat_now() - start) / 1000 / (rounds + 1);
    print_message("%u rounds of %lld us\n", rounds, (long long)each_us);
    /* The kernel lets the lower one run 5 % of each second in any case: a waiter that
     * spins takes 950 ms a round. */
    assert_true(each_us < 100000);
    end_child(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_thread_stops_nobody_beyond_its_cell),
        cmocka_unit_test(a_waiter_of_higher_priority_lets_the_stopped_one_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
