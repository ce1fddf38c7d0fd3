/* overflow.c - telling that a fiber has outgrown its stack, by its name.
 *
 * A stack with a guard page faults; with LEAT_POOL_FAULT_HANDLER the fault is reported
 * here, on the worker's alternate stack, and then goes its former way. A stack without
 * guard has a canary; when it is found dead, other memory is already damaged, so the
 * process ends. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/os.h"
#include "pool/mill.h"

static size_t append(char *text, size_t at, size_t room, const char *more)
{
    while (*more && at < room)
        text[at++] = *more++;
    return at;
}

static size_t append_number(char *text, size_t at, size_t room, size_t n)
{
    char digits[24];
    size_t i = sizeof(digits);
    digits[--i] = '\0';
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return append(text, at, room, digits + i);
}

/* Async-signal-safe; needs little stack. */
static void report(const struct leat_fiber *f)
{
    char text[160];
    const size_t room = sizeof(text);
    size_t n = append(text, 0, room, "leat: stack overflow in fiber \"");
    n = append(text, n, room, f->traits & LEATI_TRAIT_NAMED ? f->name : "(no name)");
    n = append(text, n, room, "\" of pool \"");
    n = append(text, n, room, f->pool->name);
    n = append(text, n, room, "\": ");
    n = append_number(text, n, room, leati_stack_size(f->class));
    n = append(text, n, room, " bytes\n");
    leatp_write(STDERR_FILENO, text, n);
}

LEATI_COLD void leati_overflow(const struct leat_fiber *f)
{
    report(f);
    abort();
}

bool leati_overflow_fault(void *addr)
{
    struct leati_worker *w = leati_worker_self();
    if (!w || !w->current)
        return false;
    struct leat_fiber *f = leati_container_of(w->current, struct leat_fiber, party);
    uintptr_t at = (uintptr_t)addr, lo = (uintptr_t)f->stack;
    if ((f->traits & LEATI_TRAIT_BARE) || at >= lo || at < lo - leatp_page())
        return false;
    report(f);
    return true;
}
