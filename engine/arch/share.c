/* share.c - see share.h. SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leat/err.h>
#include "arch/share.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static int memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

int leatp_share_new(size_t bytes, const char *name)
{
    int keep = errno, r = 0;
    int fd = memory_file(name);
    if (fd < 0)
        r = errno == EMFILE || errno == ENFILE ? LEAT_EAGAIN
            : errno == ENOMEM                  ? LEAT_ENOMEM
                                               : LEAT_ENOTSUP;
    else if (ftruncate(fd, (off_t)bytes) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        r = LEAT_ENOMEM;
    if (r != 0 && fd >= 0)
        (void)close(fd);
    errno = keep;
    return r ? r : fd;
}

bool leatp_share_is(int fd, size_t bytes)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & SEALS) == SEALS && fstat(fd, &st) == 0 &&
           (uint64_t)st.st_size >= bytes;
}

void *leatp_share_map(int fd, size_t bytes)
{
    int keep = errno;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED)
        (void)madvise(p, bytes, MADV_DONTFORK);
    errno = keep;
    return p == MAP_FAILED ? NULL : p;
}

void leatp_share_unmap(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, bytes);
}
