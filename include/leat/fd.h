/* fd.h - a channel as a file descriptor, for event loops: poll, epoll, libuv, ...
 *
 *     leat_fd_new(&f, c);
 *     epoll_ctl(ep, EPOLL_CTL_ADD, leat_fd_get(f), &event);   // level-triggered
 *     ...
 *     while ((r = leat_fd_recv(f, &v)) == 0)                  // when it is readable
 *         use(v);
 *
 * Readable    exactly while a receive would not block: there is a value, a sender waits
 *             (capacity 0), or the channel is closed, which it then stays. Exactly for who
 *             receives with leat_fd_recv. When others receive from the same channel, or a
 *             sender that waited gives up, it may stay readable with nothing there: the
 *             next leat_fd_recv says LEAT_EAGAIN and clears it (leat_fd_update does the
 *             same). It is never unreadable while there is something.
 * Cost        a send makes a system call only when it is the first since the descriptor
 *             was cleared; while nobody receives, none. One receive in a burst, the last,
 *             makes one.
 * Callers     one thread or fiber at a time calls the functions below for the same
 *             leat_fd; several leat_fds of one channel are independent.
 * Timers      channels of leat_after and leat_tick work as well: readable when due.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_FD_H
#define LEAT_FD_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

typedef struct leat_fd leat_fd;

/* Makes one of channel c, on which it holds a reference. LEAT_EINVAL, LEAT_ENOMEM,
 * LEAT_EAGAIN (no descriptor to be had). */
LEAT_API LEAT_NODISCARD int leat_fd_new(leat_fd **ret, leat_chan *c);

/* The descriptor: only to be polled for input, not to be read, written or closed. It is
 * closed on exec. -1 for NULL. */
LEAT_API int leat_fd_get(const leat_fd *f);

/* leat_chan_try_recv, then, when nothing is left, clears the descriptor. */
LEAT_API LEAT_NODISCARD int leat_fd_recv(leat_fd *f, void *ret);

/* For those who receive by other calls (batches, select): clears the descriptor when a
 * receive would block now. Returns whether one would not. */
LEAT_API bool leat_fd_update(leat_fd *f);

/* Closes it, after it was taken out of every loop. NULL allowed; returns NULL. */
LEAT_API leat_fd *leat_fd_free(leat_fd *f);

LEAT_END_DECLS
#endif
