/* source.c - streams from an array or a range: managed channels, born closed, over a
 * buffer that only gives. SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include <leat/source.h>
#include "chan/managed.h"

struct array {
    const char *at;
    size_t left, elem_size;
};

struct range {
    int64_t next, end, step;
    bool over;
};

static bool never(const void *buf)
{
    (void)buf;
    return false;
}

static int refuse(void *buf, const void *elem, void *lost)
{
    (void)buf, (void)elem, (void)lost;
    return LEAT_ENOTSUP;
}

static bool array_can_take(const void *buf)
{
    return ((const struct array *)buf)->left > 0;
}

static void array_take(void *buf, void *ret)
{
    struct array *a = buf;
    if (ret)
        leati_copy(ret, a->at, a->elem_size);
    a->at += a->elem_size;
    a->left--;
}

static size_t array_len(const void *buf)
{
    return ((const struct array *)buf)->left;
}

static const struct leat_buffer_ops array_ops = {.size = sizeof(array_ops),
                                                 .can_add = never,
                                                 .can_take = array_can_take,
                                                 .add = refuse,
                                                 .take = array_take,
                                                 .len = array_len};

static bool range_can_take(const void *buf)
{
    return !((const struct range *)buf)->over;
}

static bool beyond(const struct range *r)
{
    return r->step > 0 ? r->next >= r->end : r->next <= r->end;
}

static void range_take(void *buf, void *ret)
{
    struct range *r = buf;
    if (ret)
        leati_copy(ret, &r->next, sizeof(r->next));
    r->over = __builtin_add_overflow(r->next, r->step, &r->next) || beyond(r);
}

static size_t range_len(const void *buf)
{
    const struct range *r = buf;
    if (r->over)
        return 0;
    uint64_t far = r->step > 0 ? (uint64_t)r->end - (uint64_t)r->next
                               : (uint64_t)r->next - (uint64_t)r->end;
    uint64_t step = r->step > 0 ? (uint64_t)r->step : 0 - (uint64_t)r->step;
    return (size_t)((far - 1) / step + 1);
}

static const struct leat_buffer_ops range_ops = {.size = sizeof(range_ops),
                                                 .can_add = never,
                                                 .can_take = range_can_take,
                                                 .add = refuse,
                                                 .take = range_take,
                                                 .len = range_len};

/* Opens the channel on a buffer in b->buf, or frees that. */
static int stream(leat_chan **ret, const struct leat_chan_opts *o,
                  const struct leat_buffer_ops *ops, struct leati_buffer *b)
{
    b->ops = ops;
    b->capacity = 0;
    leat_chan *c = NULL;
    int r = leati_managed_make(&c, o, b, true);
    if (r != 0) {
        leati_free(NULL, b->buf, b->bytes);
        return r;
    }
    leati_chan_opened(c);
    *ret = c;
    return 0;
}

static int array(leat_chan **ret, const void *elems, size_t n, size_t elem_size,
                 bool copy)
{
    const struct leat_chan_opts o = {.size = sizeof(o), .elem_size = elem_size};
    struct leati_buffer b;
    size_t cells;
    if (ret == NULL || (elems == NULL && n && elem_size))
        return LEAT_EINVAL;
    if (elem_size > LEAT_ELEM_MAX || n > LEAT_CAP_MAX)
        return LEAT_EOVERFLOW;
    struct array *a =
        leati_buffer_alloc(&b, &o, sizeof(*a), copy ? n : 0, elem_size, &cells);
    if (a == NULL)
        return LEAT_ENOMEM;
    a->left = n;
    a->elem_size = elem_size;
    a->at = copy ? (char *)a + cells : elems;
    if (copy && n)
        leati_copy((char *)a + cells, elems, n * elem_size);
    return stream(ret, &o, &array_ops, &b);
}

int leat_source_array(leat_chan **ret, const void *elems, size_t n, size_t elem_size)
{
    return array(ret, elems, n, elem_size, true);
}

int leat_source_borrow(leat_chan **ret, const void *elems, size_t n, size_t elem_size)
{
    return array(ret, elems, n, elem_size, false);
}

int leat_source_range(leat_chan **ret, int64_t first, int64_t end, int64_t step)
{
    const struct leat_chan_opts o = {.size = sizeof(o), .elem_size = sizeof(int64_t)};
    struct leati_buffer b;
    size_t cells;
    if (ret == NULL || step == 0)
        return LEAT_EINVAL;
    struct range *r = leati_buffer_alloc(&b, &o, sizeof(*r), 0, 0, &cells);
    if (r == NULL)
        return LEAT_ENOMEM;
    r->next = first;
    r->end = end;
    r->step = step;
    r->over = beyond(r);
    return stream(ret, &o, &range_ops, &b);
}
