/* source.h - values for option structs, from a fuzzer's bytes.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_FUZZ_SOURCE_H
#define LEAT_TESTS_FUZZ_SOURCE_H

#include <leat/leat.h>
#include <leat/ring.h>

struct source {
    const uint8_t *at, *end;
};

/* Zero when the bytes are used up. */
uint8_t source_byte(struct source *s);
uint32_t source_u32(struct source *s);
uint64_t source_u64(struct source *s);

/* A number of bytes or elements: small, one of the limits, or anything. */
size_t source_size(struct source *s);
/* A size field: mostly the right one. */
size_t source_struct_size(struct source *s, size_t right);
/* Mostly of the `known` lowest bits. */
unsigned source_flags(struct source *s, unsigned known);
/* A name, maybe a long one, or NULL; good until the next one is asked for. */
const char *source_name(struct source *s);

/* Memory that is counted and has an end. */
struct source_memory {
    size_t limit, live;
    unsigned calls, fail_at; /* 0: none */
    bool refused;            /* an allocation was */
};
/* Its functions, or some that are missing. */
struct leat_alloc source_alloc(struct source *s, struct source_memory *m);

_Noreturn void source_fail(const char *text, const char *file, int line);

#endif
