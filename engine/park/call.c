/* call.c - see call.h. SPDX-License-Identifier: MIT */
#include "park/call.h"

enum {
    ROW = 64,   /* run in a row before the rest goes to the executor */
    BURST = 64, /* posted at once at most */
};

leati_a8 leati_calls_used;

/* Those that go to one executor with one push. */
struct burst {
    struct leati_call *first, *last;
    unsigned n;
};

static int call_park(struct leati_party *p, struct leati_wait *w)
{
    (void)p;
    return w->result = LEAT_EDEADLK; /* no call parks */
}

static void append(struct leati_calls *t, struct leati_call *c)
{
    c->next = NULL;
    if (t->first)
        t->last->next = c;
    else
        t->first = c;
    t->last = c;
}

void leati_calls_add(struct leati_call *c)
{
    if (c->w.spin & LEATI_CALL_TIMED) /* its links are the clock's until then */
        leati_call_ops(c)->disarm(c);
    append(leati_tls_calls(), c);
}

static void call_wake(struct leati_wait *w, enum leati_wake_place place)
{
    (void)place;
    leati_calls_add(leati_call_of(w));
}

static const struct leati_party_ops call_ops = {call_park, call_wake};

struct leati_party leati_call_party = {&call_ops};

/* By the executor: the burst goes to the list of this thread. */
static void run_burst(struct leat_task *task)
{
    struct leati_call *c = leati_container_of(task, struct leati_call, task), *next;
    struct leati_calls *t = leati_tls_calls();
    for (; c; c = next) {
        next = c->next;
        append(t, c);
    }
    leati_calls_run();
}

void leat_task_run(struct leat_task *t)
{
    t->run(t);
}

static void post(struct burst *b)
{
    if (!b->first)
        return;
    struct leati_call *c = b->first;
    const struct leat_executor *e = c->exec;
    b->last->next = NULL;
    b->first = NULL;
    b->n = 0;
    c->task.next = NULL;
    c->task.run = run_burst;
    e->post(e->x, &c->task);
}

static void put_off(struct burst *b, struct leati_call *c)
{
    if (b->first && b->first->exec != c->exec)
        post(b);
    c->w.spin |= LEATI_CALL_POSTED;
    if (b->first)
        b->last->next = c;
    else
        b->first = c;
    b->last = c;
    b->n++;
}

static void run_list(struct leati_calls *t)
{
    struct burst b = {NULL, NULL, 0};
    struct leati_call *c;
    unsigned row = 0;
    while ((c = t->first) != NULL) {
        t->first = c->next;
        if (!(c->w.spin & LEATI_CALL_POSTED)) {
            if (!leati_call_ops(c)->settle(c))
                c = NULL;
            else if (c->exec && (!(c->w.spin & LEATI_CALL_INLINE) || row >= ROW)) {
                put_off(&b, c);
                c = NULL;
            }
        }
        if (c)
            leati_call_ops(c)->run(c); /* c may be gone, or pending again */
        if (++row % BURST == 0)
            post(&b);
    }
    post(&b);
}

bool leati_calls_waiting(void)
{
    const struct leati_calls *t = leati_tls_calls();
    return t->first && !t->running;
}

bool leati_calls_running(void)
{
    return leati_tls_calls()->running;
}

static LEATI_NOINLINE void run_all(struct leati_calls *t)
{
    void *slot = leati_tls_get();
    t->running = true;
    leati_tls_set(NULL); /* no fiber runs here meanwhile: see the head of call.h */
    do
        run_list(t);
    while (t->first); /* posting may have completed others */
    leati_tls_set(slot);
    t->running = false;
}

/* Mostly by one who is being called: apart from run_all, which saves registers. */
void leati_calls_run(void)
{
    struct leati_calls *t = leati_tls_calls();
    if (t->first && !t->running)
        run_all(t);
}
