/* free_oracle.c - the oracle behind one lock, as the free programs see it: who must
 * wait looks again and again. SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>

#include "oracle/free.h"

/* For all channels: a select has several. Not held across a yield. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void oracle_chan_open(struct free_world *w, unsigned chan)
{
    struct free_chan *ch = &w->ch[chan];
    ch->model = malloc(sizeof(*ch->model));
    if (expect(ch->model != NULL))
        oracle_open(ch->model, ch->opts.cap, ch->dropped);
    if (ch->model)
        oracle_buffer(ch->model, ch->opts.buffer,
                      ch->opts.buffer == LEAT_BUFFER_PRIORITY);
    for (unsigned i = 0; i < FREE_ACTORS; i++)
        w->in[i][chan] = true;
}

static int oracle_end(struct free_world *w, unsigned chan, bool cancel)
{
    struct free_chan *ch = &w->ch[chan];
    pthread_mutex_lock(&lock);
    int r = cancel ? oracle_cancel(ch->model) : oracle_close(ch->model);
    pthread_mutex_unlock(&lock);
    return r;
}

static bool over(struct oracle_op *op, struct leat_deadline until)
{
    pthread_mutex_lock(&lock);
    if (!op->over && leat_now() >= until.at_ns)
        oracle_leave(op, LEAT_ETIMEDOUT);
    bool yes = op->over;
    pthread_mutex_unlock(&lock);
    return yes;
}

/* Does the operation, or lists it; under the lock. *which: the case that took effect.
 */
static int begin(struct oracle_op *op, bool now)
{
    for (unsigned i = 0; i < op->n; i++) {
        struct oracle_case *k = &op->k[i];
        if (!oracle_ready(k->chan, k->dir))
            continue;
        op->over = true;
        op->which = i;
        return op->result = oracle_attempt(k->chan, k->dir, &k->value);
    }
    if (now) {
        op->over = true;
        return op->result = LEAT_EAGAIN;
    }
    oracle_wait(op);
    return 0;
}

static int operate(struct oracle_op *op, struct leat_deadline until)
{
    pthread_mutex_lock(&lock);
    (void)begin(op, until.at_ns <= 0);
    pthread_mutex_unlock(&lock);
    while (!over(op, until))
        leat_yield();
    return op->result;
}

static ptrdiff_t oracle_many(struct free_world *w, unsigned chan, unsigned dir,
                             uint64_t *v, size_t n, struct leat_deadline until)
{
    struct oracle_op op = {.n = 1};
    op.k[0] = (struct oracle_case){w->ch[chan].model, dir, v[0]};
    int r = operate(&op, until);
    v[0] = op.k[0].value;
    size_t done = r == 0;
    pthread_mutex_lock(&lock);
    while (done && done < n && oracle_attempt(w->ch[chan].model, dir, &v[done]) == 0)
        done++;
    pthread_mutex_unlock(&lock);
    return r == 0 ? (ptrdiff_t)done : r;
}

static int oracle_select(struct free_world *w, struct oracle_case *k,
                         const struct program_op *o, struct leat_deadline until,
                         unsigned *which)
{
    struct oracle_op op = {.n = o->n};
    for (unsigned i = 0; i < o->n; i++)
        op.k[i] =
            (struct oracle_case){w->ch[o->k[i].chan].model, o->k[i].dir, k[i].value};
    int r = operate(&op, until);
    *which = op.which;
    for (unsigned i = 0; i < o->n; i++)
        k[i].value = op.k[i].value;
    return r;
}

static int oracle_set_wait(struct free_world *w, unsigned actor, uint64_t *v,
                           unsigned *chan, struct leat_deadline until)
{
    struct program_op o = {.kind = PROGRAM_SELECT};
    struct oracle_case k[PROGRAM_CASES] = {{NULL, 0, 0}};
    unsigned which;
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        if (w->in[actor][i])
            o.k[o.n++] = (struct program_case){i, LEAT_OP_RECV};
    int r = oracle_select(w, k, &o, until, &which);
    if (r == 0 || r == LEAT_ECLOSED) {
        *chan = o.k[which].chan;
        *v = k[which].value;
        w->in[actor][*chan] = r == 0;
    }
    return r;
}

static bool oracle_quiet(struct free_world *w)
{
    (void)w;
    return true;
}

static void oracle_chan_free(struct free_world *w)
{
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        oracle_fini(w->ch[i].model);
        w->ch[i].ndropped = w->ch[i].model->ndropped;
        free(w->ch[i].model);
    }
}

const struct free_api free_oracle = {"the oracle", oracle_chan_open, oracle_end,
                                     oracle_many,  oracle_select,    oracle_set_wait,
                                     oracle_quiet, oracle_chan_free};
