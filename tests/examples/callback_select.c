/* callback_select.c - callback_select N SEED: a select of sends and a select of
 * receives over the same channels, both by callback: they meet on one of them, and what
 * is received is what was sent there. SPDX-License-Identifier: MIT */
#include "example.h"

enum { CHANNELS = 5 };

struct party {
    leat_call call;
    struct leat_case cases[CHANNELS];
    int64_t v[CHANNELS];
    size_t which;
    long done;
};

static void over(leat_call *call, int result, void *arg)
{
    struct party *p = arg;
    must(result);
    p->which = leat_call_which(call);
    must(p->cases[p->which].err);
    p->done++;
}

static void start(struct party *p)
{
    must(leat_call_select(&p->call, p->cases, CHANNELS, LEAT_NEVER, 0));
}

int main(int argc, char **argv)
{
    static struct party put, get;
    uint64_t seed = (uint64_t)argument(argc, argv, 2, 1);
    leat_chan *c[CHANNELS];
    long n = argument(argc, argv, 1, 100), agreed = 0;
    for (int i = 0; i < CHANNELS; i++)
        must(leat_chan_new(&c[i], sizeof(int64_t), 0));
    leat_call_init(&put.call, over, &put, NULL);
    leat_call_init(&get.call, over, &get, NULL);
    for (long round = 0; round < n; round++) {
        for (int i = 0; i < CHANNELS; i++) {
            put.v[i] = round * CHANNELS + i;
            put.cases[i] = (struct leat_case)LEAT_SEND(c[i], &put.v[i]);
            get.cases[i] = (struct leat_case)LEAT_RECV(c[i], &get.v[i]);
        }
        bool puts_first = chance(&seed, 2) == 0;
        start(puts_first ? &put : &get);
        start(puts_first ? &get : &put);
        agreed += put.which == get.which && get.v[get.which] == put.v[put.which];
    }
    printf("%ld sent, %ld received, %ld agreed\n", put.done, get.done, agreed);
    for (int i = 0; i < CHANNELS; i++)
        leat_chan_free(c[i]);
    return 0;
}
