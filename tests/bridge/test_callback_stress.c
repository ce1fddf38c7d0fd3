/* test_callback_stress.c - callbacks beside threads and fibers on the same channels, with
 * cancels at random: every value once, nobody left behind.
 * SPDX-License-Identifier: MIT */
/* ctest: onecpu crowd */
#include <stdlib.h>

#include "calls.h"

enum { CHANS = 2, WINDOW = 3 };

struct world {
    leat_chan *c[CHANS];
    uint64_t per_sender;
    uint64_t sent, received, sum_in, sum_out; /* atomic */
    unsigned senders, busy;                   /* atomic */
};

static void add(uint64_t *a, uint64_t by)
{
    __atomic_fetch_add(a, by, __ATOMIC_RELAXED);
}

static void took(struct world *w, uint64_t v)
{
    add(&w->received, 1);
    add(&w->sum_out, v);
}

static void gave(struct world *w, uint64_t v)
{
    add(&w->sent, 1);
    add(&w->sum_in, v);
}

/* The last sender closes. */
static void sender_ends(struct world *w)
{
    if (__atomic_sub_fetch(&w->senders, 1, __ATOMIC_ACQ_REL) == 0)
        for (unsigned i = 0; i < CHANS; i++)
            expect_eq(leat_chan_close(w->c[i]), 0);
}

static void blocking_sender(struct actor *a)
{
    struct world *w = a->arg;
    for (uint64_t i = 0; i < w->per_sender; i++) {
        uint64_t v = support_below(&a->rng, 1000);
        gave(w, v);
        expect_eq(leat_chan_send(w->c[i % CHANS], &v), 0);
    }
    sender_ends(w);
}

/* --- callbacks that start themselves anew --- */

struct runner {
    leat_call call;
    struct world *w;
    uint64_t value, left;
    leat_chan *c;
};

static void over(struct runner *r)
{
    struct world *w = r->w;
    free(r);
    __atomic_fetch_sub(&w->busy, 1, __ATOMIC_ACQ_REL);
}

static struct runner *runner_new(struct world *w, leat_chan *c, leat_call_fn *fn)
{
    struct runner *r = aligned_alloc(16, (sizeof(*r) + 15) / 16 * 16);
    r->w = w;
    r->c = c;
    leat_call_init(&r->call, fn, r, NULL);
    __atomic_fetch_add(&w->busy, 1, __ATOMIC_RELAXED);
    return r;
}

static void received(leat_call *call, int result, void *arg)
{
    struct runner *r = arg;
    if (result != 0) {
        expect_eq(result, LEAT_ECLOSED);
        over(r);
        return;
    }
    took(r->w, r->value);
    expect_eq(leat_call_recv(call, r->c, &r->value), 0);
}

static void sent(leat_call *call, int result, void *arg)
{
    struct runner *r = arg;
    expect_eq(result, 0);
    if (--r->left == 0) {
        sender_ends(r->w);
        over(r);
        return;
    }
    r->value = r->left;
    gave(r->w, r->value);
    expect_eq(leat_call_send(call, r->c, &r->value), 0);
}

static void callback_sender(struct actor *a)
{
    struct world *w = a->arg;
    struct runner *r = runner_new(w, w->c[a->index % CHANS], sent);
    r->left = w->per_sender;
    r->value = r->left;
    gave(w, r->value);
    expect_eq(leat_call_send(&r->call, r->c, &r->value), 0);
}

static void callback_receiver(struct actor *a)
{
    struct world *w = a->arg;
    for (unsigned i = 0; i < WINDOW; i++) {
        struct runner *r = runner_new(w, w->c[i % CHANS], received);
        expect_eq(leat_call_recv(&r->call, r->c, &r->value), 0);
    }
}

/* --- starts and cancels at random --- */

struct fickle {
    leat_call call;
    uint64_t value;
    struct leat_case cases[CHANS];
    int result;
    bool select;
    bool called; /* atomic */
};

static void fickle_called(leat_call *call, int result, void *arg)
{
    struct fickle *f = arg;
    (void)call;
    f->result = result;
    __atomic_store_n(&f->called, true, __ATOMIC_RELEASE);
}

static bool was_called(void *arg)
{
    return __atomic_load_n(&((struct fickle *)arg)->called, __ATOMIC_ACQUIRE);
}

/* Returns false when its channel was closed and drained. */
static bool finish(struct world *w, struct fickle *f, bool impatient)
{
    if (impatient && leat_call_cancel(&f->call) == 0) {
        expect(!was_called(f));
        return true;
    }
    expect(support_until(was_called, f));
    int r = f->result;
    if (f->select && r == 0)
        r = f->cases[leat_call_which(&f->call)].err;
    if (r == 0)
        took(w, f->value);
    else
        expect(r == LEAT_ECLOSED || r == LEAT_ETIMEDOUT);
    return r != LEAT_ECLOSED;
}

static void fickle_receiver(struct actor *a)
{
    struct world *w = a->arg;
    struct fickle f;
    bool more = true, closed[CHANS] = {false};
    leat_call_init(&f.call, fickle_called, &f, NULL);
    while (more) {
        unsigned i = support_below(&a->rng, CHANS);
        f.called = false;
        f.select = support_below(&a->rng, 2);
        for (unsigned k = 0; k < CHANS; k++)
            f.cases[k] = (struct leat_case)LEAT_RECV(w->c[k], &f.value);
        struct leat_deadline until =
            support_below(&a->rng, 4) ? LEAT_NEVER : leat_in_us(1 + support_below(&a->rng, 50));
        if (f.select)
            expect_eq(leat_call_select(&f.call, f.cases, CHANS, until, 0), 0);
        else
            expect_eq(leat_call_recv_until(&f.call, w->c[i], &f.value, until), 0);
        if (support_below(&a->rng, 8) == 0)
            leat_yield();
        if (!finish(w, &f, support_below(&a->rng, 2))) {
            unsigned which = f.select ? (unsigned)leat_call_which(&f.call) : i;
            closed[which] = true;
        }
        more = false;
        for (unsigned k = 0; k < CHANS; k++)
            more |= !closed[k];
    }
}

static bool idle(void *arg)
{
    return __atomic_load_n(&((struct world *)arg)->busy, __ATOMIC_ACQUIRE) == 0;
}

static void stress(const struct kind *k, enum crew_kind crew)
{
    static actor_fn *const roles[] = {blocking_sender, callback_sender, callback_receiver,
                                      fickle_receiver};
    unsigned n = support_actors(4);
    n -= n % 4;
    if (!kind_allows(k, n, n) || !n)
        return;
    struct world w = {.per_sender = support_scale(3000) * 4 / n + 1, .senders = n / 2};
    for (unsigned i = 0; i < CHANS; i++)
        w.c[i] = kind_open(k, 8);
    crew_join(crew_start_each(crew, 0, n, roles, 4, &w));
    expect(support_until(idle, &w));
    expect_eq(w.received, w.sent);
    expect_eq(w.sum_out, w.sum_in);
    for (unsigned i = 0; i < CHANS; i++) {
        expect_eq(parked(w.c[i], LEAT_OP_RECV) + parked(w.c[i], LEAT_OP_SEND), 0);
        leat_chan_free(w.c[i]);
    }
}

static void every_value_once(void **state)
{
    (void)state;
    each_kind_and_crew(stress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_once),
    };
    return cmocka_run_group_tests_name("callback_stress", tests, NULL, NULL);
}
