/* select.h - the steps of a select that waits, for those that do not park for it: see
 * select.c. SPDX-License-Identifier: MIT */
#ifndef LEATI_SELECT_SELECT_H
#define LEATI_SELECT_SELECT_H

#include <leat/select.h>
#include "chan/node.h"

struct leati_select {
    struct leati_claim claim;
    struct leat_case *cases;
    size_t n;
    size_t listed; /* cases[0 .. listed) may have nodes in lists */
    bool hungry;   /* leati_hungry is raised for it (chan/feed.h) */
};

/* Everything but the wait's own fields. */
void leati_select_begin(struct leati_select *s, struct leat_case *cases, size_t n);
/* Before that, when nothing was ready: receive cases of channels that are fed. True: the
 * select's hungry is to be set. */
bool leati_select_feed(struct leat_case *cases, size_t n);
/* Registers the cases: the wait's publish. w is the claim's. */
bool leati_select_publish(struct leati_wait *w);
bool leati_select_abort(struct leati_wait *w, int err);
/* Takes what is still listed back, when it is over. */
void leati_select_leave(struct leati_select *s);
/* The index of the case that won, its outcome stored in it. */
size_t leati_select_won(struct leati_select *s);

#endif
