/* process_worker.h - what a process pipe tells its workers at their beginning.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PIPE_PROCESS_WORKER_H
#define LEATI_PIPE_PROCESS_WORKER_H

#include "proc/lane.h"
#include "proc/proc.h"

/* The functions of the connection, by place. */
enum { LEATI_FN_ENTRY, LEATI_FN_RUN, LEATI_FN_INIT, LEATI_FN_EXIT, LEATI_FN_CONFINE };

/* In the segment behind the lane's head, written before the worker begins; each side goes
 * by its own copy. */
struct leati_process_config {
    struct leati_lane lane; /* base is meaningless */
    uint32_t out_size;
    uint32_t worker;
    bool any_size; /* each output is a record: its length, its bytes */
    size_t arg_size;
    char arg[] __attribute__((aligned(64)));
};

/* Each output of any size costs so much beside its bytes. */
enum { LEATI_RECORD = sizeof(uint32_t) };

leati_proc_entry leati_process_worker;

#endif
