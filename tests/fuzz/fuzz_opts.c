/* fuzz_opts.c - fuzz target: arbitrary options make channels, pools, fibers, timers and
 * rings. Each gives the error that its header promises, or an object that works, and
 * nothing is left behind. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "fuzz/source.h"

#define MUST(cond)                                  \
    do {                                            \
        if (!(cond))                                \
            source_fail(#cond, __FILE__, __LINE__); \
    } while (0)

enum {
    ELEM_USED = 64 << 10, /* larger elements are not sent */
    BYTES_MAX = 1 << 20,  /* what the allocator gives at most */
    MAKINGS = 12,         /* objects per input */
};

static uint8_t in[ELEM_USED], out[ELEM_USED];

/* ---- channels ---- */

static void count_drop(void *elem, void *arg)
{
    (void)elem;
    ++*(unsigned *)arg;
}

static unsigned level(const void *elem, void *arg)
{
    return *(const unsigned *)arg ? *(const uint8_t *)elem % 2 : 0;
}

/* One input in four asks for a buffer. */
static const struct leat_buffer *buffer(struct source *s, struct leat_buffer *b)
{
    static const struct leat_buffer_ops empty;
    uint8_t byte = source_byte(s);
    if (byte % 4 != 3)
        return NULL;
    *b = (struct leat_buffer){.kind = (enum leat_buffer_kind)(byte / 4 % 7),
                              .levels = source_byte(s) % 70,
                              .level = byte & 128 ? NULL : level,
                              .ops = &empty};
    return b;
}

static struct leat_chan_opts chan_opts(struct source *s, const struct leat_alloc *alloc,
                                       unsigned *drops)
{
    struct leat_chan_opts o = {.size = source_struct_size(s, sizeof(o))};
    o.elem_size = source_size(s);
    o.capacity = source_size(s);
    o.flags = source_flags(s, 4);
    o.spin = (enum leat_spin)(source_byte(s) % 8 ? source_byte(s) % 3 : source_u32(s));
    o.elem_align = source_byte(s) % 2 ? 0 : source_size(s) % 200;
    o.drop = source_byte(s) % 2 ? count_drop : NULL;
    o.drop_arg = drops;
    o.name = source_name(s);
    o.alloc = alloc;
    return o;
}

static int buffer_promise(const struct leat_chan_opts *o)
{
    const struct leat_buffer *b = o->buffer;
    bool none = o->capacity == 0 || o->capacity == LEAT_UNBOUNDED;
    if (b == NULL)
        return 0;
    switch (b->kind) {
    case LEAT_BUFFER_DROPPING:
    case LEAT_BUFFER_SLIDING:
        return none ? LEAT_EINVAL : 0;
    case LEAT_BUFFER_PROMISE:
        return o->capacity > 1 ? LEAT_EINVAL : 0;
    case LEAT_BUFFER_PRIORITY:
        return none || !b->level || b->levels == 0 || b->levels > LEAT_BUFFER_LEVELS_MAX
                   ? LEAT_EINVAL
                   : 0;
    default: /* a custom one without functions, an unknown one */
        return LEAT_EINVAL;
    }
}

/* What chan.h says of them; LEAT_ENOMEM is possible beside 0. */
static int chan_promise(const struct leat_chan_opts *o)
{
    if (o->size != sizeof(*o) || o->flags > 15 || (unsigned)o->spin > LEAT_SPIN_BUSY)
        return LEAT_EINVAL;
    if (o->elem_align > 64 || (o->elem_align & (o->elem_align - 1)))
        return LEAT_EINVAL;
    if (o->alloc && (o->alloc->alloc == NULL || o->alloc->free == NULL))
        return LEAT_EINVAL;
    if (o->elem_size > LEAT_ELEM_MAX)
        return LEAT_EOVERFLOW;
    if (o->capacity > LEAT_CAP_MAX && o->capacity != LEAT_UNBOUNDED)
        return LEAT_EOVERFLOW;
    return buffer_promise(o);
}

static void chan_misuse(leat_chan *c, size_t size)
{
    struct leat_case k = {.chan = c, .op = 2};
    MUST(leat_select(&k, 1, LEAT_NOW, 0, NULL) == LEAT_EINVAL);
    k.op = LEAT_OP_RECV;
    MUST(leat_select(&k, 1, LEAT_NOW, 2, NULL) == LEAT_EINVAL);
    MUST(leat_select(NULL, 1, LEAT_NOW, 0, NULL) == LEAT_EINVAL);
    k.op = LEAT_OP_SEND;
    if (size) {
        MUST(leat_select(&k, 1, LEAT_NOW, 0, NULL) == LEAT_EINVAL);
        MUST(leat_chan_try_send(c, NULL) == LEAT_EINVAL);
        MUST(leat_chan_send_n(c, NULL, 2, LEAT_NOW) == LEAT_EINVAL);
    }
    MUST(leat_chan_send_n(c, in, 0, LEAT_NOW) == 0);
    MUST(leat_chan_len(c) == 0);
}

/* An open channel does what it should, here alone. */
static void chan_use(leat_chan *c, const struct leat_chan_opts *o, unsigned *drops,
                     const struct source_memory *m)
{
    size_t room = o->capacity < 3 ? o->capacity : 3;
    MUST(leat_chan_cap(c) == o->capacity && leat_chan_elem_size(c) == o->elem_size);
    MUST(leat_chan_len(c) == 0 && !leat_chan_closed(c) && leat_chan_bytes(c) > 0);
    chan_misuse(c, o->elem_size);
    if (o->elem_size <= ELEM_USED) {
        MUST(leat_chan_try_recv(c, out) == LEAT_EAGAIN);
        for (size_t i = 0; i < room; i++) {
            memset(in, (int)i + 1, o->elem_size);
            int r = leat_chan_try_send(c, in);
            MUST(r == 0 || (r == LEAT_ENOMEM && m->refused));
            room = r == 0 ? room : i; /* no segment more to be had */
        }
        if (room == o->capacity)
            MUST(leat_chan_try_send(c, in) == LEAT_EAGAIN);
        memset(in, 1, o->elem_size);
        if (room) {
            MUST(leat_chan_try_recv(c, out) == 0);
            MUST(memcmp(in, out, o->elem_size) == 0);
            room--;
        }
        MUST(leat_chan_len(c) == room);
        MUST(leat_chan_close(c) == 0 && leat_chan_close(c) == LEAT_EALREADY);
        MUST(leat_chan_try_send(c, in) == LEAT_ECLOSED);
    }
    leat_chan_free(c);
    MUST(*drops == (o->drop && o->elem_size <= ELEM_USED ? room : 0));
}

/* Every value sent is received or dropped, once; those of a promise at the end. */
static void buffer_use(leat_chan *c, const struct leat_chan_opts *o, unsigned *drops)
{
    enum leat_buffer_kind kind = o->buffer->kind;
    unsigned sent = 0, got = 0;
    MUST(leat_chan_cap(c) == (kind == LEAT_BUFFER_PROMISE ? 1 : o->capacity));
    MUST(leat_chan_bytes(c) > 0);
    chan_misuse(c, o->elem_size);
    for (unsigned i = 0; i < 4 && o->elem_size <= ELEM_USED; i++) {
        memset(in, (int)i + 1, o->elem_size);
        int r = leat_chan_try_send(c, in);
        MUST(r == 0 || (r == LEAT_EINVAL && kind == LEAT_BUFFER_PRIORITY) ||
             (r == LEAT_EAGAIN && leat_chan_len(c) == o->capacity));
        sent += r == 0;
    }
    MUST(leat_chan_close(c) == 0);
    while (got < 2 && leat_chan_try_recv(c, out) == 0)
        got++;
    leat_chan_free(c);
    MUST(*drops == (o->drop ? sent - (kind == LEAT_BUFFER_PROMISE ? 0 : got) : 0));
}

static void make_chan(struct source *s)
{
    struct leat_buffer b;
    struct source_memory m = {.limit = BYTES_MAX};
    struct leat_alloc alloc = source_alloc(s, &m);
    unsigned drops = 0;
    leat_chan *c = (leat_chan *)&drops;
    struct leat_chan_opts o = chan_opts(s, &alloc, &drops);
    unsigned has_bytes = o.elem_size > 0;
    if ((o.buffer = buffer(s, &b)) != NULL)
        b.arg = &has_bytes;
    int promise = chan_promise(&o);
    if (promise == 0 && source_byte(s) % 2 && o.elem_size <= 100 &&
        (o.capacity <= 5000 || o.capacity == LEAT_UNBOUNDED))
        o.alloc = NULL;
    int r = leat_chan_open(&c, &o);
    MUST(r == promise || (promise == 0 && r == LEAT_ENOMEM && m.refused));
    if (r == 0 && o.buffer)
        buffer_use(c, &o, &drops);
    else if (r == 0)
        chan_use(c, &o, &drops, &m);
    else
        MUST(c == (leat_chan *)&drops); /* not touched */
    MUST(m.live == 0);
    MUST(leat_chan_open(NULL, &o) == LEAT_EINVAL &&
         leat_chan_open(&c, NULL) == LEAT_EINVAL);
}

/* ---- pools and fibers ---- */

static int answer(void *arg)
{
    return *(int *)arg;
}

static bool stack_ok(size_t size)
{
    return size == 0 || (size >= LEAT_STACK_MIN && size <= LEAT_STACK_MAX);
}

static void make_pool(struct source *s)
{
    struct source_memory m = {.limit = BYTES_MAX * 64};
    struct leat_alloc alloc = source_alloc(s, &m);
    struct leat_pool_opts o = {.size = source_struct_size(s, sizeof(o))};
    leat_pool *p = (leat_pool *)&o;
    int want = 42;
    o.workers = source_byte(s) % 8 ? source_byte(s) % 4 : source_u32(s);
    o.flags = source_flags(s, 3);
    o.stack_size = source_size(s);
    o.blocking = source_byte(s) % 4 ? source_byte(s) : source_u32(s);
    o.name = source_name(s);
    o.alloc = source_byte(s) % 2 ? &alloc : NULL;
    if (o.workers > 16 && o.workers <= 1 << 16)
        o.workers = 16; /* threads cost too much time here */
    bool bad = o.size != sizeof(o) || o.flags > 7 || !stack_ok(o.stack_size) ||
               (o.alloc && (alloc.alloc == NULL || alloc.free == NULL));
    bool large = o.workers > 16 || o.blocking > 255; /* may be too many */
    int r = leat_pool_new(&p, &o);
    MUST(r == 0 || p == (leat_pool *)&o);
    MUST(bad ? r == LEAT_EINVAL
             : r == 0 || (large && r == LEAT_EINVAL) ||
                   (m.refused && r == LEAT_ENOMEM));
    if (r == 0) {
        MUST(o.workers == 0 || leat_pool_workers(p) == o.workers);
        /* Stacks of less than a few pages are too small for the sanitizers. */
        if (o.stack_size == 0 || o.stack_size >= 16 << 10)
            MUST((r = leat_pool_run(p, answer, &want)) == 42 ||
                 (r == LEAT_ENOMEM && m.refused));
        MUST(leat_pool_shutdown(p, LEAT_DRAIN, LEAT_NEVER) == 0);
    }
    MUST(m.live == 0);
    MUST(leat_pool_new(NULL, NULL) == LEAT_EINVAL);
}

static leat_pool *shared_pool(void)
{
    static leat_pool *made;
    static pid_t owner;
    const struct leat_pool_opts o = {
        .size = sizeof(o), .workers = 2, .flags = LEAT_POOL_UNBOUND};
    if (owner != getpid()) { /* a forked child makes its own */
        owner = getpid();
        MUST(leat_pool_new(&made, &o) == 0);
    }
    return made;
}

static void make_fiber(struct source *s)
{
    struct leat_fiber_opts o = {.size = source_struct_size(s, sizeof(o))};
    leat_fiber *f = (leat_fiber *)&o;
    int want = 43, got = 0;
    o.pool = shared_pool();
    o.stack_size = source_size(s);
    o.pin = source_byte(s) % 2 ? source_byte(s) % 4 : (int)source_u32(s);
    o.name = source_name(s);
    bool good =
        o.size == sizeof(o) && stack_ok(o.stack_size) && o.pin >= 0 && o.pin <= 2;
    int (*fn)(void *) = source_byte(s) % 8 ? answer : NULL;
    if (good && o.stack_size && o.stack_size < 16 << 10)
        return; /* as in make_pool */
    int r = leat_fiber_start(&f, &o, fn, &want);
    MUST(r == (good && fn ? 0 : LEAT_EINVAL));
    if (r == 0)
        MUST(leat_fiber_join(f, &got) == 0 && got == 43);
    else
        MUST(f == (leat_fiber *)&o);
    MUST(leat_fiber_start(&f, NULL, answer, NULL) == LEAT_EINVAL);
}

/* ---- time ---- */

static void make_deadline(struct source *s)
{
    static struct leat_deadline (*const in_unit[])(int64_t) = {leat_in_ns, leat_in_us,
                                                               leat_in_ms, leat_in_s};
    int64_t n = (int64_t)source_u64(s), before = leat_now();
    struct leat_deadline d = in_unit[source_byte(s) % 4](n);
    MUST(n <= 0 ? d.at_ns <= 0 : d.at_ns > before);
}

static void make_timer(struct source *s)
{
    int64_t at = (int64_t)source_u64(s), got = -1;
    leat_chan *c = NULL;
    if (source_byte(s) % 2) {
        MUST(leat_after(&c, leat_at(at)) == 0);
        int r = leat_chan_try_recv(c, &got);
        MUST(r == 0 ? got == (at < 0 ? 0 : at) && got <= leat_now() : r == LEAT_EAGAIN);
        MUST(r == 0 || at > leat_now() - INT64_C(1000000000));
        MUST(leat_chan_try_send(c, &at) == LEAT_ENOTSUP);
    } else {
        int r = leat_tick(&c, at);
        MUST(r == (at > 0 ? 0 : LEAT_EINVAL));
        if (r == 0)
            MUST((r = leat_chan_try_recv(c, &got)) == LEAT_EAGAIN ||
                 (r == 0 && got > 0));
    }
    leat_chan_free(c);
    MUST(leat_after(NULL, LEAT_NOW) == LEAT_EINVAL &&
         leat_tick(NULL, 1) == LEAT_EINVAL);
}

/* ---- rings ---- */

static void make_ring(struct source *s)
{
    struct leat_mpmc r;
    size_t elem = source_size(s), cap = source_size(s), less = source_byte(s) % 4 == 0;
    size_t bytes = leat_mpmc_footprint(elem, cap), wrong = source_byte(s) % 8 == 0;
    bool possible = cap > 0 && cap <= LEAT_RING_CAP_MAX && elem <= LEAT_RING_ELEM_MAX;
    MUST((bytes != 0) == possible);
    MUST(leat_mpmc_align(elem) <= 8);
    size_t given = bytes && bytes <= BYTES_MAX ? bytes : 64;
    uint8_t *mem = aligned_alloc(64, (given + 127) / 64 * 64);
    MUST(mem != NULL);
    int got = leat_mpmc_init(&r, mem + wrong, given - less, elem, cap);
    if (!possible)
        MUST(got == (cap == 0 ? LEAT_EINVAL : LEAT_EOVERFLOW) || got == LEAT_EINVAL);
    else if (given != bytes || less || (wrong && leat_mpmc_align(elem) > 1))
        MUST(got == LEAT_EINVAL);
    if (got == 0 && elem <= ELEM_USED) {
        memset(in, 7, elem);
        MUST(leat_mpmc_push(&r, in) == 0 && leat_mpmc_len(&r) == 1);
        MUST(leat_mpmc_cap(&r) == cap && leat_mpmc_pop(&r, out) == 0);
        MUST(memcmp(in, out, elem) == 0 && leat_mpmc_pop(&r, out) == LEAT_EAGAIN);
    }
    free(mem);
}

/* ---- nothing ---- */

static void make_nothing(struct source *s)
{
    leat_set *set = NULL;
    (void)s;
    MUST(leat_chan_try_send(NULL, in) == LEAT_EINVAL);
    MUST(leat_chan_try_recv(NULL, out) == LEAT_EINVAL);
    MUST(leat_chan_send_n(NULL, in, 1, LEAT_NOW) == LEAT_EINVAL);
    MUST(leat_chan_recv_n(NULL, out, 1, LEAT_NOW) == LEAT_EINVAL);
    MUST(leat_chan_close(NULL) == LEAT_EINVAL && leat_chan_cancel(NULL) == LEAT_EINVAL);
    MUST(leat_chan_len(NULL) == 0 && leat_chan_cap(NULL) == 0 &&
         !leat_chan_closed(NULL));
    MUST(leat_chan_ref(NULL) == NULL && leat_chan_free(NULL) == NULL);
    MUST(leat_chan_tx(NULL) == NULL && leat_tx_free(NULL) == NULL);
    MUST(leat_chan_rx(NULL) == NULL && leat_rx_free(NULL) == NULL);
    MUST(leat_select(NULL, 0, LEAT_NOW, 0, NULL) == LEAT_EAGAIN);
    MUST(leat_set_new(NULL) == LEAT_EINVAL &&
         leat_set_add(NULL, NULL, NULL) == LEAT_EINVAL);
    MUST(leat_set_new(&set) == 0 && leat_set_add(set, NULL, NULL) == LEAT_EINVAL);
    MUST(leat_set_wait(set, out, NULL, NULL, LEAT_NOW) == LEAT_EAGAIN);
    MUST(leat_set_wait(NULL, out, NULL, NULL, LEAT_NOW) == LEAT_EINVAL);
    MUST(leat_set_free(set) == NULL && leat_set_free(NULL) == NULL);
    MUST(leat_pool_free(NULL) == NULL && leat_fiber_detach(NULL) == NULL);
    MUST(leat_pool_go(NULL, NULL, answer, NULL) == LEAT_EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static void (*const make[])(struct source *) = {
        make_chan, make_chan, make_chan,     make_chan,  make_chan,  make_pool,
        make_ring, make_ring, make_deadline, make_timer, make_fiber, make_nothing};
    struct source s = {bytes, bytes + n};
    for (unsigned i = 0; i < MAKINGS && s.at < s.end; i++)
        make[source_byte(&s) % (sizeof(make) / sizeof(make[0]))](&s);
    return 0;
}
