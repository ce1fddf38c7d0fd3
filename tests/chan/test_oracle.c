/* test_oracle.c - the channel against a queue so simple that it is right.
 *
 * Alone: a random sequence of calls gives the results of the queue, for every kind.
 * Together: three actors make a few calls each on a buffered channel, each call noted
 * with the instants of its beginning and end; then an order of all the calls is searched
 * that keeps those instants apart and gives the queue the same results. There must be
 * one: the channel is a linearizable FIFO queue, and a try fails only when it was full or
 * empty at some moment of the call. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include <stdlib.h>

#include "support/kinds.h"

/* ---- the queue ---- */

enum { QUEUE = 512 };

struct queue {
    uint64_t v[QUEUE];
    unsigned first, n, cap; /* values are v[first % QUEUE], ... */
    bool closed;
};

static int queue_send(struct queue *q, uint64_t v)
{
    if (q->closed)
        return LEAT_ECLOSED;
    if (q->n == q->cap)
        return LEAT_EAGAIN;
    q->v[(q->first + q->n++) % QUEUE] = v;
    return 0;
}

static int queue_recv(struct queue *q, uint64_t *ret)
{
    if (q->n == 0)
        return q->closed ? LEAT_ECLOSED : LEAT_EAGAIN;
    *ret = q->v[q->first++ % QUEUE];
    q->n--;
    return 0;
}

/* ---- alone ---- */

static unsigned queue_cap(const struct kind *k)
{
    return k->cap < QUEUE ? (unsigned)k->cap : QUEUE;
}

static void one_call(leat_chan *c, struct queue *q, struct support_rng *rng, uint64_t *next)
{
    uint64_t v[8], want[8], got = 7, expected = 7;
    unsigned n = 1 + support_below(rng, 8);
    int how = (int)support_below(rng, 4);
    ptrdiff_t r, w = 0;
    switch (support_below(rng, 6)) {
    case 0:
        w = queue_send(q, *next);
        expect_eq(leat_chan_try_send(c, next), w);
        *next += w == 0;
        break;
    case 1:
        w = queue_recv(q, &expected);
        expect_eq(leat_chan_try_recv(c, &got), w);
        expect_eq(got, expected);
        break;
    case 2:
        for (unsigned i = 0; i < n; i++)
            v[i] = *next + i;
        r = leat_chan_send_n(c, v, n, LEAT_NOW);
        while (w < n && queue_send(q, *next) == 0) {
            ++*next;
            w++;
        }
        expect_eq(r, w ? w : queue_send(q, 0));
        break;
    case 3:
        r = leat_chan_recv_n(c, v, n, LEAT_NOW);
        while (w < n && queue_recv(q, &want[w]) == 0)
            w++;
        expect_eq(r, w ? w : queue_recv(q, want));
        for (ptrdiff_t i = 0; i < w && i < r; i++)
            expect_eq(v[i], want[i]);
        break;
    case 4: {
        struct leat_case k[2] = {LEAT_RECV(c, &got), LEAT_SEND(c, next)};
        size_t which = 2;
        bool full = q->n == q->cap && !q->closed;
        r = leat_select(k + (how & 1), 1, LEAT_NOW, 0, &which);
        w = how & 1 ? queue_send(q, *next) : queue_recv(q, &expected);
        expect(!(how & 1) || full == (w == LEAT_EAGAIN));
        expect_eq(r, w == LEAT_EAGAIN ? LEAT_EAGAIN : 0);
        if (r == 0)
            expect_eq(k[how & 1].err, w);
        expect_eq(got, expected);
        *next += (how & 1) && w == 0;
        break;
    }
    default:
        expect_eq(leat_chan_len(c), q->n);
        expect_eq(leat_chan_closed(c), q->closed);
    }
}

static void alone(const struct kind *k)
{
    struct support_rng rng = support_rng(k->cap + k->flags);
    for (unsigned round = 0; round < 20; round++) {
        struct queue q = {.cap = queue_cap(k)};
        leat_chan *c = kind_open(k, sizeof(uint64_t));
        uint64_t next = 1, got, want;
        unsigned calls = (unsigned)support_scale(400) + 40;
        for (unsigned i = 0; i < calls; i++) {
            if (!kind_bounded(k) && q.n > QUEUE - 20)
                break; /* the queue is not as unbounded */
            if (i == calls * 3 / 4 && round % 2) {
                expect_eq(leat_chan_close(c), 0);
                q.closed = true;
            }
            one_call(c, &q, &rng, &next);
        }
        while (queue_recv(&q, &want) == 0) {
            expect_eq(leat_chan_try_recv(c, &got), 0);
            expect_eq(got, want);
        }
        leat_chan_free(c);
    }
}

static void random_calls_give_the_results_of_a_queue(void **state)
{
    (void)state;
    each_kind(alone);
}

/* ---- together ---- */

enum { ACTORS = 3, CALLS = 4, ALL = ACTORS * CALLS };

enum call { SEND, RECV, CLOSE };

struct event {
    enum call call;
    int result;
    uint64_t value;
    uint64_t begin, end; /* of a counter that all increment: no two are equal */
};

struct history {
    leat_chan *c;
    bool closes;
    uint64_t clock;
    struct event e[ALL];
};

static uint64_t tick(struct history *h)
{
    return __atomic_add_fetch(&h->clock, 1, __ATOMIC_SEQ_CST);
}

static void caller(struct actor *a)
{
    struct history *h = (struct history *)a->arg;
    for (unsigned i = 0; i < CALLS; i++) {
        struct event *e = &h->e[a->index * CALLS + i];
        uint32_t chance = support_below(&a->rng, 10);
        e->call = chance == 9 && h->closes ? CLOSE : chance % 2 ? SEND : RECV;
        e->value = a->index * 100 + i;
        bool timed = !h->closes && chance > 6;
        struct leat_deadline until = timed ? leat_in_us(support_below(&a->rng, 60)) : LEAT_NOW;
        e->begin = tick(h);
        e->result = e->call == SEND   ? leat_chan_send_until(h->c, &e->value, until)
                    : e->call == RECV ? leat_chan_recv_until(h->c, &e->value, until)
                                      : leat_chan_close(h->c);
        e->end = tick(h);
        if (support_below(&a->rng, 4) == 0)
            leat_yield();
    }
}

/* Does the call, at this point, give its result? */
static bool fits(struct queue *q, const struct event *e)
{
    uint64_t v;
    if (e->result == LEAT_EBUSY || e->result == LEAT_ETIMEDOUT)
        return true; /* did nothing and says nothing */
    switch (e->call) {
    case SEND:
        return queue_send(q, e->value) == e->result;
    case RECV:
        return queue_recv(q, &v) == e->result && (e->result != 0 || v == e->value);
    default:
        if (e->result != (q->closed ? LEAT_EALREADY : 0))
            return false;
        q->closed = true;
        return true;
    }
}

/* Depth first over the calls that nobody else's end precedes. */
static bool explain(const struct event *e, unsigned done, const struct queue *q)
{
    if (done == (1u << ALL) - 1)
        return true;
    uint64_t first_end = UINT64_MAX;
    for (unsigned i = 0; i < ALL; i++)
        if (!(done & 1u << i) && e[i].end < first_end)
            first_end = e[i].end;
    for (unsigned i = 0; i < ALL; i++) {
        if ((done & 1u << i) || e[i].begin > first_end)
            continue;
        struct queue next = *q;
        if (fits(&next, &e[i]) && explain(e, done | 1u << i, &next))
            return true;
    }
    return false;
}

static void print_history(const struct history *h)
{
    static const char *const names[] = {"send", "recv", "close"};
    for (unsigned i = 0; i < ALL; i++)
        print_error("actor %u: %s %llu = %d in [%llu, %llu]\n", i / CALLS,
                    names[h->e[i].call], (unsigned long long)h->e[i].value,
                    h->e[i].result, (unsigned long long)h->e[i].begin,
                    (unsigned long long)h->e[i].end);
}

static void one_history(const struct kind *k, enum crew_kind crew, bool closes)
{
    struct history h = {.closes = closes};
    struct queue q = {.cap = (unsigned)k->cap};
    h.c = kind_open(k, sizeof(uint64_t));
    crew_run(crew, ACTORS, caller, &h);
    if (!explain(h.e, 0, &q)) {
        print_history(&h);
        expect(!"there is an order that a queue explains");
    }
    leat_chan_free(h.c);
}

static void histories_are_those_of_a_queue(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KINDS; i++) {
        const struct kind *k = &kinds[i];
        if (k->cap == 0 || k->cap > 4 || !kind_allows(k, ACTORS, ACTORS))
            continue;
        support_about = k->name;
        for (unsigned n = 0; n < support_scale(400); n++)
            one_history(k, n % 4 == 3 ? CREW_MIXED : CREW_THREADS, n % 2);
        verdict();
    }
    support_about = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_calls_give_the_results_of_a_queue),
        cmocka_unit_test(histories_are_those_of_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
