/* test_basic.c - pipes whose workers are processes: results, order, isolation, ends.
 * SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (the emulator has no pidfd of a process it emulates, memcheck
 * follows into every worker) */
#include <stdlib.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

static void every_item_is_answered_in_order(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_stats st;
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    size_t n = support_scale(20000);
    farm_start(&f, &o, n, 64, NULL);
    assert_int_equal(farm_finish(&f, &st), 0);
    assert_int_equal(st.taken, n);
    assert_int_equal(st.finished, n);
    assert_int_equal(st.delivered, n);
    assert_int_equal(st.failed, 0);
    assert_int_equal(st.replaced, 0);
    farm_no_leak(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_answered_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
