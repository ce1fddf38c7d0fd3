/* test_errno.c - the caller's errno stays as it was. SPDX-License-Identifier: MIT */
#include <errno.h>

#include "support/op.h"

/* The caller's errno is neither read nor written, whatever the call does. */
static void errno_kept(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8), *timer = NULL;
    uint64_t v = 1;
    struct op o;
    errno = 77;
    expect_eq(leat_chan_recv_until(c, &v, leat_in_ms(1)), LEAT_ETIMEDOUT);
    expect_eq(errno, 77);
    op_park(&o, CREW_THREADS, 0, c, LEAT_OP_RECV, 0, 1);
    errno = 78;
    expect_eq(leat_chan_send(c, &v), 0);
    expect_eq(errno, 78);
    expect_eq(op_join(&o), 0);
    struct leat_case cs[1] = {LEAT_RECV(c, &v)};
    errno = 79;
    expect_eq(leat_select(cs, 1, leat_in_ms(1), 0, NULL), LEAT_ETIMEDOUT);
    expect_eq(leat_after(&timer, leat_in_us(300)), 0);
    expect_eq(leat_chan_recv(timer, NULL), 0);
    expect_eq(errno, 79);
    leat_chan_free(timer);
    leat_chan_free(c);
    expect_eq(errno, 79);
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    each_kind(errno_kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errno_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
