/* watch.c - clocks, notes and the little helpers of perf.h.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

_Noreturn void fail(const char *what, int err)
{
    if (err)
        fprintf(stderr, "leat: %s: %s\n", what, leat_err_text(err));
    else
        fprintf(stderr, "leat: %s\n", what);
    _Exit(1);
}

/* What all threads of the process have used. */
static int64_t cpu_time(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        fail("getrusage", 0);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000 +
           (int64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

void watch_start(struct watch *w)
{
    w->began_cpu = cpu_time();
    w->began = leat_now();
}

void watch_stop(struct watch *w, long ops)
{
    w->wall += leat_now() - w->began;
    w->cpu += cpu_time() - w->began_cpu;
    w->ops += ops;
}

void watch_delay(struct watch *w, int64_t ns)
{
    if ((w->n_delays & (w->n_delays - 1)) == 0) { /* full at every power of two */
        size_t n = w->n_delays ? 2 * w->n_delays : 1;
        w->delays = realloc(w->delays, n * sizeof(*w->delays));
        if (w->delays == NULL)
            fail("out of memory", 0);
    }
    w->delays[w->n_delays++] = ns;
}

void watch_note(struct watch *w, const char *name, double value)
{
    for (int i = 0; i < NOTES; i++) {
        if (w->notes[i].name == NULL || strcmp(w->notes[i].name, name) == 0) {
            w->notes[i].name = name;
            w->notes[i].value = value;
            return;
        }
    }
    fail("too many notes", 0);
}

leat_chan *channel(size_t capacity)
{
    leat_chan *c;
    must(leat_chan_new(&c, sizeof(int64_t), capacity), "leat_chan_new");
    return c;
}

void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (p == NULL)
        fail("out of memory", 0);
    return p;
}

double status_bytes(const char *name)
{
    char line[256];
    double kb = -1;
    size_t len = strlen(name);
    FILE *f = fopen("/proc/self/status", "r");
    if (f == NULL)
        fail("/proc/self/status", 0);
    while (kb < 0 && fgets(line, sizeof(line), f))
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            kb = strtod(line + len + 1, NULL);
    fclose(f);
    if (kb < 0)
        fail(name, 0);
    return kb * 1024;
}
