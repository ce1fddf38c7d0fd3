/* typed.h - channels of one C type, without void pointers.
 *
 *     LEAT_CHAN_DEFINE(jobs, struct job)
 *     jobs *c;  jobs_new(&c, 128);  jobs_send(c, (struct job){...});  jobs_recv(c, &j);
 *
 * `jobs` is an opaque type of its own: mixing up two channel types does not compile.
 * jobs_chan(c) gives the plain channel for select, len, handles.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TYPED_H
#define LEAT_TYPED_H

#include <leat/chan.h>

#define LEAT_CHAN_DEFINE(name, T)                                                        \
    typedef struct name##_chan__ name;                                                   \
    LEAT__TYPED leat_chan *name##_chan(name *c)                                          \
    {                                                                                    \
        return (leat_chan *)c;                                                           \
    }                                                                                    \
    LEAT__TYPED int name##_new(name **ret, size_t capacity)                              \
    {                                                                                    \
        return leat_chan_new((leat_chan **)(void *)ret, sizeof(T), capacity);            \
    }                                                                                    \
    LEAT__TYPED name *name##_free(name *c)                                               \
    {                                                                                    \
        return (name *)leat_chan_free((leat_chan *)c);                                   \
    }                                                                                    \
    LEAT__TYPED int name##_close(name *c)                                                \
    {                                                                                    \
        return leat_chan_close((leat_chan *)c);                                          \
    }                                                                                    \
    LEAT__TYPED int name##_send(name *c, T elem)                                         \
    {                                                                                    \
        return leat_chan_send((leat_chan *)c, &elem);                                    \
    }                                                                                    \
    LEAT__TYPED int name##_send_until(name *c, T elem, struct leat_deadline until)       \
    {                                                                                    \
        return leat_chan_send_until((leat_chan *)c, &elem, until);                       \
    }                                                                                    \
    LEAT__TYPED int name##_try_send(name *c, T elem)                                     \
    {                                                                                    \
        return leat_chan_try_send((leat_chan *)c, &elem);                                \
    }                                                                                    \
    LEAT__TYPED ptrdiff_t name##_send_n(name *c, const T *elems, size_t n,               \
                                        struct leat_deadline until)                      \
    {                                                                                    \
        return leat_chan_send_n((leat_chan *)c, elems, n, until);                        \
    }                                                                                    \
    LEAT__TYPED int name##_recv(name *c, T *ret)                                         \
    {                                                                                    \
        return leat_chan_recv((leat_chan *)c, ret);                                      \
    }                                                                                    \
    LEAT__TYPED int name##_recv_until(name *c, T *ret, struct leat_deadline until)       \
    {                                                                                    \
        return leat_chan_recv_until((leat_chan *)c, ret, until);                         \
    }                                                                                    \
    LEAT__TYPED int name##_try_recv(name *c, T *ret)                                     \
    {                                                                                    \
        return leat_chan_try_recv((leat_chan *)c, ret);                                  \
    }                                                                                    \
    LEAT__TYPED ptrdiff_t name##_recv_n(name *c, T *ret, size_t n,                       \
                                        struct leat_deadline until)                      \
    {                                                                                    \
        return leat_chan_recv_n((leat_chan *)c, ret, n, until);                          \
    }                                                                                    \
    typedef struct name##_chan__ name

#define LEAT__TYPED __attribute__((unused)) static inline

#endif
