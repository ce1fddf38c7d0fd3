/* test_steps.c - a worker killed after each single instruction of its protocol: the trap
 * flag stops it after every instruction, and at the n-th it kills itself.
 * SPDX-License-Identifier: MIT */
/* ctest: serial timeout=300 noemu novalgrind (single steps want a real CPU) */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

#if defined(__x86_64__)

#define TRAP_FLAG 0x100ul

static volatile unsigned long steps_left;

static void on_step(int sig)
{
    (void)sig;
    if (--steps_left == 0)
        (void)kill(getpid(), SIGKILL);
}

/* From here on until the n-th instruction from here. */
static void step_until_death(unsigned long n)
{
    struct sigaction sa;
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_step;
    (void)sigaction(SIGTRAP, &sa, NULL);
    steps_left = n;
    __asm__ __volatile__("pushfq\n\torq %0, (%%rsp)\n\tpopfq"
                         :
                         : "i"(TRAP_FLAG)
                         : "memory", "cc");
}

/* Item 0 starts the count in the worker's first life: the end of that item, item 1 from
 * its beginning to its end, item 2, and the search for a fourth. */
static int run_stepping(leat_stage *s, const void *in, size_t len)
{
    const unsigned long *n = leat_stage_arg(s);
    leati_add_sc(&board->tried[leat_stage_position(s)], 1u);
    if (leat_stage_position(s) == 0 && leati_add_sc(&board->plain[0], 1u) == 0)
        step_until_death(*n);
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

#else

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
