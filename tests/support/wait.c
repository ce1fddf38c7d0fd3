/* wait.c - waiting for a state of the engine. SPDX-License-Identifier: MIT */
#include "support/support.h"

bool support_until(bool (*cond)(void *arg), void *arg)
{
    int64_t end = leat_now() + INT64_C(20000000000);
    while (!cond(arg)) {
        if (leat_now() > end)
            return false;
        leat_yield();
    }
    return true;
}
