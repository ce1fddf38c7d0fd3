/* common.c - what the strategies share. SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "explore.h"

unsigned weave_longest_waiting(void)
{
    unsigned best = WEAVE_THREADS;
    bool spins = true;
    for (unsigned i = 0; i < weave->threads; i++) {
        if (!weave_runnable(i))
            continue;
        bool s = weave_spinning(i);
        if (best == WEAVE_THREADS || (spins && !s) ||
            (s == spins && weave->thread[i].last_run < weave->thread[best].last_run)) {
            best = i;
            spins = s;
        }
    }
    return best;
}

struct weave_action weave_calm(bool leave)
{
    unsigned t = leave ? weave_longest_waiting() : weave->current;
    return (struct weave_action){WEAVE_RUN, t};
}

void weave_mix(uint64_t x)
{
    uint64_t h = weave->hash ^ (x + 0x9E3779B97F4A7C15u);
    weave->hash = (h ^ h >> 31) * 0x94D049BB133111EBu;
}

static uint64_t *table(size_t n)
{
    void *p = mmap(NULL, n * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort();
    return p;
}

static uint64_t *find(const struct weave_set *s, uint64_t h, uint64_t value)
{
    size_t i = (size_t)((h & ~value) * 0x9E3779B97F4A7C15u >> 20) & (s->room - 1);
    for (; s->slot[i]; i = (i + 1) & (s->room - 1))
        if (((s->slot[i] ^ h) & ~value) == 0)
            break;
    return &s->slot[i];
}

uint64_t *weave_set_find(struct weave_set *s, uint64_t h, uint64_t value)
{
    if (s->used * 2 >= s->room) {
        struct weave_set more = {.room = s->room ? s->room * 2 : 1 << 16,
                                 .used = s->used};
        more.slot = table(more.room);
        for (size_t i = 0; i < s->room; i++)
            if (s->slot[i])
                *find(&more, s->slot[i], value) = s->slot[i];
        weave_set_free(s);
        *s = more;
    }
    return find(s, h, value);
}

void weave_set_free(struct weave_set *s)
{
    if (s->slot)
        (void)munmap(s->slot, s->room * sizeof(uint64_t));
    *s = (struct weave_set){0};
}

bool weave_is_new(uint64_t hash)
{
    struct weave_set *s = &explorer->schedules;
    uint64_t h = hash ? hash : 1, *slot = weave_set_find(s, h, 0);
    bool fresh = *slot == 0;
    *slot = h;
    s->used += fresh;
    return fresh;
}

void weave_forget(void)
{
    weave_set_free(&explorer->schedules);
    weave_set_free(&explorer->states);
    explorer->threads = 0;
}
