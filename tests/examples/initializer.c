/* initializer.c - initializer N WORKERS: what is costly to make is made once for each
 * worker, not for each item. SPDX-License-Identifier: MIT */
#include "example.h"

static leati_a32 made, unmade;

/* Stands for a connection to a database: who has it can square numbers. */
struct connection {
    unsigned worker;
    long used;
};

static int connect_to_it(void *arg, unsigned worker, void **ret_state)
{
    struct connection *c = malloc(sizeof(*c));
    (void)arg;
    if (c == NULL)
        return LEAT_ENOMEM;
    *c = (struct connection){worker, 0};
    *ret_state = c;
    (void)leati_add_rlx(&made, 1u);
    return 0;
}

static void disconnect(void *state)
{
    free(state);
    (void)leati_add_rlx(&unmade, 1u);
}

static int square(leat_stage *s, const void *in, size_t len)
{
    struct connection *c = leat_stage_state(s); /* nobody else uses it */
    int64_t v;
    memcpy(&v, in, len);
    c->used++;
    v *= v;
    return leat_emit(s, &v);
}

int main(int argc, char **argv)
{
    const struct leat_pipe_opts opts = {
        .size = sizeof(opts),
        .run = square,
        .init = connect_to_it,
        .exit = disconnect,
        .workers = (unsigned)argument(argc, argv, 2, 2),
        .mode = LEAT_PIPE_THREADS,
    };
    leat_chan *in, *out;
    leat_pipe *p;
    int64_t sum = 0;
    must(leat_source_range(&in, 0, argument(argc, argv, 1, 100), 1));
    must(leat_chan_new(&out, sizeof(int64_t), 8));
    must(leat_pipe_start(&p, in, out, &opts));
    leat_for_each(out, int64_t, v) sum += v;
    must(leat_pipe_join(p, NULL));
    printf("sum %" PRId64 ", made %u, unmade %u\n", sum, leati_load_rlx(&made),
           leati_load_rlx(&unmade));
    leat_chan_free(in);
    leat_chan_free(out);
    return 0;
}
