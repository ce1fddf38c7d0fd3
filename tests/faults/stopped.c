/* stopped.c - see stopped.h. SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "stopped.h"
#include "support/op.h"

const char *const call_name[CALLS] = {"send",  "receive", "select", "close",
                                      "receive that parks", "select that parks"};
const char *const probe_name[PROBES] = {"try_send",    "try_recv", "recv_until",
                                        "len, closed", "close",    "other channels"};

struct stepper stopped_stepper;

static struct {
    leat_chan *c, *d; /* d: the second channel of a select */
    pthread_t peer;
    uint64_t v, peer_v;
    int result, peer_result;
    unsigned sent, received; /* by the prober */
    struct dropped dropped;
} child;

static const struct stopped_plan *plan(void)
{
    return &((struct stopped_board *)(void *)stopped_stepper.board)->plan;
}

#define CHECK_THAT(cond, got)                                                            \
    stepper_check(stopped_stepper.board, (cond), __LINE__, (long long)(got))

/* Does the victim receive? */
static bool receives(const struct stopped_plan *p)
{
    return p->call != CALL_SEND && p->call != CALL_CLOSE;
}

bool stopped_sensible(const struct stopped_plan *p)
{
    bool waits = p->call == CALL_WAIT || p->call == CALL_SELECT_WAIT;
    bool alone = p->kind.flags & LEAT_SINGLE_PRODUCER;
    bool serves_sender = p->parked && receives(p);
    if (waits && p->parked)
        return false;
    if (p->kind.cap == 0 && !p->parked && !waits && p->call != CALL_CLOSE)
        return false; /* nobody to meet */
    if (p->kind.cap == LEAT_UNBOUNDED && serves_sender)
        return false; /* senders never park */
    /* A second one on a declared side. */
    if (alone && p->probe == PROBE_SEND && (p->call == CALL_SEND || serves_sender))
        return false;
    if (alone && (p->probe == PROBE_RECV || p->probe == PROBE_TIMED) &&
        (receives(p) || p->parked))
        return false;
    return true;
}

void stopped_victim(void)
{
    const struct stopped_plan *p = plan();
    struct leat_case cs[] = {LEAT_RECV(child.c, &child.v), LEAT_RECV(child.d, NULL)};
    int r;
    if (p->call == CALL_SEND) {
        r = leat_chan_send(child.c, &child.v);
    } else if (p->call == CALL_CLOSE) {
        r = leat_chan_close(child.c);
    } else if (p->call == CALL_SELECT || p->call == CALL_SELECT_WAIT) {
        size_t which = 0;
        r = leat_select(cs, 2, LEAT_NEVER, 0, &which);
        r = r == 0 && which == 1 ? LEAT_ECLOSED : r == 0 ? cs[0].err : r;
    } else {
        r = leat_chan_recv(child.c, &child.v);
    }
    child.result = r;
}

static void *peer_main(void *arg)
{
    (void)arg;
    child.peer_result = receives(plan()) ? leat_chan_send(child.c, &child.peer_v)
                                         : leat_chan_recv(child.c, &child.peer_v);
    return NULL;
}

static leat_chan *open_one(void)
{
    struct leat_chan_opts o = kind_opts(&plan()->kind, sizeof(uint64_t));
    leat_chan *c = NULL;
    o.spin = LEAT_SPIN_NEVER;
    o.drop = dropped_add;
    o.drop_arg = &child.dropped;
    CHECK_THAT(leat_chan_open(&c, &o) == 0, 0);
    return c;
}

static void prepare(void)
{
    const struct stopped_plan *p = plan();
    bool waits = p->call == CALL_WAIT || p->call == CALL_SELECT_WAIT;
    memset(&child, 0, sizeof(child));
    child.c = open_one();
    child.d = open_one();
    size_t n = p->kind.cap == 0 || waits                ? 0
               : p->parked && receives(p)               ? p->kind.cap
               : p->parked                              ? 0
                                                        : 1;
    for (; child.sent < n; child.sent++)
        CHECK_THAT(leat_chan_try_send(child.c, &child.v) == 0, child.sent);
    if (p->parked) {
        CHECK_THAT(pthread_create(&child.peer, NULL, peer_main, NULL) == 0, 0);
        (void)until_parked(child.c, receives(p) ? LEAT_OP_SEND : LEAT_OP_RECV, 1);
    }
}

/* A whole life of a channel of the same kind. */
static void use_another(void)
{
    uint64_t v = 3;
    leat_chan *c = open_one();
    if (leat_chan_try_send(c, &v) == 0)
        CHECK_THAT(leat_chan_try_recv(c, &v) == 0 && v == 3, v);
    CHECK_THAT(leat_chan_recv_until(c, &v, leat_in_us(50)) == LEAT_ETIMEDOUT, 0);
    CHECK_THAT(leat_chan_close(c) == 0, 0);
    leat_chan_free(c);
}

static void probe(void)
{
    uint64_t v = 9;
    int64_t until = leat_now() + 50000;
    int r = LEAT_EAGAIN;
    switch (plan()->probe) {
    case PROBE_SEND:
        child.sent += (r = leat_chan_try_send(child.c, &v)) == 0;
        break;
    case PROBE_RECV:
        child.received += (r = leat_chan_try_recv(child.c, &v)) == 0;
        break;
    case PROBE_TIMED:
        child.received += (r = leat_chan_recv_until(child.c, &v, leat_at(until))) == 0;
        CHECK_THAT(r != LEAT_ETIMEDOUT || leat_now() >= until, r);
        break;
    case PROBE_LOOK:
        CHECK_THAT(leat_chan_len(child.c) <= 1024, 0);
        CHECK_THAT(leat_chan_cap(child.c) == plan()->kind.cap, 0);
        (void)leat_chan_closed(child.c);
        break;
    case PROBE_CLOSE:
        r = leat_chan_close(child.c);
        CHECK_THAT(r == 0 || (r == LEAT_EALREADY && plan()->call == CALL_CLOSE), r);
        return;
    default:
        use_another();
    }
    CHECK_THAT(r == 0 || r == LEAT_EAGAIN || r == LEAT_EBUSY || r == LEAT_ETIMEDOUT ||
                   (r == LEAT_ECLOSED && plan()->call == CALL_CLOSE),
               r);
}

static void release(void)
{
    (void)leat_chan_cancel(child.c); /* after a close senders would go on waiting */
    (void)leat_chan_cancel(child.d);
}

/* Everything that was sent was received, or is still there. */
static void finish(void)
{
    const struct stopped_plan *p = plan();
    bool mine = child.result == 0 && p->call != CALL_CLOSE;
    CHECK_THAT(child.result == 0 || child.result == LEAT_ECLOSED ||
                   (child.result == LEAT_EALREADY && p->call == CALL_CLOSE),
               child.result);
    if (p->parked)
        pthread_join(child.peer, NULL);
    bool peers = p->parked && child.peer_result == 0;
    unsigned sent = child.sent + (receives(p) ? peers : mine);
    unsigned received = child.received + (receives(p) ? mine : peers);
    while (leat_chan_try_recv(child.c, NULL) == 0)
        received++;
    leat_chan_free(child.c);
    leat_chan_free(child.d);
    received += (unsigned)child.dropped.count;
    CHECK_THAT(sent == received, (long long)sent * 10000 + received);
}

void stopped_other(int order)
{
    if (order == ORDER_PREPARE)
        prepare();
    else if (order == ORDER_PROBE)
        probe();
    else if (order == ORDER_RELEASE)
        release();
    else
        finish();
}
