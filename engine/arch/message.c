/* message.c - see message.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <leat/err.h>
#include "arch/message.h"

int leatp_pair(int ret[2])
{
    int keep = errno;
    int r = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret);
    errno = keep;
    return r == 0 ? 0 : LEAT_EAGAIN;
}

bool leatp_is_pair(int fd)
{
    int type = 0, keep = errno;
    socklen_t n = sizeof(type);
    bool is =
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET;
    errno = keep;
    return is;
}

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(LEATP_FDS_MAX * sizeof(int))];
};

int leatp_message_send(int fd, const void *buf, size_t len, const int *fds,
                       unsigned nfd, bool wait)
{
    union control control;
    struct iovec part = {(void *)(uintptr_t)buf, len};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    int keep = errno;
    memset(&control, 0, sizeof(control));
    if (nfd) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(nfd * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfd * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfd * sizeof(int));
    }
    ssize_t r;
    do {
        r = sendmsg(fd, &m, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    } while (r < 0 && errno == EINTR);
    /* Too many descriptors on their way, or no memory for them, is a want of room too. */
    bool full = r < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ||
                          errno == ETOOMANYREFS);
    errno = keep;
    return r >= 0 ? 0 : full ? LEAT_EAGAIN : LEAT_ECLOSED;
}

static void take_fds(struct msghdr *m, int *ret, unsigned n)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t got = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < got; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (i < n)
                ret[i] = fd;
            else
                (void)close(fd);
        }
    }
}

ptrdiff_t leatp_message_recv(int fd, void *buf, size_t size, int *ret_fds, unsigned nfd,
                             bool wait)
{
    union control control;
    struct iovec part = {buf, size};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    int keep = errno;
    for (unsigned i = 0; i < nfd; i++)
        ret_fds[i] = -1;
    ssize_t r;
    do {
        r = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (r < 0 && errno == EINTR);
    bool none = r < 0 && errno == EAGAIN;
    errno = keep;
    if (r <= 0)
        return none ? LEAT_EAGAIN : LEAT_ECLOSED;
    take_fds(&m, ret_fds, nfd);
    return r;
}

bool leatp_message_within(int fd, int64_t ns)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int keep = errno, r;
    do {
        r = poll(&p, 1, (int)(ns / 1000000)); /* signals may lengthen it */
    } while (r < 0 && errno == EINTR);
    errno = keep;
    return r > 0;
}

void leatp_close(int fd)
{
    int keep = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = keep;
}

int leatp_dup(int fd, int from, bool keep_on_exec)
{
    return fcntl(fd, keep_on_exec ? F_DUPFD : F_DUPFD_CLOEXEC, from);
}

static void close_from_to(unsigned from, unsigned to)
{
    if (from > to)
        return;
#ifdef SYS_close_range
    if (syscall(SYS_close_range, from, to, 0) == 0)
        return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    for (unsigned fd = from; fd <= to && (long)fd < most; fd++)
        (void)close((int)fd);
}

void leatp_close_all_but(int from, const int *keep, unsigned n)
{
    unsigned next = (unsigned)from;
    for (unsigned i = 0; i < n; i++) {
        if (keep[i] < (int)next)
            continue;
        if (keep[i] > (int)next)
            close_from_to(next, (unsigned)keep[i] - 1);
        next = (unsigned)keep[i] + 1;
    }
    close_from_to(next, ~0u);
}

int leatp_bell_new(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void leatp_bell_ring(int fd)
{
    const int keep = errno;
    const uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    errno = keep;
}

int leatp_watch_new(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

static int control(int watch, int op, int fd, uint64_t key, unsigned what)
{
    int keep = errno;
    struct epoll_event e = {.events = (what & LEATP_READABLE ? EPOLLIN : 0u) |
                                      (what & LEATP_WRITABLE ? EPOLLOUT : 0u) |
                                      (what & LEATP_EDGE ? (uint32_t)EPOLLET : 0u),
                            .data.u64 = key};
    int r = epoll_ctl(watch, op, fd, &e);
    errno = keep;
    return r == 0 ? 0 : LEAT_ENOMEM;
}

int leatp_watch_add(int watch, int fd, uint64_t key, unsigned what)
{
    return control(watch, EPOLL_CTL_ADD, fd, key, what);
}

int leatp_watch_change(int watch, int fd, uint64_t key, unsigned what)
{
    return control(watch, EPOLL_CTL_MOD, fd, key, what);
}

void leatp_watch_remove(int watch, int fd)
{
    (void)control(watch, EPOLL_CTL_DEL, fd, 0, 0);
}

enum { SEEN_AT_ONCE = 32 };

unsigned leatp_watch_wait(int watch, struct leatp_seen *ret, unsigned n, int64_t ns)
{
    struct epoll_event e[SEEN_AT_ONCE];
    int keep = errno;
    int64_t ms = ns < 0 ? -1 : ns / 1000000 + (ns % 1000000 != 0);
    int k = epoll_wait(watch, e, (int)(n < SEEN_AT_ONCE ? n : SEEN_AT_ONCE),
                       ms > INT32_MAX ? INT32_MAX : (int)ms);
    errno = keep;
    for (int i = 0; i < k; i++) {
        ret[i].key = e[i].data.u64;
        ret[i].what =
            (e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? LEATP_READABLE : 0u) |
            (e[i].events & EPOLLOUT ? LEATP_WRITABLE : 0u);
    }
    return k > 0 ? (unsigned)k : 0;
}
