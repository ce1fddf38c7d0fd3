/* pipe.c - parallel pipes.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <time.h>

enum { CAPACITY = 128 };

static int burn_item(leat_stage *s, const void *in, size_t len)
{
    uint64_t v = *(const uint64_t *)in;
    (void)len;
    v = burn(v, *(const long *)leat_stage_arg(s));
    return leat_emit(s, &v);
}

struct source {
    leat_chan *c;
    long n;
};

static int produce(void *arg)
{
    struct source *s = arg;
    for (int64_t i = 0; i < s->n; i++)
        must(leat_chan_send(s->c, &i), "send");
    leat_chan_close(s->c);
    return 0;
}

/* One fiber sends 0 .. n-1, main adds up what comes out; with no work it also looks at
 * the order. */
void pipe_items(struct job *j, struct watch *w)
{
    leat_chan *in = channel(CAPACITY), *out = channel(CAPACITY);
    struct source source = {in, j->n};
    struct leat_pipe_opts o = {.size = sizeof(o),
                               .run = burn_item,
                               .workers = (unsigned)j->p,
                               .flags = j->flags,
                               .buffer = CAPACITY,
                               .arg = &j->work};
    bool in_order = j->work == 0 && !(j->flags & LEAT_PIPE_UNORDERED);
    uint64_t v, sum = 0;
    long n = 0;
    leat_pipe *p;
    watch_start(w);
    must(leat_pipe_start(&p, in, out, &o), "leat_pipe_start");
    must(leat_go(NULL, produce, &source), "leat_go");
    for (; leat_chan_recv(out, &v) == 0; n++) {
        if (in_order && v != (uint64_t)n)
            break;
        sum += v;
    }
    watch_stop(w, j->n);
    must(leat_pipe_join(p, NULL), "leat_pipe_join");
    check(n == j->n, "pipe: lost or out of order");
    w->check = sum;
    leat_chan_free(in);
    leat_chan_free(out);
}

enum { SLEEPERS = 10, SLEEP_NS = 100000000 };

/* The kind of waiting that the mode is made for. */
static int sleep_item(leat_stage *s, const void *in, size_t len)
{
    const struct timespec t = {0, SLEEP_NS};
    (void)len;
    if (*(const enum leat_pipe_mode *)leat_stage_arg(s) == LEAT_PIPE_THREADS)
        (void)nanosleep(&t, NULL);
    else
        must(leat_sleep_ns(SLEEP_NS), "leat_sleep_ns");
    return leat_emit(s, in);
}

/* n items that sleep 100 ms each, 10 workers, unbuffered channels: milliseconds. */
void pipe_sleepers(struct job *j, struct watch *w)
{
    leat_chan *in = channel(0), *out = channel(0);
    struct source source = {in, j->n};
    struct leat_pipe_opts o = {.size = sizeof(o),
                               .run = sleep_item,
                               .workers = SLEEPERS,
                               .mode = j->c ? LEAT_PIPE_THREADS : LEAT_PIPE_FIBERS,
                               .flags = j->flags};
    o.arg = &o.mode;
    int64_t v, sum = 0, began = leat_now();
    watch_start(w);
    must(leat_pipe_start(NULL, in, out, &o), "leat_pipe_start");
    must(leat_go(NULL, produce, &source), "leat_go");
    while (leat_chan_recv(out, &v) == 0)
        sum += v;
    watch_stop(w, j->n);
    watch_note(w, "ms", (double)(leat_now() - began) / 1e6);
    check(sum == triangle(j->n), "pipe-sleep: wrong sum");
    w->check = (uint64_t)sum;
    leat_chan_free(in);
    leat_chan_free(out);
}
