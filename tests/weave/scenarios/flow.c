/* flow.c - flows whose taps, inputs and ends change while they wait.
 * SPDX-License-Identifier: MIT */
#include <leat/flow.h>
#include "common.h"

static leat_pool *pool;
static leat_chan *in, *out;
static leat_broadcast *broadcast;
static leat_mix *mix;
static leat_pubsub *pubsub;
static leati_a32 left_out;

static void note_left_out(void *v, void *arg)
{
    (void)v;
    (void)arg;
    (void)leati_add_sc(&left_out, 1u);
}

static struct leat_flow_opts opts(void)
{
    return (struct leat_flow_opts){.size = sizeof(struct leat_flow_opts),
                                   .pool = pool,
                                   .drop_in = note_left_out,
                                   .drop_out = note_left_out};
}

static void channels(size_t cap)
{
    const struct leat_pool_opts o = {.size = sizeof(o), .workers = 1};
    weave_check(leat_pool_new(&pool, &o) == 0);
    weave_check(leat_chan_new(&in, sizeof(int), cap) == 0);
    weave_check(leat_chan_new(&out, sizeof(int), 0) == 0);
}

static void finish(void)
{
    weave_check(leat_pool_shutdown(pool, LEAT_DRAIN, LEAT_NEVER) == 0);
}

/* --- cancelled and closed while it waits at either end --- */

static leat_flow *flow;

static void setup_pipe(void)
{
    channels(1);
    const struct leat_flow_opts o = opts();
    weave_check(leat_flow_pipe(&flow, in, out, &o) == 0);
}

static void send_or_cancel(unsigned i)
{
    int v = 1, r;
    if (i == 0) {
        weave_check(leat_chan_send(in, &v) == 0);
        leat_flow_cancel(flow);
        weave_check(leat_flow_join(flow, &r) == 0);
        weave_check(r == LEAT_ECANCELED);
    } else {
        r = leat_chan_recv(out, &v); /* the value, or the end: never nothing */
        weave_check((r == 0 && v == 1) || r == LEAT_ECLOSED);
        if (r == LEAT_ECLOSED) /* then it is in the input, or was handed out */
            weave_check(leat_chan_len(in) + leati_load_sc(&left_out) == 1);
    }
}

WEAVE_SCENARIO(cancel, .name = "flow.cancel_loses_no_value", .actors = 2,
               .setup = setup_pipe, .actor = send_or_cancel, .check = finish,
               .bound = 1);

/* --- a tap that leaves while it is waited for --- */

static void setup_broadcast(void)
{
    channels(1);
    const struct leat_flow_opts o = opts();
    weave_check(leat_broadcast_new(&broadcast, in, &o) == 0);
    weave_check(leat_broadcast_tap(broadcast, out, LEAT_TAP_WAIT, 0) == 0);
}

static void send_or_untap(unsigned i)
{
    int v = 1;
    if (i == 0) {
        weave_check(leat_chan_send(in, &v) == 0);
        weave_check(leat_chan_close(in) == 0);
    } else {
        weave_check(leat_broadcast_untap(broadcast, out) == 0);
    }
}

static void all_delivered(void)
{
    weave_check(leat_broadcast_wait(broadcast, LEAT_NEVER) == 0);
    leat_broadcast_free(broadcast);
    weave_check(leati_load_sc(&left_out) == 1); /* nobody reads `out` */
    finish();
}

WEAVE_SCENARIO(untap, .name = "flow.a_tap_that_leaves_is_not_waited_for", .actors = 2,
               .setup = setup_broadcast, .actor = send_or_untap, .check = all_delivered,
               .bound = 1);

/* --- an input that comes while the mix waits for another --- */

static void setup_mix(void)
{
    channels(1);
    const struct leat_flow_opts o = opts();
    weave_check(leat_mix_new(&mix, out, &o) == 0);
}

static void add_or_send(unsigned i)
{
    int v = 1;
    if (i == 0) {
        weave_check(leat_mix_set(mix, in, 0) == 0);
    } else {
        weave_check(leat_chan_send(in, &v) == 0);
        v = 0;
        weave_check(leat_chan_recv(out, &v) == 0 && v == 1);
    }
}

static void free_mix(void)
{
    leat_mix_free(mix);
    finish();
}

WEAVE_SCENARIO(mixed, .name = "flow.a_new_input_is_heard", .actors = 2,
               .setup = setup_mix, .actor = add_or_send, .check = free_mix, .bound = 1);

/* --- the last subscriber leaves while a value waits for it --- */

static void parity(const void *v, void *ret_key, void *arg)
{
    (void)arg;
    *(char *)ret_key = (char)(*(const int *)v % 2);
}

static void setup_pubsub(void)
{
    channels(1);
    const struct leat_flow_opts f = opts();
    const struct leat_pubsub_opts o = {
        .size = sizeof(o), .topic = parity, .key_size = 1, .flow = &f};
    const char odd = 1;
    weave_check(leat_pubsub_new(&pubsub, in, &o) == 0);
    weave_check(leat_pubsub_sub(pubsub, &odd, out, LEAT_TAP_WAIT, 0) == 0);
}

static void publish_or_leave(unsigned i)
{
    const char odd = 1;
    if (i == 0) {
        for (int v = 1; v < 6; v += 2)
            weave_check(leat_chan_send(in, &v) == 0);
        weave_check(leat_chan_close(in) == 0);
    } else {
        weave_check(leat_pubsub_unsub(pubsub, &odd, out) == 0);
    }
}

static void all_published(void)
{
    weave_check(leat_pubsub_wait(pubsub, LEAT_NEVER) == 0);
    leat_pubsub_free(pubsub);
    weave_check(leati_load_sc(&left_out) == 3); /* nobody reads `out` */
    finish();
}

WEAVE_SCENARIO(unsub, .name = "flow.a_topic_that_ends_holds_nobody_up", .actors = 2,
               .setup = setup_pubsub, .actor = publish_or_leave, .check = all_published,
               .bound = 1);
