/* test_oracle.c - the engine against channels so simple that they are right.
 *
 * Long random programs of some twenty kinds of operation on four channels of every kind
 * and two sets, step by step (oracle/steps.h): every result, every value, who returns
 * and who stays parked, lengths and ends are those of the oracle.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "oracle/steps.h"
#include "support/support.h"

enum { BYTES = 20000 };

struct run {
    enum steps_how how;
    unsigned programs;
    leat_pool *pool;
    struct steps_count count;
};

static int run_programs(void *arg)
{
    struct run *r = arg;
    struct support_rng rng = support_rng(r->how);
    uint8_t *bytes = malloc(BYTES);
    if (!expect(bytes != NULL))
        return 0;
    for (unsigned i = 0; i < r->programs; i++) {
        size_t n =
            BYTES / (1 + support_below(&rng, 20)); /* short ones know more ends */
        for (size_t k = 0; k < n; k++)
            bytes[k] = (uint8_t)support_below(&rng, 256);
        steps_run(bytes, n, r->how, r->pool, &r->count);
    }
    free(bytes);
    return 0;
}

static void report(const struct run *r)
{
    print_message("%u programs, %llu operations, %llu of them waited\n", r->programs,
                  (unsigned long long)r->count.ops,
                  (unsigned long long)r->count.parked);
    for (unsigned k = 0; k < PROGRAM_KINDS; k++) {
        bool never = r->how != STEPS_FIBERS && k == PROGRAM_PASS;
        if (r->how == STEPS_THREADS && k == PROGRAM_CANCEL_FIBER)
            never = true;
        if (!never && r->programs > 10 && r->count.done[k] == 0)
            fail_msg("no %s was ever possible", program_names[k]);
    }
    verdict();
}

static void run(enum steps_how how, unsigned programs)
{
    struct run r = {.how = how, .programs = programs};
    struct leat_pool_opts o = {.size = sizeof(o),
                               .workers = how == STEPS_FIBERS ? 1 : 2,
                               .stack_size = 256 << 10};
    (void)support_seed(); /* a disagreement aborts: the seed is to be seen before */
    assert_int_equal(leat_pool_new(&r.pool, &o), 0);
    if (how == STEPS_FIBERS)
        assert_int_equal(leat_pool_run(r.pool, run_programs, &r), 0);
    else
        run_programs(&r);
    leat_pool_free(r.pool);
    report(&r);
}

static void programs_of_fibers_agree_with_the_oracle(void **state)
{
    (void)state;
    run(STEPS_FIBERS, (unsigned)support_scale(150));
}

static void programs_of_threads_agree_with_the_oracle(void **state)
{
    (void)state;
    run(STEPS_THREADS, (unsigned)support_scale(6));
}

static void programs_of_threads_and_fibers_agree_with_the_oracle(void **state)
{
    (void)state;
    run(STEPS_MIXED, (unsigned)support_scale(6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_of_fibers_agree_with_the_oracle),
        cmocka_unit_test(programs_of_threads_agree_with_the_oracle),
        cmocka_unit_test(programs_of_threads_and_fibers_agree_with_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
