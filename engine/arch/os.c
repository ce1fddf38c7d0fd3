/* os.c - pages, guards, CPUs and threads; see os.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <leat/err.h>
#include "arch/atomic.h"
#include "arch/os.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

size_t leatp_page(void)
{
    static leati_a64 page;
    uint64_t n = leati_load_rlx(&page); /* every writer stores the same */
    if (n == 0) {
        n = (uint64_t)sysconf(_SC_PAGESIZE);
        leati_store_rlx(&page, n);
    }
    return (size_t)n;
}

void *leatp_map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void leatp_unmap(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, bytes);
}

void *leatp_remap(void *p, size_t old_bytes, size_t new_bytes)
{
    void *q = mremap(p, old_bytes, new_bytes, MREMAP_MAYMOVE);
    return q == MAP_FAILED ? NULL : q;
}

void leatp_map_sparse(void *p, size_t bytes)
{
    (void)madvise(p, bytes, MADV_NOHUGEPAGE);
}

size_t leatp_first_resident(const void *p, size_t bytes)
{
    size_t page = leatp_page(), skip = (uintptr_t)p & (page - 1);
    for (size_t at = 0; at < bytes;) {
        unsigned char in[64] = {0};
        char *from = (char *)(uintptr_t)p - skip + at;
        size_t n = (bytes + skip - at + page - 1) / page;
        n = n < sizeof(in) ? n : sizeof(in);
        if (mincore(from, n * page, in) != 0)
            return bytes;
        for (size_t i = 0; i < n; i++) {
            if (in[i] & 1) {
                at += i * page;
                return at > skip ? at - skip : 0;
            }
        }
        at += n * page;
    }
    return bytes;
}

static uint64_t map_limit(void)
{
    uint64_t limit = 65530;
    FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
    if (f) {
        unsigned long n;
        if (fscanf(f, "%lu", &n) == 1)
            limit = n;
        (void)fclose(f);
    }
    return limit;
}

static bool guard_by_mprotect(void *p)
{
    static leati_a64 limit, spent;
    uint64_t most = leati_load_rlx(&limit); /* every writer stores the same */
    if (most == 0) {
        most = map_limit() / 4; /* two mappings for each guard: half of the limit */
        leati_store_rlx(&limit, most);
    }
    /* relaxed: only a number */
    if (leati_load_rlx(&spent) >= most || leati_add_rlx(&spent, (uint64_t)1) >= most)
        return false;
    return mprotect(p, leatp_page(), PROT_NONE) == 0;
}

/* Does it say no to advice that does not exist? Emulators take any, and do nothing. */
static bool advice_is_heeded(void *p)
{
    static leati_a32 heeds; /* 0: not asked yet, else 1: no, 2: yes; all store the same */
    uint32_t known = leati_load_rlx(&heeds);
    if (leati_unlikely(known == 0)) {
        known = madvise(p, leatp_page(), -1) == 0 ? 1 : 2;
        leati_store_rlx(&heeds, known);
    }
    return known == 2;
}

bool leatp_guard(void *p)
{
    static leati_a32 refused;
    if (!leati_load_rlx(&refused) && advice_is_heeded(p)) {
        if (madvise(p, leatp_page(), MADV_GUARD_INSTALL) == 0)
            return true;
        if (errno == EINVAL)
            leati_store_rlx(&refused, 1u); /* an old kernel: do not ask again */
    }
    return guard_by_mprotect(p);
}

_Static_assert(sizeof(struct leatp_cpuset) == sizeof(cpu_set_t), "a cpu_set_t");

void leatp_cpuset_get(struct leatp_cpuset *ret)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof(set), &set); /* none on failure */
    memcpy(ret, &set, sizeof(set));
}

unsigned leatp_cpuset_count(const struct leatp_cpuset *set)
{
    cpu_set_t s;
    memcpy(&s, set, sizeof(s));
    return (unsigned)CPU_COUNT(&s);
}

void leatp_cpuset_use(const struct leatp_cpuset *set)
{
    if (leatp_cpuset_count(set))
        (void)sched_setaffinity(0, sizeof(cpu_set_t), (const void *)set);
}

void leatp_bind(const struct leatp_cpuset *set, unsigned n)
{
    cpu_set_t all, one;
    unsigned count = leatp_cpuset_count(set);
    memcpy(&all, set, sizeof(all));
    if (count == 0)
        return;
    n %= count;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all) || n-- != 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void)sched_setaffinity(0, sizeof(one), &one);
        return;
    }
}

/* "quota period" or "max period" of cgroup v2; 0: no limit. */
static unsigned quota_v2(const char *path)
{
    char file[512];
    if (snprintf(file, sizeof(file), "/sys/fs/cgroup%s/cpu.max", path) >=
        (int)sizeof(file))
        return 0;
    FILE *f = fopen(file, "re");
    if (!f)
        return 0;
    long quota, period;
    int n = fscanf(f, "%ld %ld", &quota, &period);
    (void)fclose(f);
    return n == 2 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;
}

static long read_long(const char *file)
{
    long n = -1;
    FILE *f = fopen(file, "re");
    if (f) {
        if (fscanf(f, "%ld", &n) != 1)
            n = -1;
        (void)fclose(f);
    }
    return n;
}

static unsigned quota_v1(const char *path)
{
    char file[512];
    (void)snprintf(file, sizeof(file), "/sys/fs/cgroup/cpu%.400s/cpu.cfs_quota_us",
                   path);
    long quota = read_long(file);
    (void)snprintf(file, sizeof(file), "/sys/fs/cgroup/cpu%.400s/cpu.cfs_period_us",
                   path);
    long period = read_long(file);
    return quota > 0 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;
}

/* The tightest quota from the process's cgroup up to the root; 0: none. */
static unsigned quota_upwards(char *path, unsigned (*quota)(const char *))
{
    unsigned least = 0;
    for (;;) {
        unsigned n = quota(path);
        if (n && (!least || n < least))
            least = n;
        char *slash = strrchr(path, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

static unsigned cpu_quota(void)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return 0;
    unsigned least = 0;
    char line[512];
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        bool v2 = controllers[1] == '\0';
        if (!v2 && !strstr(controllers, ":cpu,") && !strstr(controllers, ",cpu,") &&
            strcmp(controllers, ":cpu") != 0)
            continue;
        if (strcmp(path, "/") == 0)
            path[0] = '\0';
        unsigned n = quota_upwards(path, v2 ? quota_v2 : quota_v1);
        if (n && (!least || n < least))
            least = n;
    }
    (void)fclose(f);
    return least;
}

/* count | by-quota flag; 0: not read yet. relaxed: one word says it all. */
static leati_a32 cpus;
enum { BY_QUOTA = 1u << 30 };

static uint32_t read_cpus(void)
{
    struct leatp_cpuset set;
    leatp_cpuset_get(&set);
    unsigned n = leatp_cpuset_count(&set), quota = cpu_quota();
    return quota && quota < n ? quota | BY_QUOTA : n ? n : 1;
}

static uint32_t cpus_word(void)
{
    uint32_t word = leati_load_rlx(&cpus);
    if (leati_unlikely(word == 0)) {
        int keep = errno; /* the caller's: a file may be missing */
        word = read_cpus();
        errno = keep;
        leati_store_rlx(&cpus, word);
    }
    return word;
}

unsigned leatp_cpus(void)
{
    return cpus_word() & ~(uint32_t)BY_QUOTA;
}

bool leatp_cpus_by_quota(void)
{
    return (cpus_word() & BY_QUOTA) != 0;
}

/* Everything but the signals that a thread raises by its own instructions. */
static void asynchronous(sigset_t *set)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    (void)sigfillset(set);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        (void)sigdelset(set, own[i]);
}

int leatp_thread_start(pthread_t *ret, void *(*fn)(void *), void *arg, const char *name)
{
    sigset_t block, old;
    asynchronous(&block);
    (void)pthread_sigmask(SIG_BLOCK, &block, &old);
    int err = pthread_create(ret, NULL, fn, arg); /* inherits the mask */
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err)
        return LEAT_EAGAIN;
    (void)pthread_setname_np(*ret, name);
    return 0;
}

int leatp_thread_detached(void *(*fn)(void *), void *arg, size_t stack_size)
{
    sigset_t block, old;
    pthread_attr_t attr;
    pthread_t id;
    if (pthread_attr_init(&attr) != 0)
        return LEAT_EAGAIN;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int err = stack_size ? pthread_attr_setstacksize(&attr, stack_size) : 0;
    asynchronous(&block);
    (void)pthread_sigmask(SIG_BLOCK, &block, &old);
    if (err == 0)
        err = pthread_create(&id, &attr, fn, arg); /* inherits the mask */
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    return err == 0 ? 0 : err == EINVAL ? LEAT_EINVAL : LEAT_EAGAIN;
}

void leatp_thread_name(const char *name)
{
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

void leatp_thread_exact_timers(void)
{
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

void leatp_nap(void)
{
    const struct timespec nap = {0, 1000000};
    (void)nanosleep(&nap, NULL);
}

void leatp_thread_stack(const void **ret_lo, size_t *ret_size)
{
    pthread_attr_t attr;
    void *lo = NULL;
    *ret_size = 0;
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        (void)pthread_attr_getstack(&attr, &lo, ret_size);
        (void)pthread_attr_destroy(&attr);
    }
    *ret_lo = lo;
}

void leatp_write(int fd, const char *text, size_t n)
{
    int saved = errno;
    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            break;
        text += done;
        n -= (size_t)done;
    }
    errno = saved;
}
