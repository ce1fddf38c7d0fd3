/* futex.c - see futex.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <leat/err.h>
#include "arch/futex.h"

/* errno is read on the thread that made the call, before anything can switch. */
int leatp_futex_wait(leati_a32 *word, uint32_t expect, struct leat_deadline until)
{
    int keep = errno; /* the caller's */
    struct timespec ts, *tsp = NULL;
    if (until.at_ns != INT64_MAX) {
        int64_t at = until.at_ns < 0 ? 0 : until.at_ns;
        ts.tv_sec = at / 1000000000;
        ts.tv_nsec = at % 1000000000;
        tsp = &ts;
    }
    long r = syscall(SYS_futex, &word->v, FUTEX_WAIT_BITSET_PRIVATE, expect, tsp, NULL,
                     FUTEX_BITSET_MATCH_ANY);
    bool late = r < 0 && errno == ETIMEDOUT;
    errno = keep;
    return late ? LEAT_ETIMEDOUT : 0;
}

void leatp_futex_wake(leati_a32 *word, int n)
{
    (void)syscall(SYS_futex, &word->v, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

void leatp_futex_wait_shared(leati_a32 *word, uint32_t expect)
{
    int keep = errno; /* the caller's */
    (void)syscall(SYS_futex, &word->v, FUTEX_WAIT, expect, NULL, NULL, 0);
    errno = keep;
}

void leatp_futex_wake_shared(leati_a32 *word, int n)
{
    (void)syscall(SYS_futex, &word->v, FUTEX_WAKE, n, NULL, NULL, 0);
}
