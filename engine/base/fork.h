/* fork.h - when the handlers of forks are registered.
 *
 * A fork finds the locks that objects share free, so that its child does too; the locks
 * inside objects are the affair of whoever uses these in a child (chan.h, sync.h).
 * A fork runs its handlers last registered first. Those of leaves, locks under which no
 * other is taken, are registered first: their holders never wait for one that a fork has.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_FORK_H
#define LEATI_BASE_FORK_H

#include <pthread.h>

/* Of a function that registers handlers, before main. */
#define LEATI_FORK_LEAF __attribute__((constructor(1000)))
#define LEATI_FORK_ROOT __attribute__((constructor(1001)))

#endif
