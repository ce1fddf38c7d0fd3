/* signal.c - mailbox between signal handlers and a channel.
 *
 * Idea        A post sets a bit and, when it is the first since the last look, makes an
 *             eventfd readable. A thread of its own reads it, takes all bits at once and
 *             sends each as a message. A quit channel that the free closes ends a send
 *             to a full channel.
 * Words       bits: posted and not yet taken. w: posts (or), the thread (exchange).
 * Ordering    A post that finds another bit set need not write: the poster of the first
 *             bit has written or will, and the exchange that follows takes ours too.
 * SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <leat/select.h>
#include <leat/signal.h>
#include "arch/atomic.h"
#include "arch/event.h"
#include "pool/registry.h"

enum { POSTS = 64 };

struct leat_signal {
    leat_chan *chan;
    leat_chan *quit;
    leati_a64 bits;
    leati_a32 ending;
    int event;
    uint32_t forks; /* process generation that made it */
    pthread_t thread;
};

/* Waits for room, unless the mailbox is being freed. A closed channel takes nothing. */
static void leati_signal_forward(leat_signal *s, uint32_t n)
{
    struct leat_case cs[] = {LEAT_SEND(s->chan, &n), LEAT_RECV(s->quit, NULL)};
    int r = leat_select(cs, 2, LEAT_NEVER, LEAT_PRIORITY, NULL);
    (void)r; /* cannot fail: no deadline, and a thread is not cancelled */
}

static void *leati_signal_run(void *arg)
{
    leat_signal *s = arg;
    bool ending;
    do {
        leatp_event_wait(s->event);
        ending = leati_load_acq(&s->ending); /* pairs with the store in free */
        /* sc: the posts after this one see no bit and write. */
        uint64_t b = leati_xchg_sc(&s->bits, (uint64_t)0);
        for (; b; b &= b - 1)
            leati_signal_forward(s, (uint32_t)__builtin_ctzll(b));
    } while (!ending);
    return NULL;
}

/* Handlers of the program never run on the mailbox's thread. */
static int leati_signal_start(leat_signal *s)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&s->thread, NULL, leati_signal_run, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (r != 0)
        return LEAT_EAGAIN;
    pthread_setname_np(s->thread, "leat-signal");
    return 0;
}

static int leati_signal_init(leat_signal *s)
{
    int r = leat_chan_new(&s->quit, 0, 0);
    if (r != 0)
        return r;
    s->event = leatp_event_new();
    r = s->event < 0 ? LEAT_EAGAIN : leati_signal_start(s);
    if (r != 0) {
        if (s->event >= 0)
            leatp_event_free(s->event);
        leat_chan_free(s->quit);
    }
    return r;
}

int leat_signal_new(leat_signal **ret, leat_chan *c)
{
    if (!ret || !c || leat_chan_elem_size(c) != sizeof(uint32_t))
        return LEAT_EINVAL;
    leat_signal *s = calloc(1, sizeof(*s));
    if (!s)
        return LEAT_ENOMEM;
    s->chan = leat_chan_ref(c);
    s->forks = leati_forks();
    int r = leati_signal_init(s);
    if (r != 0) {
        leat_chan_free(s->chan);
        free(s);
        return r;
    }
    *ret = s;
    return 0;
}

int leat_signal_post(leat_signal *s, uint32_t n)
{
    if (!s || n >= POSTS)
        return LEAT_EINVAL;
    if (s->forks != leati_forks())
        return LEAT_ENOTSUP;
    /* sc: pairs with the exchange of the thread. */
    if (leati_or_sc(&s->bits, (uint64_t)1 << n) == 0)
        leatp_event_post(s->event);
    return 0;
}

leat_signal *leat_signal_free(leat_signal *s)
{
    if (!s)
        return NULL;
    if (s->forks == leati_forks()) { /* a child has no thread, who may have left locks */
        leati_store_rel(&s->ending, 1u); /* pairs with the load in run */
        leat_chan_close(s->quit);
        leatp_event_post(s->event);
        pthread_join(s->thread, NULL);
        leat_chan_free(s->quit);
        leat_chan_free(s->chan);
    }
    leatp_event_free(s->event);
    free(s);
    return NULL;
}
