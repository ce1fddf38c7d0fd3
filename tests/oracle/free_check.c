/* free_check.c - what must hold of a free run: see free.h. SPDX-License-Identifier: MIT
 */
#include <stdlib.h>

#include "oracle/free.h"

enum { MANY = FREE_ACTORS * FREE_NOTES };

/* All that happened on one channel. */
struct events {
    struct free_note *sent[MANY], *received[MANY], *other[MANY];
    unsigned nsent, nreceived, nother;
    struct free_note *taken[MANY]; /* by sent: its receive */
    uint64_t at[MANY];
};

static int by_value(const void *a, const void *b)
{
    const struct free_note *x = *(struct free_note *const *)a;
    const struct free_note *y = *(struct free_note *const *)b;
    return (x->value > y->value) - (x->value < y->value);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void gather(struct free_world *w, unsigned chan, struct events *e)
{
    e->nsent = e->nreceived = e->nother = 0;
    for (unsigned a = 0; a < FREE_ACTORS; a++)
        for (unsigned i = 0; i < w->notes[a]; i++) {
            struct free_note *n = &w->note[a][i];
            if (n->chan != chan)
                continue;
            if (n->dir == 2 || n->result != 0)
                e->other[e->nother++] = n;
            else if (n->dir == LEAT_OP_SEND)
                e->sent[e->nsent++] = n;
            else
                e->received[e->nreceived++] = n;
        }
    qsort(e->sent, e->nsent, sizeof(e->sent[0]), by_value);
    qsort(e->received, e->nreceived, sizeof(e->received[0]), by_value);
}

/* Every value sent was received or dropped, once, and nothing else was. */
static void check_conserved(struct free_chan *ch, struct events *e)
{
    unsigned r = 0, d = 0, n = ch->ndropped < MANY ? ch->ndropped : MANY;
    qsort(ch->dropped, n, sizeof(ch->dropped[0]), by_number);
    for (unsigned s = 0; s < e->nsent; s++) {
        uint64_t v = e->sent[s]->value;
        bool received = r < e->nreceived && e->received[r]->value == v;
        bool dropped = d < n && ch->dropped[d] == v;
        e->taken[s] = received ? e->received[r] : NULL;
        expect_eq(received + dropped, 1);
        r += received;
        d += dropped;
    }
    expect_eq(r, e->nreceived);
    expect_eq(d, n);
}

/* Sends that did not overlap: their receives are not in the opposite order. */
static void check_order(const struct events *e)
{
    for (unsigned i = 0; i < e->nsent; i++)
        for (unsigned k = 0; k < e->nsent; k++) {
            const struct free_note *first = e->taken[i], *second = e->taken[k];
            if (first && second && e->sent[i]->end < e->sent[k]->begin)
                expect(second->end > first->begin);
        }
}

/* At each instant: sends that had ended, less receives that had begun and values that
 * may have been dropped by then, fit in. */
static void check_capacity(const struct free_chan *ch, struct events *e)
{
    unsigned begun = 0;
    if (ch->opts.cap == LEAT_UNBOUNDED)
        return;
    for (unsigned i = 0; i < e->nsent; i++)
        e->at[i] = e->taken[i] ? e->taken[i]->begin : 0;
    qsort(e->at, e->nsent, sizeof(e->at[0]), by_number);
    static uint64_t ends[MANY];
    for (unsigned i = 0; i < e->nsent; i++)
        ends[i] = e->sent[i]->end;
    qsort(ends, e->nsent, sizeof(ends[0]), by_number);
    for (unsigned i = 0; i < e->nsent; i++) {
        while (begun < e->nsent && e->at[begun] < ends[i])
            begun++;
        expect(i + 1 <= ch->opts.cap + begun);
    }
}

static void check_end(const struct events *e)
{
    uint64_t begun = UINT64_MAX, ended = UINT64_MAX, told = UINT64_MAX;
    for (unsigned i = 0; i < e->nother; i++) {
        const struct free_note *n = e->other[i];
        if (n->dir == 2 && n->begin < begun)
            begun = n->begin;
        if (n->dir == 2 && n->end < ended)
            ended = n->end;
        if (n->dir == LEAT_OP_RECV && n->end < told)
            told = n->end;
    }
    for (unsigned i = 0; i < e->nother; i++)
        expect(e->other[i]->dir == 2 || e->other[i]->end > begun);
    for (unsigned i = 0; i < e->nsent; i++)
        expect(e->sent[i]->begin < ended);
    for (unsigned i = 0; i < e->nreceived; i++)
        expect(e->received[i]->begin < told);
}

void free_check(struct free_world *w)
{
    struct events *e = malloc(sizeof(*e));
    assert_non_null(e);
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        gather(w, i, e);
        check_conserved(&w->ch[i], e);
        if (w->ch[i].opts.buffer != LEAT_BUFFER_PRIORITY)
            check_order(e);
        check_capacity(&w->ch[i], e);
        check_end(e);
    }
    free(e);
    verdict();
}
