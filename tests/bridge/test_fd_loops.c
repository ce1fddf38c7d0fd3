/* test_fd_loops.c - event loops that receive through descriptors: epoll and libuv, while
 * threads and fibers send in bursts. No edge is lost: else a loop sleeps for ever.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu uses=libuv */
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifdef LEAT_TEST_LIBUV
#include <uv.h>
#endif

#include "support/kinds.h"

enum { CHANS = 3, FDS = 2, SENDERS = 4 };

struct world {
    leat_chan *c[CHANS];
    size_t per_sender;
    unsigned senders;                         /* atomic */
    uint64_t sent, sum_in, received, sum_out; /* atomic */
    unsigned open;                            /* the loop's: descriptors */
};

static void send_in_bursts(struct actor *a)
{
    struct world *w = a->arg;
    for (size_t i = 0; i < w->per_sender;) {
        leat_chan *c = w->c[support_below(&a->rng, CHANS)];
        for (uint32_t n = support_below(&a->rng, 20) + 1; n > 0 && i < w->per_sender; n--, i++) {
            uint64_t v = support_below(&a->rng, 1000);
            __atomic_fetch_add(&w->sum_in, v, __ATOMIC_RELAXED);
            expect_eq(leat_chan_send(c, &v), 0);
        }
        if (support_below(&a->rng, 3) == 0)
            leat_yield();
    }
    if (__atomic_sub_fetch(&w->senders, 1, __ATOMIC_ACQ_REL) == 0)
        for (unsigned i = 0; i < CHANS; i++)
            leat_chan_close(w->c[i]);
}

static void got(struct world *w, uint64_t v)
{
    __atomic_fetch_add(&w->received, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&w->sum_out, v, __ATOMIC_RELAXED);
}

/* Another receiver beside the loop, for a part of it. */
static void receive_beside(struct actor *a)
{
    struct world *w = a->arg;
    for (unsigned i = 0; i < w->per_sender / 4; i++) {
        uint64_t v;
        int r = leat_chan_recv(w->c[0], &v);
        if (r != 0)
            break;
        got(w, v);
    }
}

/* Takes up to n values; false: it is closed. */
static bool serve(struct world *w, leat_fd *f, unsigned n)
{
    uint64_t v;
    int r = 0;
    for (; n > 0 && (r = leat_fd_recv(f, &v)) == 0; n--)
        got(w, v);
    expect(r == 0 || r == LEAT_EAGAIN || r == LEAT_EBUSY || r == LEAT_ECLOSED);
    return r != LEAT_ECLOSED;
}

static void with_epoll(struct world *w)
{
    int ep = epoll_create1(EPOLL_CLOEXEC);
    leat_fd *f[CHANS * FDS];
    for (unsigned i = 0; i < CHANS * FDS; i++) {
        expect_eq(leat_fd_new(&f[i], w->c[i % CHANS]), 0);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = f[i]};
        expect_eq(epoll_ctl(ep, EPOLL_CTL_ADD, leat_fd_get(f[i]), &e), 0);
    }
    w->open = CHANS * FDS;
    for (unsigned turn = 1; w->open > 0; turn++) {
        struct epoll_event e[4];
        int n = epoll_wait(ep, e, 4, 60000);
        if (!expect(n > 0))
            break;
        for (int i = 0; i < n; i++)
            if (!serve(w, e[i].data.ptr, turn % 5 + 1)) {
                epoll_ctl(ep, EPOLL_CTL_DEL, leat_fd_get(e[i].data.ptr), NULL);
                w->open--;
            }
    }
    for (unsigned i = 0; i < CHANS * FDS; i++)
        leat_fd_free(f[i]);
    close(ep);
}

#ifdef LEAT_TEST_LIBUV

struct handle {
    uv_poll_t poll;
    leat_fd *f;
    struct world *w;
};

static void gone(uv_handle_t *p)
{
    struct handle *h = p->data;
    leat_fd_free(h->f);
}

static void polled(uv_poll_t *p, int status, int events)
{
    struct handle *h = p->data;
    expect_eq(status, 0);
    expect(events & UV_READABLE);
    if (!serve(h->w, h->f, 3)) {
        h->w->open--;
        uv_poll_stop(p);
        uv_close((uv_handle_t *)p, gone);
    }
}

static void with_libuv(struct world *w)
{
    uv_loop_t loop;
    struct handle h[CHANS * FDS];
    expect_eq(uv_loop_init(&loop), 0);
    for (unsigned i = 0; i < CHANS * FDS; i++) {
        h[i].w = w;
        expect_eq(leat_fd_new(&h[i].f, w->c[i % CHANS]), 0);
        expect_eq(uv_poll_init(&loop, &h[i].poll, leat_fd_get(h[i].f)), 0);
        h[i].poll.data = &h[i];
        expect_eq(uv_poll_start(&h[i].poll, UV_READABLE, polled), 0);
    }
    w->open = CHANS * FDS;
    expect_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    expect_eq(w->open, 0);
    expect_eq(uv_loop_close(&loop), 0);
}

/* An executor of callbacks in a libuv loop: the loop wakes once for a burst. */
struct uv_executor {
    uv_async_t wake;
    pthread_mutex_t lock;
    struct leat_task *first, **end;
    leat_call call;
    uint64_t value;
    struct world *w;
    leat_chan *c;
};

static void post(void *x, struct leat_task *t)
{
    struct uv_executor *e = x;
    t->next = NULL;
    pthread_mutex_lock(&e->lock);
    *e->end = t;
    e->end = &t->next;
    pthread_mutex_unlock(&e->lock);
    expect_eq(uv_async_send(&e->wake), 0);
}

static void woken(uv_async_t *p)
{
    struct uv_executor *e = p->data;
    pthread_mutex_lock(&e->lock);
    struct leat_task *t = e->first, *next;
    e->first = NULL;
    e->end = &e->first;
    pthread_mutex_unlock(&e->lock);
    for (; t; t = next) {
        next = t->next;
        leat_task_run(t);
    }
}

static void received(leat_call *call, int result, void *arg)
{
    struct uv_executor *e = arg;
    if (result == 0) {
        got(e->w, e->value);
        expect_eq(leat_call_recv(call, e->c, &e->value), 0);
    } else {
        expect_eq(result, LEAT_ECLOSED);
        uv_close((uv_handle_t *)&e->wake, NULL);
    }
}

static void with_libuv_callbacks(struct world *w)
{
    uv_loop_t loop;
    struct uv_executor e[CHANS];
    struct leat_executor exec[CHANS];
    expect_eq(uv_loop_init(&loop), 0);
    for (unsigned i = 0; i < CHANS; i++) {
        e[i].w = w;
        e[i].c = w->c[i];
        e[i].first = NULL;
        e[i].end = &e[i].first;
        pthread_mutex_init(&e[i].lock, NULL);
        expect_eq(uv_async_init(&loop, &e[i].wake, woken), 0);
        e[i].wake.data = &e[i];
        exec[i] = (struct leat_executor){post, &e[i]};
        leat_call_init(&e[i].call, received, &e[i], &exec[i]);
        expect_eq(leat_call_recv(&e[i].call, w->c[i], &e[i].value), 0);
    }
    expect_eq(uv_run(&loop, UV_RUN_DEFAULT), 0);
    expect_eq(uv_loop_close(&loop), 0);
    for (unsigned i = 0; i < CHANS; i++)
        pthread_mutex_destroy(&e[i].lock);
}

#endif

typedef void loop_fn(struct world *w);

static void run(loop_fn *loop, const struct kind *k, enum crew_kind crew)
{
    struct world w = {.senders = SENDERS, .per_sender = support_scale(150) + 20};
    actor_fn *const roles[] = {send_in_bursts, send_in_bursts, send_in_bursts,
                               send_in_bursts, receive_beside};
    if (!kind_allows(k, SENDERS, 2))
        return;
    for (unsigned i = 0; i < CHANS; i++)
        w.c[i] = kind_open(k, 8);
    struct crew *c = crew_start_each(crew, 0, SENDERS + 1, roles, 5, &w);
    loop(&w);
    crew_join(c);
    expect_eq(w.received, SENDERS * w.per_sender);
    expect_eq(w.sum_out, w.sum_in);
    for (unsigned i = 0; i < CHANS; i++)
        leat_chan_free(w.c[i]);
}

static void each(loop_fn *loop)
{
    for (unsigned i = 0; i < KINDS; i++) {
        support_about = kinds[i].name;
        run(loop, &kinds[i], (enum crew_kind)(i % CREW_KINDS));
        verdict();
    }
    support_about = NULL;
}

static void an_epoll_loop_sees_every_value_and_the_end(void **state)
{
    (void)state;
    each(with_epoll);
}

#ifdef LEAT_TEST_LIBUV

static void a_libuv_loop_sees_every_value_and_the_end(void **state)
{
    (void)state;
    each(with_libuv);
}

static void a_libuv_loop_runs_callbacks(void **state)
{
    (void)state;
    each(with_libuv_callbacks);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoll_loop_sees_every_value_and_the_end),
#ifdef LEAT_TEST_LIBUV
        cmocka_unit_test(a_libuv_loop_sees_every_value_and_the_end),
        cmocka_unit_test(a_libuv_loop_runs_callbacks),
#endif
    };
    return cmocka_run_group_tests_name("fd_loops", tests, NULL, NULL);
}
