/* try.c - calls that find nothing, and one that has to look at eight channels.
 * SPDX-License-Identifier: MIT */
#include "perf.h"

void try_recv_empty(struct job *j, struct watch *w)
{
    leat_chan *c = channel(j->cap);
    long missed = 0;
    int64_t v;
    watch_start(w);
    for (long i = 0; i < j->n; i++)
        if (leat_chan_try_recv(c, &v) == LEAT_EAGAIN)
            missed++;
    watch_stop(w, j->n);
    check(missed == j->n, "try-recv-empty: a value from nowhere");
    w->check = (uint64_t)missed;
    leat_chan_free(c);
}

/* Eight idle channels, and what Go calls default. */
void select_default_8(struct job *j, struct watch *w)
{
    leat_chan *c[8];
    int64_t v;
    size_t which;
    long missed = 0;
    for (int i = 0; i < 8; i++)
        c[i] = channel(0);
    struct leat_case cases[] = {
        LEAT_RECV(c[0], &v), LEAT_RECV(c[1], &v), LEAT_RECV(c[2], &v),
        LEAT_RECV(c[3], &v), LEAT_RECV(c[4], &v), LEAT_RECV(c[5], &v),
        LEAT_RECV(c[6], &v), LEAT_RECV(c[7], &v),
    };
    watch_start(w);
    for (long i = 0; i < j->n; i++)
        if (leat_select(cases, 8, LEAT_NOW, 0, &which) == LEAT_EAGAIN)
            missed++;
    watch_stop(w, j->n);
    check(missed == j->n, "select-default: a value from nowhere");
    w->check = (uint64_t)missed;
    for (int i = 0; i < 8; i++)
        leat_chan_free(c[i]);
}
