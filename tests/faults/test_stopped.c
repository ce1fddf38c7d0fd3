/* test_stopped.c - what a thread that is stopped in the middle of a call holds up.
 *
 * A victim (support/stepper.h) is stopped at places all over its call; another thread then
 * makes one call of six kinds on the same channel, and on others. The table says who may
 * have to wait for the victim (x) and who never does (.); everybody returns as soon as the
 * victim goes on, deadlines are not early, and no value is lost. README.md explains it.
 * LEAT_STOPS is the number of places in each call.
 * SPDX-License-Identifier: MIT */
/* ctest: timeout=300 noemu novalgrind (single steps need a CPU and its ptrace) */
#include <stdlib.h>

#include "stopped.h"

enum { STOPS = 4, SOON_MS = 5, MUCH_MS = 10000 };

static struct stepper *const stepper = &stopped_stepper;

#define SINGLE (LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER)

struct row {
    struct kind kind;
    enum call call;
    bool parked;
    const char *may; /* by enum probe; - is not possible there */
};

static const struct row rows[] = {
#define KIND {"rendezvous", 0, 0}
    {KIND, CALL_SEND, true, "......"},
    {KIND, CALL_RECV, true, "......"},
    {KIND, CALL_SELECT, true, "......"},
    {KIND, CALL_CLOSE, false, "xxx.x."},
    {KIND, CALL_CLOSE, true, "xxx.x."},
    {KIND, CALL_WAIT, false, "......"},
    {KIND, CALL_SELECT_WAIT, false, "x.x.x."},
#undef KIND
#define KIND {"capacity 4", 4, 0}
    {KIND, CALL_SEND, false, "......"},
    {KIND, CALL_SEND, true, "x.x.x."},
    {KIND, CALL_RECV, false, "......"},
    {KIND, CALL_RECV, true, ".xx.x."},
    {KIND, CALL_SELECT, false, "......"},
    {KIND, CALL_SELECT, true, ".xx.x."},
    {KIND, CALL_CLOSE, false, ".xx.x."},
    {KIND, CALL_CLOSE, true, "x...x."},
    {KIND, CALL_WAIT, false, "x.x.x."},
    {KIND, CALL_SELECT_WAIT, false, "x.x.x."},
#undef KIND
#define KIND {"capacity 2, fair", 2, LEAT_FAIR}
    {KIND, CALL_SEND, false, "......"},
    {KIND, CALL_SEND, true, "xxx.x."},
    {KIND, CALL_RECV, false, "......"},
    {KIND, CALL_RECV, true, "xxx.x."},
    {KIND, CALL_SELECT, false, "......"},
    {KIND, CALL_SELECT, true, "xxx.x."},
    {KIND, CALL_CLOSE, false, ".xx.x."},
    {KIND, CALL_CLOSE, true, "xxx.x."},
    {KIND, CALL_WAIT, false, "xxx.x."},
    {KIND, CALL_SELECT_WAIT, false, "xxx.x."},
#undef KIND
#define KIND {"capacity 1024, single both", 1024, SINGLE}
    {KIND, CALL_SEND, false, "-....."},
    {KIND, CALL_SEND, true, "---.x."},
    {KIND, CALL_RECV, false, ".--..."},
    {KIND, CALL_RECV, true, "---.x."},
    {KIND, CALL_SELECT, false, ".--..."},
    {KIND, CALL_SELECT, true, "---.x."},
    {KIND, CALL_CLOSE, false, ".xx.x."},
    {KIND, CALL_CLOSE, true, "x--.x."},
    {KIND, CALL_WAIT, false, "x--.x."},
    {KIND, CALL_SELECT_WAIT, false, "x--.x."},
#undef KIND
#define KIND {"unbounded", LEAT_UNBOUNDED, 0}
    {KIND, CALL_SEND, false, "x...x."},
    {KIND, CALL_SEND, true, "xxx.x."},
    {KIND, CALL_RECV, false, "xxx.x."},
    {KIND, CALL_SELECT, false, "xxx.x."},
    {KIND, CALL_CLOSE, false, "x...x."},
    {KIND, CALL_CLOSE, true, "xxx.x."},
    {KIND, CALL_WAIT, false, "x.x.x."},
    {KIND, CALL_SELECT_WAIT, false, "x.x.x."},
#undef KIND
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void end_of_round(const struct stopped_plan *p, unsigned k)
{
    stepper_ask(stepper, ORDER_FINISH);
    stepper_assert_well(stepper, call_name[p->call], k);
    stepper_next(stepper);
}

/* The way of the call, twice: at first there is lazy binding on it. */
static void record(const struct stopped_plan *p)
{
    for (unsigned i = 0; i < 2; i++) {
        stepper_ask(stepper, ORDER_PREPARE);
        if (i == 0)
            stepper_run(stepper);
        else
            assert_true(stepper_record(stepper) < STEPPER_MAX);
        stepper_ask(stepper, ORDER_RELEASE);
        stepper_finish(stepper);
        end_of_round(p, 0);
    }
}

/* Has the probe to wait for the victim, stopped after k instructions? */
static bool stalls(const struct stopped_plan *p, unsigned k, int patience_ms)
{
    stepper_ask(stepper, ORDER_PREPARE);
    (void)stepper_stop_at(stepper, k, false);
    stepper_tell(stepper, ORDER_PROBE);
    bool heard = stepper_hear(stepper, patience_ms);
    stepper_tell(stepper, ORDER_RELEASE);
    stepper_finish(stepper);
    for (unsigned answers = heard; answers < 2; answers++)
        if (!stepper_hear(stepper, MUCH_MS))
            fail_msg("%s, stopped after %u: no call returns", call_name[p->call], k);
    end_of_round(p, k);
    return !heard;
}

/* At how many places of the call does the probe wait? */
static unsigned probe_places(const struct stopped_plan *p, unsigned stops, bool may,
                             unsigned *ret_places)
{
    struct support_rng rng = support_rng(p->call * PROBES + p->probe);
    unsigned held = 0;
    ((struct stopped_board *)(void *)stepper->board)->plan = *p;
    record(p);
    unsigned stride = stepper->n / stops + 1;
    for (unsigned k = support_below(&rng, stride); k < stepper->n; k += stride) {
        bool waits = stalls(p, k, may ? SOON_MS : MUCH_MS);
        if (waits && !may)
            fail_msg("%s, %s: %s waits for one stopped after %u instructions",
                     p->kind.name, call_name[p->call], probe_name[p->probe], k);
        held += waits;
        ++*ret_places;
    }
    return held;
}

static unsigned places(void)
{
    const char *s = getenv("LEAT_STOPS");
    int n = s ? atoi(s) : 0;
    return n > 0 ? (unsigned)n : STOPS;
}

/* Tells it as a line of the table. */
static unsigned probe_row(const struct row *r, unsigned stops, unsigned *ret_places)
{
    char line[200] = "";
    unsigned held = 0;
    support_about = r->kind.name;
    for (unsigned probe = 0; probe < PROBES; probe++) {
        const struct stopped_plan p = {r->kind, r->call, r->parked, (enum probe)probe};
        unsigned all = 0, n = 0;
        size_t at = strlen(line);
        assert_int_equal(stopped_sensible(&p), r->may[probe] != '-');
        if (stopped_sensible(&p))
            n = probe_places(&p, stops, r->may[probe] == 'x', &all);
        snprintf(line + at, sizeof(line) - at, " %3u/%3u", n, all);
        held += n;
        *ret_places += all;
    }
    print_message("%-26s %-18s %-7s%s\n", r->kind.name, call_name[r->call],
                  r->parked ? "serves" : "", line);
    return held;
}

static void a_stopped_thread_holds_up_only_those_of_the_table(void **state)
{
    unsigned held = 0, all = 0;
    (void)state;
    if (!stepper_start(stepper, sizeof(struct stopped_board), stopped_victim,
                       stopped_other))
        skip();
    for (unsigned i = 0; i < PROBES; i++)
        print_message("%s%s", i ? ", " : "probes: ", probe_name[i]);
    print_message("\n");
    for (unsigned i = 0; i < ROWS; i++)
        held += probe_row(&rows[i], places(), &all);
    print_message("%u of %u had to wait\n", held, all);
    assert_true(held > 0 && held < all); /* it does see it */
    stepper_end(stepper);
    support_about = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_thread_holds_up_only_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
