/* process.c - a parallel pipe whose workers are processes.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <pthread.h>
#include <string.h>
#include <leat/process.h>

enum { CAPACITY = 128, ELEM = 64 };

struct item {
    int64_t number;
    char rest[ELEM - sizeof(int64_t)];
};

static int pass(leat_stage *s, const void *in, size_t len)
{
    (void)len;
    return leat_emit(s, in);
}

struct source {
    leat_chan *c;
    long n;
};

static void *produce(void *arg)
{
    const struct source *s = arg;
    struct item item;
    memset(&item, 0, sizeof(item));
    for (; item.number < s->n; item.number++)
        must(leat_chan_send(s->c, &item), "send");
    leat_chan_close(s->c);
    return NULL;
}

/* A thread sends 0 .. n-1 in items of 64 bytes, main adds up what comes out, in order. The
 * workers are there when the clock starts. */
void pipe_processes(struct job *j, struct watch *w)
{
    leat_chan *in, *out;
    struct item item;
    struct leat_pipe_opts o = {.size = sizeof(o),
                               .run = pass,
                               .workers = (unsigned)j->p,
                               .mode = LEAT_PIPE_PROCESSES,
                               .flags = j->flags,
                               .buffer = CAPACITY};
    leat_pipe *p;
    pthread_t thread;
    uint64_t sum = 0;
    (void)leat_process_begin(NULL); /* in the first repetition; later: it has */
    must(leat_chan_new(&in, sizeof(item), CAPACITY), "leat_chan_new");
    must(leat_chan_new(&out, sizeof(item), CAPACITY), "leat_chan_new");
    struct source source = {in, j->n};
    must(leat_pipe_start(&p, in, out, &o), "leat_pipe_start");
    memset(&item, 0, sizeof(item));
    for (size_t k = 0; k < 2 * j->p; k++)
        must(leat_chan_send(in, &item), "send");
    for (size_t k = 0; k < 2 * j->p; k++)
        must(leat_chan_recv(out, &item), "recv");
    watch_start(w);
    must(-pthread_create(&thread, NULL, produce, &source), "pthread_create");
    for (long n = 0; n < j->n; n++) {
        must(leat_chan_recv(out, &item), "recv");
        check((j->flags & LEAT_PIPE_UNORDERED) || item.number == n,
              "pipe-processes: out of order");
        sum += (uint64_t)item.number;
    }
    watch_stop(w, j->n);
    (void)pthread_join(thread, NULL);
    must(leat_pipe_join(p, NULL), "leat_pipe_join");
    check(sum == (uint64_t)triangle(j->n), "pipe-processes: wrong sum");
    w->check = sum;
    leat_chan_free(in);
    leat_chan_free(out);
}
