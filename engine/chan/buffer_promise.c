/* buffer_promise.c - the buffer of a promise: the first value stays, for every receive.
 * SPDX-License-Identifier: MIT */
#include <leat/detail/cell.h>
#include "chan/managed.h"

struct promise {
    bool set;
    size_t elem_size;
    char *value;
};

static int add(void *buf, const void *elem, void *lost)
{
    struct promise *p = buf;
    if (p->set) {
        if (lost)
            leati_copy(lost, elem, p->elem_size);
        return LEAT_BUFFER_LOST;
    }
    leati_copy(p->value, elem, p->elem_size);
    p->set = true;
    return 0;
}

static bool can_take(const void *buf)
{
    return ((const struct promise *)buf)->set;
}

static void take(void *buf, void *ret)
{
    const struct promise *p = buf;
    if (ret)
        leati_copy(ret, p->value, p->elem_size);
}

static size_t len(const void *buf)
{
    return ((const struct promise *)buf)->set;
}

static const struct leat_buffer_ops ops = {.size = sizeof(ops),
                                           .flags =
                                               LEAT_BUFFER_LOSES | LEAT_BUFFER_KEEPS,
                                           .can_take = can_take,
                                           .add = add,
                                           .take = take,
                                           .len = len};

int leati_buffer_promise(struct leati_buffer *ret, const struct leat_chan_opts *o,
                         const struct leat_buffer *b)
{
    size_t value;
    (void)b;
    if (o->capacity > 1)
        return LEAT_EINVAL;
    struct promise *p =
        leati_buffer_alloc(ret, o, sizeof(*p), 1, leati_buffer_stride(o), &value);
    if (p == NULL)
        return LEAT_ENOMEM;
    p->set = false;
    p->elem_size = o->elem_size;
    p->value = (char *)p + value;
    ret->ops = &ops;
    ret->capacity = 1;
    return 0;
}
