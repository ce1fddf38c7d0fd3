/* farm.c - see farm.h. SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process/farm.h"

struct farm_board *board;

/* Before the helper is forked: constructors with a priority come first. */
__attribute__((constructor(200))) static void make_board(void)
{
    void *p = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    board = p == MAP_FAILED ? NULL : p;
}

void farm_board_clear(void)
{
    assert_non_null(board);
    memset(board, 0, sizeof(*board));
}

int farm_init(void *arg, unsigned worker, void **ret_state)
{
    (void)arg;
    *ret_state = NULL;
    if (worker >= FARM_WORKERS)
        return LEAT_EINVAL;
    leati_add_sc(&board->lives[worker], 1u);
    leati_store_sc(&board->pid[worker], (uint32_t)getpid());
    return 0;
}

uint64_t farm_answer(uint64_t number)
{
    return (number ^ 0x5bd1e995) * 0x9E3779B97F4A7C15u;
}

int farm_run(leat_stage *s, const void *in, size_t len)
{
    struct grain g;
    if (len != sizeof(g))
        return LEAT_EINVAL;
    memcpy(&g, in, sizeof(g));
    if (g.number != leat_stage_position(s))
        return LEAT_EINVAL;
    g.answer = farm_answer(g.number);
    g.pid = (uint64_t)getpid();
    g.parent = (uint64_t)getppid();
    return leat_emit(s, &g);
}

struct leat_pipe_opts farm_opts(leat_stage_fn *run, unsigned workers)
{
    return (struct leat_pipe_opts){.size = sizeof(struct leat_pipe_opts),
                                   .run = run,
                                   .workers = workers,
                                   .mode = LEAT_PIPE_PROCESSES};
}

static void on_error(const struct leat_pipe_error *e, void *arg)
{
    struct farm *f = arg;
    f->last_err = e->err;
    if (e->item == NULL) /* a worker was given up */
        return;
    struct grain g;
    memcpy(&g, e->item, sizeof(g));
    expect_eq(g.number, e->position);
    expect(g.number < f->n);
    expect(e->worker < f->o.workers);
    if (e->final)
        f->reported[g.number]++;
    else
        f->failures++;
}

static void *feed(void *arg)
{
    struct farm *f = arg;
    for (uint64_t i = 0; i < f->n; i++) {
        struct grain g = {.number = i, .what = f->what ? f->what(i) : 0};
        if (leat_chan_send(f->in, &g) != 0)
            break;
    }
    leat_chan_close(f->in);
    return NULL;
}

void farm_start(struct farm *f, const struct leat_pipe_opts *o, size_t n,
                size_t capacity, uint64_t (*what)(uint64_t))
{
    memset(f, 0, sizeof(*f));
    f->o = *o;
    f->n = n;
    f->what = what;
    f->o.callback_arg = f;
    f->o.on_error = on_error;
    f->delivered = calloc(n + 1, 1);
    f->reported = calloc(n + 1, 1);
    assert_non_null(f->delivered);
    assert_non_null(f->reported);
    assert_int_equal(leat_chan_new(&f->in, sizeof(struct grain), capacity), 0);
    assert_int_equal(leat_chan_new(&f->out, sizeof(struct grain), capacity), 0);
    assert_int_equal(leat_pipe_start(&f->pipe, f->in, f->out, &f->o), 0);
    assert_int_equal(pthread_create(&f->feeder, NULL, feed, f), 0);
}

bool farm_read(struct farm *f, struct grain *ret)
{
    if (leat_chan_recv(f->out, ret) != 0)
        return false;
    expect(ret->number < f->n);
    expect_eq(ret->answer, farm_answer(ret->number));
    expect(ret->pid != (uint64_t)getpid());
    if (ret->number < f->n)
        f->delivered[ret->number]++;
    if (ret->number < f->next)
        f->unordered_seen = true;
    f->next = ret->number;
    return true;
}

int farm_join(struct farm *f, struct leat_pipe_stats *ret)
{
    struct grain g;
    struct leat_pipe_stats st;
    while (farm_read(f, &g))
        ;
    int r = leat_pipe_join(f->pipe, &st);
    leat_chan_cancel(f->in); /* a feeder of a pipe that ended early */
    (void)pthread_join(f->feeder, NULL);
    expect_eq(st.in_flight, 0);
    expect_eq(st.taken, st.finished + st.failed + st.unstarted + st.discarded);
    if (ret)
        *ret = st;
    return r;
}

void farm_check(struct farm *f)
{
    for (size_t i = 0; i < f->n; i++)
        expect_eq(f->delivered[i] + f->reported[i], 1);
    if (!(f->o.flags & LEAT_PIPE_UNORDERED))
        expect(!f->unordered_seen);
    verdict();
}

void farm_free(struct farm *f)
{
    leat_chan_free(f->in);
    leat_chan_free(f->out);
    free(f->delivered);
    free(f->reported);
}

int farm_finish(struct farm *f, struct leat_pipe_stats *ret)
{
    int r = farm_join(f, ret);
    farm_check(f);
    farm_free(f);
    return r;
}

bool farm_signal(unsigned worker, uint64_t helper, int sig)
{
    char path[64], line[128];
    unsigned long parent = 0;
    uint32_t pid = leati_load_sc(&board->pid[worker]);
    if (pid == 0)
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%u/status", pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "PPid: %lu", &parent) == 1)
            break;
    }
    if (f)
        (void)fclose(f);
    return parent == helper && kill((pid_t)pid, sig) == 0;
}

struct leati_lane farm_lane(void)
{
    char line[512];
    unsigned long lo = 0;
    struct leati_lane lane;
    FILE *f = fopen("/proc/self/maps", "re");
    while (f && fgets(line, sizeof(line), f)) {
        if (strstr(line, "memfd:leat-pipe") && sscanf(line, "%lx-", &lo) == 1)
            break;
    }
    if (f)
        (void)fclose(f);
    char *segment = (char *)lo; /* NOLINT */
    memcpy(&lane, segment + sizeof(struct leati_lane_head), sizeof(lane));
    lane.base = segment;
    return lane;
}

unsigned farm_descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

unsigned farm_segments(void)
{
    char line[512];
    unsigned n = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (strstr(line, "memfd:leat-pipe"))
            n++;
    }
    (void)fclose(f);
    return n;
}

void farm_no_leak(unsigned descriptors)
{
    assert_int_equal(farm_descriptors(), descriptors);
    assert_int_equal(farm_segments(), 0);
}
