/* err.h - results. Every function that can fail returns 0 or one of these; each
 * equals the negative of the errno value of like meaning. errno itself is never
 * read or written: its address is not stable across a fiber switch.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_ERR_H
#define LEAT_ERR_H

#include <leat/base.h>

/* X(name, value, text) */
#define LEAT_ERR_MAP(X)                                                         \
    X(ENOEXEC, -8, "function not found in the worker's program")                \
    X(EAGAIN, -11, "would block")                                               \
    X(ENOMEM, -12, "out of memory")                                             \
    X(EBUSY, -16, "busy: another thread is in the middle of an operation")      \
    X(EINVAL, -22, "invalid argument")                                          \
    X(ECLOSED, -32, "channel closed")                                           \
    X(EDEADLK, -35, "would deadlock: a call of this kind is not possible here") \
    X(EOVERFLOW, -75, "size or capacity too large")                             \
    X(EMSGSIZE, -90, "message too long")                                        \
    X(ENOTSUP, -95, "not supported by this kind of object")                     \
    X(ETIMEDOUT, -110, "deadline passed")                                       \
    X(EALREADY, -114, "already done")                                           \
    X(ECANCELED, -125, "cancelled")                                             \
    X(EOWNERDEAD, -130, "the worker died")

enum leat_err {
    LEAT_OK = 0,
#define LEAT_ERR_ENUM(name, value, text) LEAT_##name = (value),
    LEAT_ERR_MAP(LEAT_ERR_ENUM)
#undef LEAT_ERR_ENUM
};

LEAT_BEGIN_DECLS

/* The code's name ("LEAT_EAGAIN") and a short English text. Static strings, for
 * any int: an unknown one gives "LEAT_E?" and "unknown error". Never blocks;
 * async-signal-safe. */
LEAT_API const char *leat_err_name(int err);
LEAT_API const char *leat_err_text(int err);

LEAT_END_DECLS
#endif
