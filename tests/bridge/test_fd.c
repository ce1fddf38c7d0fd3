/* test_fd.c - a channel as a file descriptor: readable exactly while a receive would not
 * block. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/op.h"

static bool readable(leat_fd *f)
{
    struct pollfd p = {.fd = leat_fd_get(f), .events = POLLIN};
    expect(poll(&p, 1, 0) >= 0);
    return p.revents & POLLIN;
}

/* Waits for it; the sender may be on its way. */
static bool becomes_readable(leat_fd *f)
{
    struct pollfd p = {.fd = leat_fd_get(f), .events = POLLIN};
    return poll(&p, 1, 60000) == 1;
}

static leat_fd *fd_of(leat_chan *c)
{
    leat_fd *f = NULL;
    expect_eq(leat_fd_new(&f, c), 0);
    return f;
}

static void one_by_one(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    leat_fd *f = fd_of(c);
    uint64_t got = 0;
    expect(!readable(f));
    expect_eq(leat_fd_recv(f, &got), LEAT_EAGAIN);
    expect(!readable(f));
    if (k->cap != 0)
        for (uint64_t v = 1; v < 5; v++) {
            expect_eq(leat_chan_send(c, &v), 0);
            expect(readable(f));
            expect(readable(f)); /* as long as it is there */
            expect_eq(leat_fd_recv(f, &got), 0);
            expect_eq(got, v);
            expect(!readable(f));
        }
    leat_fd_free(f);
    leat_chan_free(c);
}

static void it_is_readable_while_there_is_a_value(void **state)
{
    (void)state;
    each_kind(one_by_one);
}

static void a_burst(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    if (k->cap != 0) {
        uint64_t inside = fill(c, k, 0), got = 0;
        leat_fd *f = fd_of(c); /* values that were there before */
        for (unsigned round = 0; round < 2; round++) {
            for (uint64_t v = 0; v < inside; v++) {
                expect(readable(f));
                expect_eq(leat_fd_recv(f, &got), 0);
                expect_eq(got, v);
            }
            expect(!readable(f));
            if (round == 0)
                (void)fill(c, k, 0);
        }
        leat_fd_free(f);
    }
    leat_chan_free(c);
}

static void bursts_leave_nothing_unseen(void **state)
{
    (void)state;
    each_kind(a_burst);
}

static void senders_that_wait(const struct kind *k, enum crew_kind crew)
{
    leat_chan *c = kind_open(k, 8);
    leat_fd *f = fd_of(c);
    struct op o[2];
    uint64_t got = 0;
    unsigned n = kind_allows(k, 2, 1) ? 2 : 1;
    for (unsigned i = 0; i < n; i++)
        op_start(&o[i], crew, i, c, LEAT_OP_SEND, i, LEAT_NEVER);
    for (unsigned i = 0; i < n; i++) {
        expect(becomes_readable(f));
        int r;
        while ((r = leat_fd_recv(f, &got)) == LEAT_EAGAIN || r == LEAT_EBUSY)
            expect(becomes_readable(f));
        expect_eq(r, 0);
    }
    for (unsigned i = 0; i < n; i++)
        expect_eq(op_join(&o[i]), 0);
    expect_eq(leat_fd_recv(f, &got), LEAT_EAGAIN);
    expect(!readable(f));
    leat_fd_free(f);
    leat_chan_free(c);
}

static void actors_that_send_make_it_readable(void **state)
{
    (void)state;
    each_kind_and_crew(senders_that_wait);
}

static void closing(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    leat_fd *f = fd_of(c), *g = fd_of(c);
    uint64_t inside = fill(c, k, 0), got = 0;
    expect_eq(leat_chan_close(c), 0);
    for (uint64_t v = 0; v < inside; v++) {
        expect(readable(f));
        expect_eq(leat_fd_recv(f, &got), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        expect(readable(f) && readable(g));
        expect(leat_fd_update(f));
        expect_eq(leat_fd_recv(f, &got), LEAT_ECLOSED);
        expect_eq(leat_fd_recv(g, &got), LEAT_ECLOSED);
    }
    leat_fd_free(f);
    leat_fd_free(g);
    f = fd_of(c); /* closed before */
    expect(readable(f));
    leat_fd_free(f);
    leat_chan_free(c);
    c = kind_open(k, 8);
    f = fd_of(c);
    expect(!readable(f));
    expect_eq(leat_chan_cancel(c), 0);
    expect(readable(f));
    leat_fd_free(f);
    leat_chan_free(c);
}

static void a_closed_channel_stays_readable(void **state)
{
    (void)state;
    each_kind(closing);
}

/* Several of one channel, and others that receive beside them. */
static void beside_others(const struct kind *k)
{
    leat_chan *c = kind_open(k, 8);
    leat_fd *f[3];
    uint64_t v = 1, got = 0;
    if (k->cap == 0 || !kind_allows(k, 1, 4)) {
        leat_chan_free(c);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        f[i] = fd_of(c);
    expect_eq(leat_chan_send(c, &v), 0);
    for (unsigned i = 0; i < 3; i++)
        expect(readable(f[i]));
    expect_eq(leat_chan_recv(c, &got), 0); /* not through one of them */
    for (unsigned i = 0; i < 2; i++) {
        expect_eq(leat_fd_recv(f[i], &got), LEAT_EAGAIN);
        expect(!readable(f[i]));
    }
    expect(!leat_fd_update(f[2]));
    expect(!readable(f[2]));
    expect_eq(leat_chan_send(c, &v), 0);
    for (unsigned i = 0; i < 3; i++)
        expect(readable(f[i]));
    expect(leat_fd_update(f[1]));
    expect_eq(leat_fd_recv(f[1], &got), 0);
    expect(!readable(f[1]));
    leat_fd_free(f[0]);
    expect_eq(leat_chan_send(c, &v), 0);
    expect(readable(f[1]) && readable(f[2]));
    leat_fd_free(f[1]);
    leat_fd_free(f[2]);
    leat_chan_free(c);
}

static void several_and_other_receivers_are_independent(void **state)
{
    (void)state;
    each_kind(beside_others);
}

static void timers_are_readable_when_due(void **state)
{
    (void)state;
    leat_chan *t;
    int64_t at = 0, last = 0;
    struct leat_deadline due = leat_in_ms(20);
    assert_int_equal(leat_after(&t, due), 0);
    leat_fd *f = fd_of(t);
    if (leat_now() < due.at_ns)
        expect(!readable(f) || leat_now() >= due.at_ns);
    expect(becomes_readable(f));
    expect(leat_now() >= due.at_ns);
    assert_int_equal(leat_fd_recv(f, &at), 0);
    assert_int_equal(at, due.at_ns);
    expect(readable(f)); /* closed now */
    assert_int_equal(leat_fd_recv(f, &at), LEAT_ECLOSED);
    leat_fd_free(f);
    leat_chan_free(t);
    assert_int_equal(leat_tick(&t, 2000000), 0);
    f = fd_of(t);
    for (unsigned i = 0; i < 4; i++) {
        int r;
        expect(becomes_readable(f));
        while ((r = leat_fd_recv(f, &at)) == LEAT_EAGAIN)
            expect(becomes_readable(f));
        expect_eq(r, 0);
        expect(at > last);
        last = at;
        bool early = readable(f); /* before the next one is due? */
        expect(!early || leat_now() >= at + 2000000);
    }
    leat_fd_free(f);
    leat_chan_free(t);
    assert_int_equal(leat_after(&t, LEAT_NEVER), 0);
    f = fd_of(t);
    expect(!readable(f));
    leat_chan_close(t);
    expect(readable(f));
    assert_int_equal(leat_fd_recv(f, &at), LEAT_ECLOSED);
    leat_fd_free(f);
    leat_chan_free(t);
    verdict();
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    leat_chan *c = kind_open(&kinds[3], 8);
    leat_fd *f;
    assert_int_equal(leat_fd_new(NULL, c), LEAT_EINVAL);
    assert_int_equal(leat_fd_new(&f, NULL), LEAT_EINVAL);
    assert_int_equal(leat_fd_get(NULL), -1);
    assert_int_equal(leat_fd_recv(NULL, NULL), LEAT_EINVAL);
    assert_false(leat_fd_update(NULL));
    assert_null(leat_fd_free(NULL));
    f = fd_of(c);
    assert_true(fcntl(leat_fd_get(f), F_GETFD) & FD_CLOEXEC);
    leat_chan_free(c); /* it has a reference */
    assert_int_equal(leat_fd_recv(f, NULL), LEAT_EAGAIN);
    int fd = leat_fd_get(f);
    assert_null(leat_fd_free(f));
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    verdict();
}

static int one_or_two(void *arg, void *ret)
{
    int64_t *n = arg;
    *(int64_t *)ret = *n;
    return (*n)++ < 2 ? 0 : LEAT_ECLOSED;
}

static void streams_are_readable_until_their_end_and_after(void **state)
{
    (void)state;
    int64_t n = 0, got = 0;
    const struct leat_source_opts o = {
        .size = sizeof(o), .elem_size = 8, .next = one_or_two, .arg = &n};
    leat_chan *c[2];
    assert_int_equal(leat_source_range(&c[0], 0, 2, 1), 0);
    assert_int_equal(leat_source_new(&c[1], &o), 0);
    for (unsigned i = 0; i < 2; i++) {
        leat_fd *f = fd_of(c[i]);
        for (int64_t v = 0; v < 2; v++) {
            expect(readable(f));
            expect_eq(leat_fd_recv(f, &got), 0);
            expect_eq(got, v);
        }
        for (unsigned k = 0; k < 2; k++) {
            expect(readable(f));
            expect_eq(leat_fd_recv(f, &got), LEAT_ECLOSED);
        }
        leat_fd_free(f);
        leat_chan_free(c[i]);
    }
    verdict();
}

/* --- while nobody polls --- */

/* The descriptor is written once however many are sent: the counter of an eventfd is the
 * number of writes. */
static void unattended_sends_make_one_system_call(void **state)
{
    (void)state;
    leat_chan *c;
    assert_int_equal(leat_chan_new(&c, 8, LEAT_UNBOUNDED), 0);
    leat_fd *f = fd_of(c);
    uint64_t writes = 0, got;
    for (uint64_t v = 0; v < 1000; v++)
        assert_int_equal(leat_chan_send(c, &v), 0);
    assert_int_equal(read(leat_fd_get(f), &writes, sizeof(writes)), sizeof(writes));
    assert_int_equal(writes, 1);
    for (uint64_t v = 0; v < 1000; v++) {
        assert_int_equal(leat_fd_recv(f, &got), 0);
        assert_int_equal(got, v);
    }
    leat_fd_free(f);
    leat_chan_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_readable_while_there_is_a_value),
        cmocka_unit_test(bursts_leave_nothing_unseen),
        cmocka_unit_test(actors_that_send_make_it_readable),
        cmocka_unit_test(a_closed_channel_stays_readable),
        cmocka_unit_test(several_and_other_receivers_are_independent),
        cmocka_unit_test(timers_are_readable_when_due),
        cmocka_unit_test(streams_are_readable_until_their_end_and_after),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(unattended_sends_make_one_system_call),
    };
    return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
