/* os.h - the machine as the pool sees it: pages and guards, CPUs, threads.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_OS_H
#define LEATI_ARCH_OS_H

#include <pthread.h>
#include "arch/cc.h"

/* --- memory --- */

size_t leatp_page(void);

/* Zeroed pages, readable and writable, taken from the system only when touched.
 * NULL when there are none. */
void *leatp_map(size_t bytes);
void leatp_unmap(void *p, size_t bytes);
/* Moves and grows a map; NULL: the old one is untouched. */
void *leatp_remap(void *p, size_t old_bytes, size_t new_bytes);

/* The range is touched a page here and there: no huge pages behind it. */
void leatp_map_sparse(void *p, size_t bytes);

/* Offset of the first page of [p, p + bytes) that is in memory; bytes: none. */
size_t leatp_first_resident(const void *p, size_t bytes);

/* Makes the page at p fault on every access. The first way costs nothing but its page
 * table entry; where the kernel lacks it (before 6.13) the page becomes a mapping of its
 * own, of which a process may have few: then at most half of those are spent. */
bool leatp_guard(void *p);

/* --- CPUs --- */

/* CPUs this process may use: the affinity mask of whoever asks first, cut by the CPU
 * quota of its cgroup, rounded up; at least 1. Read once. */
unsigned leatp_cpus(void);
/* Does a quota, rather than the mask, decide? */
bool leatp_cpus_by_quota(void);

/* A set of CPUs. */
struct leatp_cpuset {
    unsigned long bits[1024 / (8 * sizeof(unsigned long))];
};
void leatp_cpuset_get(struct leatp_cpuset *ret); /* of the calling thread */
unsigned leatp_cpuset_count(const struct leatp_cpuset *set);
/* The calling thread runs on the set; on its n-th CPU (modulo their number). */
void leatp_cpuset_use(const struct leatp_cpuset *set);
void leatp_bind(const struct leatp_cpuset *set, unsigned n);

/* --- threads --- */

/* Starts a thread that has all asynchronous signals blocked. Returns 0 or LEAT_EAGAIN. */
int leatp_thread_start(pthread_t *ret, void *(*fn)(void *), void *arg,
                       const char *name);

/* The same for one that nobody joins, with a stack of that many bytes, 0: the usual. Also
 * LEAT_EINVAL when the system refuses the size. */
int leatp_thread_detached(void *(*fn)(void *), void *arg, size_t stack_size);

/* Names the calling thread; cut to 15 bytes. */
void leatp_thread_name(const char *name);

/* Timeouts of the calling thread end when asked, not up to 50 us later. */
void leatp_thread_exact_timers(void);

/* Gives other threads, and memory, a moment: 1 ms. */
void leatp_nap(void);

/* The calling thread's own stack. */
void leatp_thread_stack(const void **ret_lo, size_t *ret_size);

/* --- faults --- */

/* Called with the address that faulted; true: it was recognised and reported. */
typedef bool leatp_fault_fn(void *addr);

/* Installs a SIGSEGV/SIGBUS handler that asks `fn`, then does what the former handler
 * would have done. Once per process; further calls do nothing. */
void leatp_fault_install(leatp_fault_fn *fn);

/* The calling thread handles faults on a stack of its own: [p, p + bytes). */
void leatp_fault_stack(void *p, size_t bytes);
enum { LEATP_FAULT_STACK = 64 << 10 };

/* Writes all of it, ignoring errors; async-signal-safe. */
void leatp_write(int fd, const char *text, size_t n);

#endif
