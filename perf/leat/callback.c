/* callback.c - operations with callbacks: pairs on one thread, and many that wait.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdlib.h>

struct pairs {
    leat_chan *c;
    leat_call put, get;
    int64_t next, value, sum, most;
};

static void put_done(leat_call *call, int result, void *arg)
{
    struct pairs *p = arg;
    must(result, "callback send");
    if (++p->next < p->most)
        must(leat_call_send(call, p->c, &p->next), "leat_call_send");
}

static void get_done(leat_call *call, int result, void *arg)
{
    struct pairs *p = arg;
    if (result == LEAT_ECLOSED)
        return;
    must(result, "callback receive");
    p->sum += p->value;
    must(leat_call_recv(call, p->c, &p->value), "leat_call_recv");
}

static void run_task(void *unused, struct leat_task *t)
{
    (void)unused;
    leat_task_run(t);
}

/* Each callback starts its operation anew: after 64 in a row an executor goes on. */
void callback_pairs(struct job *j, struct watch *w)
{
    const struct leat_executor exec = {run_task, NULL};
    struct pairs p = {.c = channel(j->cap), .most = j->n - j->n % 100}; /* as seq */
    leat_call_init_flags(&p.put, put_done, &p, &exec, LEAT_CALL_INLINE);
    leat_call_init_flags(&p.get, get_done, &p, &exec, LEAT_CALL_INLINE);
    watch_start(w);
    must(leat_call_send(&p.put, p.c, &p.next), "leat_call_send");
    must(leat_call_recv(&p.get, p.c, &p.value), "leat_call_recv");
    watch_stop(w, p.most);
    check(p.sum == triangle(p.most), "callback-pairs: wrong sum");
    w->check = (uint64_t)p.sum;
    must(leat_call_cancel(&p.get), "leat_call_cancel");
    leat_chan_free(p.c);
}

struct pending {
    int64_t *value;
    int64_t sum;
};

static void pending_done(leat_call *call, int result, void *arg)
{
    struct pending *p = arg;
    (void)call;
    must(result, "callback receive");
    p->sum++;
}

/* j->n receives pending on 1000 idle channels; each is cancelled and started again, then
 * gets a value. */
void callback_pending(struct job *j, struct watch *w)
{
    enum { CHANS = 1000 };
    struct pending p = {room((size_t)j->n, sizeof(*p.value)), 0};
    leat_chan *c[CHANS];
    int64_t sum = 0;
    for (int i = 0; i < CHANS; i++)
        c[i] = channel((size_t)i % 2);
    for (long i = 0; i < j->n; i++)
        p.value[i] = -1;
    double rss = status_bytes("VmRSS");
    leat_call *calls = room((size_t)j->n, sizeof(*calls));
    for (long i = 0; i < j->n; i++) {
        leat_call_init(&calls[i], pending_done, &p, NULL);
        must(leat_call_recv(&calls[i], c[i % CHANS], &p.value[i]), "leat_call_recv");
    }
    watch_note(w, "rss", (status_bytes("VmRSS") - rss) / (double)j->n);
    watch_start(w);
    for (long i = 0; i < j->n; i++) {
        long k = (i * 7919 + 17) % j->n; /* n is no multiple of it */
        must(leat_call_cancel(&calls[k]), "leat_call_cancel");
        must(leat_call_recv(&calls[k], c[k % CHANS], &p.value[k]), "leat_call_recv");
    }
    watch_stop(w, j->n);
    for (int64_t i = 0; i < j->n; i++)
        must(leat_chan_try_send(c[i % CHANS], &i), "try_send");
    check(p.sum == j->n, "callback-pending: one was not called");
    for (long i = 0; i < j->n; i++)
        sum += p.value[i];
    check(sum == triangle(j->n), "callback-pending: wrong sum");
    w->check = (uint64_t)sum;
    for (int i = 0; i < CHANS; i++)
        leat_chan_free(c[i]);
    free(calls);
    free(p.value);
}
