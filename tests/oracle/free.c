/* free.c - see free.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "oracle/free.h"

enum { ROUNDS = 30, DRAINS = 5 };

struct doer {
    struct free_world *w;
    unsigned actor;
    uint64_t number; /* of its values */
    uint64_t begin;
    uint64_t v[PROGRAM_BATCH];
};

static uint64_t tick(struct free_world *w)
{
    return __atomic_add_fetch(&w->clock, 1, __ATOMIC_SEQ_CST);
}

void free_dropped(struct free_chan *ch, uint64_t v)
{
    unsigned i = __atomic_fetch_add(&ch->ndropped, 1u, __ATOMIC_RELAXED);
    if (expect(i < FREE_ACTORS * FREE_NOTES))
        ch->dropped[i] = v;
}

static bool room(const struct doer *d)
{
    return d->w->notes[d->actor] + PROGRAM_BATCH < FREE_NOTES;
}

static void note(struct doer *d, unsigned chan, unsigned dir, int result,
                 uint64_t value, uint64_t end)
{
    struct free_world *w = d->w;
    w->note[d->actor][w->notes[d->actor]++] =
        (struct free_note){(uint8_t)chan, (uint8_t)dir, result, value, d->begin, end};
}

static uint64_t fresh(struct doer *d)
{
    return (uint64_t)(d->actor + 1) << 32 | d->number++;
}

/* Several values, or a report of the end. */
static void note_many(struct doer *d, unsigned chan, unsigned dir, ptrdiff_t r)
{
    uint64_t end = tick(d->w);
    if (r == LEAT_ECLOSED)
        note(d, chan, dir, LEAT_ECLOSED, 0, end);
    else
        expect(r >= 0 || r == LEAT_EAGAIN || r == LEAT_EBUSY || r == LEAT_ETIMEDOUT);
    for (ptrdiff_t i = 0; i < r; i++)
        note(d, chan, dir, 0, d->v[i], end);
}

static bool single(const struct free_chan *ch, unsigned dir)
{
    return ch->opts.flags &
           (dir == LEAT_OP_SEND ? LEAT_SINGLE_PRODUCER : LEAT_SINGLE_CONSUMER);
}

/* A declared side is one actor's; the closing actor uses none, nor do sets. */
static bool may(const struct doer *d, unsigned chan, unsigned dir)
{
    return !single(&d->w->ch[chan], dir) || d->actor == 1 + dir;
}

static void do_many(struct doer *d, const struct program_op *o,
                    struct leat_deadline until)
{
    bool send = o->kind == PROGRAM_SEND || o->kind == PROGRAM_SEND_N;
    unsigned dir = send ? LEAT_OP_SEND : LEAT_OP_RECV;
    unsigned n =
        o->kind == PROGRAM_SEND || o->kind == PROGRAM_RECV || o->n == 0 ? 1 : o->n;
    if (!may(d, o->chan, dir))
        return;
    for (unsigned i = 0; i < n && send; i++)
        d->v[i] = fresh(d);
    d->begin = tick(d->w);
    note_many(d, o->chan, dir, d->w->api->many(d->w, o->chan, dir, d->v, n, until));
}

static void do_select(struct doer *d, struct program_op *o, struct leat_deadline until)
{
    struct oracle_case k[PROGRAM_CASES] = {{NULL, 0, 0}};
    unsigned n = 0, which = 0;
    for (unsigned i = 0; i < o->n; i++)
        if (o->k[i].chan < PROGRAM_CHANS && may(d, o->k[i].chan, o->k[i].dir))
            o->k[n++] = o->k[i];
    if ((o->n = n) == 0)
        return;
    for (unsigned i = 0; i < n; i++)
        k[i].value = o->k[i].dir == LEAT_OP_SEND ? fresh(d) : 0;
    d->begin = tick(d->w);
    int r = d->w->api->select(d->w, k, o, until, &which);
    if (r == 0)
        d->v[0] = k[which].value;
    note_many(d, which < n ? o->k[which].chan : 0, which < n ? o->k[which].dir : 0,
              r == 0 ? 1 : r);
}

static void do_wait(struct doer *d, struct leat_deadline until)
{
    struct free_world *w = d->w;
    unsigned chan = 0;
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        if (single(&w->ch[i], LEAT_OP_RECV))
            return; /* all channels are in the set */
    if (until.at_ns == INT64_MAX)
        until = leat_in_ms(1); /* it may have become empty */
    d->begin = tick(w);
    int r = w->api->wait(w, d->actor, d->v, &chan, until);
    note_many(d, chan, LEAT_OP_RECV, r == 0 ? 1 : r);
}

static void do_close(struct doer *d, unsigned chan, bool cancel)
{
    d->begin = tick(d->w);
    int r = d->w->api->close(d->w, chan, cancel);
    expect(r == 0 || r == LEAT_EALREADY);
    note(d, chan, 2, 0, cancel, tick(d->w));
}

/* The first actor ends it for all: it never waits for ever. */
static struct leat_deadline deadline(const struct doer *d, const struct program_op *o)
{
    switch (o->until) {
    case PROGRAM_NOW:
        return LEAT_NOW;
    case PROGRAM_PAST:
        return leat_at(1);
    case PROGRAM_HOURS:
        return leat_in_us(o->hours * 40);
    default:
        return d->actor ? LEAT_NEVER : leat_in_us(100);
    }
}

static void perform(struct doer *d, struct program_op *o)
{
    struct leat_deadline until = deadline(d, o);
    o->n = o->n > 7 ? 7 : o->n;
    if (!room(d))
        return;
    switch (o->kind) {
    case PROGRAM_SEND:
    case PROGRAM_RECV:
    case PROGRAM_SEND_N:
    case PROGRAM_RECV_N:
        do_many(d, o, until);
        break;
    case PROGRAM_SELECT:
        do_select(d, o, until);
        break;
    case PROGRAM_SET_WAIT:
        do_wait(d, until);
        break;
    case PROGRAM_CLOSE:
    case PROGRAM_CANCEL:
        if (o->hours == 1 &&
            d->number % 4 == 0) /* seldom: most of it is before the end */
            do_close(d, o->chan, o->kind == PROGRAM_CANCEL);
        break;
    default:
        leat_yield();
    }
}

static bool is_quiet(void *arg)
{
    struct free_world *w = arg;
    return w->api->quiet(w);
}

static void play(struct doer *d)
{
    struct free_world *w = d->w;
    size_t part = w->n / FREE_ACTORS;
    struct program p = {w->bytes + part * d->actor, w->bytes + part * (d->actor + 1)};
    struct program_op o;
    while (program_next(&p, &o))
        perform(d, &o);
}

static void actor_main(struct actor *a)
{
    struct free_world *w = a->arg;
    struct doer d = {.w = w, .actor = a->index};
    if (a->index > 0) {
        play(&d);
        __atomic_fetch_add(&w->through, 1u, __ATOMIC_RELAXED);
        return;
    }
    /* The others may wait for one another: it serves them for a while, then ends it. */
    for (unsigned i = 0; i < ROUNDS && room(&d); i++) {
        if (__atomic_load_n(&w->through, __ATOMIC_RELAXED) == FREE_ACTORS - 1)
            break;
        play(&d);
        leat_yield();
    }
    /* A wake that is owed may be late, but it comes. */
    expect(support_until(is_quiet, w));
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        do_close(&d, i, false);
    for (unsigned i = 0; i < DRAINS && room(&d); i++)
        play(&d); /* senders may be waiting still, their values are to come */
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        do_close(&d, i, true);
}

uint64_t free_run(const struct free_api *api, enum crew_kind crew, const uint8_t *bytes,
                  size_t n)
{
    struct program p = {bytes, bytes + n};
    struct free_world *w = calloc(1, sizeof(*w));
    uint64_t values = 0;
    assert_non_null(w);
    w->api = api;
    for (unsigned i = 0; i < FREE_ACTORS; i++)
        assert_non_null(w->note[i] = calloc(FREE_NOTES, sizeof(*w->note[i])));
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        struct program_chan *o = &w->ch[i].opts;
        *o = program_chan(&p);
        if (o->buffer == LEAT_BUFFER_PROMISE) /* its value comes out many times */
            o->buffer = LEAT_BUFFER_SLIDING;
        o->elem_size = sizeof(uint64_t);
        api->open(w, i);
    }
    w->bytes = p.at;
    w->n = (size_t)(p.end - p.at);
    crew_run(crew, FREE_ACTORS, actor_main, w);
    api->free(w);
    free_check(w);
    for (unsigned i = 0; i < FREE_ACTORS; i++) {
        for (unsigned k = 0; k < w->notes[i]; k++)
            values += w->note[i][k].dir < 2 && w->note[i][k].result == 0;
        free(w->note[i]);
    }
    free(w);
    return values;
}
