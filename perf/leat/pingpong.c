/* pingpong.c - there and back over two unbuffered channels, by fibers and by threads.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <pthread.h>

struct table {
    leat_chan *ping, *pong;
};

static int echo(void *arg)
{
    struct table *t = arg;
    int64_t v;
    while (leat_chan_recv(t->ping, &v) == 0) {
        v++;
        must(leat_chan_send(t->pong, &v), "send");
    }
    leat_chan_close(t->pong);
    return 0;
}

static void rally(struct table *t, long n)
{
    int64_t v;
    for (int64_t i = 0; i < n; i++) {
        must(leat_chan_send(t->ping, &i), "send");
        must(leat_chan_recv(t->pong, &v), "recv");
        check(v == i + 1, "pingpong: wrong value");
    }
}

/* n round trips; the one before shows that the peer is there. */
static void play(struct table *t, struct watch *w, long n)
{
    int64_t v;
    rally(t, 1);
    watch_start(w);
    rally(t, n);
    watch_stop(w, n);
    w->check = (uint64_t)n;
    leat_chan_close(t->ping);
    check(leat_chan_recv(t->pong, &v) == LEAT_ECLOSED, "pingpong: one value too many");
}

void pingpong(struct job *j, struct watch *w)
{
    struct table t = {channel(0), channel(0)};
    leat_fiber *f;
    must(leat_go(&f, echo, &t), "leat_go");
    play(&t, w, j->n);
    must(leat_fiber_join(f, NULL), "join");
    leat_chan_free(t.ping);
    leat_chan_free(t.pong);
}

static void *echo_thread(void *arg)
{
    echo(arg);
    return NULL;
}

static leat_chan *channel_for_threads(const struct job *j)
{
    struct leat_chan_opts opts = {
        .size = sizeof(opts), .elem_size = sizeof(int64_t), .spin = j->spin};
    leat_chan *c;
    if (j->spin == LEAT_SPIN_ADAPTIVE)
        return channel(0);
    must(leat_chan_open(&c, &opts), "leat_chan_open");
    return c;
}

/* The same between two OS threads. */
void threads_pingpong(struct job *j, struct watch *w)
{
    struct table t = {channel_for_threads(j), channel_for_threads(j)};
    pthread_t thread;
    if (pthread_create(&thread, NULL, echo_thread, &t) != 0)
        fail("pthread_create", 0);
    play(&t, w, j->n);
    pthread_join(thread, NULL);
    leat_chan_free(t.ping);
    leat_chan_free(t.pong);
}
