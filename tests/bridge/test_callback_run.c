/* test_callback_run.c - where, when and how deep callbacks are called: never inside another
 * one, never where they could wait, by an executor with one push per burst.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "calls.h"

/* --- depth --- */

/* Two calls on one channel that complete each other and start again. */
struct pair {
    leat_chan *c;
    leat_call send, recv;
    uint64_t out, in, rounds, sum, most;
    char *low, *high; /* the stack seen by callbacks */
    bool inside, nested;
};

static void look(struct pair *p)
{
    char here;
    char *at = &here;
    __asm__ volatile("" : "+r"(at));
    p->low = !p->low || at < p->low ? at : p->low;
    p->high = at > p->high ? at : p->high;
    p->nested |= p->inside;
}

static void sent(leat_call *call, int result, void *arg)
{
    struct pair *p = arg;
    look(p);
    p->inside = true;
    expect_eq(result, 0);
    if (++p->out < p->most)
        expect_eq(leat_call_send(call, p->c, &p->out), 0);
    p->inside = false;
}

static void received(leat_call *call, int result, void *arg)
{
    struct pair *p = arg;
    look(p);
    p->inside = true;
    if (result == 0) {
        p->sum += p->in;
        p->rounds++;
        expect_eq(leat_call_recv(call, p->c, &p->in), 0);
    } else {
        expect_eq(result, LEAT_ECLOSED);
    }
    p->inside = false;
}

static void pump_a_pair(const struct kind *k)
{
    struct pair p = {.c = kind_open(k, 8), .most = support_scale(20000) + 10};
    leat_call_init(&p.send, sent, &p, NULL);
    leat_call_init(&p.recv, received, &p, NULL);
    expect_eq(leat_call_send(&p.send, p.c, &p.out), 0);
    expect_eq(leat_call_recv(&p.recv, p.c, &p.in), 0);
    leat_chan_close(p.c);
    expect_eq(p.rounds, p.most);
    expect_eq(p.sum, p.most * (p.most - 1) / 2);
    expect(!p.nested);
    expect(p.high - p.low < 16384); /* thousands of rounds, some frames */
    leat_chan_free(p.c);
}

static void any_number_in_a_row_needs_no_more_stack(void **state)
{
    (void)state;
    each_kind(pump_a_pair);
}

/* A close completes thousands at once; each callback completes one more elsewhere. */
struct chain {
    struct call call; /* on the quiet channel */
    leat_call first;
    leat_chan *next;
    unsigned *inside;
};

static void pass_on(leat_call *call, int result, void *arg)
{
    struct chain *n = arg;
    uint64_t v = 1;
    (void)call;
    expect_eq(result, LEAT_ECLOSED);
    expect_eq((*n->inside)++, 0);
    expect_eq(n->call.times, 0);
    expect_eq(leat_chan_try_send(n->next, &v), 0); /* completes n->call, called later */
    expect_eq(n->call.times, 0);
    --*n->inside;
}

static void callbacks_that_complete_others_return_first(void **state)
{
    (void)state;
    unsigned n = 2000, inside = 0, order = 0;
    struct chain *a = calloc(n, sizeof(*a));
    leat_chan *c = kind_open(&kinds[0], 8), *d = kind_open(&kinds[4], 8);
    for (unsigned i = 0; i < n; i++) {
        a[i].next = d;
        a[i].inside = &inside;
        call_recv(&a[i].call, d);
        a[i].call.order = &order;
        leat_call_init(&a[i].first, pass_on, &a[i], NULL);
        expect_eq(leat_call_recv(&a[i].first, c, NULL), 0);
    }
    leat_chan_close(c);
    for (unsigned i = 0; i < n; i++) {
        call_was(&a[i].call, 0, 1);
        expect_eq(a[i].call.number, i);
    }
    leat_chan_free(c);
    leat_chan_free(d);
    free(a);
    verdict();
}

/* --- what may be called --- */

struct inside {
    leat_chan *full, *empty, *closed;
    leat_fiber *fiber;
    bool called;
};

static int brief_main(void *arg)
{
    return leat_chan_recv(arg, NULL);
}

static void no_waiting(leat_call *call, int result, void *arg)
{
    struct inside *p = arg;
    uint64_t v = 0;
    struct leat_case cs[] = {LEAT_RECV(p->empty, &v), LEAT_SEND(p->full, &v)};
    leat_set *s;
    leat_sem sem;
    leat_wg wg = LEAT_WG_INIT;
    leat_chan *which;
    (void)call;
    expect_eq(result, 0);
    expect_eq(leat_chan_recv(p->empty, &v), LEAT_EDEADLK);
    expect_eq(leat_chan_recv_until(p->empty, &v, leat_in_ms(1)), LEAT_EDEADLK);
    expect_eq(leat_chan_send(p->full, &v), LEAT_EDEADLK);
    expect_eq(leat_chan_recv_n(p->empty, &v, 1, LEAT_NEVER), LEAT_EDEADLK);
    expect_eq(leat_select(cs, 2, LEAT_NEVER, 0, NULL), LEAT_EDEADLK);
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, p->empty, NULL), 0);
    expect_eq(leat_set_wait(s, &v, &which, NULL, LEAT_NEVER), LEAT_EDEADLK);
    leat_set_free(s);
    expect_eq(leat_sleep_ns(1000000000), LEAT_EDEADLK);
    expect_eq(leat_blocking(brief_main, p->closed, NULL), LEAT_EDEADLK);
    expect_eq(leat_run(brief_main, p->closed), LEAT_EDEADLK);
    leat_sem_init(&sem, 0);
    expect_eq(leat_sem_acquire(&sem, 1), LEAT_EDEADLK);
    leat_wg_add(&wg, 1);
    expect_eq(leat_wg_wait(&wg), LEAT_EDEADLK);
    expect(leat_fiber_self() == NULL);
    if (p->fiber)
        expect_eq(leat_fiber_join(p->fiber, NULL), LEAT_EDEADLK);
    /* what need not wait works */
    expect_eq(leat_chan_try_recv(p->empty, &v), LEAT_EAGAIN);
    expect_eq(leat_chan_recv(p->closed, &v), LEAT_ECLOSED);
    expect_eq(leat_chan_recv(p->full, &v), 0);
    expect_eq(leat_chan_send(p->full, &v), 0);
    leat_yield();
    p->called = true;
}

static int complete_main(void *arg)
{
    leat_chan *c = arg;
    uint64_t v = 1;
    int r = leat_chan_send(c, &v);
    leat_yield(); /* the fiber is as before */
    return r == 0 ? leat_sleep_ns(1000) : r;
}

static void what_would_wait_is_refused_inside(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 7; kind++) {
        for (int crew = 0; crew < CREW_MIXED; crew++) {
            struct inside p = {kind_open(&kinds[2], 8), kind_open(&kinds[kind], 8),
                               kind_open(&kinds[2], 8), NULL, false};
            leat_chan *c = kind_open(&kinds[kind], 8), *never = kind_open(&kinds[0], 8);
            uint64_t v = 1;
            struct lone a;
            leat_call call;
            assert_int_equal(leat_chan_send(p.full, &v), 0);
            leat_chan_close(p.closed);
            assert_int_equal(leat_go(&p.fiber, brief_main, never), 0);
            leat_call_init(&call, no_waiting, &p, NULL);
            assert_int_equal(leat_call_recv(&call, c, &v), 0);
            lone_start(&a, (enum crew_kind)crew, 0, complete_main, c);
            assert_int_equal(lone_join(&a), 0);
            assert_true(p.called);
            assert_int_equal(parked(p.empty, LEAT_OP_RECV), 0);
            assert_int_equal(parked(p.full, LEAT_OP_SEND), 0);
            leat_chan_close(never);
            int result;
            assert_int_equal(leat_fiber_join(p.fiber, &result), 0);
            assert_int_equal(result, LEAT_ECLOSED);
            leat_chan_free(never);
            leat_chan_free(c);
            leat_chan_free(p.full);
            leat_chan_free(p.empty);
            leat_chan_free(p.closed);
            verdict();
        }
    }
}

/* --- executors --- */

struct queue {
    struct leat_task *first, *last;
    unsigned posts;
};

static void put(void *x, struct leat_task *t)
{
    struct queue *q = x;
    t->next = NULL;
    if (q->first)
        q->last->next = t;
    else
        q->first = t;
    q->last = t;
    q->posts++;
}

static void serve(struct queue *q)
{
    while (q->first) {
        struct leat_task *t = q->first;
        q->first = t->next;
        leat_task_run(t);
    }
}

static void a_burst_is_pushed_once(void **state)
{
    (void)state;
    struct queue q = {0};
    const struct leat_executor e = {put, &q};
    enum { N = 40 };
    struct call k[N];
    unsigned order = 0;
    leat_chan *c = kind_open(&kinds[0], 8);
    for (unsigned i = 0; i < N; i++) {
        call_init(&k[i], &e);
        k[i].order = &order;
        assert_int_equal(leat_call_recv(&k[i].call, c, &k[i].value), 0);
    }
    leat_chan_close(c);
    assert_int_equal(q.posts, 1);
    assert_int_equal(order, 0);
    assert_int_equal(leat_call_cancel(&k[3].call), LEAT_EALREADY);
    serve(&q);
    for (unsigned i = 0; i < N; i++) {
        call_was(&k[i], LEAT_ECLOSED, OP_UNTOUCHED);
        assert_int_equal(k[i].number, i);
    }
    leat_chan_free(c);
    verdict();
}

/* Two executors and none, mixed: each gets its own, in order. */
static void each_goes_to_its_executor(void **state)
{
    (void)state;
    struct queue q[2] = {{0}, {0}};
    const struct leat_executor e[2] = {{put, &q[0]}, {put, &q[1]}};
    enum { N = 90 };
    struct call k[N];
    unsigned order[3] = {0};
    leat_chan *c = kind_open(&kinds[0], 8);
    for (unsigned i = 0; i < N; i++) {
        call_init(&k[i], i % 3 < 2 ? &e[i % 3] : NULL);
        k[i].order = &order[i % 3];
        assert_int_equal(leat_call_recv(&k[i].call, c, &k[i].value), 0);
    }
    leat_chan_close(c);
    assert_int_equal(order[2], N / 3);
    assert_int_equal(order[0] + order[1], 0);
    serve(&q[1]);
    assert_int_equal(order[1], N / 3);
    serve(&q[0]);
    for (unsigned i = 0; i < N; i++) {
        call_was(&k[i], LEAT_ECLOSED, OP_UNTOUCHED);
        assert_int_equal(k[i].number, i / 3);
    }
    leat_chan_free(c);
    verdict();
}

static void at_once(void *x, struct leat_task *t)
{
    (void)x;
    leat_task_run(t);
}

/* LEAT_CALL_INLINE: 64 in a row on the spot, the rest pushed. */
static void a_long_row_goes_on_at_the_executor(void **state)
{
    (void)state;
    struct queue q = {0};
    const struct leat_executor e = {put, &q};
    enum { N = 100 };
    struct call k[N];
    leat_chan *c = kind_open(&kinds[0], 8);
    unsigned order = 0;
    for (unsigned i = 0; i < N; i++) {
        call_init(&k[i], NULL);
        leat_call_init_flags(&k[i].call, call_done, &k[i], &e, LEAT_CALL_INLINE);
        k[i].order = &order;
        assert_int_equal(leat_call_recv(&k[i].call, c, &k[i].value), 0);
    }
    leat_chan_close(c);
    assert_int_equal(order, 64);
    assert_int_equal(q.posts, 1);
    serve(&q);
    assert_int_equal(order, N);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(k[i].number, i);
    leat_chan_free(c);
    verdict();
}

/* An executor that runs them in its post, for a pair that never comes to rest. */
static void an_executor_may_run_a_task_at_once(void **state)
{
    (void)state;
    const struct leat_executor e = {at_once, NULL};
    for (unsigned i = 0; i < 7; i++) {
        struct pair p = {.c = kind_open(&kinds[i], 8), .most = 1000};
        leat_call_init(&p.send, sent, &p, &e);
        leat_call_init(&p.recv, received, &p, &e);
        expect_eq(leat_call_send(&p.send, p.c, &p.out), 0);
        expect_eq(leat_call_recv(&p.recv, p.c, &p.in), 0);
        leat_chan_close(p.c);
        expect_eq(p.rounds, p.most);
        expect(!p.nested);
        expect(p.high - p.low < 16384); /* thousands of rounds, some frames */
        leat_chan_free(p.c);
    }
    verdict();
}

/* --- completions while somebody parks --- */

/* The memory of a call may go when it is called: each frees itself. */
static void frees(leat_call *call, int result, void *arg)
{
    unsigned *n = arg;
    expect_eq(result, LEAT_ECLOSED);
    ++*n;
    free(call);
}

static void a_callback_may_free_its_own_memory(void **state)
{
    (void)state;
    unsigned n = 0;
    leat_chan *c = kind_open(&kinds[0], 8);
    for (unsigned i = 0; i < 10; i++) {
        leat_call *k = aligned_alloc(16, sizeof(*k));
        leat_call_init(k, frees, &n, NULL);
        assert_int_equal(leat_call_recv(k, c, NULL), 0);
    }
    leat_chan_close(c);
    assert_int_equal(n, 10);
    leat_chan_free(c);
    verdict();
}

/* A fiber's wait is published on the stack of the fiber that comes next, or of the loop.
 * What that completes is called there and then, off the fibers' stacks. */
struct publisher {
    struct leati_wait w;
    leat_chan *c;
    unsigned called;
    uintptr_t low, high; /* of the next fiber's stack, roughly */
    bool elsewhere;
    bool stop; /* fibers of one worker */
};

static void from_publish(leat_call *call, int result, void *arg)
{
    struct publisher *p = arg;
    char here;
    (void)call;
    expect_eq(result, 0);
    expect(leat_fiber_self() == NULL);
    uintptr_t at = (uintptr_t)&here;
    __asm__ volatile("" : "+r"(at));
    p->elsewhere = at < p->low || at > p->high;
    p->called++;
}

static bool complete_and_go_on(struct leati_wait *w)
{
    struct publisher *p = leati_container_of(w, struct publisher, w);
    uint64_t v = 1;
    w->result = p->c->ops->attempt(p->c, LEAT_OP_SEND, &v);
    return false;
}

static bool not_aborted(struct leati_wait *w, int err)
{
    (void)w, (void)err;
    return false;
}

static const struct leati_wait_ops publisher_ops = {complete_and_go_on, not_aborted, "test"};

static int park_main(void *arg)
{
    struct publisher *p = arg;
    leat_call call;
    uint64_t v = 0;
    for (unsigned i = 0; i < 200; i++) {
        leat_call_init(&call, from_publish, p, NULL);
        expect_eq(leat_call_recv(&call, p->c, &v), 0);
        p->w.ops = &publisher_ops;
        p->w.until = LEAT_NEVER;
        expect_eq(leati_park(&p->w), 0);
        expect_eq(p->called, i + 1);
        expect(p->elsewhere);
    }
    p->stop = true;
    return 0;
}

static int next_main(void *arg)
{
    struct publisher *p = arg;
    unsigned turns = 0;
    char here[2048];
    p->low = (uintptr_t)here - 4096;
    p->high = (uintptr_t)here + sizeof(here) + 4096;
    while (!p->stop) {
        leat_fiber *me = leat_fiber_self();
        leat_yield();
        expect(leat_fiber_self() == me);
        turns++;
    }
    return turns > 100 ? 7 : 0;
}

static void what_a_publishing_fiber_completes_is_called_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        struct publisher p = {.c = kind_open(&kinds[i], 8)};
        leat_pool *pool = support_pool_of(1, 0);
        leat_fiber *f[2];
        int r = 0;
        assert_int_equal(leat_pool_go(pool, &f[0], next_main, &p), 0);
        assert_int_equal(leat_pool_go(pool, &f[1], park_main, &p), 0);
        assert_int_equal(leat_fiber_join(f[1], NULL), 0);
        assert_int_equal(leat_fiber_join(f[0], &r), 0);
        assert_int_equal(r, 7);
        leat_pool_free(pool);
        leat_chan_free(p.c);
        verdict();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_in_a_row_needs_no_more_stack),
        cmocka_unit_test(callbacks_that_complete_others_return_first),
        cmocka_unit_test(what_would_wait_is_refused_inside),
        cmocka_unit_test(a_burst_is_pushed_once),
        cmocka_unit_test(each_goes_to_its_executor),
        cmocka_unit_test(a_long_row_goes_on_at_the_executor),
        cmocka_unit_test(an_executor_may_run_a_task_at_once),
        cmocka_unit_test(a_callback_may_free_its_own_memory),
        cmocka_unit_test(what_a_publishing_fiber_completes_is_called_at_once),
    };
    return cmocka_run_group_tests_name("callback_run", tests, NULL, NULL);
}
