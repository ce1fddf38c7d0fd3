/* port.h - included before everything in the engine's files: stands for the two headers
 * of arch/ whose inline assembly the runtime would not see. SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_PORT_H
#define LEAT_WEAVE_PORT_H

#define LEATI_ARCH_RELAX_H
#define LEATI_ARCH_TLS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void leatp_pause(void);
void leatp_relax(unsigned *step);
void *leatp_tls_self(void);
void *leatp_tls_self_call(void);

#endif
