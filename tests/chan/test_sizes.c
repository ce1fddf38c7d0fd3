/* test_sizes.c - lengths while everything moves, elements of any size from any stack.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "support/op.h"

/* len is looked at while everything moves: never less than 0, never more than fits. */
struct looked {
    leat_chan *c;
    size_t most;
    unsigned n;
    leati_a32 moving;
};

static void moves(struct looked *l, bool receives)
{
    for (uint64_t i = 0; i < l->n; i++) {
        uint64_t v = i;
        expect_eq(receives ? leat_chan_recv(l->c, &v) : leat_chan_send(l->c, &v), 0);
        expect_eq(v, i);
        expect(leat_chan_len(l->c) <= l->most);
    }
    (void)leati_sub_ar(&l->moving, 1u);
}

/* It looks all the time, so that it is stopped between two loads now and then. */
static void looks_on(struct actor *a)
{
    struct looked *l = (struct looked *)a->arg;
    if (a->index < 2) {
        moves(l, a->index == 1);
        return;
    }
    for (unsigned i = 0; leati_load_acq(&l->moving) > 0; i++) {
        expect(leat_chan_len(l->c) <= l->most);
        if (i % 64 == 0)
            leat_yield();
    }
}

static void looks(const struct kind *k, enum crew_kind crew)
{
    struct looked l = {.c = kind_open(k, 8), .n = (unsigned)support_scale(3000), .moving = {2}};
    l.most = kind_bounded(k) ? k->cap : l.n;
    crew_run(crew, 3, looks_on, &l);
    expect_eq(leat_chan_len(l.c), 0);
    leat_chan_free(l.c);
}

static void len_is_never_more_than_fits(void **state)
{
    (void)state;
    each_kind_and_crew(looks);
}

/* Elements larger than a fiber's stack pass by every call. */
enum { BIG = 64 << 10 };

static void big_actor(struct actor *a)
{
    leat_chan *c = (leat_chan *)a->arg;
    unsigned char *v = (unsigned char *)malloc(2 * BIG);
    if (!expect(v != NULL))
        return;
    for (unsigned i = 1; i <= 20; i++) {
        if (a->index == 0) {
            memset(v, (int)i, BIG);
            expect_eq(i % 2 ? leat_chan_send(c, v)
                            : leat_chan_send_n(c, v, 1, LEAT_NEVER),
                      i % 2 ? 0 : 1);
        } else {
            memset(v, 0, BIG);
            expect_eq(i % 3 ? leat_chan_recv(c, v)
                            : leat_chan_recv_n(c, v, 1, LEAT_NEVER),
                      i % 3 ? 0 : 1);
            expect(v[0] == i && v[BIG / 2] == i && v[BIG - 1] == i);
        }
    }
    free(v);
}

static void big(const struct kind *k, enum crew_kind crew)
{
    if (k->cap >= 1024 && kind_bounded(k))
        return;
    leat_chan *c = kind_open(k, BIG);
    crew_run(crew, 2, big_actor, c);
    leat_chan_free(c);
}

static void elements_may_be_larger_than_the_stack(void **state)
{
    (void)state;
    each_kind_and_crew(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(len_is_never_more_than_fits),
        cmocka_unit_test(elements_may_be_larger_than_the_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
