/* network.c - many fibers joined by unbuffered channels.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdlib.h>

struct generator {
    leat_chan *out;
    int64_t last;
};

static int generate(void *arg)
{
    struct generator *g = arg;
    for (int64_t i = 2; i <= g->last; i++)
        must(leat_chan_send(g->out, &i), "send");
    leat_chan_close(g->out);
    return 0;
}

struct filter {
    leat_chan *in, *out;
    int64_t prime;
};

static int filter(void *arg)
{
    const struct filter *f = arg;
    int64_t v;
    while (leat_chan_recv(f->in, &v) == 0)
        if (v % f->prime != 0)
            must(leat_chan_send(f->out, &v), "send");
    leat_chan_close(f->out);
    return 0;
}

/* The n-th prime, and the transfers until it arrives: a number enters as many channels
 * as there are primes up to its smallest factor. */
static int64_t sieve_size(long n, long *ret_transfers)
{
    int64_t *primes = room((size_t)n, sizeof(*primes)), m;
    long found = 0;
    *ret_transfers = 0;
    for (m = 2; found < n; m++) {
        long k = 0;
        while (k < found && primes[k] * primes[k] <= m && m % primes[k] != 0)
            k++;
        if (k < found && m % primes[k] == 0) {
            *ret_transfers += k + 1;
        } else {
            primes[found++] = m;
            *ret_transfers += found;
        }
    }
    free(primes);
    return m - 1;
}

/* The first j->n primes. An operation is one transfer. */
void sieve(struct job *j, struct watch *w)
{
    long transfers;
    int64_t last = sieve_size(j->n, &transfers), prime = 0, sum = 0, v;
    struct filter *f = room((size_t)j->n, sizeof(*f));
    leat_fiber **fiber = room((size_t)j->n, sizeof(*fiber));
    struct generator g = {channel(0), last};
    leat_chan *c = g.out;
    watch_start(w);
    must(leat_go(&fiber[0], generate, &g), "leat_go");
    for (long i = 1; i <= j->n; i++) {
        must(leat_chan_recv(c, &prime), "recv");
        sum += prime;
        if (i < j->n) {
            f[i] = (struct filter){c, channel(0), prime};
            must(leat_go(&fiber[i], filter, &f[i]), "leat_go");
            c = f[i].out;
        }
    }
    check(leat_chan_recv(c, &v) == LEAT_ECLOSED && prime == last, "sieve: wrong prime");
    watch_stop(w, transfers);
    w->check = (uint64_t)sum;
    for (long i = 0; i < j->n; i++)
        must(leat_fiber_join(fiber[i], NULL), "join");
    leat_chan_free(g.out);
    for (long i = 1; i < j->n; i++)
        leat_chan_free(f[i].out);
    free(fiber);
    free(f);
}

enum { RING = 10000 };

struct link {
    leat_chan *in, *out;
    leat_wg *done;
};

static int hop(void *arg)
{
    const struct link *l = arg;
    int64_t v;
    while (leat_chan_recv(l->in, &v) == 0) {
        v++;
        must(leat_chan_send(l->out, &v), "send");
    }
    leat_chan_close(l->out);
    leat_wg_done(l->done);
    return 0;
}

static int64_t rounds(leat_chan **c, int64_t token, long laps)
{
    for (long i = 0; i < laps; i++) {
        must(leat_chan_send(c[0], &token), "send");
        must(leat_chan_recv(c[RING - 1], &token), "recv");
        token++;
    }
    return token;
}

/* A token round a ring of RING fibers, this one among them. An operation is one hop;
 * the first lap, in which they start, is not timed. */
void ring(struct job *j, struct watch *w)
{
    struct link *l = room(RING, sizeof(*l));
    leat_chan **c = room(RING, sizeof(*c));
    leat_wg done = LEAT_WG_INIT;
    long laps = j->n / RING;
    int64_t token, v;
    leat_wg_add(&done, RING - 1);
    for (int i = 0; i < RING; i++)
        c[i] = channel(0);
    for (int i = 1; i < RING; i++) {
        l[i] = (struct link){c[i - 1], c[i], &done};
        must(leat_go(NULL, hop, &l[i]), "leat_go");
    }
    token = rounds(c, 0, 1);
    watch_start(w);
    token = rounds(c, token, laps);
    watch_stop(w, laps * RING);
    leat_chan_close(c[0]);
    check(leat_chan_recv(c[RING - 1], &v) == LEAT_ECLOSED, "ring: one token too many");
    check(token == (laps + 1) * RING, "ring: wrong token");
    w->check = (uint64_t)token;
    leat_wg_wait(&done);
    for (int i = 0; i < RING; i++)
        leat_chan_free(c[i]);
    free(c);
    free(l);
}

struct feeder {
    leat_chan *c;
    int64_t from, n;
    leat_wg *done;
};

static int feed(void *arg)
{
    const struct feeder *f = arg;
    for (int64_t i = f->from; i < f->from + f->n; i++)
        must(leat_chan_send(f->c, &i), "send");
    leat_wg_done(f->done);
    return 0;
}

static int64_t receive_all(struct leat_case *cases, size_t n_cases, long n,
                           const int64_t *value)
{
    int64_t sum = 0;
    size_t which;
    for (long i = 0; i < n; i++) {
        must(leat_select(cases, n_cases, LEAT_NEVER, 0, &which), "leat_select");
        must(cases[which].err, "leat_select");
        sum += *value;
    }
    return sum;
}

/* j->p senders, each with a channel of its own, one receiver with select. */
void fanin_select(struct job *j, struct watch *w)
{
    struct feeder *f = room(j->p, sizeof(*f));
    struct leat_case *cases = room(j->p, sizeof(*cases));
    leat_wg done = LEAT_WG_INIT;
    int64_t each = j->n / (long)j->p, value, sum;
    leat_wg_add(&done, (unsigned)j->p);
    watch_start(w);
    for (size_t i = 0; i < j->p; i++) {
        f[i] = (struct feeder){channel(0), (int64_t)i * each, each, &done};
        cases[i] = (struct leat_case)LEAT_RECV(f[i].c, &value);
        must(leat_go(NULL, feed, &f[i]), "leat_go");
    }
    sum = receive_all(cases, j->p, each * (long)j->p, &value);
    watch_stop(w, each * (long)j->p);
    check(sum == triangle(each * (long)j->p), "fanin-select: wrong sum");
    w->check = (uint64_t)sum;
    leat_wg_wait(&done);
    for (size_t i = 0; i < j->p; i++)
        leat_chan_free(f[i].c);
    free(cases);
    free(f);
}
