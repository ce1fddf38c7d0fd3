/* callbacks.c - callbacks N WORKERS: fan-out and fan-in by callbacks alone: no fiber,
 * no thread, no pool. Each worker takes a number, squares it and passes it on; when it
 * has passed it on it takes the next. SPDX-License-Identifier: MIT */
#include "example.h"

struct worker {
    leat_chan *in, *out;
    leat_call take, give;
    int64_t v;
    long *running;
};

static void taken(leat_call *call, int result, void *arg)
{
    struct worker *w = arg;
    (void)call;
    if (result == LEAT_ECLOSED) {
        if (--*w->running == 0)
            leat_chan_close(w->out);
        return;
    }
    w->v *= w->v;
    must(leat_call_send(&w->give, w->out, &w->v));
}

static void given(leat_call *call, int result, void *arg)
{
    struct worker *w = arg;
    (void)call;
    must(result);
    must(leat_call_recv(&w->take, w->in, &w->v));
}

struct sum {
    leat_chan *in;
    leat_call call;
    int64_t v, total;
    long n;
};

static void add(leat_call *call, int result, void *arg)
{
    struct sum *s = arg;
    if (result == LEAT_ECLOSED)
        return;
    s->total += s->v;
    s->n++;
    must(leat_call_recv(call, s->in, &s->v));
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 100), workers = argument(argc, argv, 2, 3);
    struct worker *w = calloc((size_t)workers, sizeof(*w));
    struct sum s = {0};
    long running = workers;
    leat_chan *in;
    must(leat_chan_new(&in, sizeof(int64_t), 0));
    must(leat_chan_new(&s.in, sizeof(int64_t), 0));
    leat_call_init(&s.call, add, &s, NULL);
    must(leat_call_recv(&s.call, s.in, &s.v));
    for (long i = 0; i < workers; i++) {
        w[i] = (struct worker){.in = in, .out = s.in, .running = &running};
        leat_call_init(&w[i].take, taken, &w[i], NULL);
        leat_call_init(&w[i].give, given, &w[i], NULL);
        must(leat_call_recv(&w[i].take, in, &w[i].v));
    }
    for (int64_t v = 0; v < n; v++)
        must(leat_chan_send(in, &v)); /* runs whatever it sets in motion */
    leat_chan_close(in);
    printf("%ld results, sum %" PRId64 "\n", s.n, s.total);
    leat_chan_free(in);
    leat_chan_free(s.in);
    free(w);
    return 0;
}
