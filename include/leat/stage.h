/* stage.h - what a worker of a pipe or a step of a flow does with one item.
 *
 * The same function runs in a fiber, in a thread or in a process of its own. It gets an
 * item, emits any number of outputs and says how it went:
 *
 *     static int twice(leat_stage *s, const void *in, size_t len)
 *     {
 *         int v;
 *         memcpy(&v, in, len);
 *         v *= 2;
 *         return leat_emit(s, &v);
 *     }
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_STAGE_H
#define LEAT_STAGE_H

#include <leat/base.h>
#include <leat/err.h>

LEAT_BEGIN_DECLS

/* One worker at work on one item. Valid during the call it was given to. */
typedef struct leat_stage leat_stage;

/* Not an error: the step needs no more input and ends as if the input had been closed;
 * what it emitted before is delivered. */
#define LEAT_STAGE_ENOUGH 1

/* One item: `len` bytes at `in` (the element size of the input, or what the codec of a
 * process pipe made of it), which are the worker's until it returns. Returns 0, also
 * when it emitted nothing; LEAT_STAGE_ENOUGH (only where it says so: flows); a negative
 * LEAT_E... or other negative value: the item failed. May block as its kind of worker
 * may: a fiber on channels and in leat_blocking(), a thread or process on anything. */
typedef int leat_stage_fn(leat_stage *s, const void *in, size_t len);

/* Adds one output, of the output's element size, behind those that this item emitted
 * before. May wait for room (back-pressure). Returns 0; LEAT_ECLOSED or LEAT_ECANCELED
 * when nobody takes outputs any more: return it, or clean up and return anything;
 * LEAT_EMSGSIZE when the outputs of one item exceed what a process pipe can carry. */
LEAT_API int leat_emit(leat_stage *s, const void *out);

/* As leat_emit with `len` bytes, for process pipes with a codec. Elsewhere len must be
 * the element size, else LEAT_EINVAL. */
LEAT_API int leat_emit_bytes(leat_stage *s, const void *out, size_t len);

/* What the worker's init made; the pipe's argument; the worker's number, from 0; the
 * item's place in the input, from 0 (flows: items this step has taken before). */
LEAT_API void *leat_stage_state(const leat_stage *s);
LEAT_API void *leat_stage_arg(const leat_stage *s);
LEAT_API unsigned leat_stage_worker(const leat_stage *s);
LEAT_API uint64_t leat_stage_position(const leat_stage *s);

/* Has the pipe been asked to end early, or this item's deadline passed? For long
 * computations to look at; loads only. */
LEAT_API bool leat_stage_stopping(const leat_stage *s);

LEAT_END_DECLS
#endif
