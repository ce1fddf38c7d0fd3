/* map.h - a map from a key, an address or some bytes, to the object that belongs to it;
 * one owner at a time. Over concurrencykit's hash set. SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_MAP_H
#define LEATI_BASE_MAP_H

#include "arch/cc.h"

/* First member of what is kept in the map. */
struct leati_keyed {
    const void *key; /* the address that is the key, or where its bytes are */
    size_t size;     /* of the bytes; 0: the address itself. Set by the map */
};

struct leati_map; /* opaque */

/* key_size: bytes of every key; 0: keys are addresses. NULL: no memory. */
struct leati_map *leati_map_new(size_t key_size);
void leati_map_free(struct leati_map *m);

struct leati_keyed *leati_map_find(struct leati_map *m, const void *key);
/* false: no memory. The key must not be in the map. */
bool leati_map_put(struct leati_map *m, struct leati_keyed *k);
void leati_map_remove(struct leati_map *m, struct leati_keyed *k);
size_t leati_map_count(const struct leati_map *m);

/* Some element, or NULL when empty. */
struct leati_keyed *leati_map_any(struct leati_map *m);

#endif
