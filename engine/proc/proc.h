/* proc.h - worker processes for whoever needs some: a connection to the helper, on which
 * workers are asked for and news of them arrives.
 *
 * Idea        A process with threads cannot safely run code in a fork of itself, so a
 *             helper is forked from it before it has any (leat/process.h), and forks the
 *             workers. Each user of workers has a connection of its own to the helper;
 *             when it goes, also by the death of the program, its workers are killed.
 * Parties     program -> helper: JOIN, on the helper's own socket, with one end of a new
 *             connection; there OPEN (the functions), SPAWN, KILL. helper -> program:
 *             OPENED, SPAWNED with the worker's pidfd or FAILED, STOPPED, CONTINUED.
 * Lives       helper: until the program ends (pidfd) or closes the socket. Worker: until
 *             the helper dies (PDEATHSIG), its connection goes, or it is done.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_PROC_PROC_H
#define LEATI_PROC_PROC_H

#include "arch/object.h"
#include "arch/process.h"

/* The functions of a connection: [0] is where a worker begins. */
enum { LEATI_PROC_FNS = 5 };

/* In a worker: what its first function gets. */
struct leati_proc_self {
    void *segment; /* mapped, not inherited by its children */
    size_t bytes;
    int bell;   /* leatp_bell_ring: tells whoever asked for the worker */
    int helper; /* leatp_die_with, again after a change of user */
    void (*fn[LEATI_PROC_FNS])(void);
};
typedef void leati_proc_entry(struct leati_proc_self *self);

enum leati_proc_kind {
    LEATI_PROC_JOIN,
    LEATI_PROC_OPEN,
    LEATI_PROC_SPAWN,
    LEATI_PROC_KILL,
    LEATI_PROC_OPENED,
    LEATI_PROC_SPAWNED,
    LEATI_PROC_FAILED,
    LEATI_PROC_STOPPED,
    LEATI_PROC_CONTINUED,
};

/* Any message but OPEN. */
struct leati_proc_message {
    uint32_t kind;
    int32_t err;
    uint64_t id;    /* of a worker, as its user numbers them; never used twice */
    uint64_t bytes; /* SPAWN: of the segment */
    struct leatp_limits limits;
    char name[16];
};

struct leati_proc_open {
    uint32_t kind;
    struct leatp_function fn[LEATI_PROC_FNS];
};

/* A connection whose workers can run these functions: 0; LEAT_ENOEXEC: they would not find
 * one; LEAT_ENOTSUP: there is no helper, or it does not answer; LEAT_EAGAIN. Blocks the
 * thread for a round trip, or for as long as it takes to run the program again. */
int leati_proc_connect(int *ret, const struct leati_proc_open *functions);

/* Asks for a worker: 0, LEAT_EAGAIN (try later), LEAT_ECLOSED (the helper is gone). The
 * answer comes as news. */
int leati_proc_spawn(int link, const struct leati_proc_message *m, int segment,
                     int bell);
/* Kills one whose pidfd could not be received. */
int leati_proc_kill(int link, uint64_t id);

/* The next piece of news: 0, LEAT_EAGAIN (none), LEAT_ECLOSED. SPAWNED: *ret_pidfd is the
 * caller's; -1 if there was no descriptor left for it. Never blocks. */
int leati_proc_news(int link, struct leati_proc_message *ret, int *ret_pidfd);

/* The helper: serves until the process `program` ends or `socket` is closed. */
__attribute__((noreturn)) void leati_proc_helper(int socket, int program);

#endif
