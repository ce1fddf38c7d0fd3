/* dump.c - pools, workers and living fibers in readable form; counters.
 *
 * Nobody is stopped: numbers may move while they are read. What a fiber waits for is
 * read under its kick lock, which keeps the wait in place (wait.c, W1). A record whose
 * generation changed meanwhile is left out. SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "pool/dump.h"
#include "pool/elastic.h"
#include "pool/mill.h"
#include "pool/registry.h"

/* What is read without order; the generation tells whether it belongs together. */
struct glance {
    char name[16];
    char *stack;
    unsigned class, pin, state;
    bool bare;
};

LEATP_NO_TSAN static void glance_at(const struct leat_fiber *f, struct glance *g)
{
    const volatile struct leat_fiber *v = f;
    for (unsigned i = 0; i < sizeof(g->name) - 1; i++)
        g->name[i] = v->traits & LEATI_TRAIT_NAMED ? v->name[i] : '\0';
    g->name[sizeof(g->name) - 1] = '\0';
    g->stack = v->stack;
    g->class = v->class;
    g->pin = v->pin;
    g->bare = (v->traits & LEATI_TRAIT_BARE) != 0;
    g->state = leati_load_rlx(&f->state);
}

LEATP_NO_TSAN static const struct leati_party *runs(const struct leati_worker *w)
{
    return ((const volatile struct leati_worker *)w)->current;
}

struct view {
    int fd;
    unsigned long fibers;
};

/* Copies what f waits on, if it waits. */
static bool waits_on(struct leat_fiber *f, const char **ret_what,
                     const void **ret_object)
{
    leati_lock(&f->klock);
    leati_pool_heavy(f->pool);
    struct leati_wait *wt = leati_load_acq(&f->waiting); /* pairs with fiber_park */
    if (wt) {
        *ret_what = wt->ops->what;
        *ret_object = wt->object;
    }
    leati_unlock(&f->klock);
    return wt != NULL;
}

static bool running(const struct leat_fiber *f)
{
    leat_pool *p = f->pool;
    for (unsigned i = 0; i < p->n; i++)
        if (runs(p->workers[i]) == &f->party)
            return true;
    return false;
}

static void dump_fiber(struct leat_fiber *f, void *arg)
{
    static const char *const states[] = {"free", "new", "ready", "parked"};
    struct view *v = arg;
    uint8_t gen = leati_load_acq(&f->gen);
    const char *what = "";
    const void *object = NULL;
    char wait[64] = "", pin[24] = "";
    struct glance g;
    if (waits_on(f, &what, &object))
        (void)snprintf(wait, sizeof(wait), " in %s %p", what, object);
    glance_at(f, &g);
    bool cancelled = leati_load_rlx(&f->attn) & LEATI_ATTN_CANCEL;
    if (leati_load_acq(&f->gen) != gen || g.state > LEATI_FIBER_PARKED)
        return;
    size_t used = g.state > LEATI_FIBER_NEW ? leati_stack_used(g.stack, g.class) : 0;
    if (g.pin)
        (void)snprintf(pin, sizeof(pin), ", pinned to %u", g.pin);
    v->fibers++;
    const char *doing = running(f) ? "running" : states[g.state];
    dprintf(v->fd, "  fiber %p \"%s\": %s%s%s%s, stack %zu of %zu%s\n", (void *)f, g.name,
            doing, wait, cancelled ? ", cancelled" : "", pin, used,
            leati_stack_size(g.class), g.bare ? " (canary)" : "");
}

static void dump_workers(leat_pool *p, int fd)
{
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *w = p->workers[i];
        uint32_t queued = leati_load_rlx(&w->rq.tail) - leati_load_rlx(&w->rq.head);
        bool asleep = leati_load_rlx(&p->asleep[i / 64]) >> (i % 64) & 1;
        dprintf(fd, "  worker %u: %s, %llu switches, %u queued%s\n", i + 1,
                asleep ? "asleep" : "awake",
                (unsigned long long)leati_load_rlx(&w->tick), queued,
                leati_inject_empty(&w->remote) ? "" : ", pinned fibers wait for it");
    }
}

void leati_pool_dump_one(leat_pool *p, int fd)
{
    struct leat_pool_stats s;
    struct view v = {.fd = fd};
    unsigned threads, calls;
    leat_pool_stats(p, &s);
    leati_elastic_numbers(p, &threads, &calls);
    dprintf(fd,
            "pool %p \"%s\": %u workers%s%s%s, spawned %llu, finished %llu, "
            "switches %llu, steals %llu (%llu fibers), parks %llu, wakes %llu, late %llu, "
            "stacks without guard page %llu, blocking threads %u, calls queued %u\n",
            (void *)p, p->name, p->n, p->bound ? ", bound" : "",
            p->fenced ? ", fenced" : "", leati_load_rlx(&p->closing) ? ", closing" : "",
            (unsigned long long)s.spawned, (unsigned long long)s.finished,
            (unsigned long long)s.switches, (unsigned long long)s.steals,
            (unsigned long long)s.stolen, (unsigned long long)s.parks,
            (unsigned long long)s.wakes, (unsigned long long)s.late,
            (unsigned long long)s.unguarded, threads, calls);
    dump_workers(p, fd);
    leati_record_walk(p, dump_fiber, &v);
    dprintf(fd, "  %lu living fibers seen (not one instant)\n", v.fibers);
}

static void dump_one(leat_pool *p, void *arg)
{
    int fd = *(int *)arg;
    if (leati_pool_foreign(p)) /* its locks may be held for ever */
        dprintf(fd, "pool %p \"%s\": of the process before a fork\n", (void *)p, p->name);
    else
        leati_pool_dump_one(p, fd);
}

void leati_pool_dump(int fd)
{
    leati_registry_walk(dump_one, &fd);
}

void leat_pool_stats(const leat_pool *p, struct leat_pool_stats *ret)
{
    memset(ret, 0, sizeof(*ret));
    /* relaxed: numbers, not an instant */
    ret->spawned = leati_load_rlx(&p->foreign_born) - leati_load_rlx(&p->foreign_died);
    ret->wakes = leati_load_rlx(&p->foreign_wakes);
    ret->unguarded = leati_load_rlx(&p->stacks.unguarded);
    for (unsigned i = 0; i < p->n; i++) {
        const struct leati_worker *w = p->workers[i];
        const struct leati_counts *c = &w->count;
        ret->spawned += leati_load_rlx(&c->born);
        ret->finished += leati_load_rlx(&c->died);
        ret->switches += leati_load_rlx(&w->tick);
        ret->steals += leati_load_rlx(&c->steals);
        ret->stolen += leati_load_rlx(&c->stolen);
        ret->parks += leati_load_rlx(&c->parks);
        ret->wakes += leati_load_rlx(&c->wakes);
        ret->late += leati_load_rlx(&c->late);
    }
}
