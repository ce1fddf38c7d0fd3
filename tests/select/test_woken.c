/* test_woken.c - what ended the wait of a select, and what it left to others.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

struct sel {
    struct lone actor;
    leat_chan *a, *b;
    struct leat_deadline until;
    uint64_t got[2];
    size_t which;
    int err;
};

static int sel_main(void *arg)
{
    struct sel *s = (struct sel *)arg;
    struct leat_case cs[2] = {LEAT_RECV(s->a, &s->got[0]), LEAT_RECV(s->b, &s->got[1])};
    int r = leat_select(cs, 2, s->until, 0, &s->which);
    s->err = r == 0 ? cs[s->which].err : r;
    return r;
}

/* A select waits for A or B, another actor for B only. One value in each: both are
 * served, whichever of the two the select takes. */
static void passed_on(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 2, 2))
        return;
    for (unsigned i = 0; i < support_scale(20); i++) {
        leat_chan *a = kind_open(k, 8), *b = kind_open(k, 8);
        struct sel s = {.a = a, .b = b, .until = LEAT_NEVER};
        struct op plain, sa, sb;
        uint64_t v = 0;
        lone_start(&s.actor, crew, i, sel_main, &s);
        if (i % 2)
            until_parked(b, LEAT_OP_RECV, 1);
        op_start(&plain, crew, i + 1, b, LEAT_OP_RECV, 0, LEAT_NEVER);
        op_start(&sb, crew, i, b, LEAT_OP_SEND, 2, LEAT_NEVER);
        op_start(&sa, crew, i + 1, a, LEAT_OP_SEND, 1, LEAT_NEVER);
        expect_eq(lone_join(&s.actor), 0);
        expect_eq(s.got[s.which], s.which + 1);
        if (s.which ==
            1) { /* it took B's: A's stays, the other one still waits for B */
            v = 3;
            expect_eq(leat_chan_send(b, &v), 0);
            expect_eq(leat_chan_recv(a, &v), 0);
            expect_eq(v, 1);
        }
        expect_eq(op_join(&plain), 0);
        expect_eq(op_join(&sa), 0);
        expect_eq(op_join(&sb), 0);
        expect_eq(plain.value, s.which == 1 ? 3 : 2);
        leat_chan_free(a);
        leat_chan_free(b);
    }
}

static void what_a_select_does_not_take_goes_to_the_next(void **state)
{
    (void)state;
    each_kind_and_crew(passed_on);
}

/* Woken by a close, by a value, by time: each tells which, never one for the other. */
static void reasons(const struct kind *k, enum crew_kind crew)
{
    for (unsigned i = 0; i < 6; i++) {
        leat_chan *a = kind_open(k, 8), *b = kind_open(k, 8), *hit = i % 2 ? a : b;
        struct sel s = {.a = a,
                        .b = b,
                        .until = i / 2 == 2 ? leat_in_ms(1) : LEAT_NEVER,
                        .which = 9,
                        .got = {OP_UNTOUCHED, OP_UNTOUCHED}};
        uint64_t v = 0;
        lone_start(&s.actor, crew, 1, sel_main, &s);
        if (i / 2 < 2)
            until_parked(hit, LEAT_OP_RECV, 1);
        if (i / 2 == 0)
            expect_eq(leat_chan_try_send(hit, &v), 0);
        else if (i / 2 == 1)
            expect_eq(leat_chan_close(hit), 0);
        int r = lone_join(&s.actor);
        expect_eq(r, i / 2 == 2 ? LEAT_ETIMEDOUT : 0);
        expect_eq(s.err, i / 2 == 0 ? 0 : i / 2 == 1 ? LEAT_ECLOSED : LEAT_ETIMEDOUT);
        expect_eq(s.which, i / 2 == 2 ? 9 : i % 2 ? 0 : 1);
        for (unsigned n = 0; n < 2; n++) /* 0 was sent: a value, not a close */
            expect_eq(s.got[n], i / 2 == 0 && s.which == n ? 0 : OP_UNTOUCHED);
        leat_chan_free(a);
        leat_chan_free(b);
    }
}

static void a_select_knows_what_woke_it(void **state)
{
    (void)state;
    each_kind_and_crew(reasons);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_select_does_not_take_goes_to_the_next),
        cmocka_unit_test(a_select_knows_what_woke_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
