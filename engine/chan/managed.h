/* managed.h - what the buffers of managed channels implement; see managed.c.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_MANAGED_H
#define LEATI_CHAN_MANAGED_H

#include <leat/buffer.h>
#include "chan/open.h"

/* A buffer that a constructor has made: the functions, the object, its bytes. */
struct leati_buffer {
    const struct leat_buffer_ops *ops;
    void *buf;
    size_t bytes;
    size_t capacity; /* what leat_chan_cap says */
    bool own;        /* buf lies in leati_alloc memory: freed by it, after destroy */
};

/* Constructors of the buffers: 0, LEAT_EINVAL, LEAT_EOVERFLOW or LEAT_ENOMEM. o->buffer
 * has been copied to b. */
int leati_buffer_ring(struct leati_buffer *ret, const struct leat_chan_opts *o,
                      const struct leat_buffer *b);
int leati_buffer_promise(struct leati_buffer *ret, const struct leat_chan_opts *o,
                         const struct leat_buffer *b);
int leati_buffer_priority(struct leati_buffer *ret, const struct leat_chan_opts *o,
                          const struct leat_buffer *b);

/* Memory for a buffer object of `head` bytes and its cells: `n` times `size` bytes,
 * each aligned as the options want. *ret_cells: where they begin. NULL: none. */
void *leati_buffer_alloc(struct leati_buffer *ret, const struct leat_chan_opts *o,
                         size_t head, size_t n, size_t size, size_t *ret_cells);

/* Bytes from one cell to the next. */
size_t leati_buffer_stride(const struct leat_chan_opts *o);

/* Opens a channel on a buffer; on an error the buffer is the caller's still. shut: it is
 * born closed. */
int leati_managed_make(leat_chan **ret, const struct leat_chan_opts *o,
                       const struct leati_buffer *b, bool shut);

int leati_managed_open(leat_chan **ret, const struct leat_chan_opts *o);

#endif
