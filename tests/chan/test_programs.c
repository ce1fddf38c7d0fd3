/* test_programs.c - whole programs on channels, after those of Go's test directory
 * (shapes only): sieve, daisy chain, many consumers, parallel sums.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "support/op.h"

static leat_chan *numbers(size_t cap)
{
    leat_chan *c = NULL;
    assert_int_equal(leat_chan_new(&c, sizeof(uint64_t), cap), 0);
    return c;
}

/* ---- sieve1.go: a filter per prime; ends by cancel, back to the source ---- */

struct filter {
    leat_chan *in, *out;
    uint64_t prime; /* 0: the source */
};

static int filter_main(void *arg)
{
    struct filter *f = (struct filter *)arg;
    uint64_t v = 1;
    int r = 0;
    while (r == 0) {
        if (f->prime)
            r = leat_chan_recv(f->in, &v);
        else
            v++;
        if (r == 0 && (!f->prime || v % f->prime))
            r = leat_chan_send(f->out, &v);
    }
    if (f->in)
        leat_chan_cancel(f->in);
    return r;
}

static void sieve(size_t cap, enum crew_kind crew, unsigned primes)
{
    struct lone *a = calloc(primes, sizeof(*a));
    struct filter *f = calloc(primes, sizeof(*f));
    uint64_t p = 0, check = 0;
    f[0].out = numbers(cap);
    for (unsigned i = 0; i < primes; i++) {
        lone_start(&a[i], crew, i, filter_main, &f[i]);
        assert_int_equal(leat_chan_recv(f[i].out, &p), 0);
        /* the next number that no smaller one divides */
        bool prime;
        do {
            prime = true;
            check = check < 2 ? 2 : check + 1;
            for (uint64_t d = 2; d * d <= check; d++)
                prime = prime && check % d;
        } while (!prime);
        assert_int_equal(p, check);
        if (i + 1 < primes)
            f[i + 1] = (struct filter){f[i].out, numbers(cap), p};
    }
    leat_chan_cancel(f[primes - 1].out);
    for (unsigned i = primes; i-- > 0;)
        assert_int_equal(lone_join(&a[i]), LEAT_ECLOSED);
    for (unsigned i = 0; i < primes; i++)
        leat_chan_free(f[i].out);
    free(f);
    free(a);
}

static void the_prime_sieve_gives_primes(void **state)
{
    (void)state;
    sieve(0, CREW_FIBERS, (unsigned)support_scale(300));
    sieve(1, CREW_FIBERS, (unsigned)support_scale(300));
    sieve(10, CREW_FIBERS, (unsigned)support_scale(300));
    sieve(0, CREW_THREADS, 10);
    sieve(3, CREW_MIXED, 20);
}

/* ---- goroutines.go: left <- right, 10,000 times ---- */

static int daisy_main(void *arg)
{
    struct filter *f = (struct filter *)arg;
    uint64_t v;
    int r = leat_chan_recv(f->in, &v);
    v++;
    return r == 0 ? leat_chan_send(f->out, &v) : r;
}

static void a_token_passes_ten_thousand_fibers(void **state)
{
    (void)state;
    unsigned n = (unsigned)support_scale(10000);
    struct lone *a = calloc(n, sizeof(*a));
    struct filter *f = calloc(n, sizeof(*f));
    leat_chan *first = numbers(0), *last = first;
    for (unsigned i = 0; i < n; i++) {
        f[i] = (struct filter){last, numbers(0), 0};
        last = f[i].out;
        lone_start(&a[i], CREW_FIBERS, 0, daisy_main, &f[i]);
    }
    uint64_t v = 0;
    assert_int_equal(leat_chan_send(first, &v), 0);
    assert_int_equal(leat_chan_recv(last, &v), 0);
    assert_int_equal(v, n);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(lone_join(&a[i]), 0);
        leat_chan_free(f[i].in);
    }
    leat_chan_free(last);
    free(f);
    free(a);
}

/* ---- TestMultiConsumer: 23 workers forward, some yield ---- */

enum { CONSUMERS = 23 };

struct forward {
    leat_chan *in, *out;
    uint64_t n;
    leat_wg workers;
};

static void forward_actor(struct actor *a)
{
    struct forward *f = (struct forward *)a->arg;
    uint64_t v;
    if (a->index < CONSUMERS) {
        while (leat_chan_recv(f->in, &v) == 0) {
            if (support_below(&a->rng, 8) == 0)
                leat_yield();
            expect_eq(leat_chan_send(f->out, &v), 0);
        }
        leat_wg_done(&f->workers);
    } else if (a->index == CONSUMERS) {
        for (v = 1; v <= f->n; v++)
            expect_eq(leat_chan_send(f->in, &v), 0);
        leat_chan_close(f->in);
        expect_eq(leat_wg_wait(&f->workers), 0);
        leat_chan_close(f->out);
    } else {
        uint64_t count = 0, sum = 0;
        while (leat_chan_recv(f->out, &v) == 0) {
            count++;
            sum += v;
        }
        expect_eq(count, f->n);
        expect_eq(sum, f->n * (f->n + 1) / 2);
    }
}

static void many_consumers_forward_all(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct forward f = {numbers(69), numbers(69), support_scale(20000), LEAT_WG_INIT};
        leat_wg_add(&f.workers, CONSUMERS);
        crew_run((enum crew_kind)crew, CONSUMERS + 2, forward_actor, &f);
        leat_chan_free(f.in);
        leat_chan_free(f.out);
    }
}

/* ---- a tree of fibers that spawn fibers and add up what these send ---- */

struct node {
    leat_chan *up;
    unsigned depth;
};

static int tree_main(void *arg)
{
    struct node *n = (struct node *)arg;
    uint64_t sum = 1, v;
    int r = 0;
    if (n->depth > 0) {
        struct node child = {NULL, n->depth - 1};
        r = leat_chan_new(&child.up, sizeof(uint64_t), n->depth % 3);
        for (unsigned i = 0; i < 2 && r == 0; i++)
            r = leat_go(NULL, tree_main, &child);
        for (unsigned i = 0; i < 2 && r == 0; i++) {
            r = leat_chan_recv(child.up, &v);
            sum += v;
        }
        leat_chan_free(child.up);
    }
    return r == 0 ? leat_chan_send(n->up, &sum) : r;
}

static void a_tree_of_fibers_adds_up(void **state)
{
    (void)state;
    struct node root = {numbers(0), support_scale(100) < 50 ? 8 : 13};
    uint64_t v = 0;
    assert_int_equal(leat_go(NULL, tree_main, &root), 0);
    assert_int_equal(leat_chan_recv(root.up, &v), 0);
    assert_int_equal(v, ((uint64_t)2 << root.depth) - 1);
    leat_chan_free(root.up);
}

/* ---- any size through an unbuffered channel, stack to stack ---- */

struct blob {
    leat_chan *c;
    size_t size;
    unsigned char *v;
};

static int blob_main(void *arg)
{
    struct blob *b = (struct blob *)arg;
    for (size_t i = 0; i < b->size; i++)
        b->v[i] = (unsigned char)(i * 5 + b->size);
    return leat_chan_send(b->c, b->size ? b->v : NULL);
}

static void every_size_passes_a_rendezvous(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 3, 8, 16, 24, 64, 100, 5000, 1 << 20};
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            struct blob b = {NULL, sizes[s], calloc(1, sizes[s] + 1)};
            unsigned char *got = calloc(1, sizes[s] + 1);
            struct lone a;
            assert_int_equal(leat_chan_new(&b.c, b.size, 0), 0);
            lone_start(&a, (enum crew_kind)crew, s, blob_main, &b);
            if (s % 2)
                until_parked(b.c, LEAT_OP_SEND, 1);
            got[b.size] = 0xEE;
            assert_int_equal(leat_chan_recv(b.c, b.size ? got : NULL), 0);
            assert_int_equal(lone_join(&a), 0);
            assert_memory_equal(got, b.v, b.size);
            assert_int_equal(got[b.size], 0xEE);
            leat_chan_free(b.c);
            free(b.v);
            free(got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prime_sieve_gives_primes),
        cmocka_unit_test(a_token_passes_ten_thousand_fibers),
        cmocka_unit_test(many_consumers_forward_all),
        cmocka_unit_test(a_tree_of_fibers_adds_up),
        cmocka_unit_test(every_size_passes_a_rendezvous),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
