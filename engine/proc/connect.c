/* connect.c - the program's side of the helper: starting it, connections, news.
 * SPDX-License-Identifier: MIT */
#include <leat/process.h>
#include <leat/sync.h>

#include "arch/message.h"
#include "proc/proc.h"

#define VARIABLE  "LEAT_PROCESS_HELPER"
#define ANSWER_NS ((int64_t)5000000000)

/* Under lock; the lock is free while there is only one thread. */
static leat_mutex lock = LEAT_MUTEX_INIT;
static int helper = -1; /* our end of its socket */
static int owner;       /* the process that it belongs to: a fork child needs its own */
static bool again;      /* the program may be run again */

/* In a program that was run to be the helper. */
static void become_helper(void)
{
    int fd = leatp_spawned_fd(VARIABLE), program = leatp_parent_pid();
    if (fd < 0)
        return;
    if (!leatp_is_pair(fd) || leatp_fork_apart() != 0)
        leatp_leave(0);
    leati_proc_helper(fd, program);
}

/* Forks it from this process, which has one thread. */
static int fork_helper(void)
{
    int pair[2], program = leatp_self_pid();
    int r = leatp_pair(pair);
    if (r != 0)
        return r;
    r = leatp_fork_apart();
    if (r == 0)
        leati_proc_helper(pair[1], program);
    leatp_close(pair[1]);
    if (r < 0) {
        leatp_close(pair[0]);
        return LEAT_EAGAIN;
    }
    helper = pair[0];
    owner = program;
    return 0;
}

static int run_helper(void)
{
    int pair[2];
    int r = leatp_pair(pair);
    if (r != 0)
        return r;
    r = leatp_spawn_self(pair[1], VARIABLE);
    leatp_close(pair[1]);
    if (r != 0) {
        leatp_close(pair[0]);
        return r;
    }
    helper = pair[0];
    owner = leatp_self_pid();
    return 0;
}

int leat_process_begin(const void *from)
{
    become_helper();
    if (helper >= 0 && owner == leatp_self_pid())
        return LEAT_EALREADY;
    again = from != NULL && leatp_in_program(from);
    return leatp_single_threaded() ? fork_helper() : LEAT_EBUSY;
}

/* Under lock: hands the helper its end of a new connection. */
static int join(int end)
{
    const struct leati_proc_message m = {.kind = LEATI_PROC_JOIN};
    int r = LEAT_ECLOSED;
    if (helper >= 0 && owner == leatp_self_pid())
        r = leatp_message_send(helper, &m, sizeof(m), &end, 1, false);
    if (r != LEAT_ECLOSED)
        return r;
    leatp_close(helper);
    helper = -1;
    r = again ? run_helper() : LEAT_ENOTSUP;
    return r ? r : leatp_message_send(helper, &m, sizeof(m), &end, 1, false);
}

/* It was handed a connection and does not answer: the next one is asked of another. */
static void give_up(int which)
{
    if (leat_mutex_lock(&lock) != 0)
        return;
    if (helper == which) {
        leatp_close(helper);
        helper = -1;
    }
    leat_mutex_unlock(&lock);
}

static int ask(int link, const struct leati_proc_open *functions)
{
    struct leati_proc_message m;
    if (leatp_message_send(link, functions, sizeof(*functions), NULL, 0, false) != 0)
        return LEAT_ENOTSUP;
    if (!leatp_message_within(link, ANSWER_NS) ||
        leatp_message_recv(link, &m, sizeof(m), NULL, 0, false) != sizeof(m) ||
        m.kind != LEATI_PROC_OPENED)
        return LEAT_ENOTSUP;
    return m.err;
}

int leati_proc_connect(int *ret, const struct leati_proc_open *functions)
{
    int pair[2], which = -1;
    int r = leatp_pair(pair);
    if (r != 0)
        return r;
    r = leat_mutex_lock(&lock);
    if (r == 0) {
        r = join(pair[1]);
        which = helper;
        leat_mutex_unlock(&lock);
    }
    leatp_close(pair[1]);
    if (r == 0) {
        r = ask(pair[0], functions);
        if (r == LEAT_ENOTSUP)
            give_up(which);
    }
    if (r != 0)
        leatp_close(pair[0]);
    else
        *ret = pair[0];
    return r == LEAT_ECLOSED ? LEAT_ENOTSUP : r;
}

int leati_proc_spawn(int link, const struct leati_proc_message *m, int segment,
                     int bell)
{
    const int fds[2] = {segment, bell};
    return leatp_message_send(link, m, sizeof(*m), fds, 2, false);
}

int leati_proc_kill(int link, uint64_t id)
{
    const struct leati_proc_message m = {.kind = LEATI_PROC_KILL, .id = id};
    return leatp_message_send(link, &m, sizeof(m), NULL, 0, false);
}

int leati_proc_news(int link, struct leati_proc_message *ret, int *ret_pidfd)
{
    ptrdiff_t n = leatp_message_recv(link, ret, sizeof(*ret), ret_pidfd, 1, false);
    if (n == sizeof(*ret))
        return 0;
    leatp_close(*ret_pidfd);
    return n == LEAT_EAGAIN ? LEAT_EAGAIN : LEAT_ECLOSED;
}
