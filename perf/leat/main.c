/* main.c - leat's side of the comparison with Go. One process measures one scenario:
 *
 *     perf_leat NAME WORKERS COUNT WARM MIN_MS [WORK] [serve]
 *
 * Runs the scenario once, untimed, with count WARM, then again and again with COUNT
 * until the timed parts sum up to MIN_MS, and prints one line of JSON. With "serve" it
 * takes one sample for each line on standard input. The shapes are in perf/README.md.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct scenario *scenario;
    struct job job;
    struct watch watch;
    int64_t min_ns; /* 0: once */
    int reps;
};

static int repeat(void *arg)
{
    struct run *r = arg;
    r->reps = 0;
    do {
        r->watch.check = 0;
        r->scenario->run(&r->job, &r->watch);
        r->reps++;
    } while (r->watch.wall < r->min_ns);
    return 0;
}

static void sample(struct run *r)
{
    free(r->watch.delays);
    memset(&r->watch, 0, sizeof(r->watch));
    if (r->scenario->place == IN_FIBER)
        must(leat_pool_run(r->job.pool, repeat, r), "leat_pool_run");
    else
        repeat(r);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void note_percentiles(struct watch *w)
{
    if (w->n_delays == 0)
        return;
    qsort(w->delays, w->n_delays, sizeof(*w->delays), by_value);
    watch_note(w, "p50", (double)w->delays[w->n_delays / 2]);
    watch_note(w, "p99", (double)w->delays[w->n_delays * 99 / 100]);
}

static void print(struct run *r)
{
    struct watch *w = &r->watch;
    const char *comma = "";
    note_percentiles(w);
    printf("{\"scenario\":\"%s\",\"workers\":%u,\"count\":%ld,\"reps\":%d,",
           r->job.name, r->job.workers, r->job.n, r->reps);
    printf("\"ops\":%ld,\"wall_s\":%.9f,\"cpu_s\":%.6f,\"ns_per_op\":%.3f,", w->ops,
           (double)w->wall / 1e9, (double)w->cpu / 1e9,
           w->ops > 0 ? (double)w->wall / (double)w->ops : 0.0);
    printf("\"check\":%llu,\"extra\":{", (unsigned long long)w->check);
    for (int i = 0; i < NOTES && w->notes[i].name; i++) {
        printf("%s\"%s\":%.1f", comma, w->notes[i].name, w->notes[i].value);
        comma = ",";
    }
    printf("}}\n");
    fflush(stdout);
}

static long number(const char *s)
{
    char *end;
    long v = strtol(s, &end, 10);
    if (*s == '\0' || *end != '\0' || v < 0)
        fail("not a number", 0);
    return v;
}

static leat_pool *new_pool(unsigned workers)
{
    struct leat_pool_opts opts = {.size = sizeof(opts), .workers = workers};
    leat_pool *p;
    must(leat_pool_new(&p, &opts), "leat_pool_new");
    return p;
}

int main(int argc, char **argv)
{
    struct run r = {0};
    char line[16];
    if (argc < 6)
        fail("usage: perf_leat NAME WORKERS COUNT WARM MIN_MS [WORK] [serve]", 0);
    r.job.name = argv[1];
    r.job.workers = (unsigned)number(argv[2]);
    r.job.work = argc > 6 ? number(argv[6]) : 0;
    r.scenario = find(argv[1], &r.job);
    if (r.scenario == NULL)
        fail("no such scenario", 0);
    if (r.scenario->place != NO_POOL)
        r.job.pool = new_pool(r.job.workers);
    r.job.n = number(argv[4]);
    if (r.job.n > 0)
        sample(&r);
    r.job.n = number(argv[3]);
    r.min_ns = number(argv[5]) * 1000000;
    if (argc > 7 && strcmp(argv[7], "serve") == 0) {
        while (fgets(line, sizeof(line), stdin)) {
            sample(&r);
            print(&r);
        }
    } else {
        sample(&r);
        print(&r);
    }
    free(r.watch.delays);
    if (r.job.pool)
        must(leat_pool_shutdown(r.job.pool, LEAT_DRAIN, leat_in_s(20)),
             "leat_pool_shutdown");
    return 0;
}
