/* test_steps.c - support/steps.h for plain operations. SPDX-License-Identifier: MIT */
/* ctest: timeout=200 noemu novalgrind (the stepper wants ptrace and a real CPU) */
#include "support/steps.h"

static void a_waiter_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(PLAIN, NOBODY, 11);
}

static void a_timed_waiter_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(TIMED, NOBODY, 19);
}

static void a_completer_stopped_anywhere_loses_nothing(void **state)
{
    (void)state;
    all_plans(PLAIN, ONE_PLAIN, 7);
}

static void a_completer_of_one_whose_time_is_up_loses_nothing(void **state)
{
    (void)state;
    all_plans(TIMED, ONE_PLAIN, 9);
}

/* One call of the victim, that could serve the parked waiter: after each instruction a
 * newcomer tries to take what the call makes available. True: it got it. */
static bool passed_by_newcomer(void)
{
    struct board *b = (struct board *)(void *)stepper.board;
    bool stolen = false;
    for (enum stepper_state st = STEPPER_INSIDE; st == STEPPER_INSIDE && !stolen;) {
        st = stepper_step(&stepper);
        stepper_tell(&stepper, STEAL);
        if (!stepper_hear(&stepper, BUSY_MS)) { /* the victim has the side's lock */
            stepper_finish(&stepper);
            assert_true(stepper_hear(&stepper, 10000));
        }
        stolen = b->stolen;
    }
    stepper_finish(&stepper);
    stepper_next(&stepper);
    return stolen;
}

/* The newcomer is there at the worst of all moments, again and again. */
static void a_parked_waiter_is_passed_four_times_at_most(void **state)
{
    (void)state;
    if (!stepper_start(&stepper, sizeof(struct board), victim, other))
        skip();
    static const struct kind passed_kinds[] = {
        {"capacity 1", 1, 0}, {"capacity 3", 3, 0}, {"capacity 1, fair", 1, LEAT_FAIR}};
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned dir = 0; dir < 2; dir++) {
            const struct plan p = {passed_kinds[k], dir, PLAIN, ONE_PLAIN, NEWCOMER};
            ((struct board *)(void *)stepper.board)->plan = p;
            support_about = about(&p);
            stepper_ask(&stepper, PREPARE);
            unsigned passed = 0;
            while (passed < 30 && passed_by_newcomer())
                passed++;
            print_message("%s: passed %u times\n", p.kind.name, passed);
            assert_true(passed <= (p.kind.flags & LEAT_FAIR ? 0 : 4));
            stepper_ask(&stepper, FINISH);
            stepper_assert_well(&stepper, about(&p), passed);
        }
    }
    stepper_end(&stepper);
    support_about = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiter_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_timed_waiter_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_completer_stopped_anywhere_loses_nothing),
        cmocka_unit_test(a_completer_of_one_whose_time_is_up_loses_nothing),
        cmocka_unit_test(a_parked_waiter_is_passed_four_times_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
