/* module.c - a library that test_helper.c loads when its helper has long been forked.
 * SPDX-License-Identifier: MIT */
#include <string.h>
#include <leat/stage.h>

int module_run(leat_stage *s, const void *in, size_t len);

int module_run(leat_stage *s, const void *in, size_t len)
{
    uint64_t n;
    if (len != sizeof(n))
        return LEAT_EINVAL;
    memcpy(&n, in, sizeof(n));
    n = n * n;
    return leat_emit(s, &n);
}
