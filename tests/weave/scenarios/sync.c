/* sync.c - mutex, semaphore, wait group, once. SPDX-License-Identifier: MIT */
#include <leat/leat.h>

#include "weave.h"

static leat_mutex mutex = LEAT_MUTEX_INIT;
static leat_sem sem;
static leat_wg wg = LEAT_WG_INIT;
static leat_once once = LEAT_ONCE_INIT;
static unsigned inside, count, timed_out;

static void critical(void)
{
    weave_check(inside++ == 0);
    (void)weave_step();
    count++;
    inside--;
}

static void locks(unsigned i)
{
    (void)i;
    weave_check(leat_mutex_lock(&mutex) == 0);
    critical();
    weave_check(leat_mutex_unlock(&mutex) == 0);
}

static void free_again(void)
{
    weave_check(leat_mutex_try_lock(&mutex) == 0);
    weave_check(leat_mutex_unlock(&mutex) == 0);
}

static void locks_for_a_while(unsigned i)
{
    int r = i ? leat_mutex_lock_until(&mutex, leat_in_us(10 * i)) : leat_mutex_lock(&mutex);
    weave_check(r == 0 || r == LEAT_ETIMEDOUT);
    if (r)
        return;
    critical();
    weave_check(leat_mutex_unlock(&mutex) == 0);
}

WEAVE_SCENARIO(mutex2, .name = "sync.mutex_two", .actors = 2, .actor = locks,
               .check = free_again);
WEAVE_SCENARIO(mutex3, .name = "sync.mutex_three", .actors = 3, .actor = locks,
               .check = free_again, .bound = 2);
WEAVE_SCENARIO(mutex_time, .name = "sync.mutex_deadlines", .actors = 3,
               .actor = locks_for_a_while, .check = free_again, .bound = 2);

static void sem_none(void)
{
    leat_sem_init(&sem, 0);
}

static void permits(unsigned i)
{
    if (i == 0)
        leat_sem_release(&sem, 2);
    else
        weave_check(leat_sem_acquire(&sem, 1) == 0);
}

static void permits_for_a_while(unsigned i)
{
    if (i == 0) {
        leat_sem_release(&sem, 1);
        leat_sem_release(&sem, 1);
    } else {
        timed_out += leat_sem_acquire_until(&sem, i, leat_in_us(20)) != 0 ? i : 0;
    }
}

static void no_permit_left(void)
{
    weave_check(leat_sem_try_acquire(&sem, 1) != 0);
}

static void permits_kept(void)
{
    /* 1 + 2 were wanted, 2 were given. */
    unsigned left = 0;
    while (leat_sem_try_acquire(&sem, 1) == 0)
        left++;
    weave_check(3 - timed_out + left == 2);
}

WEAVE_SCENARIO(sem2, .name = "sync.sem_wakes_all_it_can", .actors = 3, .setup = sem_none,
               .actor = permits, .check = no_permit_left, .bound = 2);
WEAVE_SCENARIO(sem_time, .name = "sync.sem_deadlines_lose_no_permit", .actors = 3,
               .setup = sem_none, .actor = permits_for_a_while, .check = permits_kept,
               .bound = 2);

static void wg_two(void)
{
    leat_wg_add(&wg, 2);
}

static void group(unsigned i)
{
    if (i < 2) {
        count++;
        leat_wg_done(&wg);
    } else {
        weave_check(leat_wg_wait(&wg) == 0);
        weave_check(count == 2);
    }
}

WEAVE_SCENARIO(wg, .name = "sync.wg_waits_for_all", .actors = 3, .setup = wg_two,
               .actor = group, .bound = 2);

static int initialise(void *arg)
{
    (void)arg;
    count++;
    (void)weave_step();
    inside = 1;
    return 0;
}

static void initialises(unsigned i)
{
    (void)i;
    weave_check(leat_once_do(&once, initialise, NULL) == 0);
    weave_check(count == 1 && inside == 1);
}

WEAVE_SCENARIO(once2, .name = "sync.once_is_once_and_over", .actors = 2,
               .actor = initialises);
WEAVE_SCENARIO(once3, .name = "sync.once_three", .actors = 3, .actor = initialises,
               .bound = 2);
