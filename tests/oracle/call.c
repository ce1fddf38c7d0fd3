/* call.c - see call.h. SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "oracle/call.h"

static int send_one(struct call *c)
{
    if (c->op.until == PROGRAM_NEVER)
        return leat_chan_send(c->chan, c->elems);
    if (c->op.until == PROGRAM_NOW && !c->op.priority)
        return leat_chan_try_send(c->chan, c->elems);
    return leat_chan_send_until(c->chan, c->elems, c->until);
}

static int recv_one(struct call *c)
{
    void *ret = c->op.discard ? NULL : c->elems;
    if (c->op.until == PROGRAM_NEVER)
        return leat_chan_recv(c->chan, ret);
    if (c->op.until == PROGRAM_NOW && !c->op.priority)
        return leat_chan_try_recv(c->chan, ret);
    return leat_chan_recv_until(c->chan, ret, c->until);
}

void call_perform(struct call *c)
{
    const struct program_op *o = &c->op;
    void *ret = o->discard ? NULL : c->elems;
    switch (o->kind) {
    case PROGRAM_SEND:
        c->result = send_one(c);
        break;
    case PROGRAM_RECV:
        c->result = recv_one(c);
        break;
    case PROGRAM_SEND_N:
        c->result = leat_chan_send_n(c->chan, c->elems, o->n, c->until);
        break;
    case PROGRAM_RECV_N:
        c->result = leat_chan_recv_n(c->chan, ret, o->n, c->until);
        break;
    case PROGRAM_SELECT:
        c->which = o->n;
        c->result = leat_select(c->cases, o->n, c->until,
                                o->priority ? (unsigned)LEAT_PRIORITY : 0, &c->which);
        break;
    case PROGRAM_SET_WAIT:
        c->from = NULL;
        c->result = leat_set_wait(c->set, ret, &c->from, NULL, c->until);
        break;
    default:
        abort();
    }
    /* release: pairs with call_done */
    __atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
}

static int fiber_main(void *arg)
{
    call_perform((struct call *)arg);
    return 0;
}

static void *thread_main(void *arg)
{
    call_perform((struct call *)arg);
    return NULL;
}

bool call_start(struct call *c)
{
    if (c->pool)
        return leat_pool_go(c->pool, &c->fiber, fiber_main, c) == 0;
    return pthread_create(&c->thread, NULL, thread_main, c) == 0;
}

bool call_done(const struct call *c)
{
    return __atomic_load_n(&c->done, __ATOMIC_ACQUIRE); /* pairs with call_perform */
}

bool call_join(struct call *c)
{
    if (c->pool)
        return leat_fiber_join(c->fiber, NULL) == 0;
    return pthread_join(c->thread, NULL) == 0;
}
