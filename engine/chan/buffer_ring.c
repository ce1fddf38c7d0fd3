/* buffer_ring.c - the buffer of dropping and sliding channels: a ring that always takes a
 * value and, when full, loses the new or the oldest one. All under the channel's lock.
 * SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include "chan/managed.h"

struct ring {
    size_t cap, first, len;
    size_t elem_size, stride;
    char *cells;
};

void *leati_buffer_alloc(struct leati_buffer *ret, const struct leat_chan_opts *o,
                         size_t head, size_t n, size_t size, size_t *ret_cells)
{
    size_t align = leati_elem_align(o);
    align = align < 16 ? 16 : align;
    *ret_cells = (head + align - 1) / align * align;
    ret->bytes = *ret_cells + n * size; /* n, size <= 2^30 and some */
    ret->own = true;
    ret->buf = leati_alloc(o->alloc, ret->bytes, align);
    return ret->buf;
}

size_t leati_buffer_stride(const struct leat_chan_opts *o)
{
    size_t align = leati_elem_align(o);
    return (o->elem_size + align - 1) / align * align;
}

static char *cell(const struct ring *r, size_t i)
{
    size_t at = r->first + i;
    return r->cells + (at < r->cap ? at : at - r->cap) * r->stride;
}

static void lose(const struct ring *r, void *lost, const void *elem)
{
    if (lost)
        leati_copy(lost, elem, r->elem_size);
}

static void forget_first(struct ring *r)
{
    r->first = r->first + 1 < r->cap ? r->first + 1 : 0;
    r->len--;
}

static int add_or_drop(void *buf, const void *elem, void *lost)
{
    struct ring *r = buf;
    if (r->len == r->cap) {
        lose(r, lost, elem);
        return LEAT_BUFFER_LOST;
    }
    leati_copy(cell(r, r->len++), elem, r->elem_size);
    return 0;
}

static int add_and_slide(void *buf, const void *elem, void *lost)
{
    struct ring *r = buf;
    int result = 0;
    if (r->len == r->cap) {
        lose(r, lost, cell(r, 0));
        forget_first(r);
        result = LEAT_BUFFER_LOST;
    }
    leati_copy(cell(r, r->len++), elem, r->elem_size);
    return result;
}

static bool can_take(const void *buf)
{
    return ((const struct ring *)buf)->len > 0;
}

static void take(void *buf, void *ret)
{
    struct ring *r = buf;
    if (ret)
        leati_copy(ret, cell(r, 0), r->elem_size);
    forget_first(r);
}

static size_t len(const void *buf)
{
    return ((const struct ring *)buf)->len;
}

static const struct leat_buffer_ops dropping = {.size = sizeof(dropping),
                                                .flags = LEAT_BUFFER_LOSES,
                                                .can_take = can_take,
                                                .add = add_or_drop,
                                                .take = take,
                                                .len = len};

static const struct leat_buffer_ops sliding = {.size = sizeof(sliding),
                                               .flags = LEAT_BUFFER_LOSES,
                                               .can_take = can_take,
                                               .add = add_and_slide,
                                               .take = take,
                                               .len = len};

int leati_buffer_ring(struct leati_buffer *ret, const struct leat_chan_opts *o,
                      const struct leat_buffer *b)
{
    size_t cells;
    if (o->capacity == 0 || o->capacity == LEAT_UNBOUNDED)
        return LEAT_EINVAL;
    size_t stride = leati_buffer_stride(o);
    struct ring *r =
        leati_buffer_alloc(ret, o, sizeof(*r), o->capacity, stride, &cells);
    if (r == NULL)
        return LEAT_ENOMEM;
    r->cap = ret->capacity = o->capacity;
    r->first = r->len = 0;
    r->elem_size = o->elem_size;
    r->stride = stride;
    r->cells = (char *)r + cells;
    ret->ops = b->kind == LEAT_BUFFER_DROPPING ? &dropping : &sliding;
    return 0;
}
