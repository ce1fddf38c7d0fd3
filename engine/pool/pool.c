/* pool.c - making and ending pools.
 *
 * End         Born and died are counted by each worker for itself. Reading all `died`
 *             first and then all `born` with equal sums proves that nobody was alive at
 *             one moment between, since both only grow; and as nobody from outside may
 *             start any more, that stays so.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/os.h"
#include "pool/elastic.h"
#include "pool/mill.h"
#include "pool/registry.h"

static void *default_alloc(size_t size, size_t align, void *arg)
{
    (void)arg;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void default_free(void *m, size_t size, void *arg)
{
    (void)size, (void)arg;
    free(m);
}

void *leati_pool_alloc(const leat_pool *p, size_t size, size_t align)
{
    return p->alloc.alloc(size, align, p->alloc.arg);
}

void leati_pool_dealloc(const leat_pool *p, void *m, size_t size)
{
    if (m)
        p->alloc.free(m, size, p->alloc.arg);
}

/* --- workers --- */

static void *worker_main(void *arg)
{
    struct leati_worker *w = arg;
    const void *lo;
    size_t size;
    leatp_thread_stack(&lo, &size);
    leatp_san_thread(&w->san, lo, size);
    leatp_thread_exact_timers();
    if (w->pool->bound)
        leatp_bind(&w->pool->cpus, w->pool->first_cpu + w->id);
    else
        leatp_cpuset_use(&w->pool->cpus);
    if (w->fault_stack)
        leatp_fault_stack(w->fault_stack, LEATP_FAULT_STACK);
    leati_set_self(&w->current);
    leati_loop(w);
    leati_set_self(NULL);
    if (w->fault_stack)
        leatp_fault_stack(NULL, 0);
    return NULL;
}

static struct leati_worker *worker_new(leat_pool *p, unsigned id)
{
    struct leati_worker *w =
        leati_pool_alloc(p, sizeof(struct leati_worker), LEAT_CACHELINE);
    size_t seen = p->n * sizeof(struct leati_victim);
    if (!w)
        return NULL;
    memset(w, 0, sizeof(*w));
    w->pool = p;
    w->id = (uint16_t)id;
    w->need = 1;
    w->rng = id * 0x9E3779B97F4A7C15ull + 1;
    w->rq.fenced = p->fenced;
    leati_store_rlx(&w->first, (uint64_t)INT64_MAX);
    leati_inject_init(&w->remote);
    w->seen = leati_pool_alloc(p, seen, 64);
    if (w->seen)
        memset(w->seen, 0, seen);
    if (p->faults)
        w->fault_stack = leatp_map(LEATP_FAULT_STACK);
    if (w->seen && (!p->faults || w->fault_stack))
        return w;
    leatp_unmap(w->fault_stack, LEATP_FAULT_STACK);
    leati_pool_dealloc(p, w->seen, seen);
    leati_pool_dealloc(p, w, sizeof(*w));
    return NULL;
}

static void worker_free(leat_pool *p, struct leati_worker *w)
{
    if (!w)
        return;
    leati_timers_fini(w);
    leatp_unmap(w->fault_stack, LEATP_FAULT_STACK);
    leati_pool_dealloc(p, w->seen, p->n * sizeof(struct leati_victim));
    leati_pool_dealloc(p, w, sizeof(*w));
}

static void stop_workers(leat_pool *p)
{
    leati_store_sc(&p->stop, 1u); /* pairs with leati_loop and the scan of sleepers */
    leati_wake_all(p);
    for (unsigned i = 0; i < p->threads; i++)
        (void)pthread_join(p->workers[i]->thread, NULL);
    p->threads = 0;
}

static int start_workers(leat_pool *p)
{
    char name[16];
    for (unsigned i = 0; i < p->n; i++) {
        struct leati_worker *w = p->workers[i];
        (void)snprintf(name, sizeof(name), "%.8s/%u", p->name, (i + 1) % 100000);
        int err = leatp_thread_start(&w->thread, worker_main, w, name);
        if (err) {
            stop_workers(p);
            return err;
        }
        p->threads++;
    }
    return 0;
}

/* --- making --- */

void leati_pool_destroy(leat_pool *p)
{
    const struct leat_alloc alloc = p->alloc;
    leati_elastic_free(p);
    for (unsigned i = 0; p->workers && i < p->n; i++)
        worker_free(p, p->workers[i]);
    leati_stacks_fini(&p->stacks);
    leati_records_fini(p);
    leati_pool_dealloc(p, p->workers, p->n * sizeof(struct leati_worker *));
    alloc.free(p, sizeof(*p), alloc.arg);
}

/* The CPUs of the pool: those of the caller. A worker that is bound to one of them stands
 * for its pool. */
static void find_cpus(leat_pool *p)
{
    struct leati_worker *w = leati_worker_self();
    if (w)
        p->cpus = w->pool->cpus;
    else
        leatp_cpuset_get(&p->cpus);
}

static unsigned wanted_workers(const struct leat_pool_opts *opts)
{
    if (opts && opts->workers)
        return opts->workers;
    const char *env = getenv("LEAT_WORKERS");
    long n = env ? strtol(env, NULL, 10) : 0;
    return n > 0 && n <= LEATI_WORKERS_MAX ? (unsigned)n : leatp_cpus();
}

static bool opts_valid(const struct leat_pool_opts *opts)
{
    const unsigned known = LEAT_POOL_UNBOUND | LEAT_POOL_FENCED | LEAT_POOL_FAULT_HANDLER;
    return opts->size == sizeof(*opts) && !(opts->flags & ~known) &&
           opts->workers <= LEATI_WORKERS_MAX && opts->blocking <= 1u << 20 &&
           (opts->stack_size == 0 || (opts->stack_size >= LEAT_STACK_MIN &&
                                      opts->stack_size <= LEAT_STACK_MAX)) &&
           (!opts->alloc || (opts->alloc->alloc && opts->alloc->free));
}

static void configure(leat_pool *p, const struct leat_pool_opts *opts)
{
    static leati_a32 cpus_given;
    unsigned flags = opts ? opts->flags : 0;
    size_t stack = opts && opts->stack_size ? opts->stack_size : LEAT_STACK_DEFAULT;
    const char *name = opts && opts->name ? opts->name : "leat";
    p->n = wanted_workers(opts);
    find_cpus(p);
    leatp_membarrier_init();
    p->fenced = (flags & LEAT_POOL_FENCED) || leatp_no_membarrier;
    p->faults = (flags & LEAT_POOL_FAULT_HANDLER) != 0;
    p->class = (uint8_t)leati_stack_class(stack);
    p->bound = !(flags & LEAT_POOL_UNBOUND) && p->n <= leatp_cpuset_count(&p->cpus) &&
               !leatp_cpus_by_quota();
    p->first_cpu = leati_add_rlx(&cpus_given, p->n); /* pools start where others end */
    p->max_blocking = opts && opts->blocking ? opts->blocking : 64;
    p->forks = leati_forks();
    strncpy(p->name, name, sizeof(p->name) - 1);
    leati_inject_init(&p->inject);
}

static bool build(leat_pool *p)
{
    size_t bytes = p->n * sizeof(struct leati_worker *);
    p->workers = leati_pool_alloc(p, bytes, 64);
    if (!p->workers)
        return false;
    memset(p->workers, 0, bytes);
    for (unsigned i = 0; i < p->n; i++)
        if (!(p->workers[i] = worker_new(p, i)))
            return false;
    return leati_elastic_new(p);
}

int leat_pool_new(leat_pool **ret, const struct leat_pool_opts *opts)
{
    const struct leat_alloc system = {default_alloc, default_free, NULL};
    if (!ret || (opts && !opts_valid(opts)))
        return LEAT_EINVAL;
    struct leat_alloc alloc = opts && opts->alloc ? *opts->alloc : system;
    leat_pool *p = alloc.alloc(sizeof(*p), LEAT_CACHELINE, alloc.arg);
    if (!p)
        return LEAT_ENOMEM;
    memset(p, 0, sizeof(*p));
    p->alloc = alloc;
    configure(p, opts);
    if (!build(p)) {
        leati_pool_destroy(p);
        return LEAT_ENOMEM;
    }
    if (p->faults)
        leatp_fault_install(leati_overflow_fault);
    int err = start_workers(p);
    if (err) {
        leati_pool_destroy(p);
        return err;
    }
    leati_registry_add(p);
    *ret = p;
    return 0;
}

unsigned leat_pool_workers(const leat_pool *p)
{
    return p ? p->n : 0;
}

/* --- ending --- */

bool leati_pool_quiet(const leat_pool *p)
{
    uint64_t died = leati_load_sc(&p->foreign_died), born = 0;
    for (unsigned i = 0; i < p->n; i++)
        died += leati_load_acq(&p->workers[i]->count.died); /* pairs with bury() */
    for (unsigned i = 0; i < p->n; i++)
        born += leati_load_acq(&p->workers[i]->count.born); /* pairs with make() */
    born += leati_load_sc(&p->foreign_born);
    return born == died;
}

void leati_pool_halt(leat_pool *p)
{
    stop_workers(p);
    leati_elastic_stop(p);
}
