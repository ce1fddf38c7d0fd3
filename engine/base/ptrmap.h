/* ptrmap.h - a map from an address to the object that belongs to it; one owner at a
 * time. Over concurrencykit's hash set. SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_PTRMAP_H
#define LEATI_BASE_PTRMAP_H

#include "arch/cc.h"

/* First member of what is kept in the map. */
struct leati_keyed {
    const void *key;
};

struct leati_ptrmap; /* opaque */

struct leati_ptrmap *leati_ptrmap_new(void); /* NULL: no memory */
void leati_ptrmap_free(struct leati_ptrmap *m);

struct leati_keyed *leati_ptrmap_find(struct leati_ptrmap *m, const void *key);
/* false: no memory. The key must not be in the map. */
bool leati_ptrmap_put(struct leati_ptrmap *m, struct leati_keyed *k);
void leati_ptrmap_remove(struct leati_ptrmap *m, struct leati_keyed *k);
size_t leati_ptrmap_count(const struct leati_ptrmap *m);

/* Some element, or NULL when empty. */
struct leati_keyed *leati_ptrmap_any(struct leati_ptrmap *m);

#endif
