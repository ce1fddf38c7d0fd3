/* map.c - see map.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <ck_hs.h>
#include "base/map.h"

struct leati_map {
    ck_hs_t hs;
    size_t key_size;
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

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

static unsigned long map_hash(const void *object, unsigned long seed)
{
    const struct leati_keyed *k = object;
    if (k->size == 0)
        return (unsigned long)mix((uint64_t)(uintptr_t)k->key ^ seed);
    uint64_t x = seed + k->size;
    for (size_t i = 0; i < k->size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, (const char *)k->key + i, k->size - i < 8 ? k->size - i : 8);
        x = mix(x ^ word);
    }
    return (unsigned long)x;
}

static bool map_compare(const void *a, const void *b)
{
    const struct leati_keyed *x = a, *y = b;
    return x->size ? memcmp(x->key, y->key, x->size) == 0 : x->key == y->key;
}

struct leati_map *leati_map_new(size_t key_size)
{
    struct leati_map *m = malloc(sizeof(*m));
    if (m)
        m->key_size = key_size;
    if (m && !ck_hs_init(&m->hs, CK_HS_MODE_SPMC | CK_HS_MODE_OBJECT, map_hash,
                         map_compare, &map_allocator, 16, 0)) {
        free(m);
        m = NULL;
    }
    return m;
}

void leati_map_free(struct leati_map *m)
{
    ck_hs_destroy(&m->hs);
    free(m);
}

struct leati_keyed *leati_map_find(struct leati_map *m, const void *key)
{
    struct leati_keyed want = {key, m->key_size};
    return ck_hs_get(&m->hs, CK_HS_HASH(&m->hs, map_hash, &want), &want);
}

bool leati_map_put(struct leati_map *m, struct leati_keyed *k)
{
    k->size = m->key_size;
    return ck_hs_put(&m->hs, CK_HS_HASH(&m->hs, map_hash, k), k);
}

void leati_map_remove(struct leati_map *m, struct leati_keyed *k)
{
    (void)ck_hs_remove(&m->hs, CK_HS_HASH(&m->hs, map_hash, k), k);
}

size_t leati_map_count(const struct leati_map *m)
{
    return ck_hs_count((ck_hs_t *)(uintptr_t)&m->hs);
}

struct leati_keyed *leati_map_any(struct leati_map *m)
{
    ck_hs_iterator_t i = CK_HS_ITERATOR_INITIALIZER;
    void *k = NULL;
    return ck_hs_next(&m->hs, &i, &k) ? k : NULL;
}
