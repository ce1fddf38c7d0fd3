/* fail.c - failures seen off the test thread. SPDX-License-Identifier: MIT */
#include "support/support.h"

static struct {
    uint64_t count; /* w: any thread; the first one fills the rest */
    const char *text, *file;
    long long got, want;
    int line;
    uint8_t filled; /* released by the first, acquired by verdict */
} failed;

const char *support_about;

bool support_record(bool ok, const char *text, long long got, long long want,
                    const char *file, int line)
{
    if (__builtin_expect(ok, 1))
        return true;
    if (__atomic_fetch_add(&failed.count, 1, __ATOMIC_RELAXED) == 0) {
        failed.text = text;
        failed.file = file;
        failed.line = line;
        failed.got = got;
        failed.want = want;
        __atomic_store_n(&failed.filled, 1, __ATOMIC_RELEASE);
    }
    return false;
}

void verdict(void)
{
    uint64_t count = __atomic_exchange_n(&failed.count, 0, __ATOMIC_RELAXED);
    if (count == 0)
        return;
    if (support_about)
        print_error("about: %s\n", support_about);
    if (__atomic_exchange_n(&failed.filled, 0, __ATOMIC_ACQUIRE))
        print_error("%s:%d: expected %s (got %lld, want %lld)\n", failed.file, failed.line,
                    failed.text, failed.got, failed.want);
    print_error("%llu failure(s) off the test thread, the first one above; LEAT_SEED=%llu\n",
                (unsigned long long)count, (unsigned long long)support_seed());
    fail();
}
