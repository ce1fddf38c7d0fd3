/* test_random.c - workers killed and stopped at random moments, and one that scribbles over
 * its segment. SPDX-License-Identifier: MIT */
/* ctest: serial timeout=300 noemu novalgrind (see test_basic.c) */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

/* Kills a worker at about every n / kills-th result. In all, how many signals. */
static unsigned read_and_kill(struct farm *f, unsigned kills, int sig)
{
    struct support_rng rng = support_rng((uint64_t)f->n + (unsigned)sig);
    uint32_t step = (uint32_t)(2 * f->n / kills) + 1, left = support_below(&rng, step);
    unsigned sent = 0;
    struct grain g;
    while (farm_read(f, &g)) {
        if (left-- > 0)
            continue;
        left = support_below(&rng, step);
        for (uint32_t pause = support_below(&rng, 2000); pause; pause--)
            leati_barrier_compiler();
        sent += farm_signal(support_below(&rng, f->o.workers), g.parent, sig);
    }
    return sent;
}

static void survive(unsigned flags, unsigned retries, size_t n, unsigned kills, int sig)
{
    struct farm f;
    struct leat_pipe_stats st;
    unsigned before = farm_descriptors();
    struct leat_pipe_process po = {.stop_grace = 1000000};
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    o.process = &po;
    o.flags = flags;
    o.retries = retries;
    o.buffer = 62;
    o.init = farm_init;
    farm_board_clear();
    farm_start(&f, &o, n, 128, NULL);
    unsigned sent = read_and_kill(&f, kills, sig);
    assert_int_equal(farm_join(&f, &st), 0);
    farm_check(&f);
    farm_free(&f);
    farm_no_leak(before);
    print_message("%zu items, %u signals, %lu workers replaced, %lu items tried again, "
                  "%lu failed\n",
                  n, sent, (unsigned long)st.replaced, (unsigned long)st.retried,
                  (unsigned long)st.failed);
    assert_int_equal(st.taken, n);
    if (retries)
        assert_int_equal(st.failed, 0);
    else
        assert_true(st.failed <= sent);
    if (n >= 10000)
        assert_true(st.replaced > 0);
}

static void random_deaths_lose_and_double_nothing(void **state)
{
    (void)state;
    bool deep = getenv("LEAT_DEEP") != NULL;
    size_t n = deep ? 1000000 : support_scale(25000);
    unsigned kills = deep ? 1050 : (unsigned)support_scale(25);
    for (unsigned k = 0; k < 4; k++)
        survive(k & 1 ? LEAT_PIPE_UNORDERED : 0, k & 2 ? 1000 : 0, n, kills, SIGKILL);
}

static void random_stops_lose_and_double_nothing(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 2; k++)
        survive(0, k ? 1000 : 0, support_scale(10000), (unsigned)support_scale(10),
                SIGSTOP);
}

/* --- a worker that cannot be trusted --- */

/* --- one lie at a time --- */

enum { LIE_AT = 3, LIE_ITEMS = 10 };

/* At item LIE_AT it writes what the argument says into the word of the next slot, which
 * holds an item that was offered. Items are in the slots by their positions. */
static int lie(leat_stage *s, const void *in, size_t len)
{
    if (leat_stage_position(s) == LIE_AT) {
        struct leati_lane lane = farm_lane();
        leati_store_sc(&leati_lane_slot(&lane, LIE_AT + 1)->st,
                       *(const uint32_t *)leat_stage_arg(s));
    }
    return farm_run(s, in, len);
}

static void lie_once(uint32_t word)
{
    leat_chan *in, *out;
    leat_pipe *p;
    struct grain g = {0};
    struct leat_pipe_stats st;
    struct leat_pipe_opts o = farm_opts(lie, 1);
    o.buffer = LIE_ITEMS;
    o.item_timeout = 30000000;
    o.arg = &word;
    o.arg_size = sizeof(word);
    assert_int_equal(leat_chan_new(&in, sizeof(g), LIE_ITEMS), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), LIE_ITEMS), 0);
    for (g.number = 0; g.number < LIE_ITEMS; g.number++)
        assert_int_equal(leat_chan_send(in, &g), 0);
    leat_chan_close(in);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    unsigned seen = 0;
    while (leat_chan_recv(out, &g) == 0) {
        assert_int_equal(g.answer, farm_answer(g.number));
        assert_false(seen & 1u << g.number);
        seen |= 1u << g.number;
    }
    assert_int_equal(leat_pipe_join(p, &st), 0);
    assert_int_equal(st.taken, LIE_ITEMS);
    assert_int_equal(st.finished + st.failed, LIE_ITEMS);
    leat_chan_free(in);
    leat_chan_free(out);
}

static void a_lie_about_a_slot_does_not_hang_the_pipe(void **state)
{
    (void)state;
    unsigned before = farm_descriptors();
    for (uint32_t lap = 0; lap < 2; lap++) {
        for (uint32_t phase = 0; phase < 8; phase++)
            lie_once(lap << 3 | phase);
    }
    farm_no_leak(before);
}

/* Writes into its segment now and then: any word of a slot, or what looks like one. */
static int scribble(leat_stage *s, const void *in, size_t len)
{
    static struct support_rng rng;
    static char *segment;
    static size_t size;
    static unsigned calm;
    if (segment == NULL) {
        struct leati_lane lane = farm_lane();
        segment = lane.base;
        size = lane.bytes;
        rng.state = *(const uint64_t *)leat_stage_arg(s) + leat_stage_position(s);
        calm = 20 + support_below(&rng, 200);
    }
    if (calm-- == 0) {
        calm = support_below(&rng, 100);
        for (unsigned n = 1 + support_below(&rng, 4); n; n--) {
            size_t at = support_below(&rng, (uint32_t)(size / 4)) * (size_t)4;
            uint32_t word = (uint32_t)support_rand(&rng);
            if (support_below(&rng, 2)) /* the head of a slot, a phase */
                at = at / 64 * 64;
            if (support_below(&rng, 2))
                word = support_below(&rng, 8) | support_below(&rng, 64) << 3;
            memcpy(segment + at, &word, sizeof(word));
        }
    }
    return farm_run(s, in, len);
}

/* Its results may be wrong - what is well-formed cannot be told from a result - but
 * nothing hangs, and each item is over exactly once. */
static void a_scribbling_worker_harms_only_its_own_items(void **state)
{
    (void)state;
    struct farm f;
    struct grain g;
    struct leat_pipe_stats st;
    unsigned before = farm_descriptors();
    struct leat_pipe_process po = {.stop_grace = 10000000};
    struct leat_pipe_opts o = farm_opts(scribble, 2);
    size_t n = support_scale(10000), delivered = 0, reported = 0;
    uint64_t seed = support_seed();
    o.arg = &seed;
    o.arg_size = sizeof(seed);
    o.process = &po;
    o.buffer = 62;
    o.item_timeout = 50000000;
    farm_start(&f, &o, n, 128, NULL);
    while (leat_chan_recv(f.out, &g) == 0)
        delivered++;
    assert_int_equal(leat_pipe_join(f.pipe, &st), 0);
    (void)pthread_join(f.feeder, NULL);
    for (size_t i = 0; i < n; i++) {
        assert_true(f.reported[i] <= 1);
        reported += f.reported[i];
    }
    verdict();
    assert_int_equal(st.taken, n);
    assert_int_equal(st.finished + st.failed, n);
    assert_int_equal(st.failed, reported);
    print_message("%zu items, %lu workers replaced, %zu items failed\n", n,
                  (unsigned long)st.replaced, reported);
    farm_free(&f);
    farm_no_leak(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_deaths_lose_and_double_nothing),
        cmocka_unit_test(random_stops_lose_and_double_nothing),
        cmocka_unit_test(a_lie_about_a_slot_does_not_hang_the_pipe),
        cmocka_unit_test(a_scribbling_worker_harms_only_its_own_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
