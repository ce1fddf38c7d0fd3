/* stage.h - one worker at work on one item, as whoever runs it sees it. Pipes of each
 * kind and flows embed this and say where outputs go. SPDX-License-Identifier: MIT */
#ifndef LEATI_PIPE_STAGE_H
#define LEATI_PIPE_STAGE_H

#include <leat/stage.h>

struct leati_stage_ops {
    /* leat_emit_bytes; `len` has been checked where there is no codec. */
    int (*emit)(leat_stage *s, const void *out, size_t len);
    bool (*stopping)(const leat_stage *s);
};

struct leat_stage {
    const struct leati_stage_ops *ops;
    void *state, *arg;
    uint64_t position;
    unsigned worker;
    uint32_t out_size; /* bytes of an output */
    bool any_size;     /* outputs go through a codec: any length */
};

#endif
