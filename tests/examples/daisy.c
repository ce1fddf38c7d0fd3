/* daisy.c - daisy N START: a chain of N fibers, each of which adds one and passes it
 * on. SPDX-License-Identifier: MIT */
#include "example.h"

struct link {
    leat_chan *left, *right;
};

static int add_one(void *arg)
{
    struct link *l = arg;
    int64_t v;
    must(leat_chan_recv(l->right, &v));
    v++;
    must(leat_chan_send(l->left, &v));
    return 0;
}

static int chain(void *arg)
{
    const int64_t *start = arg;
    long n = (long)start[1];
    struct link *l = calloc((size_t)n, sizeof(*l));
    leat_chan *leftmost, *left, *right = NULL;
    int64_t v = start[0];
    must(leat_chan_new(&leftmost, sizeof(v), 0));
    left = leftmost;
    for (long i = 0; i < n; i++) {
        must(leat_chan_new(&right, sizeof(v), 0));
        l[i] = (struct link){left, right};
        must(leat_go(NULL, add_one, &l[i]));
        left = right;
    }
    must(leat_chan_send(right ? right : leftmost, &v));
    must(leat_chan_recv(leftmost, &v));
    printf("%" PRId64 "\n", v);
    leat_chan_free(leftmost);
    for (long i = 0; i < n; i++)
        leat_chan_free(l[i].right);
    free(l);
    return 0;
}

int main(int argc, char **argv)
{
    int64_t start[2] = {argument(argc, argv, 2, 1), argument(argc, argv, 1, 10000)};
    return leat_run(chain, start);
}
