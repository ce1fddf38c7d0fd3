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

static bool insert(uint64_t *t, size_t room, uint64_t h)
{
    size_t i = (size_t)(h * 0x9E3779B97F4A7C15u >> 20) & (room - 1);
    for (; t[i]; i = (i + 1) & (room - 1))
        if (t[i] == h)
            return false;
    t[i] = h;
    return true;
}

bool weave_is_new(uint64_t hash)
{
    struct weave_explorer *e = explorer;
    if (e->distinct * 2 >= e->room) {
        size_t room = e->room ? e->room * 2 : 1 << 16;
        uint64_t *more = table(room);
        for (size_t i = 0; i < e->room; i++)
            if (e->seen[i])
                (void)insert(more, room, e->seen[i]);
        if (e->seen)
            (void)munmap(e->seen, e->room * sizeof(uint64_t));
        e->seen = more;
        e->room = room;
    }
    if (!insert(e->seen, e->room, hash ? hash : 1))
        return false;
    e->distinct++;
    return true;
}

void weave_forget(void)
{
    if (explorer->room)
        memset(explorer->seen, 0, explorer->room * sizeof(uint64_t));
    explorer->distinct = 0;
}
