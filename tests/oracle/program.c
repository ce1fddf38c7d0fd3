/* program.c - see program.h. SPDX-License-Identifier: MIT */
#include <string.h>

#include "oracle/program.h"

const char *const program_names[PROGRAM_KINDS] = {
    "send",    "recv",     "send_n", "recv_n",       "select",   "close",
    "cancel",  "ref",      "unref",  "handle",       "unhandle", "set add",
    "set del", "set wait", "pass",   "cancel fiber", "renew",    "yield",
};

/* How often each kind comes, of 64. */
static const uint8_t weights[PROGRAM_KINDS] = {
    [PROGRAM_SEND] = 13,        [PROGRAM_RECV] = 13,    [PROGRAM_SEND_N] = 4,
    [PROGRAM_RECV_N] = 4,       [PROGRAM_SELECT] = 9,   [PROGRAM_CLOSE] = 1,
    [PROGRAM_CANCEL] = 1,       [PROGRAM_REF] = 1,      [PROGRAM_UNREF] = 1,
    [PROGRAM_HANDLE] = 1,       [PROGRAM_UNHANDLE] = 1, [PROGRAM_SET_ADD] = 2,
    [PROGRAM_SET_DEL] = 1,      [PROGRAM_SET_WAIT] = 3, [PROGRAM_PASS] = 2,
    [PROGRAM_CANCEL_FIBER] = 2, [PROGRAM_RENEW] = 4,    [PROGRAM_YIELD] = 1,
};

uint8_t program_byte(struct program *p)
{
    return p->at < p->end ? *p->at++ : 0;
}

struct program_chan program_chan(struct program *p)
{
    static const size_t caps[] = {0, 0,    0,    1, 1,  2, 2, LEAT_UNBOUNDED,
                                  3, 1024, 1500, 7, 40, 4, 5, LEAT_UNBOUNDED};
    static const size_t sizes[] = {8, 8, 8, 8, 16, 4, 24, PROGRAM_ELEM_MAX};
    static const enum leat_buffer_kind buffers[] = {
        LEAT_BUFFER_DROPPING, LEAT_BUFFER_SLIDING,  LEAT_BUFFER_PROMISE,
        LEAT_BUFFER_PRIORITY, LEAT_BUFFER_DROPPING, LEAT_BUFFER_SLIDING,
        LEAT_BUFFER_PRIORITY, LEAT_BUFFER_PRIORITY};
    uint8_t a = program_byte(p), b = program_byte(p);
    struct program_chan c = {.cap = caps[a % 16], .elem_size = sizes[b % 8]};
    if (b == 255)
        c.elem_size = 0;
    if (a & 0x10)
        c.flags |= LEAT_FAIR;
    if ((a & 0x60) == 0x60) {
        c.flags |= a & 0x80 ? LEAT_SINGLE_PRODUCER : 0;
        c.flags |= b & 0x10 ? LEAT_SINGLE_CONSUMER : 0;
        if (b & 0x20) /* declared sides have a ring of their own from there on */
            c.cap = 1024 + a % 3;
    }
    if (b & 0x40)
        c.flags |= LEAT_COMPACT;
    if ((a & 0x60) == 0x20) {
        c.buffer = buffers[b >> 3 & 7];
        if (c.cap == 0 || c.cap == LEAT_UNBOUNDED || c.buffer == LEAT_BUFFER_PROMISE)
            c.cap = 1;
    }
    c.fill = (b & 0x80) && c.cap >= 1024 && c.cap != LEAT_UNBOUNDED;
    return c;
}

static unsigned level(const void *elem, void *arg)
{
    return arg ? 0 : *(const uint8_t *)elem % 4;
}

const struct leat_buffer *program_buffer(const struct program_chan *c)
{
    static char no_level;
    static const struct leat_buffer buffers[][2] = {
        [LEAT_BUFFER_DROPPING] = {{.kind = LEAT_BUFFER_DROPPING}},
        [LEAT_BUFFER_SLIDING] = {{.kind = LEAT_BUFFER_SLIDING}},
        [LEAT_BUFFER_PROMISE] = {{.kind = LEAT_BUFFER_PROMISE}},
        [LEAT_BUFFER_PRIORITY] = {
            {.kind = LEAT_BUFFER_PRIORITY, .levels = 4, .level = level},
            {.kind = LEAT_BUFFER_PRIORITY,
             .levels = 4,
             .level = level,
             .arg = &no_level}}};
    bool none = c->buffer == LEAT_BUFFER_PRIORITY && c->elem_size == 0;
    return c->buffer ? &buffers[c->buffer][none] : NULL;
}

static enum program_kind kind(uint8_t b)
{
    unsigned left = b % 64, k = 0;
    while (left >= weights[k])
        left -= weights[k++];
    return (enum program_kind)k;
}

static void waiting(struct program_op *o, uint8_t b)
{
    static const enum program_until untils[] = {
        PROGRAM_NOW,   PROGRAM_NOW,  PROGRAM_NEVER, PROGRAM_NEVER,
        PROGRAM_NEVER, PROGRAM_PAST, PROGRAM_HOURS, PROGRAM_HOURS};
    o->until = untils[b % 8];
    o->hours = 1 + (b >> 3) % 4;
    o->discard = (b >> 5) == 7 && o->kind != PROGRAM_SELECT;
    o->priority = b >> 7;
}

static void cases(struct program *p, struct program_op *o)
{
    uint8_t b = program_byte(p);
    o->n = b % 16 == 15 ? 0 : 1 + b % PROGRAM_CASES;
    for (unsigned i = 0; i < o->n; i++) {
        b = program_byte(p);
        o->k[i].chan = b % 32 == 31 ? PROGRAM_CHANS : b % PROGRAM_CHANS;
        o->k[i].dir = (b >> 5) & 1;
    }
}

bool program_next(struct program *p, struct program_op *ret)
{
    if (p->at == p->end)
        return false;
    struct program_op o = {.kind = kind(program_byte(p))};
    uint8_t b = program_byte(p);
    o.chan = b % PROGRAM_CHANS;
    o.set = (b >> 2) % PROGRAM_SETS;
    o.dir = (b >> 3) & 1;
    if ((o.kind == PROGRAM_CLOSE || o.kind == PROGRAM_CANCEL) && b >> 6)
        o.kind = PROGRAM_YIELD; /* most of the time channels are open */
    if (o.kind == PROGRAM_SEND_N || o.kind == PROGRAM_RECV_N) {
        uint8_t n = program_byte(p);
        o.n = n < 224 ? n % 8 : n % (PROGRAM_BATCH + 1);
    }
    if (o.kind <= PROGRAM_SELECT || o.kind == PROGRAM_SET_WAIT)
        waiting(&o, program_byte(p));
    if (o.kind == PROGRAM_SELECT)
        cases(p, &o);
    *ret = o;
    return true;
}

void program_encode(void *elem, size_t size, uint64_t v)
{
    uint8_t *e = elem;
    for (size_t i = 0; i < size; i++)
        e[i] = (uint8_t)((v >> i % 8 * 8) ^ i / 8 * 0x5B);
}

bool program_is(const void *elem, size_t size, uint64_t v)
{
    uint8_t want[PROGRAM_ELEM_MAX];
    program_encode(want, size, v);
    return size == 0 || memcmp(elem, want, size) == 0;
}
