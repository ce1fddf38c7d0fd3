/* open.h - what the constructors of the kinds share. SPDX-License-Identifier: MIT */
#ifndef LEATI_CHAN_OPEN_H
#define LEATI_CHAN_OPEN_H

#include "chan/chan.h"

/* Slab of headers of one kind; never returns memory, keeps freed headers readable. */
struct leat_chan *leati_header_get(enum leati_kind kind, size_t size);
void leati_header_put(struct leat_chan *c, enum leati_kind kind);

/* A header of that kind with the options' common part, not yet open: the constructor
 * sets its own fields and calls leati_chan_opened. NULL: no memory. */
struct leat_chan *leati_chan_alloc(const struct leati_chan_ops *ops, enum leati_kind kind,
                                   const struct leat_chan_opts *o);
void leati_chan_opened(struct leat_chan *c);

/* Calls fn for every open channel; not one instant. */
void leati_chan_each(void (*fn)(struct leat_chan *c, void *arg), void *arg);

int leati_bounded_open(leat_chan **ret, const struct leat_chan_opts *o);
int leati_rendezvous_open(leat_chan **ret, const struct leat_chan_opts *o);
int leati_unbounded_open(leat_chan **ret, const struct leat_chan_opts *o);
int leati_owned_open(leat_chan **ret, const struct leat_chan_opts *o);

/* Alignment of the element in a cell: the option, else natural up to 16. */
size_t leati_elem_align(const struct leat_chan_opts *o);

/* Memory of cells and segments: the caller's allocator, or malloc. */
void *leati_alloc(const struct leat_alloc *a, size_t size, size_t align);
void leati_free(const struct leat_alloc *a, void *p, size_t size);

#endif
