/* test_misuse.c - what no result can tell is reported, with the name of the call, and
 * ends a debug build. Each misuse happens in a child process.
 * SPDX-License-Identifier: MIT */
/* ctest: novalgrind (some of it is a race, and only one thread runs at a time) */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

/* Runs fn in a child; it must be aborted after a line on stderr that names the call. */
static void assert_reported(void (*fn)(void), const char *call)
{
    int fd[2], status;
    char text[2000] = "";
    size_t n = 0;
    ssize_t r;
    assert_int_equal(pipe(fd), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka's handler would try to go on */
        dup2(fd[1], STDERR_FILENO);
        alarm(20);
        fn();
        _exit(0);
    }
    close(fd[1]);
    while (n < sizeof(text) - 1 && (r = read(fd[0], text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)r;
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !strstr(text, call))
        fail_msg("%s: status %x, \"%s\"", call, status, text);
}

static leat_chan *freed(void)
{
    leat_chan *c = NULL;
    if (leat_chan_new(&c, 8, 2) != 0)
        _exit(1);
    leat_chan_free(c);
    return c;
}

static uint64_t v;

static void send_freed(void)
{
    (void)!leat_chan_send(freed(), &v);
}

static void try_recv_freed(void)
{
    (void)!leat_chan_try_recv(freed(), &v);
}

static void recv_n_freed(void)
{
    (void)!leat_chan_recv_n(freed(), &v, 1, LEAT_NOW);
}

static void close_freed(void)
{
    (void)leat_chan_close(freed());
}

static void cancel_freed(void)
{
    (void)leat_chan_cancel(freed());
}

static void free_freed(void)
{
    (void)leat_chan_free(freed());
}

static void select_freed(void)
{
    struct leat_case k = LEAT_RECV(freed(), &v);
    (void)!leat_select(&k, 1, LEAT_NOW, 0, NULL);
}

static void a_freed_channel_is_reported(void **state)
{
    (void)state;
    assert_reported(send_freed, "leat_chan_send");
    assert_reported(try_recv_freed, "leat_chan_recv");
    assert_reported(recv_n_freed, "leat_chan_recv_n");
    assert_reported(close_freed, "leat_chan_close");
    assert_reported(cancel_freed, "leat_chan_cancel");
    assert_reported(free_freed, "leat_chan_free");
    assert_reported(select_freed, "leat_select");
}

static void wg_too_many(void)
{
    leat_wg wg = LEAT_WG_INIT;
    leat_wg_add(&wg, 1);
    leat_wg_done(&wg);
    leat_wg_done(&wg);
}

static void a_wait_group_below_zero_is_reported(void **state)
{
    (void)state;
    assert_reported(wg_too_many, "leat_wg_done");
}

/* Two at once on a side declared single: sooner or later they meet. */
static void *sender(void *arg)
{
    while (leat_chan_send((leat_chan *)arg, &v) == 0)
        ;
    return NULL;
}

static void *receiver(void *arg)
{
    while (leat_chan_recv((leat_chan *)arg, &v) == 0)
        ;
    return NULL;
}

static void two_of(unsigned flag, void *(*twice)(void *), void *(*once)(void *))
{
    struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = 8, .capacity = 128, .flags = flag};
    leat_chan *c = NULL;
    pthread_t t;
    if (leat_chan_open(&c, &o) != 0 || pthread_create(&t, NULL, twice, c) != 0 ||
        pthread_create(&t, NULL, twice, c) != 0)
        _exit(1);
    (void)once(c);
}

static void two_senders(void)
{
    two_of(LEAT_SINGLE_PRODUCER, sender, receiver);
}

static void two_receivers(void)
{
    two_of(LEAT_SINGLE_CONSUMER, receiver, sender);
}

static void two_on_a_single_side_are_reported(void **state)
{
    (void)state;
    assert_reported(two_senders, "leat_chan_send");
    assert_reported(two_receivers, "leat_chan_recv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freed_channel_is_reported),
        cmocka_unit_test(a_wait_group_below_zero_is_reported),
        cmocka_unit_test(two_on_a_single_side_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
