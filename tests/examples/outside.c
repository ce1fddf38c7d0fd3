/* outside.c - outside N: what fibers make is used on the main thread, by a loop over
 * the channel and through a queue that knows nothing of leat.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <semaphore.h>
#include "example.h"

/* Somebody else's queue: 4 places, and put blocks while it is full. */
struct queue {
    pthread_mutex_t lock;
    sem_t full, empty;
    int64_t item[4];
    unsigned in, out;
};

enum { END = -1 };

static void queue_put(struct queue *q, int64_t v)
{
    sem_wait(&q->empty);
    pthread_mutex_lock(&q->lock);
    q->item[q->in++ % 4] = v;
    pthread_mutex_unlock(&q->lock);
    sem_post(&q->full);
}

static int64_t queue_get(struct queue *q)
{
    sem_wait(&q->full);
    pthread_mutex_lock(&q->lock);
    int64_t v = q->item[q->out++ % 4];
    pthread_mutex_unlock(&q->lock);
    sem_post(&q->empty);
    return v;
}

static int put(void *queue, const void *elem)
{
    queue_put(queue, *(const int64_t *)elem);
    return 0;
}

static int end(void *queue)
{
    queue_put(queue, END);
    return 0;
}

static int square(const void *in, void *out, void *arg)
{
    (void)arg;
    *(int64_t *)out = *(const int64_t *)in * *(const int64_t *)in;
    return 0;
}

static leat_chan *squares(long n)
{
    leat_chan *numbers, *c;
    must(leat_source_range(&numbers, 0, n, 1));
    must(leat_chan_new(&c, sizeof(int64_t), 0));
    must(leat_flow_map(NULL, numbers, c, square, NULL, NULL));
    leat_chan_free(numbers); /* the flow has a reference of its own */
    return c;
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 10);
    leat_chan *c = squares(n);
    leat_for_each(c, int64_t, v) printf("%" PRId64 "\n", v);
    leat_chan_free(c);

    struct queue q = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const struct leat_queue_ops ops = {.put = put, .end = end, .blocks = true};
    leat_flow *f;
    sem_init(&q.full, 0, 0);
    sem_init(&q.empty, 0, 4);
    c = squares(n);
    must(leat_flow_to_queue(&f, c, &ops, &q, NULL));
    for (int64_t v = queue_get(&q); v != END; v = queue_get(&q))
        printf("%" PRId64 "\n", v);
    must(leat_flow_join(f, NULL));
    leat_chan_free(c);
    return 0;
}
