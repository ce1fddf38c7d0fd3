/* test_history.c - short histories of a buffered channel have an order that a queue
 * explains.
 *
 * Three actors make a few calls each, each call noted with the instants of its
 * beginning and end; then an order of all the calls is searched that keeps those
 * instants apart and gives a queue the same results. There must be one: the channel is
 * a linearizable FIFO queue, and a try fails only when it was full or empty at some
 * moment of the call. SPDX-License-Identifier: MIT */
/* ctest: onecpu */
#include "support/kinds.h"

enum { QUEUE = 8 };

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
        struct leat_deadline until =
            timed ? leat_in_us(support_below(&a->rng, 60)) : LEAT_NOW;
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
        cmocka_unit_test(histories_are_those_of_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
