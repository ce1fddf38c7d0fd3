/* process.h - processes: making, watching and ending them, limits, signals.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_PROCESS_H
#define LEATI_ARCH_PROCESS_H

#include "arch/cc.h"

int leatp_self_pid(void);
int leatp_parent_pid(void);

/* Has the calling process exactly one thread that could hold a lock? */
bool leatp_single_threaded(void);

/* fork: 0 in the child, its pid in the parent, LEAT_EAGAIN or LEAT_ENOMEM. Only where
 * leatp_single_threaded. */
int leatp_fork(void);

/* Forks twice: the grandchild returns 0 and is nobody's child that the caller could meet
 * in a wait; the caller gets 1, or an error. The grandchild has a process group of its
 * own, so the terminal's signals do not reach it. */
int leatp_fork_apart(void);

/* Runs the program of the calling process once more, with `fd` open in it and
 * NAME=number of it in the environment. It must end (leatp_fork_apart and leave) at once.
 * 0 or LEAT_ENOTSUP. */
int leatp_spawn_self(int fd, const char *name);

/* The number in that variable, which is removed; -1: none, or not to be trusted. */
int leatp_spawned_fd(const char *name);

/* Ends the calling process without what the program wanted done at its exit. */
__attribute__((noreturn)) void leatp_leave(int status);
/* The same after its output has been written. */
__attribute__((noreturn)) void leatp_leave_flushed(int status);

/* A descriptor of a process that becomes readable when it has ended; or -1. */
int leatp_pidfd(int pid);
/* SIGKILL; harmless when it has ended. */
void leatp_pidfd_kill(int pidfd);
void leatp_kill_child(int pid); /* one that has not been taken by leatp_child_news */

/* Blocks every signal, remembers what was blocked, and returns a descriptor that is
 * readable when children have news; or -1. Once, in the helper. */
int leatp_helper_signals(void);
/* In a child of it: signals as they were. */
void leatp_worker_signals(void);

enum leatp_child_what { LEATP_CHILD_ENDED, LEATP_CHILD_STOPPED, LEATP_CHILD_CONTINUED };
/* Next piece of news of a child: its pid, or 0: none. */
int leatp_child_news(int signals, enum leatp_child_what *ret);

/* The calling process shall not outlive its parent `parent`. False: it has. Again after
 * a change of user. */
bool leatp_die_with(int parent);
void leatp_no_new_privs(void);
void leatp_process_name(const char *name);

/* Resource limits; 0: as it is. */
struct leatp_limits {
    uint64_t cpu_seconds, memory_bytes, open_files;
};
bool leatp_limit(const struct leatp_limits *l);

#endif
