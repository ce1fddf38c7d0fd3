/* port.h - included before everything in the engine's files: stands for the headers of
 * arch/ whose inline assembly the runtime would not see. SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_PORT_H
#define LEAT_WEAVE_PORT_H

#define LEATI_ARCH_RELAX_H
#define LEATI_ARCH_TLS_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

void leatp_pause(void);
void leatp_relax(unsigned *step);
void *leatp_tls_self(void);
void *leatp_tls_self_call(void);

/* Mutexes of the C library, and what it calls at the end of the process. */
int weave_mutex_lock(void *mutex);
int weave_mutex_unlock(void *mutex);
int weave_at_exit(void (*fn)(void));

#define pthread_mutex_lock weave_mutex_lock
#define pthread_mutex_unlock weave_mutex_unlock
#define atexit weave_at_exit

/* The switch between stacks, with the runtime told of it. */
void weave_context_left(void **save);
void weave_context_entered(void **save);

#define leatp_ctx_swap leatp_ctx_swap_untold
#include "arch/ctx.h"
#undef leatp_ctx_swap

static inline void *leatp_ctx_swap(void **save, void *to, void *pass)
{
    weave_context_left(save);
    pass = leatp_ctx_swap_untold(save, to, pass);
    weave_context_entered(save);
    return pass;
}

#endif
