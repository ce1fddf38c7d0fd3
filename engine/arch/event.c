/* event.c - see event.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "arch/event.h"

int leatp_event_new(void)
{
    return eventfd(0, EFD_CLOEXEC);
}

void leatp_event_free(int fd)
{
    (void)close(fd);
}

void leatp_event_post(int fd)
{
    const int keep = errno;
    const uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    errno = keep;
}

void leatp_event_wait(int fd)
{
    uint64_t n;
    while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
        ;
}

int leatp_event_polled(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void leatp_event_clear(int fd)
{
    const int keep = errno;
    leatp_event_wait(fd); /* it is one that does not block */
    errno = keep;
}

int leatp_timer_new(void)
{
    return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

void leatp_timer_set(int fd, int64_t at_ns)
{
    const int keep = errno;
    struct itimerspec t = {{0, 0}, {0, 0}}; /* never */
    if (at_ns != INT64_MAX) {
        t.it_value.tv_sec = at_ns / 1000000000;
        t.it_value.tv_nsec = at_ns > 0 ? at_ns % 1000000000 : 1; /* all zero would disarm */
    }
    if (at_ns > 0 && at_ns % 1000000000 == 0)
        t.it_value.tv_nsec = 1;
    (void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, NULL);
    errno = keep;
}
