/* test_alloc.c - memory: nothing is allocated once the objects are made, whatever waits;
 * the unbounded kind gives back what a burst took; how large a channel is.
 * SPDX-License-Identifier: MIT */
/* ctest: novalgrind (it counts in malloc, which is then another's) */
#include <stdlib.h>

#include "support/op.h"

/* ---- 10^6 operations that wait, of every kind ---- */

enum { WINDOWS = 3 };

struct busy {
    leat_chan *c[2];
    leat_sem sem[2];
    leat_mutex m;
    unsigned rounds;
    uint64_t mallocs;
    int (*once)(struct busy *b, unsigned me);
};

static int plain(struct busy *b, unsigned me)
{
    uint64_t v = 0;
    int r = me ? leat_chan_recv(b->c[0], &v) : leat_chan_send(b->c[0], &v);
    if (r == 0)
        r = me ? leat_chan_send(b->c[1], &v) : leat_chan_recv(b->c[1], &v);
    return r;
}

static int timed(struct busy *b, unsigned me)
{
    uint64_t v = 0;
    struct leat_deadline until = leat_in_s(100);
    int r = me ? leat_chan_recv_until(b->c[0], &v, until)
               : leat_chan_send_until(b->c[0], &v, until);
    if (r == 0)
        r = me ? leat_chan_send_until(b->c[1], &v, until)
               : leat_chan_recv_until(b->c[1], &v, until);
    return r;
}

static int selecting(struct busy *b, unsigned me)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct leat_case cs[3] = {
            {b->c[i], &v, i == me ? LEAT_OP_SEND : LEAT_OP_RECV, 0, {NULL}},
            LEAT_RECV(NULL, &v),
            {b->c[i], &v, i == me ? LEAT_OP_SEND : LEAT_OP_RECV, 0, {NULL}},
        };
        int r = leat_select(cs, 3, LEAT_NEVER, 0, NULL);
        if (r != 0)
            return r;
    }
    return 0;
}

static int batched(struct busy *b, unsigned me)
{
    uint64_t v[2] = {0};
    ptrdiff_t r = me ? leat_chan_recv_n(b->c[0], v, 1, LEAT_NEVER)
                     : leat_chan_send_n(b->c[0], v, 1, LEAT_NEVER);
    if (r == 1)
        r = me ? leat_chan_send_n(b->c[1], v, 1, LEAT_NEVER)
               : leat_chan_recv_n(b->c[1], v, 1, LEAT_NEVER);
    return r == 1 ? 0 : (int)r;
}

static int semaphores(struct busy *b, unsigned me)
{
    leat_sem_release(&b->sem[me], 1);
    int r = leat_sem_acquire(&b->sem[!me], 1);
    if (r == 0 && (r = leat_mutex_lock(&b->m)) == 0)
        r = leat_mutex_unlock(&b->m);
    return r;
}

/* A worker that starts late allocates for itself: so the best of some windows counts. */
static void busy_actor(struct actor *a)
{
    struct busy *b = (struct busy *)a->arg;
    for (unsigned window = 0; window < WINDOWS; window++) {
        uint64_t before = support_mallocs();
        for (unsigned i = 0; i < b->rounds; i++)
            if (!expect_eq(b->once(b, a->index), 0))
                return;
        uint64_t n = support_mallocs() - before;
        if (a->index == 0 && n < b->mallocs)
            b->mallocs = n;
    }
}

static void busy_run(const struct kind *k, enum crew_kind crew, unsigned rounds,
                     int (*once)(struct busy *, unsigned))
{
    struct busy b = {.rounds = rounds, .once = once, .mallocs = UINT64_MAX};
    for (unsigned i = 0; i < 2; i++)
        b.c[i] = kind_open(k, 8);
    crew_run(crew, 2, busy_actor, &b);
    if (support_mallocs_counted())
        expect_eq(b.mallocs, 0);
    verdict();
    for (unsigned i = 0; i < 2; i++)
        leat_chan_free(b.c[i]);
}

static void waiting_allocates_nothing(void **state)
{
    (void)state;
    static int (*const ways[])(struct busy *, unsigned) = {plain, timed, selecting, batched,
                                                           semaphores};
    for (unsigned i = 0; i < KINDS; i++) {
        if (!kind_bounded(&kinds[i]))
            continue;
        for (unsigned w = 0; w < 5; w++) {
            char about[99];
            snprintf(about, sizeof(about), "%s, way %u", kinds[i].name, w);
            support_about = about;
            unsigned fibers = (unsigned)support_scale(6000);
            busy_run(&kinds[i], CREW_FIBERS, fibers, ways[w]);
            busy_run(&kinds[i], CREW_THREADS, fibers / 100, ways[w]);
            busy_run(&kinds[i], CREW_MIXED, fibers / 100, ways[w]);
        }
    }
    support_about = NULL;
}

/* ---- a burst ---- */

enum { SLACK = 16 << 10 };

static void burst(size_t size, unsigned n, unsigned times)
{
    struct support_bytes b = {0};
    struct leat_alloc alloc = support_alloc(&b);
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = size,
                               .capacity = LEAT_UNBOUNDED,
                               .alloc = &alloc};
    unsigned char *v = calloc(1, size + 1);
    leat_chan *c;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    size_t small = leat_chan_bytes(c);
    for (unsigned t = 0; t < times; t++) {
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(leat_chan_send(c, v), 0);
        uint64_t payload = (uint64_t)size * n;
        assert_true(b.peak <= payload + payload / 8 + SLACK);
        assert_true(b.live >= payload);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(leat_chan_try_recv(c, v), 0);
        assert_int_equal(leat_chan_try_recv(c, v), LEAT_EAGAIN);
        assert_true(b.live <= 3 * size + SLACK);
        assert_true(leat_chan_bytes(c) <= small + 2 * size + SLACK);
    }
    leat_chan_free(c);
    assert_int_equal(b.live, 0);
    free(v);
}

static void a_burst_is_given_back(void **state)
{
    (void)state;
    burst(8, 100000, 3);
    burst(1, 50000, 2);
    burst(24, 30000, 2);
    burst(1000, 2000, 2);
    burst(100000, 50, 2);
    burst(1 << 20, 8, 2);
}

static void a_steady_stream_stays_small(void **state)
{
    (void)state;
    struct support_bytes b = {0};
    struct leat_alloc alloc = support_alloc(&b);
    struct leat_chan_opts o = {
        .size = sizeof(o), .elem_size = 8, .capacity = LEAT_UNBOUNDED, .alloc = &alloc};
    leat_chan *c;
    uint64_t v = 0;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(leat_chan_send(c, &v), 0);
    uint64_t calls = 0;
    for (unsigned i = 0; i < 200000; i++) {
        if (i == 5000)
            calls = b.calls;
        assert_int_equal(leat_chan_send(c, &v), 0);
        assert_int_equal(leat_chan_recv(c, &v), 0);
    }
    assert_int_equal(b.calls, calls); /* segments go round */
    assert_true(b.peak <= SLACK);
    leat_chan_free(c);
    assert_int_equal(b.live, 0);
}

static void channels_are_as_small_as_promised(void **state)
{
    (void)state;
    struct leat_chan_opts o = {.size = sizeof(o), .elem_size = 8};
    leat_chan *c;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    assert_true(leat_chan_bytes(c) <= 512);
    leat_chan_free(c);
    o.flags = LEAT_COMPACT;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    assert_true(leat_chan_bytes(c) <= 192);
    leat_chan_free(c);
    o.flags = 0;
    o.capacity = 1000;
    assert_int_equal(leat_chan_open(&c, &o), 0);
    assert_true(leat_chan_bytes(c) >= 8000);
    assert_true(leat_chan_bytes(c) <= 1000 * 16 + 1024);
    leat_chan_free(c);
}

/* Headers come from a slab, which goes round. */
static void open_and_free_do_not_grow(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KINDS; i++) {
        struct support_bytes b = {0};
        struct leat_alloc alloc = support_alloc(&b);
        struct leat_chan_opts o = kind_opts(&kinds[i], 8);
        o.alloc = &alloc;
        uint64_t before = 0;
        for (unsigned n = 0; n < 500; n++) {
            leat_chan *c = NULL;
            assert_int_equal(leat_chan_open(&c, &o), 0);
            leat_chan_free(c);
            if (n == 100)
                before = support_mallocs() - b.calls;
        }
        assert_int_equal(b.live, 0);
        if (support_mallocs_counted())
            assert_int_equal(support_mallocs() - b.calls, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_allocates_nothing),
        cmocka_unit_test(a_burst_is_given_back),
        cmocka_unit_test(a_steady_stream_stays_small),
        cmocka_unit_test(channels_are_as_small_as_promised),
        cmocka_unit_test(open_and_free_do_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
