/* ptrmap.c - see ptrmap.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <ck_hs.h>
#include "base/ptrmap.h"

struct leati_ptrmap {
    ck_hs_t hs;
};

static void *map_malloc(size_t n)
{
    return malloc(n);
}

static void map_free(void *p, size_t n, bool defer)
{
    (void)n;
    (void)defer; /* one owner: nobody else can be reading */
    free(p);
}

static struct ck_malloc map_allocator = {.malloc = map_malloc, .free = map_free};

static unsigned long map_hash(const void *object, unsigned long seed)
{
    const struct leati_keyed *k = object;
    uint64_t x = (uint64_t)(uintptr_t)k->key ^ seed;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return (unsigned long)(x ^ (x >> 31));
}

static bool map_compare(const void *a, const void *b)
{
    return ((const struct leati_keyed *)a)->key == ((const struct leati_keyed *)b)->key;
}

struct leati_ptrmap *leati_ptrmap_new(void)
{
    struct leati_ptrmap *m = malloc(sizeof(*m));
    if (m && !ck_hs_init(&m->hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, map_hash,
                         map_compare, &map_allocator, 16, 0)) {
        free(m);
        m = NULL;
    }
    return m;
}

void leati_ptrmap_free(struct leati_ptrmap *m)
{
    ck_hs_destroy(&m->hs);
    free(m);
}

struct leati_keyed *leati_ptrmap_find(struct leati_ptrmap *m, const void *key)
{
    struct leati_keyed want = {key};
    return ck_hs_get(&m->hs, CK_HS_HASH(&m->hs, map_hash, &want), &want);
}

bool leati_ptrmap_put(struct leati_ptrmap *m, struct leati_keyed *k)
{
    return ck_hs_put(&m->hs, CK_HS_HASH(&m->hs, map_hash, k), k);
}

void leati_ptrmap_remove(struct leati_ptrmap *m, struct leati_keyed *k)
{
    (void)ck_hs_remove(&m->hs, CK_HS_HASH(&m->hs, map_hash, k), k);
}

size_t leati_ptrmap_count(const struct leati_ptrmap *m)
{
    return ck_hs_count((ck_hs_t *)(uintptr_t)&m->hs);
}

struct leati_keyed *leati_ptrmap_any(struct leati_ptrmap *m)
{
    ck_hs_iterator_t i = CK_HS_ITERATOR_INITIALIZER;
    void *k = NULL;
    return ck_hs_next(&m->hs, &i, &k) ? k : NULL;
}
