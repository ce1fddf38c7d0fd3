/* list.h - intrusive doubly linked FIFO, the only one; the owner's lock guards it.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_LIST_H
#define LEATI_BASE_LIST_H

#include "arch/cc.h"

struct leati_link {
    struct leati_link *next, *prev;
};

/* Zeroed memory is an empty list. */
struct leati_list {
    struct leati_link *first, *last;
};

LEATI_INLINE void leati_list_append(struct leati_list *l, struct leati_link *n)
{
    n->next = NULL;
    n->prev = l->last;
    if (l->last)
        l->last->next = n;
    else
        l->first = n;
    l->last = n;
}

LEATI_INLINE void leati_list_prepend(struct leati_list *l, struct leati_link *n)
{
    n->prev = NULL;
    n->next = l->first;
    if (l->first)
        l->first->prev = n;
    else
        l->last = n;
    l->first = n;
}

LEATI_INLINE void leati_list_remove(struct leati_list *l, struct leati_link *n)
{
    if (n->prev)
        n->prev->next = n->next;
    else
        l->first = n->next;
    if (n->next)
        n->next->prev = n->prev;
    else
        l->last = n->prev;
}

#endif
