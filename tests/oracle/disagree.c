/* disagree.c - see world.h. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "oracle/world.h"

static void print_op(const struct program_op *o)
{
    static const char *const untils[] = {"now", "never", "past", "hours"};
    fprintf(stderr, "%s", program_names[o->kind]);
    if (o->kind == PROGRAM_SELECT) {
        for (unsigned i = 0; i < o->n; i++)
            fprintf(stderr, " %s %u", o->k[i].dir == LEAT_OP_SEND ? "send" : "recv",
                    o->k[i].chan);
        fprintf(stderr, "%s", o->priority ? ", priority" : "");
    } else if (o->kind == PROGRAM_SET_WAIT) {
        fprintf(stderr, " on set %u", o->set);
    } else {
        fprintf(stderr, " channel %u", o->chan);
    }
    if (o->kind == PROGRAM_SEND_N || o->kind == PROGRAM_RECV_N)
        fprintf(stderr, ", %u values", o->n);
    if (o->kind >= PROGRAM_SET_ADD && o->kind <= PROGRAM_SET_DEL)
        fprintf(stderr, ", set %u", o->set);
    if (o->kind == PROGRAM_HANDLE || o->kind == PROGRAM_UNHANDLE)
        fprintf(stderr, ", %s", o->dir == LEAT_OP_SEND ? "tx" : "rx");
    if (o->kind <= PROGRAM_SELECT || o->kind == PROGRAM_SET_WAIT)
        fprintf(stderr, ", until %s %u%s", untils[o->until], o->hours,
                o->discard ? ", discard" : "");
}

static void print_trace(const struct world *w)
{
    uint64_t i = w->step > TRACE ? w->step - TRACE : 0;
    for (; i < w->step; i++) {
        const struct trace *t = &w->trace[i % TRACE];
        if (t->party < 0)
            continue;
        fprintf(stderr, "%8llu  ", (unsigned long long)i);
        if (t->party == PARTIES)
            fprintf(stderr, "driver   ");
        else
            fprintf(stderr, "actor %d  ", t->party);
        print_op(&t->op);
        fprintf(stderr, "\n");
    }
}

void disagree(const struct world *w, const struct party *p, const char *text,
              long long got, long long want)
{
    static const char *const hows[] = {"fibers", "threads", "mixed"};
    fprintf(stderr, "\nThe engine and the oracle disagree (%s), the last operations:\n",
            hows[w->how]);
    print_trace(w);
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        const struct channel *ch = &w->ch[i];
        fprintf(stderr,
                "channel %u: capacity %zd, elements of %zu, flags %x, buffer %d%s%s; "
                "the oracle"
                " has %u inside, %u receivers, %u senders\n",
                i, (ptrdiff_t)ch->opts.cap, ch->opts.elem_size, ch->opts.flags,
                (int)ch->opts.buffer, ch->model.closed ? ", closed" : "",
                ch->model.cancelled ? ", cancelled" : "", ch->model.n,
                ch->model.nwaits[LEAT_OP_RECV], ch->model.nwaits[LEAT_OP_SEND]);
    }
    for (unsigned i = 0; i < PARTIES; i++) {
        const struct party *q = &w->party[i];
        if (!q->busy)
            continue;
        fprintf(stderr, "actor %u %s, %s: ", i,
                call_done(&q->call) ? "has returned" : "is in its call",
                expect_due(w, q) ? "should return" : "should wait");
        print_op(&q->call.op);
        fprintf(stderr, "\n");
    }
    if (p) {
        fprintf(stderr, "about actor %td: ", p - w->party);
        print_op(&p->call.op);
        fprintf(stderr, "\n");
    }
    fprintf(stderr, "%s: got %lld, want %lld\n", text, got, want);
    leat_dump(STDERR_FILENO);
    abort();
}
