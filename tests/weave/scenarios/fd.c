/* fd.c - a channel as a descriptor: at rest it is readable exactly when a receive would
 * not block. SPDX-License-Identifier: MIT */
#include "common.h"
#include "arch/event.h"

#define SOME_KINDS(X)                                                                    \
    X(rendezvous, 0, 0)                                                                  \
    X(one, 1, 0)                                                                         \
    X(unbounded, LEAT_UNBOUNDED, 0)                                                      \
    X(managed, 1, MANAGED)

/* --- arch/event.h: one descriptor, a counter --- */

static leati_a32 written;
static unsigned descriptors;

int leatp_event_new(void)
{
    return -1;
}

int leatp_event_polled(void)
{
    descriptors++;
    return 3;
}

void leatp_event_free(int fd)
{
    weave_check(fd == 3 && descriptors-- == 1);
}

void leatp_event_post(int fd)
{
    weave_check(fd == 3 && descriptors == 1);
    (void)leati_add_ar(&written, 1u);
}

void leatp_event_wait(int fd)
{
    (void)fd;
    weave_fail("nobody waits here");
}

void leatp_event_clear(int fd)
{
    weave_check(fd == 3 && descriptors == 1);
    (void)leati_xchg_ar(&written, 0u);
}

int leatp_timer_new(void)
{
    return -1;
}

void leatp_timer_set(int fd, int64_t at_ns)
{
    (void)fd, (void)at_ns;
}

/* --- */

static leat_fd *fd;

static void receive(void)
{
    uint64_t v = 0;
    int r = leat_fd_recv(fd, &v);
    weave_check(r == 0 || r == LEAT_EAGAIN || r == LEAT_EBUSY || r == LEAT_ECLOSED);
    got += v;
}

#define OPEN(name, cap, flags)                                                           \
    static void fd_##name(void)                                                          \
    {                                                                                    \
        open_##name();                                                                   \
        weave_check(leat_fd_new(&fd, chan) == 0);                                        \
    }
SOME_KINDS(OPEN)

/* Two sends, or as many as there is room for, beside three receives. */
static void send_and_receive(unsigned i)
{
    for (unsigned k = 0; k < 2 + (i == 0); k++) {
        if (i == 0)
            receive();
        else
            (void)put_until(chan, k + 1, LEAT_NOW);
    }
}

/* Each sender is the first that the other does not see. */
static void two_send(unsigned i)
{
    if (i == 0)
        receive();
    else
        (void)put_until(chan, i, LEAT_NOW);
}

static void close_and_receive(unsigned i)
{
    if (i == 0)
        receive();
    else if (i == 1)
        (void)put_until(chan, 1, LEAT_NOW);
    else
        weave_check(leat_chan_close(chan) == 0);
}

static void exact(void)
{
    bool something = leat_chan_len(chan) > 0 || leat_chan_closed(chan);
    weave_check((leati_load_rlx(&written) > 0) == something);
    fd = leat_fd_free(fd);
    weave_check(descriptors == 0);
    settle();
}

/* The owner frees it while others fire it. */
static void free_and_send(unsigned i)
{
    if (i == 0) {
        receive();
        fd = leat_fd_free(fd);
    } else {
        (void)put_until(chan, i, LEAT_NOW);
    }
}

static void gone(void)
{
    weave_check(descriptors == 0);
    settle();
}

#define SCENARIOS(kind, cap, flags)                                                      \
    WEAVE_SCENARIO(burst_##kind, .name = "fd.burst_" #kind, .actors = 2,                 \
                   .setup = fd_##kind, .actor = send_and_receive, .check = exact);       \
    WEAVE_SCENARIO(senders_##kind, .name = "fd.two_senders_" #kind, .actors = 3,         \
                   .setup = fd_##kind, .actor = two_send, .check = exact);               \
    WEAVE_SCENARIO(close_##kind, .name = "fd.close_" #kind, .actors = 3,                 \
                   .setup = fd_##kind, .actor = close_and_receive, .check = exact);      \
    WEAVE_SCENARIO(free_##kind, .name = "fd.free_" #kind, .actors = 3,                   \
                   .setup = fd_##kind, .actor = free_and_send, .check = gone);
SOME_KINDS(SCENARIOS)

/* --- the only value: readable until it is taken, at capacity 0 while its sender waits,
 *     and not a moment longer --- */

static void take_the_only_one(unsigned i)
{
    if (i == 1) {
        put(4);
        return;
    }
    while (got == 0) {
        while (leati_load_acq(&written) == 0)
            leatp_pause();
        receive();
    }
    weave_check(leati_load_acq(&written) == 0);
}

#define ONLY(kind, cap, flags)                                                           \
    WEAVE_SCENARIO(only_##kind, .name = "fd.only_value_" #kind, .actors = 2,             \
                   .setup = fd_##kind, .actor = take_the_only_one, .check = exact);
SOME_KINDS(ONLY)
