/* port.c - engine/arch, the thread-locals and read-copy-update on simulated threads, and
 * the libraries' calls as one step each. SPDX-License-Identifier: MIT */
#include <string.h>

#include "port.h"
#include "arch/atomic.h"
#include "arch/futex.h"
#include "arch/os.h"
#include "base/tls.h"
#include "mem/reclaim.h"
#include "pool/inject.h"
#include "park/event.h"
#include <leat/err.h>
#include "runtime.h"

#define PC __builtin_return_address(0)

static void reads(const volatile void *p, size_t size)
{
    if (weave->states)
        weave_state_read((uintptr_t)p, size);
}

static void writes(const volatile void *p, size_t size)
{
    if (weave->states)
        weave_state_write((uintptr_t)p, size);
}

static void learns(uint64_t what)
{
    if (weave->states)
        weave_state_learn(what);
}

/* --- arch/ctx.h --- */

void weave_context_left(void **save)
{
    writes(save, sizeof(*save));
}

void weave_context_entered(void **save)
{
    reads(save, sizeof(*save));
}

/* --- arch/futex.h --- */

static int sleep_on(const uint32_t *word, int64_t until)
{
    struct weave_thread *me = weave_me;
    me->futex = word;
    me->until = until;
    me->timed_out = false;
    me->queued = ++weave->stamp;
    me->state = word ? WEAVE_FUTEX : WEAVE_SLEEP;
    weave_leave();
    me->until = INT64_MAX;
    learns(me->timed_out);
    return me->timed_out ? LEAT_ETIMEDOUT : 0;
}

int leatp_futex_wait(leati_a32 *word, uint32_t expect, struct leat_deadline until)
{
    weave_point();
    weave_drain(weave_me);
    weave_touch((uintptr_t)word, PC);
    weave_note(OP_WAIT, word, 4, word->v, PC);
    reads(word, sizeof(*word));
    if (word->v != expect || weave->policy->spurious())
        return 0;
    learns(until.at_ns <= weave->now);
    if (until.at_ns <= weave->now)
        return LEAT_ETIMEDOUT;
    return sleep_on(&word->v, until.at_ns);
}

void leatp_futex_wake(leati_a32 *word, int n)
{
    weave_point();
    weave_drain(weave_me);
    weave_note(OP_WAKE, word, 4, (uint64_t)n, PC);
    for (; n > 0; n--) {
        struct weave_thread *oldest = NULL;
        for (unsigned i = 0; i < weave->threads; i++) {
            struct weave_thread *t = &weave->thread[i];
            if (t->state == WEAVE_FUTEX && t->futex == &word->v &&
                (!oldest || t->queued < oldest->queued))
                oldest = t;
        }
        if (!oldest)
            return;
        oldest->state = WEAVE_READY;
    }
}

/* Between processes, here between threads all the same. */
void leatp_futex_wait_shared(leati_a32 *word, uint32_t expect)
{
    (void)leatp_futex_wait(word, expect, LEAT_NEVER);
}

void leatp_futex_wake_shared(leati_a32 *word, int n)
{
    leatp_futex_wake(word, n);
}

/* --- the C library's mutex: its first word tells whether it is held --- */

static uint32_t *held(void *mutex, const void *pc)
{
    weave_point();
    weave_touch((uintptr_t)mutex, pc);
    weave_drain(weave_me);
    weave->commits++;
    weave_note(OP_RMW, mutex, 4, 0, pc);
    reads(mutex, sizeof(uint32_t));
    writes(mutex, sizeof(uint32_t));
    return mutex;
}

int weave_mutex_lock(void *mutex)
{
    uint32_t *word;
    while (*(word = held(mutex, PC)))
        (void)leatp_futex_wait((leati_a32 *)(void *)word, 1, LEAT_NEVER);
    *word = 1;
    return 0;
}

int weave_mutex_unlock(void *mutex)
{
    *held(mutex, PC) = 0;
    leatp_futex_wake(mutex, 1);
    return 0;
}

/* --- the end of the process --- */

enum { HANDLERS = 4 };
static void (*handler[HANDLERS])(void); /* put back before each execution */
static unsigned handlers;

int weave_at_exit(void (*fn)(void))
{
    if (handlers == HANDLERS)
        return -1;
    handler[handlers++] = fn;
    return 0;
}

void weave_exit(void)
{
    while (handlers > 0)
        handler[--handlers]();
}

/* --- arch/atomic.h --- */

bool leatp_no_membarrier;

void leatp_membarrier_init(void) {}

void leatp_fence_full(void)
{
    weave_point();
    weave_drain(weave_me);
    weave_note(OP_FENCE, NULL, 0, 0, PC);
}

void leatp_membarrier(void)
{
    weave_point();
    weave_drain_all();
    weave_note(OP_BARRIER, NULL, 0, 0, PC);
}

/* --- arch/relax.h --- */

void leatp_pause(void)
{
    weave_pause_point();
}

void leatp_relax(unsigned *step)
{
    (*step)++;
    weave_pause_point();
}

/* --- arch/os.h --- */

void *weave_map(size_t bytes, size_t align);
void weave_unmap(void *p, size_t bytes);

enum { PAGE = 4096, SMALL = 64 << 10 };

size_t leatp_page(void)
{
    return PAGE;
}

void *leatp_map(size_t bytes)
{
    void *p = weave_map(bytes, PAGE);
    /* Who maps more wants room (stacks, timers), not zeros. */
    return p && bytes <= SMALL ? memset(p, 0, bytes) : p;
}

void leatp_unmap(void *p, size_t bytes)
{
    if (p)
        weave_unmap(p, bytes);
}

void *leatp_remap(void *p, size_t old_bytes, size_t new_bytes)
{
    void *q = weave_map(new_bytes, PAGE);
    if (q) {
        memcpy(q, p, old_bytes);
        weave_unmap(p, old_bytes);
    }
    return q;
}

void leatp_map_sparse(void *p, size_t bytes) { (void)p, (void)bytes; }
size_t leatp_first_resident(const void *p, size_t bytes) { (void)p, (void)bytes; return 0; }
bool leatp_guard(void *p) { (void)p; return true; }
unsigned leatp_cpus(void) { return 2; }
bool leatp_cpus_by_quota(void) { return false; }
void leatp_cpuset_get(struct leatp_cpuset *ret) { memset(ret, 0, sizeof(*ret)); ret->bits[0] = 3; }
unsigned leatp_cpuset_count(const struct leatp_cpuset *set) { (void)set; return 2; }
void leatp_cpuset_use(const struct leatp_cpuset *set) { (void)set; }
void leatp_bind(const struct leatp_cpuset *set, unsigned n) { (void)set, (void)n; }
void leatp_thread_exact_timers(void) {}
void leatp_fault_install(leatp_fault_fn *fn) { (void)fn; }
void leatp_fault_stack(void *p, size_t bytes) { (void)p, (void)bytes; }
void leatp_write(int fd, const char *text, size_t n) { (void)fd, (void)text, (void)n; }

void leatp_nap(void)
{
    weave_point();
    weave_drain(weave_me);
    learns((uint64_t)weave->now);
    (void)sleep_on(NULL, weave->now + 1000000);
}

void leatp_thread_stack(const void **ret_lo, size_t *ret_size)
{
    *ret_lo = weave_me->stack;
    *ret_size = WEAVE_STACK;
}

int leatp_thread_start(pthread_t *ret, void *(*fn)(void *), void *arg, const char *name)
{
    (void)name;
    weave_point();
    weave_drain(weave_me);
    *ret = (pthread_t)weave_thread_new(fn, arg, -1) + 1;
    return 0;
}

int leatp_thread_detached(void *(*fn)(void *), void *arg, size_t stack_size)
{
    pthread_t t;
    (void)stack_size;
    return leatp_thread_start(&t, fn, arg, NULL);
}

void leatp_thread_name(const char *name) { (void)name; }

/* --- base/tls.h --- */

_Static_assert(sizeof(struct leati_wait_past) <= sizeof(weave->thread[0].past), "past");
_Static_assert(sizeof(struct leati_calls) <= sizeof(weave->thread[0].calls), "calls");

void *leatp_tls_self(void) { return weave_me->self; }
void *leatp_tls_self_call(void) { return weave_me->self; }
void leati_tls_set(void *p) { weave_me->self = p; }
const void *leati_tls_thread_id(void) { return weave_me; }
uint64_t *leati_tls_rng(void) { return &weave_me->random; }

struct leati_wait_past *leati_tls_wait_past(void)
{
    return (struct leati_wait_past *)(void *)weave_me->past;
}

struct leati_calls *leati_tls_calls(void)
{
    return (struct leati_calls *)(void *)weave_me->calls;
}

/* --- mem/reclaim.h --- */

static bool older_sections(uint64_t than)
{
    for (unsigned i = 0; i < weave->threads; i++)
        if (weave->thread[i].sections && weave->thread[i].section < than)
            return true;
    return false;
}

void leati_rcu_read_lock(void)
{
    weave_point();
    if (weave_me->sections++ == 0)
        weave_me->section = ++weave->stamp;
}

void leati_rcu_read_unlock(void)
{
    weave_point();
    weave_drain(weave_me);
    if (--weave_me->sections > 0)
        return;
    for (unsigned i = 0; i < weave->threads; i++) {
        struct weave_thread *t = &weave->thread[i];
        if (t->state == WEAVE_GRACE && !older_sections(t->grace))
            t->state = WEAVE_READY;
    }
}

void leati_rcu_synchronize(void)
{
    struct weave_thread *me = weave_me;
    weave_point();
    weave_drain_all();
    me->grace = ++weave->stamp;
    if (older_sections(me->grace)) {
        me->state = WEAVE_GRACE;
        weave_leave();
    }
    weave_drain_all();
}

void leati_rcu_before_fork(void) {}
void leati_rcu_after_fork(bool child) { (void)child; }

/* --- what liburcu's queue and concurrencykit's event count do is one step, or one up to
 *     each of the engine's own within --- */

static void enter(const volatile void *object, const void *pc)
{
    weave_point();
    weave_touch((uintptr_t)object, pc);
    reads(object, 1);
}

static void step(const volatile void *object, const void *pc)
{
    enter(object, pc);
    weave_drain(weave_me);
    weave->commits++;
    weave_note(OP_CALL, object, 0, 0, pc);
    weave_me->library = (const void *)object;
}

static void end(const volatile void *object)
{
    writes(object, 1);
    weave_me->library = NULL;
}

void __wrap_leati_inject_put(struct leati_inject *q, struct leat_fiber *f);
void __wrap_leati_inject_put(struct leati_inject *q, struct leat_fiber *f)
{
    step(q, PC);
    leati_inject_put(q, f);
    end(q);
}

struct leat_fiber *__wrap_leati_inject_take(struct leati_inject *q, unsigned n);
struct leat_fiber *__wrap_leati_inject_take(struct leati_inject *q, unsigned n)
{
    step(q, PC);
    struct leat_fiber *f = leati_inject_take(q, n);
    end(q);
    return f;
}

bool __wrap_leati_inject_empty(struct leati_inject *q);
bool __wrap_leati_inject_empty(struct leati_inject *q)
{
    enter(q, PC); /* reads only: what is buffered stays there */
    bool r = leati_inject_empty(q);
    reads(q, 1); /* it came to points on its way */
    return r;
}

uint32_t __wrap_leati_event_value(struct leati_event *e);
uint32_t __wrap_leati_event_value(struct leati_event *e)
{
    enter(e, PC);
    return leati_event_value(e);
}

void __wrap_leati_event_raise(struct leati_event *e);
void __wrap_leati_event_raise(struct leati_event *e)
{
    step(e, PC);
    leati_event_raise(e);
    end(e);
}

bool __wrap_leati_event_wait(struct leati_event *e, uint32_t value, struct leat_deadline until);
bool __wrap_leati_event_wait(struct leati_event *e, uint32_t value, struct leat_deadline until)
{
    step(e, PC);
    bool r = leati_event_wait(e, value, until);
    end(e);
    return r;
}
