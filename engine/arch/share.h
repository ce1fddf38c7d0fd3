/* share.h - memory that two processes share. SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_SHARE_H
#define LEATI_ARCH_SHARE_H

#include "arch/cc.h"

/* A file in memory of `bytes` zeros, whose size nobody can change any more: a descriptor,
 * or LEAT_EAGAIN (no descriptors left), LEAT_ENOMEM, LEAT_ENOTSUP. */
int leatp_share_new(size_t bytes, const char *name);

/* Is it such a file, of at least so many bytes? */
bool leatp_share_is(int fd, size_t bytes);

/* Its memory, or NULL. A process forked from the one that maps it does not have it. */
void *leatp_share_map(int fd, size_t bytes);
void leatp_share_unmap(void *p, size_t bytes);

#endif
