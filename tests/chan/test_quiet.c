/* test_quiet.c - a program that uses channels from its own threads only gets no thread
 * of leat's and keeps its signals. SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "support/kinds.h"

static unsigned tasks(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* An ended thread may be listed for a moment after its join. */
static bool tasks_are(void *arg)
{
    return tasks() == *(unsigned *)arg;
}

struct signals {
    sigset_t mask;
    struct sigaction action[65];
};

static void read_signals(struct signals *s)
{
    memset(s, 0, sizeof(*s));
    pthread_sigmask(SIG_BLOCK, NULL, &s->mask);
    for (int i = 1; i < 65; i++)
        (void)sigaction(i, NULL, &s->action[i]);
}

static bool same_signals(const struct signals *a, const struct signals *b)
{
    for (int i = 1; i < 65; i++)
        if (a->action[i].sa_handler != b->action[i].sa_handler ||
            a->action[i].sa_flags != b->action[i].sa_flags ||
            sigismember(&a->mask, i) != sigismember(&b->mask, i))
            return false;
    return true;
}

struct peer {
    leat_chan *in, *out;
    unsigned most;
};

/* Echoes; it waits, so that everything that waiting could start has been started. */
static void *echo(void *arg)
{
    struct peer *p = (struct peer *)arg;
    uint64_t v;
    while (leat_chan_recv(p->in, &v) == 0) {
        unsigned n = tasks();
        p->most = n > p->most ? n : p->most;
        if (leat_chan_send(p->out, &v) != 0)
            break;
    }
    return NULL;
}

static void use(leat_chan *in, leat_chan *out)
{
    leat_chan *after = NULL, *ticks = NULL;
    leat_set *s = NULL;
    leat_mutex m = LEAT_MUTEX_INIT;
    uint64_t v = 1;
    for (unsigned i = 0; i < 100; i++) {
        expect_eq(leat_chan_send(in, &v), 0);
        expect_eq(leat_chan_recv(out, &v), 0);
    }
    expect_eq(leat_after(&after, leat_in_ms(1)), 0);
    expect_eq(leat_tick(&ticks, 1000000), 0);
    struct leat_case k[3] = {LEAT_RECV(out, &v), LEAT_RECV(after, NULL), LEAT_RECV(ticks, NULL)};
    expect_eq(leat_select(k, 3, leat_in_s(10), 0, NULL), 0);
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, out, NULL), 0);
    expect_eq(leat_set_add(s, ticks, NULL), 0);
    expect_eq(leat_set_wait(s, &v, NULL, NULL, leat_in_s(10)), 0);
    leat_set_free(s);
    expect_eq(leat_mutex_lock(&m), 0);
    expect_eq(leat_mutex_unlock(&m), 0);
    expect_eq(leat_chan_recv_until(out, &v, leat_in_ms(2)), LEAT_ETIMEDOUT);
    leat_chan_free(after);
    leat_chan_free(ticks);
}

static void no_thread_is_started_no_signal_touched(void **state)
{
    (void)state;
    struct signals before, after;
    pthread_t first; /* a sanitizer may start a thread of its own beside the first one */
    struct peer none = {NULL, NULL, 0};
    assert_int_equal(pthread_create(&first, NULL, echo, &none), 0);
    pthread_join(first, NULL);
    unsigned own;
    for (int64_t end = leat_now() + 100000000; tasks() > 1 && leat_now() < end;)
        leat_yield();
    own = tasks();
    read_signals(&before);
    for (unsigned i = 0; i < KINDS; i++) {
        struct peer p = {kind_open(&kinds[i], 8), kind_open(&kinds[i], 8), 0};
        pthread_t t;
        assert_true(support_until(tasks_are, &own));
        assert_int_equal(pthread_create(&t, NULL, echo, &p), 0);
        use(p.in, p.out);
        assert_int_equal(tasks(), own + 1);
        leat_chan_close(p.in);
        pthread_join(t, NULL);
        assert_int_equal(p.most, own + 1);
        while (tasks() != own) /* a joined thread is listed until the kernel is done */
            sched_yield();
        leat_chan_free(p.in);
        leat_chan_free(p.out);
        verdict();
    }
    read_signals(&after);
    assert_true(same_signals(&before, &after));
}

/* Each way of waiting of a thread is correct. */
static void *bouncer(void *arg)
{
    struct peer *p = (struct peer *)arg;
    uint64_t v;
    while (leat_chan_recv(p->in, &v) == 0)
        if (!expect_eq(leat_chan_send(p->out, &v), 0))
            break;
    return NULL;
}

static void every_way_of_waiting_works(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KINDS; i++) {
        for (int spin = LEAT_SPIN_ADAPTIVE; spin <= LEAT_SPIN_BUSY; spin++) {
            struct leat_chan_opts o = kind_opts(&kinds[i], 8);
            struct peer p = {NULL, NULL, 0};
            pthread_t t;
            o.spin = (enum leat_spin)spin;
            assert_int_equal(leat_chan_open(&p.in, &o), 0);
            assert_int_equal(leat_chan_open(&p.out, &o), 0);
            assert_int_equal(pthread_create(&t, NULL, bouncer, &p), 0);
            for (uint64_t v = 0; v < support_scale(500); v++) {
                uint64_t got;
                assert_int_equal(leat_chan_send(p.in, &v), 0);
                assert_int_equal(leat_chan_recv(p.out, &got), 0);
                assert_int_equal(got, v);
            }
            assert_int_equal(leat_chan_recv_until(p.out, NULL, leat_in_ms(3)), LEAT_ETIMEDOUT);
            leat_chan_close(p.in);
            pthread_join(t, NULL);
            leat_chan_free(p.in);
            leat_chan_free(p.out);
            verdict();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_is_started_no_signal_touched),
        cmocka_unit_test(every_way_of_waiting_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
