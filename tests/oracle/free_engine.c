/* free_engine.c - the engine as the free programs see it. SPDX-License-Identifier: MIT
 */
#include "oracle/free.h"
#include "support/kinds.h"

static void drop(void *elem, void *arg)
{
    free_dropped((struct free_chan *)arg, *(uint64_t *)elem);
}

static void engine_open(struct free_world *w, unsigned chan)
{
    struct free_chan *ch = &w->ch[chan];
    const struct leat_chan_opts o = {.size = sizeof(o),
                                     .elem_size = sizeof(uint64_t),
                                     .capacity = ch->opts.cap,
                                     .flags = ch->opts.flags,
                                     .buffer = program_buffer(&ch->opts),
                                     .drop = drop,
                                     .drop_arg = ch};
    expect_eq(leat_chan_open(&ch->c, &o), 0);
    for (unsigned i = 0; i < FREE_ACTORS; i++) {
        if (w->set[i] == NULL)
            expect_eq(leat_set_new(&w->set[i]), 0);
        expect_eq(leat_set_add(w->set[i], ch->c, NULL), 0);
    }
}

static int engine_close(struct free_world *w, unsigned chan, bool cancel)
{
    return cancel ? leat_chan_cancel(w->ch[chan].c) : leat_chan_close(w->ch[chan].c);
}

static ptrdiff_t engine_many(struct free_world *w, unsigned chan, unsigned dir,
                             uint64_t *v, size_t n, struct leat_deadline until)
{
    leat_chan *c = w->ch[chan].c;
    if (n > 1)
        return dir == LEAT_OP_SEND ? leat_chan_send_n(c, v, n, until)
                                   : leat_chan_recv_n(c, v, n, until);
    int r = dir == LEAT_OP_SEND ? leat_chan_send_until(c, v, until)
                                : leat_chan_recv_until(c, v, until);
    return r == 0 ? 1 : r;
}

static int engine_select(struct free_world *w, struct oracle_case *k,
                         const struct program_op *o, struct leat_deadline until,
                         unsigned *which)
{
    struct leat_case cases[PROGRAM_CASES];
    size_t i = 0;
    for (; i < o->n; i++)
        cases[i] = (struct leat_case){
            .chan = w->ch[o->k[i].chan].c, .elem = &k[i].value, .op = o->k[i].dir};
    int r =
        leat_select(cases, o->n, until, o->priority ? (unsigned)LEAT_PRIORITY : 0, &i);
    *which = (unsigned)i;
    return r == 0 ? cases[i].err : r == LEAT_ECLOSED ? LEAT_EINVAL : r;
}

static int engine_wait(struct free_world *w, unsigned actor, uint64_t *v,
                       unsigned *chan, struct leat_deadline until)
{
    leat_chan *c = NULL;
    int r = leat_set_wait(w->set[actor], v, &c, NULL, until);
    for (*chan = 0; c && w->ch[*chan].c != c;)
        ++*chan;
    return r;
}

static bool engine_quiet(struct free_world *w)
{
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        const struct free_chan *ch = &w->ch[i];
        unsigned receivers = parked(ch->c, LEAT_OP_RECV),
                 senders = parked(ch->c, LEAT_OP_SEND);
        size_t len = leat_chan_len(ch->c);
        if (receivers && len > 0)
            return false;
        if (senders && len < ch->opts.cap)
            return false;
        if (receivers && !senders && leat_chan_closed(ch->c))
            return false;
    }
    return true;
}

static void engine_free(struct free_world *w)
{
    for (unsigned i = 0; i < FREE_ACTORS; i++)
        w->set[i] = leat_set_free(w->set[i]);
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        leat_chan_free(w->ch[i].c);
}

const struct free_api free_engine = {"the engine", engine_open,   engine_close,
                                     engine_many,  engine_select, engine_wait,
                                     engine_quiet, engine_free};
