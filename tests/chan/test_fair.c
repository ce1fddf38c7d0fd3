/* test_fair.c - newcomers and parked waiters: passed at most 4 times, with LEAT_FAIR or
 * capacity 0 never. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

enum { NEWCOMERS = 2, OVERTAKES = 4 };

struct fair {
    leat_chan *c;
    unsigned dir;
    leati_a32 stop;
    leati_a64 taken; /* by newcomers */
};

/* Grabs whatever it can get, without ever parking. */
static int newcomer(void *arg)
{
    struct fair *f = (struct fair *)arg;
    while (!leati_load_acq(&f->stop)) {
        uint64_t v = UINT64_MAX;
        int r = f->dir == LEAT_OP_RECV ? leat_chan_try_recv(f->c, &v)
                                       : leat_chan_try_send(f->c, &v);
        if (r == 0)
            (void)leati_add_ar(&f->taken, (uint64_t)1);
        else
            leat_yield();
    }
    return 0;
}

static unsigned bound(const struct kind *k)
{
    return k->cap == 0 || (k->flags & LEAT_FAIR) ? 0 : OVERTAKES;
}

/* Values 0, 1, 2, ... from the test thread: the parked receiver gets one of the first. */
static void receivers(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 1, 3))
        return;
    struct fair f = {kind_open(k, sizeof(uint64_t)), LEAT_OP_RECV, {0}, {0}};
    struct lone n[NEWCOMERS];
    for (unsigned i = 0; i < NEWCOMERS; i++)
        lone_start(&n[i], crew, i, newcomer, &f);
    for (unsigned round = 0; round < support_scale(20); round++) {
        struct op o;
        uint64_t sent = 0;
        op_park(&o, crew, round, f.c, LEAT_OP_RECV, 0, 1);
        while (parked(f.c, LEAT_OP_RECV)) {
            if (!expect_eq(leat_chan_send(f.c, &sent), 0))
                break;
            sent++;
        }
        expect_eq(op_join(&o), 0);
        expect(o.value <= bound(k));
        while (leat_chan_len(f.c))
            leat_yield();
    }
    leati_store_rel(&f.stop, 1u); /* pairs with the load in newcomer */
    for (unsigned i = 0; i < NEWCOMERS; i++)
        (void)lone_join(&n[i]);
    leat_chan_free(f.c);
}

static void a_parked_receiver_is_passed_a_bounded_number_of_times(void **state)
{
    (void)state;
    each_kind_and_crew(receivers);
}

/* A full channel: after what was inside, the parked sender's value is among the first. */
static void senders(const struct kind *k, enum crew_kind crew)
{
    if (!kind_allows(k, 3, 1) || !kind_bounded(k))
        return;
    struct fair f = {kind_open(k, sizeof(uint64_t)), LEAT_OP_SEND, {0}, {0}};
    struct lone n[NEWCOMERS];
    for (unsigned i = 0; i < NEWCOMERS; i++)
        lone_start(&n[i], crew, i, newcomer, &f);
    for (unsigned round = 0; round < support_scale(20); round++) {
        struct op o;
        uint64_t before = 0, v;
        while (leat_chan_len(f.c) < k->cap)
            leat_yield();
        op_park(&o, crew, round, f.c, LEAT_OP_SEND, round, 1);
        do {
            if (!expect_eq(leat_chan_recv(f.c, &v), 0))
                break;
            before++;
        } while (v == UINT64_MAX);
        expect_eq(v, round);
        expect(before - 1 <= k->cap + bound(k));
        expect_eq(op_join(&o), 0);
    }
    leati_store_rel(&f.stop, 1u); /* pairs with the load in newcomer */
    for (unsigned i = 0; i < NEWCOMERS; i++)
        (void)lone_join(&n[i]);
    leat_chan_free(f.c);
}

static void a_parked_sender_is_passed_a_bounded_number_of_times(void **state)
{
    (void)state;
    each_kind_and_crew(senders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parked_receiver_is_passed_a_bounded_number_of_times),
        cmocka_unit_test(a_parked_sender_is_passed_a_bounded_number_of_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
