/* test_steps.c - a worker killed, or held up, after each single instruction of its
 * protocol: the trap flag stops it after every instruction, the n-th is its last for good
 * or for a while.
 * SPDX-License-Identifier: MIT */
/* ctest: serial timeout=300 noemu novalgrind (single steps want a real CPU) */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

#if defined(__x86_64__)

#define TRAP_FLAG 0x100ul

static volatile unsigned long steps_left;
static void (*at_the_last)(void);

static void on_step(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    (void)info;
    if (--steps_left != 0)
        return;
    uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG; /* the last step */
    at_the_last();
}

/* What is done at the n-th instruction from here. */
static void step_until(unsigned long n, void (*what)(void))
{
    struct sigaction sa;
    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = on_step;
    sa.sa_flags = SA_SIGINFO;
    (void)sigaction(SIGTRAP, &sa, NULL);
    steps_left = n;
    at_the_last = what;
    __asm__ __volatile__("pushfq\n\torq %0, (%%rsp)\n\tpopfq"
                         :
                         : "i"(TRAP_FLAG)
                         : "memory", "cc");
}

static void die(void)
{
    (void)kill(getpid(), SIGKILL);
}

/* Item 0 starts the count in the worker's first life: the end of that item, item 1 from
 * its beginning to its end, item 2, and the search for a fourth. */
static int run_stepping(leat_stage *s, const void *in, size_t len)
{
    const unsigned long *n = leat_stage_arg(s);
    leati_add_sc(&board->tried[leat_stage_position(s)], 1u);
    if (leat_stage_position(s) == 0 && leati_add_sc(&board->plain[0], 1u) == 0)
        step_until(*n, die);
    return farm_run(s, in, len);
}

enum { ITEMS = 3 };

struct tally {
    unsigned held, unharmed; /* deaths that an item paid for, or none */
};

static void die_at(unsigned long n, unsigned retries, unsigned flags, struct tally *t)
{
    leat_chan *in, *out;
    leat_pipe *p;
    struct leat_pipe_stats st;
    struct grain g = {0};
    struct leat_pipe_opts o = farm_opts(run_stepping, 1);
    o.arg = &n;
    o.arg_size = sizeof(n);
    o.retries = retries;
    o.flags = flags;
    farm_board_clear();
    assert_int_equal(leat_chan_new(&in, sizeof(g), ITEMS), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), ITEMS), 0);
    for (g.number = 0; g.number < ITEMS; g.number++)
        assert_int_equal(leat_chan_send(in, &g), 0);
    leat_chan_close(in);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    uint64_t last = 0, sum = 0;
    while (leat_chan_recv(out, &g) == 0) {
        assert_int_equal(g.answer, farm_answer(g.number));
        assert_true(sum == 0 || g.number > last || flags);
        assert_true(!(sum & (uint64_t)1 << (8 * g.number))); /* once */
        sum += (uint64_t)1 << (8 * g.number);
        last = g.number;
    }
    assert_int_equal(leat_pipe_join(p, &st), 0);
    assert_int_equal(st.taken, ITEMS);
    assert_int_equal(st.finished + st.failed, ITEMS);
    assert_int_equal(st.finished, (unsigned)__builtin_popcountll(sum));
    assert_true(st.failed <= (retries ? 0 : 1));
    assert_true(st.retried <= (retries ? 1 : 0));
    for (unsigned i = 0; i < ITEMS; i++)
        assert_true(leati_load_sc(&board->tried[i]) <= 1 + st.retried + st.failed);
    if (st.failed + st.retried)
        t->held++;
    else
        t->unharmed++;
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_worker_killed_at_any_instruction_costs_one_try_at_most(void **state)
{
    (void)state;
    struct support_rng rng = support_rng(1);
    struct tally t = {0, 0};
    unsigned before = farm_descriptors();
    enum { FAR = 1500 };
    for (size_t k = support_scale(60); k; k--) {
        unsigned long n = 1 + support_below(&rng, FAR);
        die_at(n, k % 2, k % 4 < 2 ? 0 : LEAT_PIPE_UNORDERED, &t);
    }
    print_message("%u deaths with an item in hand, %u without\n", t.held, t.unharmed);
    if (t.held + t.unharmed >= 40) { /* that many see both */
        assert_true(t.held > 0);
        assert_true(t.unharmed > 0);
    }
    farm_no_leak(before);
}

enum { BEHIND = 8 };

static void let_the_others_be_done(void)
{
    while (leati_load_sc(&board->inside) < BEHIND - 1)
        (void)sched_yield();
}

static int init_stepping(void *arg, unsigned worker, void **ret_state)
{
    const unsigned long *n = arg;
    *ret_state = NULL;
    if (worker == 0)
        step_until(*n, let_the_others_be_done);
    return 0;
}

/* The first item ends after all others. */
static int run_first_last(leat_stage *s, const void *in, size_t len)
{
    if (leat_stage_position(s) == 0)
        let_the_others_be_done();
    else
        leati_add_sc(&board->inside, 1u);
    return farm_run(s, in, len);
}

/* Held up where it has begun and not taken its first item yet, above all. */
static void what_lies_behind_is_done_wherever_a_worker_is_held_up(void **state)
{
    (void)state;
    struct support_rng rng = support_rng(2);
    enum { FAR = 300 };
    for (size_t k = support_scale(100); k; k--) {
        struct farm f;
        unsigned long n = 1 + support_below(&rng, FAR);
        struct leat_pipe_opts o = farm_opts(run_first_last, 2 + k % 2);
        o.init = init_stepping;
        o.arg = &n;
        o.arg_size = sizeof(n);
        farm_board_clear();
        farm_start(&f, &o, BEHIND, BEHIND, NULL);
        assert_int_equal(farm_finish(&f, NULL), 0);
    }
}

#else

static void what_lies_behind_is_done_wherever_a_worker_is_held_up(void **state)
{
    (void)state;
    skip();
}

static void a_worker_killed_at_any_instruction_costs_one_try_at_most(void **state)
{
    (void)state;
    skip(); /* the trap flag is x86's */
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_killed_at_any_instruction_costs_one_try_at_most),
        cmocka_unit_test(what_lies_behind_is_done_wherever_a_worker_is_held_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
