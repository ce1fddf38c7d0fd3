/* test_set_peers.c - a set that waits on an unbuffered channel, seen from the other
 * side: a select finds nobody whom it could meet at once, and parks.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <leat/set.h>

#include "support/op.h"

struct owner {
    struct lone actor;
    leat_chan *c;
    uint64_t got;
};

static int owner_main(void *arg)
{
    struct owner *o = (struct owner *)arg;
    leat_set *s = NULL;
    if (!expect_eq(leat_set_new(&s), 0) || !expect_eq(leat_set_add(s, o->c, NULL), 0))
        return LEAT_ENOMEM;
    int r = leat_set_wait(s, &o->got, NULL, NULL, LEAT_NEVER);
    leat_set_free(s);
    return r;
}

static void start(struct owner *o, enum crew_kind crew)
{
    *o = (struct owner){.c = NULL};
    assert_int_equal(leat_chan_new(&o->c, sizeof(uint64_t), 0), 0);
    lone_start(&o->actor, crew, 1, owner_main, o);
    until_parked(o->c, LEAT_OP_RECV, 1);
}

static void a_select_with_now_returns_beside_a_waiting_set(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct owner o;
        uint64_t v = 7;
        struct leat_case k[] = {LEAT_SEND(NULL, &v), LEAT_SEND(NULL, &v)};
        start(&o, (enum crew_kind)crew);
        k[1].chan = o.c;
        assert_int_equal(leat_select(k, 2, LEAT_NOW, 0, NULL), LEAT_EAGAIN);
        assert_int_equal(leat_chan_try_send(o.c, &v), LEAT_EAGAIN);
        assert_int_equal(leat_chan_close(o.c), 0);
        assert_int_equal(lone_join(&o.actor), LEAT_ECLOSED);
        leat_chan_free(o.c);
        verdict();
    }
}

static void a_waiting_select_gives_its_value_to_a_set(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct owner o;
        uint64_t v = 8;
        size_t which = 9;
        struct leat_case k[] = {LEAT_SEND(NULL, &v), LEAT_SEND(NULL, &v)};
        start(&o, (enum crew_kind)crew);
        k[1].chan = o.c;
        assert_int_equal(leat_select(k, 2, LEAT_NEVER, 0, &which), 0);
        assert_int_equal(which, 1);
        assert_int_equal(k[1].err, 0);
        assert_int_equal(lone_join(&o.actor), 0);
        assert_int_equal(o.got, 8);
        leat_chan_free(o.c);
        verdict();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_select_with_now_returns_beside_a_waiting_set),
        cmocka_unit_test(a_waiting_select_gives_its_value_to_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
