/* search.c - search MODE REPLICAS SEED: three kinds of servers answer a query.
 *
 *   serial      one after the other
 *   concurrent  all at once, answers as they come
 *   deadline    as concurrent, but the slowest server never answers: go without it
 *   first       each kind has replicas, of which the fastest answer counts
 *   both        replicas and a deadline, so that the one slow replica does not matter
 *
 * Prints the answers in the order of the kinds. SPDX-License-Identifier: MIT */
#include "example.h"

enum { KINDS = 3, MOST = 8 };
static const char *const kind_name[KINDS] = {"web", "image", "video"};

struct result {
    int kind;
};

struct server {
    int kind;
    int64_t us; /* how long it takes; < 0: for ever */
    leat_chan *answers;
};

/* Servers never wait for whoever asked: their channel has room for every answer. */
static int serve(void *arg)
{
    struct server *s = arg;
    struct result r = {s->kind};
    if (s->us >= 0) {
        must(leat_sleep_ns(s->us * 1000));
        must(leat_chan_send(s->answers, &r));
    }
    return 0;
}

static uint64_t seed;

/* Asks `replicas` servers of each kind; `slow` of the last kind's never answer. */
static void ask(struct server *s, leat_fiber **f, leat_chan *answers, int replicas,
                int slow)
{
    for (int i = 0; i < KINDS * replicas; i++) {
        int kind = i / replicas;
        bool never = kind == KINDS - 1 && i % replicas < slow;
        s[i] = (struct server){kind, never ? -1 : (int64_t)chance(&seed, 500), answers};
        must(leat_go(&f[i], serve, &s[i]));
    }
}

/* The first answer of each kind, until all are there or the time is over. */
static void gather(leat_chan *answers, bool *got, struct leat_deadline until)
{
    struct result r;
    for (int n = 0; n < KINDS && leat_chan_recv_until(answers, &r, until) == 0;)
        if (!got[r.kind]) {
            got[r.kind] = true;
            n++;
        }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "serial";
    bool first = strcmp(mode, "first") == 0, both = strcmp(mode, "both") == 0;
    int replicas = first || both ? (int)argument(argc, argv, 2, 3) : 1;
    bool late = strcmp(mode, "deadline") == 0, got[KINDS] = {false};
    struct server s[KINDS * MOST];
    leat_fiber *f[KINDS * MOST];
    leat_chan *answers;
    seed = (uint64_t)argument(argc, argv, 3, 1);
    must(leat_chan_new(&answers, sizeof(struct result), KINDS * MOST));
    if (strcmp(mode, "serial") == 0) {
        for (int k = 0; k < KINDS; k++) {
            s[0] = (struct server){k, chance(&seed, 500), answers};
            must(leat_go(&f[0], serve, &s[0]));
            must(leat_fiber_join(f[0], NULL));
        }
        gather(answers, got, LEAT_NOW);
    } else {
        ask(s, f, answers, replicas, both || late);
        gather(answers, got,
               late   ? leat_in_ms(200)
               : both ? leat_in_s(60)
                      : LEAT_NEVER);
        for (int i = 0; i < KINDS * replicas; i++)
            must(leat_fiber_join(f[i], NULL));
    }
    for (int k = 0; k < KINDS; k++)
        printf("%s: %s\n", kind_name[k], got[k] ? "found" : "no answer in time");
    leat_chan_free(answers);
    return 0;
}
