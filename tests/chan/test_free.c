/* test_free.c - random programs of five actors that run freely, on the engine and on
 * the oracle behind a lock: what they saw keeps the contract (oracle/free.h). That the
 * oracle's runs pass shows that the checks ask for no more than that.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "oracle/free.h"

enum { BYTES = 2400 };

static void programs(const struct free_api *api, enum crew_kind crew, unsigned n)
{
    struct support_rng rng = support_rng(crew);
    uint8_t *bytes = malloc(BYTES);
    uint64_t values = 0;
    assert_non_null(bytes);
    for (unsigned i = 0; i < n; i++) {
        char about[60];
        snprintf(about, sizeof(about), "%s, %s, program %u", api->name,
                 crew_kind_name[crew], i);
        support_about = about;
        for (size_t k = 0; k < BYTES; k++)
            bytes[k] = (uint8_t)support_below(&rng, 256);
        values += free_run(api, crew, bytes, BYTES);
        support_about = NULL;
    }
    print_message("%s, %s: %u programs, %llu values sent or received\n", api->name,
                  crew_kind_name[crew], n, (unsigned long long)values);
    free(bytes);
}

static void free_programs_on_the_engine_keep_the_contract(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        programs(&free_engine, (enum crew_kind)crew, (unsigned)support_scale(40));
}

static void free_programs_on_the_oracle_keep_the_contract(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++)
        programs(&free_oracle, (enum crew_kind)crew, (unsigned)support_scale(5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_programs_on_the_engine_keep_the_contract),
        cmocka_unit_test(free_programs_on_the_oracle_keep_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
