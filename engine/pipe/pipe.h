/* pipe.h - what every mode of pipe has: a handle whose operations the mode supplies.
 *
 * pipe.c checks the options, then asks the mode to start; all later calls go through
 * the handle's operations. A mode embeds struct leat_pipe as the first field of its own
 * pipe. SPDX-License-Identifier: MIT */
#ifndef LEATI_PIPE_PIPE_H
#define LEATI_PIPE_PIPE_H

#include <leat/pipe.h>

struct leati_pipe_ops {
    /* leat_pipe_join_until; ret_result is not NULL. */
    int (*join)(struct leat_pipe *p, int *ret_result, struct leat_pipe_stats *ret,
                struct leat_deadline until);
    void (*cancel)(struct leat_pipe *p);
    void (*stats)(const struct leat_pipe *p, struct leat_pipe_stats *ret);
    int (*worker_stats)(const struct leat_pipe *p, unsigned worker, uint64_t *ret_items,
                        uint64_t *ret_busy_ns);
    void (*detach)(struct leat_pipe *p); /* the handle is gone */
};

struct leat_pipe {
    const struct leati_pipe_ops *ops;
};

/* By mode. in, out and o have been checked: channels that can be received from and sent
 * to, run given, workers > 0, numbers in range, buffer the real number (0 is none), process
 * options as given. ret NULL: detached. Each takes its own references on the channels. */
int leati_local_pipe_start(leat_pipe **ret, leat_chan *in, leat_chan *out,
                           const struct leat_pipe_opts *o);
int leati_process_pipe_start(leat_pipe **ret, leat_chan *in, leat_chan *out,
                             const struct leat_pipe_opts *o);

#endif
