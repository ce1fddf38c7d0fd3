/* signal.h - the one call of leat that a signal handler may make.
 *
 * Fork: the child has no thread that forwards. There a post gives LEAT_ENOTSUP and
 * leat_signal_free gives back the mailbox and its descriptor, nothing else.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_SIGNAL_H
#define LEAT_SIGNAL_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

typedef struct leat_signal leat_signal;

/* Makes a mailbox whose posts arrive in channel c as uint32_t messages. Holds a
 * reference on c and starts one thread ("leat-signal") that does the sending, so a
 * full channel delays later messages and loses none. LEAT_EINVAL (elem_size of c is
 * not 4), LEAT_ENOMEM, LEAT_EAGAIN (no thread, no descriptor). */
LEAT_API LEAT_NODISCARD int leat_signal_new(leat_signal **ret, leat_chan *c);

/* Posts message n, 0 .. 63 (a signal number fits). Async-signal-safe; from any
 * thread. Posts of the same n not yet forwarded count as one, as signals do.
 * Returns 0, LEAT_EINVAL, LEAT_ENOTSUP. */
LEAT_API int leat_signal_post(leat_signal *s, uint32_t n);

/* Forwards what was posted and the channel accepts now, drops the rest, ends the
 * thread. No handler may still post. NULL allowed; returns NULL. */
LEAT_API leat_signal *leat_signal_free(leat_signal *s);

LEAT_END_DECLS
#endif
