/* buffer_priority.c - the buffer of a channel with levels: a queue of cells for each, all
 * from one store of `capacity` cells, and a bit for each level that has a value. O(1).
 * SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include "chan/managed.h"

#define NONE UINT32_MAX

struct queue {
    uint32_t first, last;
};

struct priority {
    size_t cap, len, elem_size, stride;
    unsigned levels;
    unsigned (*level)(const void *elem, void *arg);
    void *arg;
    uint64_t some;  /* bit i: level i has a value           */
    uint32_t fresh; /* the first of the cells never used    */
    uint32_t free;  /* used ones without a value, by `next` */
    uint32_t *next; /* of each cell                         */
    char *cells;
    struct queue queue[LEAT_BUFFER_LEVELS_MAX];
};

static bool can_add(const void *buf)
{
    const struct priority *p = buf;
    return p->len < p->cap;
}

static bool can_take(const void *buf)
{
    return ((const struct priority *)buf)->some != 0;
}

static int add(void *buf, const void *elem, void *lost)
{
    struct priority *p = buf;
    unsigned level = p->level(elem, p->arg);
    (void)lost;
    if (level >= p->levels)
        return LEAT_EINVAL;
    struct queue *q = &p->queue[level];
    uint32_t i = p->free != NONE ? p->free : p->fresh++;
    if (i == p->free)
        p->free = p->next[i];
    p->next[i] = NONE;
    leati_copy(p->cells + i * p->stride, elem, p->elem_size);
    if (p->some & (UINT64_C(1) << level))
        p->next[q->last] = i;
    else
        q->first = i;
    q->last = i;
    p->some |= UINT64_C(1) << level;
    p->len++;
    return 0;
}

static void take(void *buf, void *ret)
{
    struct priority *p = buf;
    unsigned level = (unsigned)__builtin_ctzll(p->some);
    struct queue *q = &p->queue[level];
    uint32_t i = q->first;
    if (ret)
        leati_copy(ret, p->cells + i * p->stride, p->elem_size);
    q->first = p->next[i];
    if (q->first == NONE)
        p->some &= ~(UINT64_C(1) << level);
    p->next[i] = p->free;
    p->free = i;
    p->len--;
}

static size_t len(const void *buf)
{
    return ((const struct priority *)buf)->len;
}

static const struct leat_buffer_ops ops = {.size = sizeof(ops),
                                           .can_add = can_add,
                                           .can_take = can_take,
                                           .add = add,
                                           .take = take,
                                           .len = len};

int leati_buffer_priority(struct leati_buffer *ret, const struct leat_chan_opts *o,
                          const struct leat_buffer *b)
{
    size_t cells, n = o->capacity, stride = leati_buffer_stride(o);
    if (n == 0 || n == LEAT_UNBOUNDED || b->level == NULL || b->levels == 0 ||
        b->levels > LEAT_BUFFER_LEVELS_MAX)
        return LEAT_EINVAL;
    struct priority *p = leati_buffer_alloc(ret, o, sizeof(*p) + n * sizeof(uint32_t),
                                            n, stride, &cells);
    if (p == NULL)
        return LEAT_ENOMEM;
    p->cap = ret->capacity = n;
    p->len = 0;
    p->elem_size = o->elem_size;
    p->stride = stride;
    p->levels = b->levels;
    p->level = b->level;
    p->arg = b->arg;
    p->some = 0;
    p->fresh = 0;
    p->free = NONE;
    p->next = (uint32_t *)(void *)(p + 1);
    p->cells = (char *)p + cells;
    ret->ops = &ops;
    return 0;
}
