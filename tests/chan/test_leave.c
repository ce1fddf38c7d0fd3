/* test_leave.c - receivers that leave while a value is on its way to them: cancelled
 * fibers, last handles, a server that dies. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/op.h"

/* A value is on its way to a fiber that is being cancelled: either it has it, or the
 * next one in the queue, or it is inside. */
static void wake_and_cancel(const struct kind *k)
{
    if (!kind_allows(k, 1, 2))
        return;
    for (unsigned i = 0; i < support_scale(200); i++) {
        leat_chan *c = kind_open(k, 8);
        struct op first, sender;
        uint64_t v = 9;
        op_park(&first, CREW_FIBERS, 0, c, LEAT_OP_RECV, 0, 1);
        op_start(&sender, i % 2 ? CREW_FIBERS : CREW_THREADS, 0, c, LEAT_OP_SEND, 4,
                 LEAT_NEVER);
        leat_fiber_cancel(first.actor.fiber);
        int r = op_join(&first);
        expect(r == 0 || r == LEAT_ECANCELED);
        if (r != 0)
            expect_eq(leat_chan_recv_until(c, &v, leat_in_s(60)), 0);
        expect_eq(r == 0 ? first.value : v, 4);
        expect_eq(op_join(&sender), 0);
        expect_eq(parked(c, LEAT_OP_SEND) + parked(c, LEAT_OP_RECV), 0);
        leat_chan_free(c);
    }
}

static void a_value_for_a_cancelled_fiber_is_not_lost(void **state)
{
    (void)state;
    each_kind(wake_and_cancel);
}

/* The last receiver goes at the very first send: it is refused, or dropped once. */
struct leaving {
    leat_chan *c;
    leat_rx *rx;
    int sent;
};

static void leaver(struct actor *a)
{
    struct leaving *l = (struct leaving *)a->arg;
    uint64_t v = 1;
    if (a->index == 1)
        leat_rx_free(l->rx);
    else
        l->sent = leat_chan_send(l->c, &v);
}

static void leaves(const struct kind *k, enum crew_kind crew)
{
    for (unsigned i = 0; i < support_scale(20); i++) {
        struct dropped d = {0};
        struct leaving l = {.c = kind_open_dropping(k, &d)};
        l.rx = leat_chan_rx(l.c);
        crew_run(crew, 2, leaver, &l);
        expect(l.sent == 0 || l.sent == LEAT_ECLOSED);
        leat_chan_free(l.c);
        expect_eq(d.count, l.sent == 0);
    }
}

static void the_last_receiver_leaves_at_the_first_send(void **state)
{
    (void)state;
    each_kind_and_crew(leaves);
}

/* Requests carry the sender of their answer. When nobody will serve them, who waits for
 * the answer is told, also by those requests that were still inside. */
static void drop_reply(void *elem, void *arg)
{
    (*(unsigned *)arg)++;
    leat_tx_free(*(leat_tx **)elem);
}

static void dead_server(const struct kind *k, enum crew_kind crew)
{
    if (!k->cap)
        return;
    struct leat_chan_opts o = kind_opts(k, sizeof(leat_tx *));
    unsigned dropped = 0;
    leat_chan *requests = NULL, *answers = NULL;
    struct op client;
    o.drop = drop_reply;
    o.drop_arg = &dropped;
    expect_eq(leat_chan_open(&requests, &o), 0);
    leat_rx *server = leat_chan_rx(requests);
    expect_eq(leat_chan_new(&answers, 8, 0), 0);
    leat_tx *reply = leat_chan_tx(answers);
    expect_eq(leat_chan_send(requests, &reply), 0);
    op_park(&client, crew, 1, answers, LEAT_OP_RECV, 0, 1);
    leat_rx_free(server);
    /* one that was declared alone may still be in its call: the rest goes at the end */
    if (k->flags & LEAT_SINGLE_CONSUMER)
        requests = leat_chan_free(requests);
    expect_eq(op_join(&client), LEAT_ECLOSED);
    expect_eq(dropped, 1);
    leat_chan_free(requests);
    leat_chan_free(answers);
}

static void a_dead_server_answers_by_the_close_of_the_reply(void **state)
{
    (void)state;
    each_kind_and_crew(dead_server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_for_a_cancelled_fiber_is_not_lost),
        cmocka_unit_test(the_last_receiver_leaves_at_the_first_send),
        cmocka_unit_test(a_dead_server_answers_by_the_close_of_the_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
