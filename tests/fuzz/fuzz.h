/* fuzz.h - a fuzz target, as libFuzzer and AFL++ call it. SPDX-License-Identifier: MIT
 */
#ifndef LEAT_TESTS_FUZZ_H
#define LEAT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#endif
