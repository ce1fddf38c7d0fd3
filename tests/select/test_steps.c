/* test_steps.c - support/steps.h for selects and sets. SPDX-License-Identifier: MIT */
/* ctest: timeout=200 */
#include "support/steps.h"

static void a_select_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(SELECT, false, 43);
}

static void a_timed_select_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(TIMED_SELECT, false, 97);
}

static void a_select_that_does_not_wait_sees_what_moves(void **state)
{
    (void)state;
    all_plans(NOW_SELECT, false, 3);
}

static void a_set_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(SET, false, 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_select_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_timed_select_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_select_that_does_not_wait_sees_what_moves),
        cmocka_unit_test(a_set_stopped_anywhere_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
