/* deliver.c - results on their way to `out`: what both orders share.
 * SPDX-License-Identifier: MIT */
#include "arch/relax.h"
#include "pipe/local.h"

/* Waits until one element is taken or nothing is delivered any more. */
static ptrdiff_t put_waiting(struct leati_local *p, const char *elem)
{
    struct leat_case cases[] = {LEAT_SEND(p->out, elem), LEAT_RECV(p->stop_chan, NULL)};
    size_t which;
    int r = leat_select(cases, 2, LEAT_NEVER, 0, &which);
    if (r != 0)
        return r;
    if (which == 1)
        return leati_is_stopped(p);
    return cases[0].err ? cases[0].err : 1;
}

ptrdiff_t leati_put(struct leati_local *p, const char *elems, size_t n, bool wait)
{
    unsigned step = 0;
    bool yielded = p->o.mode != LEAT_PIPE_FIBERS;
    int stopped;
    while ((stopped = leati_is_stopped(p)) == 0) {
        ptrdiff_t r = leat_chan_send_n(p->out, elems, n, LEAT_NOW);
        if (r == LEAT_EAGAIN && wait && !yielded) {
            yielded = true; /* cheaper than to wait: the reader may be next */
            leat_yield();
            continue;
        }
        if (r == LEAT_EAGAIN && wait)
            r = put_waiting(p, elems);
        if (r > 0 || (r == LEAT_EAGAIN && !wait))
            return r;
        if (r == LEAT_EBUSY) {
            leatp_relax(&step); /* somebody is in the middle of the very cell */
        } else {
            leati_local_stop(p, (int)r);
        }
    }
    return stopped;
}

int leati_timed_emit(leat_stage *s, const void *out, size_t len)
{
    struct leati_pworker *w = leati_container_of(s, struct leati_pworker, stage);
    int stopped = leati_is_stopped(w->p);
    if (stopped || leati_watch_late(w))
        return stopped ? stopped : LEAT_ECANCELED;
    return (w->p->ordered ? leati_order_emit : leati_lane_emit)(s, out, len);
}

void leati_discard(struct leati_pworker *w)
{
    if (w->p->ordered)
        leati_order_discard(w);
    else
        leati_lane_discard(w);
}

bool leati_deliver(struct leati_pworker *w, bool wait)
{
    return w->p->ordered ? leati_order_drain(w->p, wait)
                         : leati_lane_send(w->p, &w->lane, wait);
}

bool leati_deliver_all(struct leati_local *p, bool wait)
{
    bool left = false;
    if (p->ordered)
        return leati_order_drain(p, wait);
    for (unsigned i = 0, n = leati_slots(p); i < n; i++)
        if (leati_lane_idle(&p->workers[i].lane))
            left |= leati_lane_send(p, &p->workers[i].lane, wait);
    return left;
}

void leati_drop_results(struct leati_local *p)
{
    if (p->ordered) {
        leati_order_drop(p);
        return;
    }
    for (unsigned i = 0, n = leati_slots(p); i < n; i++)
        leati_lane_drop(p, &p->workers[i].lane);
}

/* Unordered: failed items go through leati_lane_complete like those without outputs. */
uint64_t leati_finished(const struct leati_local *p)
{
    uint64_t sum = leati_load_acq(&p->late); /* acq: pairs with leati_late_failed */
    if (p->ordered)
        return leati_order_head(p);
    for (unsigned i = 0, n = leati_slots(p); i < n; i++) /* acq: pairs with lane.c */
        sum += leati_load_acq(&p->workers[i].lane.finished) +
               leati_load_acq(&p->workers[i].direct);
    return sum;
}

uint64_t leati_succeeded(const struct leati_local *p)
{
    uint64_t failed = leati_load_rlx(&p->late); /* relaxed: statistics */
    for (unsigned i = 0, n = leati_slots(p); i < n; i++)
        failed += leati_load_rlx(&p->workers[i].failed);
    if (p->ordered)
        failed = leati_load_rlx(&p->order.skipped);
    uint64_t n = leati_finished(p);
    return n > failed ? n - failed : 0;
}
