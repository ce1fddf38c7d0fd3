/* elastic.c - leat_blocking(): calls that block their thread, on threads that come and
 * go.
 *
 * Idea        The fiber parks; publishing its wait is to queue the call. A thread of the
 *             set takes it, runs it on its own stack and wakes the fiber. A thread is
 *             started when more calls are queued than threads idle, up to a limit, and
 *             ends after five seconds without work. Whether one is needed is judged twice:
 *             others may have queued, or an idle one ended, until the call is queued.
 * Words       everything under `lock`; event: raised when a call was queued or the set
 *             is to end
 * Threads     An ended one is joined by whoever starts the next, or at the end. The
 *             thread is started on the worker's own stack (leati_aside), as a fiber's
 *             may be too small for it.
 * SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "arch/os.h"
#include "base/list.h"
#include "park/call.h"
#include "pool/elastic.h"
#include "pool/mill.h"

#define IDLE_NS ((int64_t)5000000000)

struct job {
    struct leati_wait wait;
    struct leati_link link;
    struct leati_elastic *set;
    int (*fn)(void *);
    void *arg;
    int result;
    bool queued;
    bool failed; /* no thread could be started for it: those there are must do */
};

struct helper {
    struct helper *next; /* among the ended */
    struct leati_elastic *set;
    pthread_t thread;
};

struct leati_elastic {
    leati_a32 lock;
    struct leati_list jobs;
    unsigned queued, threads, idle, most, started;
    bool stop;
    struct helper *ended;
    struct leati_event event;
    struct leati_event gone; /* a thread has put itself among the ended */
    leat_pool *pool;
};

/* --- the threads --- */

static struct job *take(struct leati_elastic *e)
{
    struct leati_link *l = e->jobs.first;
    if (!l)
        return NULL;
    struct job *j = leati_container_of(l, struct job, link);
    leati_list_remove(&e->jobs, l);
    j->queued = false;
    e->queued--;
    return j;
}

/* The next call, waiting for it; NULL: the thread shall end, and counts no more. */
static struct job *next_job(struct leati_elastic *e, struct helper *h)
{
    bool patient = true;
    for (;;) {
        uint32_t seen = leati_event_value(&e->event);
        leati_lock(&e->lock);
        struct job *j = take(e);
        if (j) {
            e->idle--;
        } else if (e->stop || !patient) {
            e->idle--;
            e->threads--;
            h->next = e->ended;
            e->ended = h;
        }
        bool end = !j && (e->stop || !patient);
        leati_unlock(&e->lock);
        if (j || end)
            return j;
        patient = leati_event_wait(&e->event, seen, leat_in_ns(IDLE_NS));
    }
}

static void *helper_main(void *arg)
{
    struct helper *h = arg;
    struct leati_elastic *e = h->set;
    struct job *j;
    leatp_cpuset_use(&e->pool->cpus); /* its starter may be bound to one of them */
    while ((j = next_job(e, h)) != NULL) {
        j->result = j->fn(j->arg);
        j->wait.result = 0;
        leati_lock(&e->lock);
        e->idle++; /* before the fiber can come back with another call */
        leati_unlock(&e->lock);
        leati_wake(&j->wait, LEATI_WAKE_TAIL);
    }
    leati_event_raise(&e->gone); /* e outlives the thread: it is joined first */
    return NULL;
}

static void join_ended(struct leati_elastic *e)
{
    leati_lock(&e->lock);
    struct helper *h = e->ended, *next;
    e->ended = NULL;
    leati_unlock(&e->lock);
    for (; h; h = next) {
        next = h->next;
        (void)pthread_join(h->thread, NULL);
        leati_pool_dealloc(e->pool, h, sizeof(*h));
    }
}

struct start {
    struct leati_elastic *set;
    unsigned number;
    bool *failed;
};

/* Calls that were queued for a thread which could not be started, and no other is there:
 * they try for themselves. */
static void give_back(struct leati_elastic *e)
{
    for (;;) {
        leati_lock(&e->lock);
        struct job *j = e->threads == 0 ? take(e) : NULL;
        leati_unlock(&e->lock);
        if (!j)
            return;
        j->wait.result = LEAT_EAGAIN;
        leati_wake(&j->wait, LEATI_WAKE_TAIL);
    }
}

/* One more thread; it was counted. On a worker's own stack. */
static void start_helper(void *arg)
{
    struct start *s = arg;
    struct leati_elastic *e = s->set;
    leat_pool *p = e->pool;
    char name[16];
    join_ended(e);
    struct helper *h = leati_pool_alloc(p, sizeof(*h), sizeof(void *));
    if (h) {
        h->set = e;
        (void)snprintf(name, sizeof(name), "%s/b%u", p->name, s->number);
        if (leatp_thread_start(&h->thread, helper_main, h, name) == 0)
            return;
        leati_pool_dealloc(p, h, sizeof(*h));
    }
    *s->failed = true;
    leati_lock(&e->lock);
    e->threads--;
    e->idle--;
    leati_unlock(&e->lock);
    give_back(e);
}

/* --- the call --- */

static struct job *job_of(struct leati_wait *wt)
{
    return leati_container_of(wt, struct job, wait);
}

/* Under the lock: would a call that is queued now wait for more than an idle thread? */
static bool short_of_threads(const struct leati_elastic *e)
{
    return e->queued >= e->idle && e->threads < e->most;
}

static bool job_publish(struct leati_wait *wt)
{
    struct job *j = job_of(wt);
    struct leati_elastic *e = j->set;
    leati_lock(&e->lock);
    if (j->failed ? e->threads == 0 : short_of_threads(e)) {
        leati_unlock(&e->lock);
        wt->result = LEAT_EAGAIN;
        return false;
    }
    j->queued = true;
    e->queued++;
    leati_list_append(&e->jobs, &j->link);
    leati_unlock(&e->lock);
    leati_event_raise(&e->event);
    return true;
}

static bool job_abort(struct leati_wait *wt, int err)
{
    struct job *j = job_of(wt);
    struct leati_elastic *e = j->set;
    leati_lock(&e->lock);
    bool queued = j->queued;
    if (queued) {
        j->queued = false;
        e->queued--;
        leati_list_remove(&e->jobs, &j->link);
        wt->result = err;
    }
    leati_unlock(&e->lock);
    return queued;
}

static const struct leati_wait_ops job_ops = {job_publish, job_abort, "blocking call"};

/* True: one more call than idle threads; the thread to come is counted. */
static bool wants_thread(struct leati_elastic *e, unsigned *ret_number)
{
    leati_lock(&e->lock);
    bool more = short_of_threads(e);
    if (more) {
        e->threads++;
        e->idle++;
        *ret_number = ++e->started % 10000;
    }
    leati_unlock(&e->lock);
    return more;
}

int leat_blocking(int (*fn)(void *), void *arg, bool *ret_ran)
{
    bool none, *ran = ret_ran ? ret_ran : &none;
    struct leat_fiber *f = leat_fiber_self();
    *ran = false;
    if (!fn)
        return LEAT_EINVAL;
    if (!f && leati_in_call())
        return LEAT_EDEADLK;
    if (!f) {
        *ran = true;
        return fn(arg);
    }
    struct leati_elastic *e = f->pool->elastic;
    struct job j = {.wait = {.ops = &job_ops, .until = LEAT_NEVER, .object = f->pool},
                    .set = e,
                    .fn = fn,
                    .arg = arg};
    for (;;) {
        unsigned number;
        if (wants_thread(e, &number)) {
            struct start s = {e, number, &j.failed};
            leati_aside(leati_worker_self(), f, start_helper, &s);
        }
        int err = leati_park(&j.wait);
        if (err == 0)
            break;
        /* EAGAIN without a failed start: the idle threads were taken, or ended. */
        if (err != LEAT_EAGAIN || j.failed)
            return err;
    }
    *ran = true;
    return j.result;
}

/* --- the set --- */

bool leati_elastic_new(leat_pool *p)
{
    struct leati_elastic *e = leati_pool_alloc(p, sizeof(*e), LEAT_CACHELINE);
    if (!e)
        return false;
    memset(e, 0, sizeof(*e));
    e->most = p->max_blocking;
    e->pool = p;
    p->elastic = e;
    return true;
}

void leati_elastic_stop(leat_pool *p)
{
    struct leati_elastic *e = p->elastic;
    leati_lock(&e->lock);
    e->stop = true;
    leati_unlock(&e->lock);
    leati_event_raise(&e->event);
    for (;;) {
        uint32_t seen = leati_event_value(&e->gone);
        leati_lock(&e->lock);
        unsigned left = e->threads;
        leati_unlock(&e->lock);
        if (left == 0)
            break;
        (void)leati_event_wait(&e->gone, seen, LEAT_NEVER);
    }
    join_ended(e);
}

void leati_elastic_free(leat_pool *p)
{
    leati_pool_dealloc(p, p->elastic, sizeof(*p->elastic));
}

void leati_elastic_numbers(const leat_pool *p, unsigned *ret_threads,
                           unsigned *ret_queued)
{
    struct leati_elastic *e = p->elastic;
    leati_lock(&e->lock);
    *ret_threads = e->threads;
    *ret_queued = e->queued;
    leati_unlock(&e->lock);
}
