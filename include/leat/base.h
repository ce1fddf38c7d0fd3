/* base.h - what every public header needs: linkage, attributes, sizes.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_BASE_H
#define LEAT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define LEAT_BEGIN_DECLS extern "C" {
#define LEAT_END_DECLS   }
#else
#define LEAT_BEGIN_DECLS
#define LEAT_END_DECLS
#endif

#define LEAT_API     __attribute__((visibility("default")))
#define LEAT_NODISCARD __attribute__((warn_unused_result))

#define LEAT_VERSION_MAJOR 0
#define LEAT_VERSION_MINOR 1
#define LEAT_VERSION_PATCH 0

/* Bytes between two words that different cores write: two 64-byte lines, since
 * the adjacent-line prefetcher of x86-64 moves lines in pairs. */
#define LEAT_CACHELINE 128

/* Structs of options (leat_*_opts) begin with `size`, their own sizeof, which says for
 * which version of the struct the caller was compiled. It is exact: any other size is
 * LEAT_EINVAL, a longer one too, for what the library does not know it would not do. A
 * later version with more members takes the sizes of the earlier ones as well. Members
 * left 0 or NULL mean their default. */

/* Memory functions that a caller may supply. `alloc` returns memory aligned to
 * `align` (a power of two, at least sizeof(void *)) or NULL; `free` takes what
 * alloc returned and the size it was asked for. Both may be called from any
 * thread or fiber, never from a send, receive, select or park. */
struct leat_alloc {
    void *(*alloc)(size_t size, size_t align, void *arg);
    void (*free)(void *p, size_t size, void *arg);
    void *arg;
};

#endif
