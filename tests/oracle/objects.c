/* objects.c - channels, references, handles, sets: see world.h.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "oracle/world.h"

static unsigned number(const struct world *w, const struct channel *ch)
{
    return (unsigned)(ch - w->ch);
}

static void must(const struct world *w, const char *text, int got, int want)
{
    if (got != want)
        disagree(w, NULL, text, got, want);
}

static void drop(void *elem, void *arg)
{
    struct channel *ch = arg;
    if (ch->ntold < ORACLE_QUEUE && ch->opts.elem_size)
        memcpy(ch->told + ch->ntold * ch->opts.elem_size, elem, ch->opts.elem_size);
    ch->ntold++;
}

static void fill(struct world *w, struct channel *ch)
{
    uint8_t elem[PROGRAM_ELEM_MAX];
    for (size_t i = 1; i < ch->opts.cap; i++) {
        uint64_t v = w->next_value++;
        program_encode(elem, ch->opts.elem_size, v);
        must(w, "leat_chan_try_send", leat_chan_try_send(ch->c, elem),
             oracle_attempt(&ch->model, LEAT_OP_SEND, &v));
    }
}

void object_open(struct world *w, struct channel *ch, struct program_chan opts)
{
    struct leat_chan_opts o = {.size = sizeof(o),
                               .elem_size = opts.elem_size,
                               .capacity = opts.cap,
                               .flags = opts.flags,
                               .buffer = program_buffer(&opts),
                               .drop = drop,
                               .drop_arg = ch};
    ch->opts = opts;
    ch->refs = ch->ntold = 0;
    ch->told = malloc(ORACLE_QUEUE * opts.elem_size + 1);
    oracle_open(&ch->model, opts.cap, ch->dropped);
    oracle_buffer(&ch->model, opts.buffer,
                  opts.buffer == LEAT_BUFFER_PRIORITY && opts.elem_size);
    if (ch->told == NULL)
        abort();
    must(w, "leat_chan_open", leat_chan_open(&ch->c, &o), 0);
    if (leat_chan_cap(ch->c) != opts.cap ||
        leat_chan_elem_size(ch->c) != opts.elem_size)
        disagree(w, NULL, "the capacity of a new channel",
                 (long long)leat_chan_cap(ch->c), (long long)opts.cap);
    if (opts.fill)
        fill(w, ch);
}

static void unhandle(struct channel *ch, unsigned dir)
{
    unsigned last = ch->model.handles[dir] - 1;
    if (dir == LEAT_OP_SEND)
        leat_tx_free(ch->tx[last]);
    else
        leat_rx_free(ch->rx[last]);
    oracle_unhandle(&ch->model, dir);
}

static void handle(struct world *w, struct channel *ch, unsigned dir)
{
    unsigned n = ch->model.handles[dir];
    if (dir == LEAT_OP_SEND) {
        ch->tx[n] = n ? leat_tx_ref(ch->tx[n - 1]) : leat_chan_tx(ch->c);
        must(w, "the channel of a handle", leat_tx_chan(ch->tx[n]) == ch->c, 1);
    } else {
        ch->rx[n] = n ? leat_rx_ref(ch->rx[n - 1]) : leat_chan_rx(ch->c);
        must(w, "the channel of a handle", leat_rx_chan(ch->rx[n]) == ch->c, 1);
    }
    oracle_handle(&ch->model, dir);
}

static void compare_dropped(const struct world *w, const struct channel *ch)
{
    size_t size = ch->opts.elem_size;
    if (ch->ntold != ch->model.ndropped)
        disagree(w, NULL, "values dropped", ch->ntold, ch->model.ndropped);
    for (unsigned i = 0; i < ch->ntold && i < ORACLE_QUEUE; i++)
        if (!program_is(ch->told + i * size, size, ch->dropped[i]))
            disagree(w, NULL, "a value dropped", i, (long long)ch->dropped[i]);
}

void object_free(struct world *w, struct channel *ch)
{
    for (unsigned i = 0; i < PROGRAM_SETS; i++) {
        bool *in = &w->sets[i].in[number(w, ch)];
        if (*in) /* then its owner is not waiting */
            must(w, "leat_set_del", leat_set_del(w->sets[i].s, ch->c), 0);
        *in = false;
    }
    for (unsigned dir = 0; dir < 2; dir++)
        while (ch->model.handles[dir])
            unhandle(ch, dir);
    for (; ch->refs; ch->refs--)
        leat_chan_free(ch->c);
    ch->c = leat_chan_free(ch->c);
    oracle_fini(&ch->model);
    compare_dropped(w, ch);
    free(ch->told);
    ch->told = NULL;
}

bool object_set_waits(const struct world *w, unsigned set)
{
    for (unsigned i = 0; i < PARTIES; i++) {
        const struct party *p = &w->party[i];
        if (p->busy && p->call.op.kind == PROGRAM_SET_WAIT && p->call.op.set == set)
            return true;
    }
    return false;
}

unsigned object_waiting(const struct world *w, unsigned chan, unsigned dir)
{
    unsigned n = w->ch[chan].model.nwaits[dir];
    for (unsigned i = 0; i < PROGRAM_SETS && dir == LEAT_OP_RECV; i++)
        n += w->sets[i].in[chan] && object_set_waits(w, i);
    return n;
}

bool object_free_side(const struct world *w, unsigned chan, unsigned dir)
{
    unsigned flag = dir == LEAT_OP_SEND ? LEAT_SINGLE_PRODUCER : LEAT_SINGLE_CONSUMER;
    return !(w->ch[chan].opts.flags & flag) || object_waiting(w, chan, dir) == 0;
}

static bool set_step(struct world *w, const struct program_op *o)
{
    struct set *s = &w->sets[o->set];
    leat_chan *c = w->ch[o->chan].c;
    if (object_set_waits(w, o->set))
        return false;
    if (o->kind == PROGRAM_SET_ADD) {
        must(w, "leat_set_add", leat_set_add(s->s, c, s),
             s->in[o->chan] ? LEAT_EALREADY : 0);
        s->in[o->chan] = true;
    } else {
        must(w, "leat_set_del", leat_set_del(s->s, c),
             s->in[o->chan] ? 0 : LEAT_EINVAL);
        s->in[o->chan] = false;
    }
    s->missed[o->chan] = 0;
    return true;
}

void object_disarm(struct world *w, unsigned set)
{
    struct set *s = &w->sets[set];
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        s->missed[i] = 0;
        if (!s->in[i])
            continue;
        must(w, "leat_set_del", leat_set_del(s->s, w->ch[i].c), 0);
        must(w, "leat_set_add", leat_set_add(s->s, w->ch[i].c, s), 0);
    }
}

static bool count_step(struct channel *ch, struct world *w, const struct program_op *o)
{
    unsigned n = ch->model.handles[o->dir];
    switch (o->kind) {
    case PROGRAM_REF:
        if (ch->refs == REFS)
            return false;
        must(w, "leat_chan_ref", leat_chan_ref(ch->c) == ch->c, 1);
        ch->refs++;
        return true;
    case PROGRAM_UNREF:
        if (ch->refs == 0)
            return false;
        ch->refs--;
        leat_chan_free(ch->c);
        return true;
    case PROGRAM_HANDLE:
        if (n < REFS)
            handle(w, ch, o->dir);
        return n < REFS;
    default:
        if (n > 0)
            unhandle(ch, o->dir);
        return n > 0;
    }
}

bool object_step(struct world *w, const struct program_op *o)
{
    struct channel *ch = &w->ch[o->chan];
    switch (o->kind) {
    case PROGRAM_CLOSE:
        must(w, "leat_chan_close", leat_chan_close(ch->c), oracle_close(&ch->model));
        return true;
    case PROGRAM_CANCEL:
        must(w, "leat_chan_cancel", leat_chan_cancel(ch->c), oracle_cancel(&ch->model));
        return true;
    case PROGRAM_SET_ADD:
    case PROGRAM_SET_DEL:
        return set_step(w, o);
    default:
        return count_step(ch, w, o);
    }
}
