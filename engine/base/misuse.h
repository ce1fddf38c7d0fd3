/* misuse.h - a caller's error that no return value can tell.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_BASE_MISUSE_H
#define LEATI_BASE_MISUSE_H

#include "arch/cc.h"

/* Writes "leat: <call>: <what>" to stderr; debug builds (LEATI_DEBUG) then abort.
 * Needs little stack and no memory: it may be called on the smallest fiber. */
LEATI_COLD void leati_misuse(const char *call, const char *what);

#endif
