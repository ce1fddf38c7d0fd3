/* event.c - see event.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/eventfd.h>
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
