/* test_stress.c - many senders and receivers at once: nothing lost, nothing twice, each
 * sender's values in order, whatever calls they use. SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd flood */
#include <stdlib.h>

#include "support/op.h"

enum { MAX_SIDE = 32, BATCH = 5 };

struct shape {
    unsigned senders, receivers;
};

struct stress {
    leat_chan *chan;
    struct shape shape;
    bool flip; /* the receivers come first, so that in a mix they are the threads */
    unsigned per_sender;
    leat_tx *tx[MAX_SIDE];
    uint64_t *seen;     /* of each value: how often it was received */
    uint64_t *payload;  /* plain memory, written before the send, read after */
    uint64_t received[MAX_SIDE];
};

/* One or more of the sender's next values, by any call. Returns how many or an error. */
static ptrdiff_t send_some(struct stress *s, struct support_rng *rng, uint64_t first,
                           unsigned left)
{
    uint64_t v[BATCH];
    unsigned n = left < BATCH ? left : BATCH;
    for (unsigned i = 0; i < n; i++)
        v[i] = first + i;
    ptrdiff_t r;
    switch (support_below(rng, 8)) {
    case 0:
        r = leat_chan_try_send(s->chan, v);
        if (r != 0)
            leat_yield();
        break;
    case 1:
        r = leat_chan_send_until(s->chan, v, leat_in_us(support_below(rng, 100)));
        break;
    case 2:
        return leat_chan_send_n(s->chan, v, n, LEAT_NEVER);
    case 3:
        return leat_chan_send_n(s->chan, v, n, leat_in_us(support_below(rng, 100)));
    default:
        r = leat_chan_send(s->chan, v);
    }
    return r == 0 ? 1 : r;
}

static bool try_later(ptrdiff_t r)
{
    return r == LEAT_EAGAIN || r == LEAT_EBUSY || r == LEAT_ETIMEDOUT;
}

static void sender(struct stress *s, struct support_rng *rng, unsigned me)
{
    uint64_t first = (uint64_t)me * s->per_sender;
    unsigned sent = 0;
    while (sent < s->per_sender) {
        for (unsigned i = sent; i < sent + BATCH && i < s->per_sender; i++)
            s->payload[first + i] = first + i + 1;
        ptrdiff_t r = send_some(s, rng, first + sent, s->per_sender - sent);
        if (r > 0)
            sent += (unsigned)r;
        else if (!expect(try_later(r)))
            break;
    }
    leat_tx_free(s->tx[me]);
}

static ptrdiff_t receive_some(struct stress *s, struct support_rng *rng, uint64_t *v)
{
    ptrdiff_t r;
    switch (support_below(rng, 8)) {
    case 0:
        r = leat_chan_try_recv(s->chan, v);
        if (r != 0)
            leat_yield();
        break;
    case 1:
        r = leat_chan_recv_until(s->chan, v, leat_in_us(support_below(rng, 100)));
        break;
    case 2:
        return leat_chan_recv_n(s->chan, v, BATCH, LEAT_NEVER);
    case 3:
        return leat_chan_recv_n(s->chan, v, BATCH, leat_in_us(support_below(rng, 100)));
    default:
        r = leat_chan_recv(s->chan, v);
    }
    return r == 0 ? 1 : r;
}

static void receiver(struct stress *s, struct support_rng *rng, unsigned me)
{
    uint64_t next[MAX_SIDE] = {0}, v[BATCH], count = 0;
    bool alone = s->shape.receivers == 1;
    for (;;) {
        ptrdiff_t r = receive_some(s, rng, v);
        for (ptrdiff_t i = 0; i < r; i++) {
            uint64_t from = v[i] / s->per_sender, seq = v[i] % s->per_sender;
            if (!expect(from < s->shape.senders))
                return;
            expect(alone ? seq == next[from] : seq >= next[from]);
            next[from] = seq + 1;
            expect_eq(s->payload[v[i]], v[i] + 1);
            __atomic_fetch_add(&s->seen[v[i]], 1, __ATOMIC_RELAXED);
            count++;
        }
        if (r <= 0 && !try_later(r)) {
            expect_eq(r, LEAT_ECLOSED);
            break;
        }
    }
    s->received[me] = count;
}

static void either(struct actor *a)
{
    struct stress *s = (struct stress *)a->arg;
    unsigned n = s->flip ? s->shape.receivers : s->shape.senders;
    bool first = a->index < n;
    unsigned me = first ? a->index : a->index - n;
    if (first != s->flip)
        sender(s, &a->rng, me);
    else
        receiver(s, &a->rng, me);
}

static void run(const struct kind *k, enum crew_kind crew, struct shape shape, bool flip)
{
    struct stress s = {.shape = shape, .flip = flip};
    size_t total = support_scale(1500);
    s.per_sender = (unsigned)(total / shape.senders) + 1;
    total = (size_t)s.per_sender * shape.senders;
    s.chan = kind_open(k, sizeof(uint64_t));
    s.seen = calloc(total, sizeof(*s.seen));
    s.payload = calloc(total, sizeof(*s.payload));
    for (unsigned i = 0; i < shape.senders; i++)
        s.tx[i] = leat_chan_tx(s.chan);
    crew_run(crew, shape.senders + shape.receivers, either, &s);
    uint64_t received = 0, wrong = 0;
    for (unsigned i = 0; i < shape.receivers; i++)
        received += s.received[i];
    for (size_t i = 0; i < total; i++)
        wrong += s.seen[i] != 1;
    expect_eq(received, total);
    expect_eq(wrong, 0);
    expect_eq(parked(s.chan, LEAT_OP_SEND) + parked(s.chan, LEAT_OP_RECV), 0);
    leat_chan_free(s.chan);
    free(s.seen);
    free(s.payload);
}

static unsigned side(void)
{
    unsigned n = support_actors(4);
    return n < MAX_SIDE ? n : MAX_SIDE;
}

static void one_to_one(const struct kind *k, enum crew_kind crew)
{
    run(k, crew, (struct shape){1, 1}, false);
    if (crew == CREW_MIXED)
        run(k, crew, (struct shape){1, 1}, true);
}

static void many_to_one(const struct kind *k, enum crew_kind crew)
{
    if (kind_allows(k, 2, 1))
        run(k, crew, (struct shape){side(), 1}, false);
}

static void one_to_many(const struct kind *k, enum crew_kind crew)
{
    if (kind_allows(k, 1, 2))
        run(k, crew, (struct shape){1, side()}, true);
}

static void many_to_many(const struct kind *k, enum crew_kind crew)
{
    if (kind_allows(k, 2, 2))
        run(k, crew, (struct shape){side(), side()}, false);
}

static void one_sender_one_receiver(void **state)
{
    (void)state;
    each_kind_and_crew(one_to_one);
}

static void many_senders_one_receiver(void **state)
{
    (void)state;
    each_kind_and_crew(many_to_one);
}

static void one_sender_many_receivers(void **state)
{
    (void)state;
    each_kind_and_crew(one_to_many);
}

static void many_senders_many_receivers(void **state)
{
    (void)state;
    each_kind_and_crew(many_to_many);
}

/* The k-th receive happens before the (k+C)-th send returns: what the receiver wrote
 * before it is seen, and is no race. */
struct edges {
    leat_chan *chan;
    size_t cap;
    unsigned n;
    uint64_t *ack;
};

static void edge_actor(struct actor *a)
{
    struct edges *e = (struct edges *)a->arg;
    for (uint64_t i = 0; i < e->n; i++) {
        uint64_t v = i;
        if (a->index == 0) {
            expect_eq(leat_chan_send(e->chan, &v), 0);
            if (i >= e->cap)
                expect_eq(e->ack[i - e->cap], i - e->cap + 1);
        } else {
            e->ack[i] = i + 1;
            expect_eq(leat_chan_recv(e->chan, &v), 0);
            expect_eq(v, i);
        }
    }
}

/* A close happens before the receive that reports it. */
struct closing {
    leat_chan *chan;
    uint64_t plain;
};

static void closing_actor(struct actor *a)
{
    struct closing *e = (struct closing *)a->arg;
    if (a->index == 0) {
        e->plain = 4711;
        expect_eq(leat_chan_close(e->chan), 0);
    } else {
        expect_eq(leat_chan_recv(e->chan, NULL), LEAT_ECLOSED);
        expect_eq(e->plain, 4711);
    }
}

static void closing_of(const struct kind *k, enum crew_kind crew)
{
    for (unsigned i = 0; i < support_scale(20); i++) {
        struct closing e = {kind_open(k, sizeof(uint64_t)), 0};
        crew_run(crew, 2, closing_actor, &e);
        leat_chan_free(e.chan);
    }
}

static void a_close_happens_before_the_receive_that_reports_it(void **state)
{
    (void)state;
    each_kind_and_crew(closing_of);
}

static void edges_of(const struct kind *k, enum crew_kind crew)
{
    if (!kind_bounded(k))
        return;
    struct edges e = {kind_open(k, sizeof(uint64_t)), k->cap,
                      (unsigned)support_scale(2500), NULL};
    e.ack = calloc(e.n, sizeof(*e.ack));
    crew_run(crew, 2, edge_actor, &e);
    free(e.ack);
    leat_chan_free(e.chan);
}

static void a_receive_happens_before_the_send_it_made_room_for(void **state)
{
    (void)state;
    each_kind_and_crew(edges_of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sender_one_receiver),
        cmocka_unit_test(many_senders_one_receiver),
        cmocka_unit_test(one_sender_many_receivers),
        cmocka_unit_test(many_senders_many_receivers),
        cmocka_unit_test(a_close_happens_before_the_receive_that_reports_it),
        cmocka_unit_test(a_receive_happens_before_the_send_it_made_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
