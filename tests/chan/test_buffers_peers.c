/* test_buffers_peers.c - channels with buffers among many: nothing is lost without notice
 * and nothing comes twice; values that are dropped while others go on; select and sets.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include "support/buffers.h"

enum { PAIRS = 3 };

struct account {
    leat_chan *chan;
    unsigned senders, values;
    bool ordered; /* a sender's values reach each receiver in order */
    leati_a64 sent, got, lost, left;
};

static void lose(void *elem, void *arg)
{
    struct account *a = (struct account *)arg;
    (void)leati_add_rlx(&a->lost, *(uint64_t *)elem);
}

static void sender(struct actor *me)
{
    struct account *a = (struct account *)me->arg;
    for (uint64_t i = 1; i <= a->values; i++) {
        uint64_t v[3] = {i << 8 | me->index, 0, 0};
        unsigned n = 1 + support_below(&me->rng, 3);
        for (unsigned k = 1; k < n; k++)
            v[k] = ++i << 8 | me->index;
        size_t which;
        struct leat_case cs[] = {LEAT_SEND(a->chan, v), LEAT_SEND(NULL, v)};
        if (n > 1)
            for (size_t done = 0; done < n;) {
                ptrdiff_t r = leat_chan_send_n(a->chan, v + done, n - done, LEAT_NEVER);
                if (!expect(r > 0))
                    return;
                done += (size_t)r;
            }
        else if (i % 2)
            expect_eq(leat_chan_send(a->chan, v), 0);
        else
            expect(leat_select(cs, 2, LEAT_NEVER, 0, &which) == 0 && cs[0].err == 0);
        for (unsigned k = 0; k < n; k++)
            (void)leati_add_rlx(&a->sent, v[k]);
    }
    if (leati_sub_ar(&a->left, (uint64_t)1) == 1)
        leat_chan_close(a->chan);
}

static void receiver(struct actor *me)
{
    struct account *a = (struct account *)me->arg;
    uint64_t last[2 * PAIRS] = {0}, v;
    for (unsigned k = 0;; k++) {
        struct leat_case cs[] = {LEAT_RECV(NULL, &v), LEAT_RECV(a->chan, &v)};
        size_t which;
        int r = k % 3 == 0   ? leat_select(cs, 2, LEAT_NEVER, 0, &which)
                : k % 3 == 1 ? leat_chan_recv_until(a->chan, &v, leat_in_us(50))
                             : leat_chan_recv(a->chan, &v);
        if (k % 3 == 0 && r == 0)
            r = cs[1].err;
        if (r == LEAT_ETIMEDOUT)
            continue;
        if (r == LEAT_ECLOSED)
            return;
        if (!expect_eq(r, 0))
            return;
        (void)leati_add_rlx(&a->got, v);
        unsigned from = (unsigned)(v & 0xFF);
        expect(!a->ordered || v >> 8 > last[from]);
        last[from] = v >> 8;
    }
}

static void conserve(const struct leat_buffer *b, size_t cap, enum crew_kind crew)
{
    struct account a = {.senders = PAIRS,
                        .values = (unsigned)support_scale(3000),
                        .ordered = b->kind != LEAT_BUFFER_PRIORITY,
                        .left = {PAIRS}};
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = sizeof(uint64_t),
                               .capacity = cap,
                               .buffer = b,
                               .drop = lose,
                               .drop_arg = &a};
    actor_fn *const fns[] = {sender, receiver};
    expect_eq(leat_chan_open(&a.chan, &o), 0);
    crew_join(crew_start_each(crew, 0, 2 * PAIRS, fns, 2, &a));
    leat_chan_free(a.chan);
    expect_eq(leati_load_rlx(&a.sent),
              leati_load_rlx(&a.got) + leati_load_rlx(&a.lost));
    expect(leati_load_rlx(&a.got) > 0);
    verdict();
}

static unsigned low(const void *elem, void *arg)
{
    (void)arg;
    return (unsigned)(*(const uint64_t *)elem >> 8) % 5;
}

static void what_is_sent_is_received_or_dropped(void **state)
{
    (void)state;
    const struct leat_buffer fives = {
        .kind = LEAT_BUFFER_PRIORITY, .levels = 5, .level = low};
    const struct leat_buffer *bs[] = {&buffer_dropping, &buffer_sliding, &fives};
    for (unsigned i = 0; i < 3; i++)
        for (int crew = 0; crew < CREW_KINDS; crew++) {
            conserve(bs[i], 1, (enum crew_kind)crew);
            conserve(bs[i], 4, (enum crew_kind)crew);
        }
}

/* A sender whose value pushed another one out may still be dropping that one when its
 * own was received and the receiver has freed the channel. */
struct late {
    leat_chan *chan, *go;
    leati_a32 dropping;
    uint64_t lost;
};

static void slow_drop(void *elem, void *arg)
{
    struct late *l = (struct late *)arg;
    leati_store_rel(&l->dropping, 1u);
    expect_eq(leat_chan_recv(l->go, NULL), 0);
    l->lost = *(uint64_t *)elem;
}

static bool is_dropping(void *arg)
{
    return leati_load_acq(&((struct late *)arg)->dropping) != 0;
}

static void a_channel_is_freed_while_a_value_is_being_dropped(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        struct late l = {0};
        struct op o;
        struct leat_chan_opts opts = {.size = sizeof(opts),
                                      .elem_size = sizeof(uint64_t),
                                      .capacity = 1,
                                      .buffer = &buffer_sliding,
                                      .drop = slow_drop,
                                      .drop_arg = &l};
        expect_eq(leat_chan_open(&l.chan, &opts), 0);
        expect_eq(leat_chan_new(&l.go, 0, 0), 0);
        give(l.chan, 1);
        op_start(&o, (enum crew_kind)crew, 1, l.chan, LEAT_OP_SEND, 2, LEAT_NEVER);
        expect(support_until(is_dropping, &l));
        expect_eq(got(l.chan), 2);
        leat_chan_free(l.chan);
        expect_eq(leat_chan_send(l.go, NULL), 0);
        expect_eq(op_join(&o), 0);
        expect_eq(l.lost, 1);
        leat_chan_free(l.go);
        verdict();
    }
}

/* The drop is outside every lock: it may use the very channel. */
static void send_back(void *elem, void *arg)
{
    leat_chan **c = (leat_chan **)arg;
    uint64_t v = *(uint64_t *)elem;
    if (c[1] && v < 100) {
        v += 100;
        expect_eq(leat_chan_send(c[1], &v), 0);
        expect_eq(leat_chan_try_recv(c[0], &v), 0);
        expect_eq(v, 2);
    }
}

static void a_drop_may_use_the_channel(void **state)
{
    (void)state;
    leat_chan *c[2] = {NULL, NULL};
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = sizeof(uint64_t),
                               .capacity = 1,
                               .buffer = &buffer_sliding,
                               .drop = send_back,
                               .drop_arg = c};
    expect_eq(leat_chan_open(&c[0], &o), 0);
    expect_eq(leat_chan_new(&c[1], sizeof(uint64_t), 4), 0);
    give(c[0], 1);
    give(c[0], 2);
    expect_eq(got(c[1]), 101);
    expect_eq(got(c[0]), OP_UNTOUCHED);
    leat_chan_free(c[0]);
    leat_chan_free(c[1]);
    verdict();
}

static void select_takes_them_beside_unbuffered_ones(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        leat_chan *slide = buffer_open(&buffer_sliding, 2, NULL), *plain = NULL;
        leat_chan *promise = buffer_open(&buffer_promise, 0, NULL);
        struct op o;
        uint64_t v[3] = {0};
        unsigned seen[3] = {0};
        expect_eq(leat_chan_new(&plain, sizeof(uint64_t), 0), 0);
        struct leat_case cs[] = {LEAT_RECV(slide, &v[0]), LEAT_RECV(plain, &v[1]),
                                 LEAT_RECV(promise, &v[2])};
        size_t which = 9;
        expect_eq(leat_select(cs, 3, LEAT_NOW, 0, &which), LEAT_EAGAIN);
        expect_eq(leat_select(cs, 3, leat_in_us(10), 0, &which), LEAT_ETIMEDOUT);
        op_park(&o, (enum crew_kind)crew, 1, plain, LEAT_OP_SEND, 6, 1);
        give(slide, 5);
        give(promise, 7);
        for (unsigned i = 0; i < 200; i++) {
            expect(leat_select(cs, 3, LEAT_NOW, 0, &which) == 0 && which < 3);
            expect_eq(cs[which].err, 0);
            expect_eq(v[which], 5 + which);
            seen[which]++;
        }
        expect(seen[0] == 1 && seen[1] == 1 && seen[2] == 198);
        expect_eq(op_join(&o), 0);
        leat_chan_free(slide);
        leat_chan_free(plain);
        leat_chan_free(promise);
        verdict();
    }
}

static void a_set_has_them_beside_others(void **state)
{
    (void)state;
    leat_chan *slide = buffer_open(&buffer_sliding, 2, NULL);
    leat_chan *levels = buffer_open(&buffer_digits, 3, NULL), *from;
    leat_set *s = NULL;
    uint64_t v;
    expect_eq(leat_set_new(&s), 0);
    expect_eq(leat_set_add(s, slide, NULL), 0);
    expect_eq(leat_set_add(s, levels, NULL), 0);
    for (unsigned round = 0; round < 3; round++) {
        expect_eq(leat_set_wait(s, &v, &from, NULL, LEAT_NOW), LEAT_EAGAIN);
        give(levels, 15);
        give(levels, 11);
        for (uint64_t i = 1; i <= 4; i++)
            give(slide, i);
        uint64_t sum = 0;
        for (unsigned i = 0; i < 4; i++) {
            expect_eq(leat_set_wait(s, &v, &from, NULL, LEAT_NEVER), 0);
            sum += v;
        }
        expect_eq(sum, 15 + 11 + 3 + 4);
    }
    expect_eq(leat_set_wait(s, &v, &from, NULL, leat_in_us(10)), LEAT_ETIMEDOUT);
    leat_chan_close(slide);
    expect_eq(leat_set_wait(s, &v, &from, NULL, LEAT_NEVER), LEAT_ECLOSED);
    expect(from == slide);
    leat_set_free(s);
    leat_chan_free(slide);
    leat_chan_free(levels);
    verdict();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_is_received_or_dropped),
        cmocka_unit_test(a_channel_is_freed_while_a_value_is_being_dropped),
        cmocka_unit_test(a_drop_may_use_the_channel),
        cmocka_unit_test(select_takes_them_beside_unbuffered_ones),
        cmocka_unit_test(a_set_has_them_beside_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
