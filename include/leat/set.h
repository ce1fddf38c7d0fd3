/* set.h - receiving from thousands of channels: registered once, O(1) per event.
 *
 * A set belongs to one thread or fiber at a time: it alone calls add, del and wait.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_SET_H
#define LEAT_SET_H

#include <leat/chan.h>

LEAT_BEGIN_DECLS

typedef struct leat_set leat_set;

/* Makes an empty set. LEAT_EINVAL, LEAT_ENOMEM. */
LEAT_API LEAT_NODISCARD int leat_set_new(leat_set **ret);

/* Frees it, after removing what is in it. NULL allowed; returns NULL. */
LEAT_API leat_set *leat_set_free(leat_set *s);

/* Adds channel c with a user's pointer that leat_set_wait hands back. The set holds a
 * reference on c. Returns 0, LEAT_EALREADY when c is in the set, LEAT_EINVAL,
 * LEAT_ENOMEM. Allocates. */
LEAT_API LEAT_NODISCARD int leat_set_add(leat_set *s, leat_chan *c, void *user);

/* Removes c. Returns 0, or LEAT_EINVAL when it is not in the set. */
LEAT_API int leat_set_del(leat_set *s, leat_chan *c);

/* Receives one value from any channel of the set into ret (room for the largest
 * element of them), round robin over those that have some. *ret_chan is the channel,
 * *ret_user its user pointer (each may be NULL).
 * Returns 0; LEAT_ECLOSED: that channel is closed and drained; it is reported once
 * and has left the set; LEAT_EAGAIN (LEAT_NOW), LEAT_ETIMEDOUT, LEAT_ECANCELED;
 * LEAT_EINVAL. An empty set with LEAT_NEVER waits until cancelled. */
LEAT_API LEAT_NODISCARD int leat_set_wait(leat_set *s, void *ret, leat_chan **ret_chan,
                                          void **ret_user, struct leat_deadline until);

/* Channels in the set. */
LEAT_API size_t leat_set_len(const leat_set *s);

LEAT_END_DECLS
#endif
