/* stage.c - the calls that a worker's function may make.
 * SPDX-License-Identifier: MIT */
#include "pipe/stage.h"

int leat_emit_bytes(leat_stage *s, const void *out, size_t len)
{
    if (s == NULL || (out == NULL && len > 0) || (!s->any_size && len != s->out_size))
        return LEAT_EINVAL;
    return s->ops->emit(s, out, len);
}

int leat_emit(leat_stage *s, const void *out)
{
    return s ? leat_emit_bytes(s, out, s->out_size) : LEAT_EINVAL;
}

void *leat_stage_state(const leat_stage *s)
{
    return s->state;
}

void *leat_stage_arg(const leat_stage *s)
{
    return s->arg;
}

unsigned leat_stage_worker(const leat_stage *s)
{
    return s->worker;
}

uint64_t leat_stage_position(const leat_stage *s)
{
    return s->position;
}

bool leat_stage_stopping(const leat_stage *s)
{
    return s->ops->stopping(s);
}
