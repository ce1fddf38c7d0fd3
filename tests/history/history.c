/* history.c - see history.h.
 *
 * Exact check: depth first over the orders of effects. The state is the set of events
 * that have taken effect, the queue and whether it is closed. The queue's content
 * follows from the order of the sends that are still inside; a state that was seen
 * before is not gone into again. A send and its receive on an unbuffered channel are
 * one step. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "history.h"

/* --- the exact check --- */

struct state {
    uint64_t done; /* bits of events */
    uint8_t inside[HISTORY_SHORT];
    uint8_t first, last;
    bool closed;
};

enum { SEEN_FEW = 1 << 8, SEEN_MANY = 1 << 16, FEW = 8 };

struct search {
    const struct history_event *e;
    size_t n;
    long capacity;
    uint64_t all;
    uint64_t closed_by;  /* end of the close that closed */
    uint64_t (*seen)[3]; /* done, hash of the content, used */
    size_t seens, room;
};

static uint64_t content(const struct state *s)
{
    uint64_t h = s->closed ? 1469598103934665603u : 1099511628211u;
    for (unsigned i = s->first; i < s->last; i++)
        h = (h ^ (s->inside[i] + 1u)) * 1099511628211u;
    return h;
}

/* Marks the state; true: it had been seen. A table that is full remembers no more. */
static bool seen(struct search *x, const struct state *s)
{
    uint64_t h = content(s);
    size_t at = (size_t)((s->done * 0x9E3779B97F4A7C15u ^ h) % x->room);
    for (; x->seen[at][2]; at = (at + 1) % x->room)
        if (x->seen[at][0] == s->done && x->seen[at][1] == h)
            return true;
    if (x->seens < x->room - 1) {
        x->seens++;
        x->seen[at][0] = s->done;
        x->seen[at][1] = h;
        x->seen[at][2] = 1;
    }
    return false;
}

static bool is_done(const struct state *s, size_t i)
{
    return s->done >> i & 1;
}

/* May i be next: has nobody ended, without effect yet, before it began? */
static bool may_be_next(const struct search *x, const struct state *s, size_t i)
{
    for (size_t k = 0; k < x->n; k++)
        if (!is_done(s, k) && x->e[k].to < x->e[i].from)
            return false;
    return true;
}

static bool search(struct search *x, const struct state *s);

static bool step_send(struct search *x, struct state s, const struct history_event *e,
                      size_t i)
{
    unsigned n = s.last - s.first;
    switch (e->result) {
    case HISTORY_CLOSED:
        return s.closed && search(x, &s);
    case HISTORY_NOTHING:
        return (x->capacity == HISTORY_RENDEZVOUS || (long)n == x->capacity) &&
               search(x, &s);
    case HISTORY_TIMEOUT:
        return search(x, &s);
    default:
        if (x->capacity == HISTORY_RENDEZVOUS)
            return false; /* the receive takes it */
        /* A sender that waits when the channel is closed is still served. */
        if ((s.closed && e->from > x->closed_by) ||
            (x->capacity > 0 && (long)n >= x->capacity))
            return false;
        s.inside[s.last++] = (uint8_t)i;
        return search(x, &s);
    }
}

/* The receive i of an unbuffered channel meets its send, which has begun. */
static bool step_meet(struct search *x, struct state s, const struct history_event *e)
{
    for (size_t k = 0; k < x->n; k++) {
        if (is_done(&s, k) || x->e[k].op != HISTORY_SEND ||
            x->e[k].result != HISTORY_DONE || x->e[k].value != e->value)
            continue;
        if (x->e[k].from > e->to || (s.closed && x->e[k].from > x->closed_by) ||
            !may_be_next(x, &s, k))
            return false;
        s.done |= (uint64_t)1 << k;
        return search(x, &s);
    }
    return false;
}

static bool step_recv(struct search *x, struct state s, const struct history_event *e)
{
    bool empty = s.first == s.last;
    switch (e->result) {
    case HISTORY_CLOSED:
        return s.closed && empty && search(x, &s);
    case HISTORY_NOTHING:
        return empty && search(x, &s);
    case HISTORY_TIMEOUT:
        return search(x, &s);
    default:
        if (x->capacity == HISTORY_RENDEZVOUS)
            return step_meet(x, s, e);
        if (empty || x->e[s.inside[s.first]].value != e->value)
            return false;
        s.first++;
        return search(x, &s);
    }
}

static bool step(struct search *x, const struct state *from, size_t i)
{
    const struct history_event *e = &x->e[i];
    struct state s = *from;
    s.done |= (uint64_t)1 << i;
    if (e->op == HISTORY_SEND)
        return step_send(x, s, e, i);
    if (e->op == HISTORY_RECV)
        return step_recv(x, s, e);
    if (s.closed != (e->result == HISTORY_CLOSED))
        return false;
    s.closed = true;
    return search(x, &s);
}

static bool search(struct search *x, const struct state *s)
{
    if (s->done == x->all)
        return true;
    if (seen(x, s))
        return false;
    for (size_t i = 0; i < x->n; i++)
        if (!is_done(s, i) && may_be_next(x, s, i) && step(x, s, i))
            return true;
    return false;
}

bool history_linear(const struct history_event *e, size_t n, long capacity)
{
    struct search x = {.e = e, .n = n, .capacity = capacity};
    struct state s;
    if (n == 0)
        return true;
    if (n > HISTORY_SHORT)
        abort();
    memset(&s, 0, sizeof(s));
    for (size_t i = 0; i < n; i++)
        if (e[i].op == HISTORY_CLOSE && e[i].result == HISTORY_DONE)
            x.closed_by = e[i].to;
    x.all = n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
    x.room = n <= FEW ? SEEN_FEW : SEEN_MANY;
    x.seen = calloc(x.room, sizeof(*x.seen));
    if (x.seen == NULL)
        abort();
    bool ok = search(&x, &s);
    free(x.seen);
    return ok;
}

/* --- the patterns --- */

struct life {
    const struct history_event *in, *out; /* of one value; out NULL: it stayed inside */
};

static int by_value(const void *a, const void *b)
{
    const struct history_event *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (int)x->op - (int)y->op;
}

/* The values' lives, by value. Returns what is wrong with single ones. */
static const char *lives_of(struct history_event *e, size_t n, struct life *l,
                            size_t *ret)
{
    qsort(e, n, sizeof(*e), by_value);
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (e[i].result != HISTORY_DONE || e[i].op == HISTORY_CLOSE)
            continue;
        struct life *last = *ret ? &l[*ret - 1] : NULL;
        bool same = last && last->in->value == e[i].value;
        if (e[i].op == HISTORY_SEND) {
            if (same)
                return "sent twice: the test is wrong";
            l[(*ret)++] = (struct life){&e[i], NULL};
        } else if (!same) {
            return "a value was received that nobody sent";
        } else if (last->out) {
            return "a value was received twice";
        } else if (e[i].to < last->in->from) {
            return "a value was received before it was sent";
        } else {
            last->out = &e[i];
        }
    }
    return NULL;
}

static int by_send_end(const void *a, const void *b)
{
    const struct life *x = a, *y = b;
    return (x->in->to > y->in->to) - (x->in->to < y->in->to);
}

static int by_send_begin(const void *a, const void *b)
{
    const struct life *x = *(const struct life *const *)a,
                      *y = *(const struct life *const *)b;
    return (x->in->from > y->in->from) - (x->in->from < y->in->from);
}

static uint64_t out_begin(const struct life *l)
{
    return l->out ? l->out->from : UINT64_MAX;
}

/* x sent before y began to be sent, but y received before x began to be received. */
static const char *inversion(struct life *l, size_t n, const struct life **by_begin)
{
    uint64_t latest = 0; /* begin of a receive, of those whose send has ended */
    qsort(l, n, sizeof(*l), by_send_end);
    for (size_t i = 0; i < n; i++)
        by_begin[i] = &l[i];
    qsort(by_begin, n, sizeof(*by_begin), by_send_begin);
    for (size_t i = 0, k = 0; i < n; i++) {
        const struct life *y = by_begin[i];
        for (; k < n && l[k].in->to < y->in->from; k++)
            latest = out_begin(&l[k]) > latest ? out_begin(&l[k]) : latest;
        if (y->out && y->out->to < latest)
            return "two values were received in the wrong order";
    }
    return NULL;
}

/* "Empty" while there was, at every instant of the call, some value certainly inside:
 * its send had ended and its receive not begun. l is sorted by the end of the send. */
static bool covered(const struct life *l, size_t n, uint64_t from, uint64_t to)
{
    uint64_t until = from;
    for (size_t i = 0; i < n && until <= to; i++) {
        if (l[i].in->to > until)
            return false; /* no other was inside by then */
        if (out_begin(&l[i]) > until)
            until = out_begin(&l[i]);
    }
    return until > to;
}

/* Could more than `least` values have been inside at some instant of the call? */
static bool full_of(const struct life *l, size_t n, uint64_t from, uint64_t to,
                    long least)
{
    for (size_t i = 0; i < n && least >= 0; i++)
        least -= l[i].in->from < to && (!l[i].out || l[i].out->to > from);
    return least < 0;
}

static const char *failures(const struct history_event *e, size_t n,
                            const struct life *l, size_t lives, long capacity)
{
    uint64_t closing = UINT64_MAX, closed = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if (e[i].op != HISTORY_CLOSE || e[i].result != HISTORY_DONE)
            continue;
        if (closing != UINT64_MAX)
            return "closed twice";
        closing = e[i].from;
        closed = e[i].to;
    }
    for (size_t i = 0; i < n; i++) {
        const struct history_event *x = &e[i];
        if (x->result == HISTORY_CLOSED && x->to < closing)
            return "closed was reported before anybody closed";
        if (x->op == HISTORY_SEND && x->result == HISTORY_DONE && x->from > closed)
            return "a send was accepted after the close";
        if (capacity == HISTORY_RENDEZVOUS || x->op == HISTORY_CLOSE)
            continue;
        if (x->op == HISTORY_RECV &&
            (x->result == HISTORY_NOTHING || x->result == HISTORY_CLOSED) &&
            covered(l, lives, x->from, x->to))
            return "empty was reported while a value was inside";
        if (x->op == HISTORY_SEND && x->result == HISTORY_NOTHING &&
            !full_of(l, lives, x->from, x->to, capacity - 1))
            return "full was reported while there was room";
    }
    return NULL;
}

const char *history_patterns(struct history_event *e, size_t n, long capacity)
{
    struct life *l = calloc(n + 1, sizeof(*l));
    const struct life **sorted = calloc(n + 1, sizeof(*sorted));
    size_t lives = 0;
    if (l == NULL || sorted == NULL)
        abort();
    const char *wrong = lives_of(e, n, l, &lives);
    if (!wrong)
        wrong = inversion(l, lives, sorted);
    if (!wrong)
        wrong = failures(e, n, l, lives, capacity);
    free(sorted);
    free(l);
    return wrong;
}
