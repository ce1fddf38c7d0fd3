/* test_steps.c - support/steps.h for selects and sets. SPDX-License-Identifier: MIT */
/* ctest: timeout=200 noemu novalgrind (the stepper wants ptrace and a real CPU) */
#include "support/steps.h"

static void a_select_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(SELECT, NOBODY, 71);
}

static void a_timed_select_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(TIMED_SELECT, NOBODY, 97);
}

static void a_select_that_does_not_wait_sees_what_moves(void **state)
{
    (void)state;
    all_plans(NOW_SELECT, NOBODY, 3);
}

static void a_set_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(SET, NOBODY, 41);
}

static void a_completer_of_a_select_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(PLAIN, ONE_SELECT, 13);
}

static void a_completer_of_a_select_whose_time_is_up_loses_nothing(void **state)
{
    (void)state;
    all_plans(TIMED, ONE_SELECT, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_select_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_timed_select_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_select_that_does_not_wait_sees_what_moves),
        cmocka_unit_test(a_set_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_completer_of_a_select_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_completer_of_a_select_whose_time_is_up_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
