/* message.h - messages between processes that may carry file descriptors, and waiting for
 * several descriptors at once. SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_MESSAGE_H
#define LEATI_ARCH_MESSAGE_H

#include "arch/cc.h"

enum { LEATP_FDS_MAX = 4 };

/* Two ends of a connection that keeps the bounds of messages. 0, or LEAT_EAGAIN: no
 * descriptors left. */
int leatp_pair(int ret[2]);
/* Is fd such an end? */
bool leatp_is_pair(int fd);

/* Sends one message with nfd descriptors. 0; LEAT_EAGAIN: no room now (never with
 * `wait`); LEAT_ECLOSED: nobody is at the other end, or the connection is broken. */
int leatp_message_send(int fd, const void *buf, size_t len, const int *fds,
                       unsigned nfd, bool wait);

/* Receives one: its length; LEAT_EAGAIN: none now; LEAT_ECLOSED: nor will there be one.
 * Descriptors that did not come (there were none left) are -1. */
ptrdiff_t leatp_message_recv(int fd, void *buf, size_t size, int *ret_fds, unsigned nfd,
                             bool wait);

/* Does something come, or the end, within ns? Blocks the thread. */
bool leatp_message_within(int fd, int64_t ns);

void leatp_close(int fd); /* -1: nothing */
/* The same open file under another number, at least `from`; close-on-exec or not. */
int leatp_dup(int fd, int from, bool keep_on_exec);
/* Closes every descriptor from `from` on but those in keep, which is sorted upwards. */
void leatp_close_all_but(int from, const int *keep, unsigned n);

/* A counter whose writer never blocks; each write is one edge for leatp_watch. */
int leatp_bell_new(void); /* or -1 */
void leatp_bell_ring(int fd);

/* A set of watched descriptors. */
enum leatp_watch_what {
    LEATP_READABLE = 1u << 0,
    LEATP_WRITABLE = 1u << 1,
    LEATP_EDGE = 1u << 2, /* told once for each change, not as long as it lasts */
};
struct leatp_seen {
    uint64_t key;
    unsigned what; /* READABLE also when it is broken */
};
int leatp_watch_new(void); /* a descriptor, or -1 */
int leatp_watch_add(int watch, int fd, uint64_t key,
                    unsigned what); /* 0 or LEAT_ENOMEM */
int leatp_watch_change(int watch, int fd, uint64_t key, unsigned what);
void leatp_watch_remove(int watch, int fd);
/* Waits at most ns (< 0: without limit); how many it saw. 0 also when interrupted. */
unsigned leatp_watch_wait(int watch, struct leatp_seen *ret, unsigned n, int64_t ns);

#endif
