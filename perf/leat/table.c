/* table.c - the scenarios by name.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

#include <stdio.h>
#include <string.h>

static const struct scenario table[] = {
    {"seq/cap128", seq, IN_FIBER},
    {"select-default/8", select_default_8, IN_FIBER},
    {"pingpong/cap0", pingpong, IN_FIBER},
    {"batch64", batch64, IN_FIBER},
    {"sieve", sieve, IN_FIBER},
    {"ring10000", ring, IN_FIBER},
    {"spawn-join", spawn_join, IN_FIBER},
    {"spawn-block", spawn_block, IN_FIBER},
    {"close-wake-1000", close_wake, IN_FIBER},
    {"idle", idle, ON_THREAD},
    {"work64", work64, IN_FIBER},
    {"mpmc-work", mpmc_work, IN_FIBER},
    {"work64/threads", work64_threads, NO_POOL},
    {"mpmc-work/threads", mpmc_work_threads, NO_POOL},
    {"calibrate", calibrate, NO_POOL},
    {"wake-computing", wake_computing, IN_FIBER},
    {"wake-sleeping", wake_sleeping, IN_FIBER},
    {"memory", memory, IN_FIBER},
    {"memory/small", memory_small, IN_FIBER},
    {"callback-pending", callback_pending, NO_POOL},
};

static const struct scenario try_recv = {"try-recv-empty", try_recv_empty, IN_FIBER};
static const struct scenario fanin = {"fanin-select", fanin_select, IN_FIBER};
static const struct scenario streams = {"stream", stream, IN_FIBER};
static const struct scenario single = {"spsc", spsc, IN_FIBER};
static const struct scenario typed = {"spsc-typed", spsc_typed, IN_FIBER};
static const struct scenario threads = {"threads-pingpong", threads_pingpong, NO_POOL};
static const struct scenario pipes = {"pipe", pipe_items, IN_FIBER};
static const struct scenario processes = {"pipe-processes", pipe_processes, NO_POOL};
static const struct scenario sleepers = {"pipe-sleep", pipe_sleepers, IN_FIBER};
static const struct scenario callbacks = {"callback-pairs", callback_pairs, NO_POOL};
static const struct scenario bytes = {"channel-bytes", channel_bytes, IN_FIBER};

/* Names that carry figures: streamPxC/capK, declared/capK (one producer and one
 * consumer, both declared), typed/capK, try-recv-empty/capK, fanin-select/P,
 * callback-pairs/capK. */
static const struct scenario *find_counted(const char *name, struct job *j)
{
    if (sscanf(name, "stream%zux%zu/cap%zu", &j->p, &j->c, &j->cap) == 3)
        return j->p == 1 && j->c == 1 ? &single : &streams;
    if (sscanf(name, "declared/cap%zu", &j->cap) == 1) {
        j->flags = LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER;
        return &single;
    }
    if (sscanf(name, "typed/cap%zu", &j->cap) == 1)
        return &typed;
    if (sscanf(name, "try-recv-empty/cap%zu", &j->cap) == 1)
        return &try_recv;
    if (sscanf(name, "fanin-select/%zu", &j->p) == 1)
        return &fanin;
    if (sscanf(name, "callback-pairs/cap%zu", &j->cap) == 1)
        return &callbacks;
    return NULL;
}

static const struct scenario *find_option(const char *name, struct job *j)
{
    if (strcmp(name, "threads-pingpong") == 0)
        return &threads;
    if (strcmp(name, "threads-pingpong/never") == 0) {
        j->spin = LEAT_SPIN_NEVER;
        return &threads;
    }
    if (strcmp(name, "threads-pingpong/busy") == 0) {
        j->spin = LEAT_SPIN_BUSY;
        return &threads;
    }
    if (strcmp(name, "channel-bytes") == 0)
        return &bytes;
    if (strcmp(name, "channel-bytes/compact") == 0) {
        j->flags = LEAT_COMPACT;
        return &bytes;
    }
    return NULL;
}

/* pipe-ordered/P, pipe-unordered/P with P workers; pipe-processes/P-ordered, ...;
 * pipe-sleep/fibers-ordered, ... */
static const struct scenario *find_pipe(const char *name, struct job *j)
{
    if (sscanf(name, "pipe-ordered/%zu", &j->p) == 1)
        return &pipes;
    j->flags = strstr(name, "unordered") ? LEAT_PIPE_UNORDERED : 0;
    if (sscanf(name, "pipe-unordered/%zu", &j->p) == 1)
        return &pipes;
    if (sscanf(name, "pipe-processes/%zu", &j->p) == 1)
        return &processes;
    if (strncmp(name, "pipe-sleep/", 11) != 0)
        return NULL;
    j->c = strstr(name, "threads") != NULL;
    return &sleepers;
}

const struct scenario *find(const char *name, struct job *j)
{
    const struct scenario *s;
    if (strncmp(name, "pipe-", 5) == 0)
        return find_pipe(name, j);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    s = find_counted(name, j);
    return s ? s : find_option(name, j);
}
