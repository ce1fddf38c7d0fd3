/* test_forms.c - Go's tables of what blocks, what is refused and what a closed channel
 * answers (select3, select7, closedchan, nonblock), for every form of the operation.
 * SPDX-License-Identifier: MIT */
#include "go/form.h"

/* select3.go: what cannot proceed waits, what can does not; a timed one did nothing. */
static void table(const struct kind *k)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *idle = kind_open(k, 8);
    for (int f = 0; f < FORMS; f++) {
        uint64_t got = OP_UNTOUCHED;
        expect_eq(form_recv(f, c, idle, &got, LEAT_NOW), LEAT_EAGAIN);
        expect_eq(form_recv(f, c, idle, &got, leat_in_us(200)), LEAT_ETIMEDOUT);
        expect(got == OP_UNTOUCHED);
        uint64_t n = kind_bounded(k) ? k->cap : 20;
        for (uint64_t v = 0; v < n; v++)
            expect_eq(form_send(f, c, idle, v, v % 2 ? LEAT_NEVER : LEAT_NOW), 0);
        expect_eq(leat_chan_len(c), n);
        if (kind_bounded(k)) {
            expect_eq(form_send(f, c, idle, 99, LEAT_NOW), LEAT_EAGAIN);
            expect_eq(form_send(f, c, idle, 99, leat_in_us(200)), LEAT_ETIMEDOUT);
        }
        for (uint64_t v = 0; v < n; v++) {
            expect_eq(form_recv(f, c, idle, &got, v % 2 ? LEAT_NOW : LEAT_NEVER), 0);
            expect_eq(got, v);
        }
        expect_eq(parked(idle, LEAT_OP_RECV), 0);
    }
    leat_chan_free(c);
    leat_chan_free(idle);
}

static void every_form_waits_only_when_it_must(void **state)
{
    (void)state;
    each_kind(table);
}

/* closedchan.go: two values are left in it; afterwards it says closed for ever. */
static void closed(const struct kind *k)
{
    for (int f = 0; f < FORMS; f++) {
        leat_chan *c = kind_open(k, sizeof(uint64_t)), *idle = kind_open(k, 8);
        uint64_t n = k->cap < 2 ? k->cap : 2, got;
        for (uint64_t v = 0; v < n; v++)
            expect_eq(leat_chan_send(c, &v), 0);
        expect_eq(leat_chan_close(c), 0);
        expect_eq(leat_chan_close(c), LEAT_EALREADY);
        for (unsigned i = 0; i < 2; i++) {
            struct leat_deadline until = i ? LEAT_NOW : LEAT_NEVER;
            expect_eq(form_send(f, c, idle, 5, until), LEAT_ECLOSED);
            if (i < n) {
                expect_eq(form_recv(f, c, idle, &got, until), 0);
                expect_eq(got, i);
            }
        }
        for (unsigned i = 0; i < 6; i++) {
            got = OP_UNTOUCHED;
            expect_eq(form_recv(f, c, idle, i % 3 ? &got : NULL,
                                i % 2 ? LEAT_NOW : LEAT_NEVER),
                      LEAT_ECLOSED);
            expect(got == OP_UNTOUCHED);
            expect_eq(form_send(f, c, idle, 5, i % 2 ? LEAT_NOW : LEAT_NEVER),
                      LEAT_ECLOSED);
        }
        expect_eq(leat_chan_len(c), 0);
        leat_chan_free(c);
        leat_chan_free(idle);
    }
}

static void a_closed_channel_answers_every_form_alike(void **state)
{
    (void)state;
    each_kind(closed);
}

/* select7.go, ken/chan.go: one waits in any form, the other comes in any form. */
static void pairings(const struct kind *k, enum crew_kind crew)
{
    leat_chan *c = kind_open(k, sizeof(uint64_t)), *idle = kind_open(k, 8);
    for (int i = 0; i < FORMS * FORMS * 2; i++) {
        enum form waits = (enum form)(i / 2 % FORMS),
                  comes = (enum form)(i / 2 / FORMS);
        unsigned dir = i % 2;
        struct form_op o;
        uint64_t got = 0;
        if (dir == LEAT_OP_SEND && k->cap > 7)
            continue; /* parks only when it is full */
        uint64_t n = dir == LEAT_OP_SEND ? fill(c, k, 1000) : 0;
        form_start(&o, crew, waits, c, idle, dir, 1000 + n);
        until_parked(c, dir, 1);
        if (dir == LEAT_OP_RECV) {
            expect_eq(form_send(comes, c, idle, 7, i % 3 ? LEAT_NOW : LEAT_NEVER), 0);
        } else {
            for (uint64_t v = 0; v <= n; v++) {
                expect_eq(form_recv(comes, c, idle, &got, LEAT_NEVER), 0);
                expect_eq(got, 1000 + v);
            }
        }
        expect_eq(lone_join(&o.actor), 0);
        if (dir == LEAT_OP_RECV)
            expect_eq(o.value, 7);
        expect_eq(parked(idle, LEAT_OP_RECV), 0);
    }
    leat_chan_free(c);
    leat_chan_free(idle);
}

static void every_form_meets_every_form(void **state)
{
    (void)state;
    each_kind_and_crew(pairings);
}

/* nonblock.go: tries, of elements of several sizes, get through to one that waits. */
struct sized {
    leat_chan *c;
    size_t size;
};

static int sized_main(void *arg)
{
    struct sized *s = (struct sized *)arg;
    unsigned char v[16] = {0};
    for (unsigned i = 1; i <= 20; i++) {
        int r = leat_chan_recv(s->c, v);
        if (r != 0)
            return r;
        for (size_t b = 0; b < s->size; b++)
            expect_eq(v[b], i + b);
        r = leat_chan_send(s->c, v);
        if (r != 0)
            return r;
    }
    return 0;
}

static void try_again(leat_chan *c, unsigned dir, unsigned char *v)
{
    int r;
    int64_t end = leat_in_s(60).at_ns;
    do {
        r = dir == LEAT_OP_SEND ? leat_chan_try_send(c, v) : leat_chan_try_recv(c, v);
        if (r != 0)
            leat_yield();
    } while ((r == LEAT_EAGAIN || r == LEAT_EBUSY) && leat_now() < end);
    expect_eq(r, 0);
}

static void tries(const struct kind *k, enum crew_kind crew)
{
    static const size_t sizes[] = {1, 4, 8, 16};
    if (k->cap != 0) /* there its own value would come back */
        return;
    for (unsigned i = 0; i < 4; i++) {
        struct sized s = {kind_open(k, sizes[i]), sizes[i]};
        struct lone a;
        lone_start(&a, crew, 1, sized_main, &s);
        for (unsigned n = 1; n <= 20; n++) {
            unsigned char v[16];
            for (size_t b = 0; b < 16; b++)
                v[b] = (unsigned char)(n + b);
            try_again(s.c, LEAT_OP_SEND, v);
            memset(v, 0, sizeof(v));
            try_again(s.c, LEAT_OP_RECV, v);
            expect_eq(v[0], n);
        }
        expect_eq(lone_join(&a), 0);
        leat_chan_free(s.c);
    }
}

static void tries_get_through_to_one_that_waits(void **state)
{
    (void)state;
    each_kind_and_crew(tries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_waits_only_when_it_must),
        cmocka_unit_test(a_closed_channel_answers_every_form_alike),
        cmocka_unit_test(every_form_meets_every_form),
        cmocka_unit_test(tries_get_through_to_one_that_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
