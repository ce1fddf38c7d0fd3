/* wake.c - how long it takes until a fiber runs that was made ready.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

enum { PERIOD = 100000 }; /* ns */

struct clockwork {
    leat_chan *c;
    long n;
};

static void send_now(leat_chan *c)
{
    int64_t t = leat_now();
    must(leat_chan_send(c, &t), "send");
}

/* Computes on; one value every period. */
static int send_computing(void *arg)
{
    struct clockwork *k = arg;
    int64_t next = leat_now();
    for (long i = 0; i < k->n; i++) {
        next += PERIOD;
        while (leat_now() < next)
            ;
        send_now(k->c);
    }
    leat_chan_close(k->c);
    return 0;
}

static int send_sleeping(void *arg)
{
    struct clockwork *k = arg;
    for (long i = 0; i < k->n; i++) {
        must(leat_sleep_ns(PERIOD), "leat_sleep_ns");
        send_now(k->c);
    }
    leat_chan_close(k->c);
    return 0;
}

/* Receives the instants at which they were sent and keeps the delays. */
static void collect(struct job *j, struct watch *w, int (*sender)(void *))
{
    struct clockwork k = {channel(0), j->n};
    leat_fiber *f;
    int64_t sent, last = -1;
    long got = 0;
    must(leat_go(&f, sender, &k), "leat_go");
    watch_start(w);
    while (leat_chan_recv(k.c, &sent) == 0) {
        watch_delay(w, leat_now() - sent);
        check(sent > last, "wake: values out of order");
        last = sent;
        got++;
    }
    watch_stop(w, j->n);
    check(got == j->n, "wake: wrong count");
    w->check = (uint64_t)got;
    must(leat_fiber_join(f, NULL), "join");
    leat_chan_free(k.c);
}

void wake_computing(struct job *j, struct watch *w)
{
    collect(j, w, send_computing);
}

void wake_sleeping(struct job *j, struct watch *w)
{
    collect(j, w, send_sleeping);
}
