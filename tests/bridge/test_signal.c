/* test_signal.c - the mailbox of signal handlers. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/lone.h"

static leat_signal *mailbox;

static void handler(int n)
{
    (void)leat_signal_post(mailbox, (uint32_t)n);
}

static leat_chan *channel(size_t cap)
{
    leat_chan *c;
    assert_int_equal(leat_chan_new(&c, sizeof(uint32_t), cap), 0);
    return c;
}

static int receive(void *arg)
{
    uint32_t n;
    int r = leat_chan_recv(arg, &n);
    return r == 0 ? (int)n : r;
}

static void a_raised_signal_arrives_as_a_message(void **state)
{
    (void)state;
    for (int kind = 0; kind < CREW_KINDS; kind++) {
        for (size_t cap = 0; cap < 3; cap++) {
            leat_chan *c = channel(cap);
            struct lone a;
            assert_int_equal(leat_signal_new(&mailbox, c), 0);
            lone_start(&a, (enum crew_kind)kind, 1, receive, c);
            struct sigaction sa = {.sa_handler = handler}, old;
            sigaction(SIGUSR1, &sa, &old);
            errno = 1234;
            raise(SIGUSR1);
            assert_int_equal(errno, 1234);
            assert_int_equal(lone_join(&a), SIGUSR1);
            sigaction(SIGUSR1, &old, NULL);
            assert_null(leat_signal_free(mailbox));
            assert_null(leat_chan_free(c));
        }
    }
}

/* Posts of one number that were not yet forwarded are one; different ones are all
 * delivered, even when the channel was full. */
static void a_full_channel_delays_and_loses_none(void **state)
{
    (void)state;
    leat_chan *c = channel(1);
    leat_signal *s;
    uint64_t seen = 0;
    assert_int_equal(leat_signal_new(&s, c), 0);
    for (unsigned i = 0; i < 3 * 64; i++)
        assert_int_equal(leat_signal_post(s, i % 64), 0);
    unsigned messages = 0;
    while (seen != UINT64_MAX) {
        uint32_t n;
        assert_int_equal(leat_chan_recv_until(c, &n, leat_in_s(20)), 0);
        assert_true(n < 64);
        seen |= (uint64_t)1 << n;
        messages++;
    }
    assert_true(messages <= 3 * 64);
    assert_null(leat_signal_free(s));
    leat_chan_free(c);
}

struct posts {
    leat_signal *s;
    unsigned rounds;
};

static int poster(void *arg)
{
    struct posts *p = arg;
    for (unsigned i = 0; i < p->rounds; i++)
        if (leat_signal_post(p->s, i % 8) != 0)
            return -1;
    return 0;
}

/* A post after its last message was received is always followed by another message. */
static void no_post_is_forgotten(void **state)
{
    (void)state;
    leat_chan *c = channel(2);
    leat_signal *s;
    assert_int_equal(leat_signal_new(&s, c), 0);
    for (unsigned i = 0; i < support_scale(3000); i++) {
        uint32_t n;
        assert_int_equal(leat_signal_post(s, i % 64), 0);
        assert_int_equal(leat_chan_recv_until(c, &n, leat_in_s(20)), 0);
        assert_int_equal(n, i % 64);
    }
    struct posts p = {s, (unsigned)support_scale(5000)};
    struct lone a[2];
    for (unsigned i = 0; i < 2; i++)
        lone_start(&a[i], CREW_MIXED, i, poster, &p);
    uint32_t n;
    while (leat_chan_recv_until(c, &n, leat_in_ms(50)) == 0)
        assert_true(n < 8);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(lone_join(&a[i]), 0);
    while (leat_chan_recv_until(c, &n, leat_in_ms(50)) == 0)
        assert_true(n < 8);
    assert_int_equal(leat_signal_post(s, 63), 0);
    assert_int_equal(leat_chan_recv_until(c, &n, leat_in_s(20)), 0);
    assert_int_equal(n, 63);
    leat_signal_free(s);
    leat_chan_free(c);
}

static void free_forwards_what_fits_and_does_not_hang(void **state)
{
    (void)state;
    for (unsigned round = 0; round < support_scale(50); round++) {
        leat_chan *c = channel(3);
        leat_signal *s;
        uint32_t n;
        assert_int_equal(leat_signal_new(&s, c), 0);
        for (uint32_t i = 0; i < 10; i++)
            assert_int_equal(leat_signal_post(s, i), 0);
        assert_null(leat_signal_free(s));
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(leat_chan_try_recv(c, &n), 0);
        assert_int_equal(leat_chan_try_recv(c, &n), LEAT_EAGAIN);
        leat_chan_free(c);
    }
}

static void a_closed_channel_takes_nothing(void **state)
{
    (void)state;
    leat_chan *c = channel(1);
    leat_signal *s;
    assert_int_equal(leat_signal_new(&s, c), 0);
    assert_int_equal(leat_chan_close(c), 0);
    assert_int_equal(leat_signal_post(s, 5), 0);
    assert_null(leat_signal_free(s));
    assert_int_equal(leat_chan_recv(c, NULL), LEAT_ECLOSED);
    leat_chan_free(c);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    leat_chan *c = channel(1), *wrong;
    leat_signal *s = NULL;
    assert_int_equal(leat_chan_new(&wrong, 8, 1), 0);
    assert_int_equal(leat_signal_new(NULL, c), LEAT_EINVAL);
    assert_int_equal(leat_signal_new(&s, NULL), LEAT_EINVAL);
    assert_int_equal(leat_signal_new(&s, wrong), LEAT_EINVAL);
    assert_null(s);
    assert_int_equal(leat_signal_post(NULL, 1), LEAT_EINVAL);
    assert_int_equal(leat_signal_new(&s, c), 0);
    assert_int_equal(leat_signal_post(s, 64), LEAT_EINVAL);
    assert_int_equal(leat_signal_post(s, UINT32_MAX), LEAT_EINVAL);
    assert_null(leat_signal_free(s));
    assert_null(leat_signal_free(NULL));
    leat_chan_free(wrong);
    leat_chan_free(c);
}

static unsigned threads_named(const char *name)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        char path[300], line[64] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        if (fgets(line, sizeof(line), f))
            n += strncmp(line, name, strlen(name)) == 0;
        fclose(f);
    }
    closedir(d);
    return n;
}

/* In the end: a thread that has been joined is listed until the kernel has done with it. */
static bool no_thread_left(void *arg)
{
    (void)arg;
    return threads_named("leat-signal") == 0;
}

static void its_thread_is_named_and_ends(void **state)
{
    (void)state;
    leat_chan *c = channel(1);
    leat_signal *s;
    assert_true(support_until(no_thread_left, NULL));
    assert_int_equal(leat_signal_new(&s, c), 0);
    assert_int_equal(threads_named("leat-signal"), 1);
    leat_signal_free(s);
    assert_true(support_until(no_thread_left, NULL));
    leat_chan_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raised_signal_arrives_as_a_message),
        cmocka_unit_test(a_full_channel_delays_and_loses_none),
        cmocka_unit_test(no_post_is_forgotten),
        cmocka_unit_test(free_forwards_what_fits_and_does_not_hang),
        cmocka_unit_test(a_closed_channel_takes_nothing),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(its_thread_is_named_and_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
