/* helper.c - the process that makes workers: one thread, no allocation but a record for
 * each connection and worker. It never waits for the program: what there is no room to say
 * stays unsaid until there is. SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <leat/err.h>
#include "arch/message.h"
#include "arch/share.h"
#include "proc/proc.h"

struct link {
    struct link *next;
    int fd;
    bool open, gone;
    bool unsaid, waits; /* something is; the watch waits for room */
    void (*fn[LEATI_PROC_FNS])(void);
};

enum { SAY_SPAWNED = 1u << 0, SAY_STOPPED = 1u << 1, SAY_CONTINUED = 1u << 2 };

struct worker {
    struct worker *next;
    struct link *link;
    uint64_t id;
    int pid;
    int pidfd;       /* until it has been sent */
    unsigned unsaid; /* SAY_... */
    bool ended;      /* forgotten once all is said */
};

struct helper {
    int pid, watch, socket, signals;
    struct link *links;
    struct worker *workers;
};

enum {
    KEY_SOCKET = 1,
    KEY_SIGNALS,
    KEY_PROGRAM,
    KEYS
}; /* else the address of a link */

/* --- a worker's beginning --- */

/* The helper's records are nothing to the worker. */
static void forget(struct helper *h)
{
    for (struct worker *w = h->workers, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    for (struct link *l = h->links, *next; l; l = next) {
        next = l->next;
        free(l);
    }
}

__attribute__((noreturn)) static void begin(struct helper *h, const struct link *l,
                                            const struct leati_proc_message *m,
                                            int segment, int bell)
{
    struct leati_proc_self self = {.bytes = m->bytes, .bell = bell, .helper = h->pid};
    leatp_worker_signals();
    if (!leatp_die_with(h->pid) || !leatp_share_is(segment, m->bytes))
        leatp_leave(1);
    self.segment = leatp_share_map(segment, m->bytes);
    if (self.segment == NULL)
        leatp_leave(1);
    for (unsigned i = 0; i < LEATI_PROC_FNS; i++)
        self.fn[i] = l->fn[i];
    forget(h);
    leatp_close_all_but(3, &bell, 1);
    leatp_process_name(m->name);
    leatp_no_new_privs();
    if (!leatp_limit(&m->limits))
        leatp_leave(1);
    ((leati_proc_entry *)self.fn[0])(&self);
    leatp_leave_flushed(0);
}

/* --- telling --- */

static bool say(const struct worker *w, enum leati_proc_kind kind, int fd)
{
    const struct leati_proc_message m = {.kind = kind, .id = w->id};
    return leatp_message_send(w->link->fd, &m, sizeof(m), &fd, fd >= 0, false) !=
           LEAT_EAGAIN; /* nobody there: said */
}

/* True: nothing is left to say. */
static bool tell(struct worker *w)
{
    if (w->unsaid & SAY_SPAWNED) {
        if (!say(w, LEATI_PROC_SPAWNED, w->pidfd))
            return false;
        leatp_close(w->pidfd);
        w->pidfd = -1;
        w->unsaid &= ~SAY_SPAWNED;
    }
    if (w->unsaid & SAY_STOPPED) {
        if (!say(w, LEATI_PROC_STOPPED, -1))
            return false;
        w->unsaid &= ~SAY_STOPPED;
    }
    if (w->unsaid & SAY_CONTINUED) {
        if (!say(w, LEATI_PROC_CONTINUED, -1))
            return false;
        w->unsaid &= ~SAY_CONTINUED;
    }
    return true;
}

/* Tells all there is room for, forgets workers that have ended. */
static void tell_all(struct helper *h)
{
    for (struct link *l = h->links; l; l = l->next)
        l->unsaid = false;
    for (struct worker **at = &h->workers; *at;) {
        struct worker *w = *at;
        if (!tell(w)) {
            w->link->unsaid = true;
        } else if (w->ended) {
            *at = w->next;
            free(w);
            continue;
        }
        at = &w->next;
    }
    for (struct link *l = h->links; l; l = l->next) {
        if (l->unsaid == l->waits)
            continue;
        l->waits = l->unsaid;
        (void)leatp_watch_change(h->watch, l->fd, (uintptr_t)l,
                                 LEATP_READABLE | (l->waits ? LEATP_WRITABLE : 0));
    }
}

/* --- requests --- */

static void refuse(struct link *l, uint64_t id, int err)
{
    const struct leati_proc_message m = {
        .kind = LEATI_PROC_FAILED, .id = id, .err = err};
    if (leatp_message_send(l->fd, &m, sizeof(m), NULL, 0, false) != 0)
        l->gone = true; /* it would wait for ever: let it begin anew */
}

static void spawn(struct helper *h, struct link *l, const struct leati_proc_message *m,
                  int segment, int bell)
{
    struct worker *w = malloc(sizeof(*w));
    int pid = w && l->open && segment >= 0 && bell >= 0 ? leatp_fork() : LEAT_ENOMEM;
    if (pid == 0) {
        free(w);
        begin(h, l, m, segment, bell);
    }
    if (pid < 0) {
        free(w);
        refuse(l, m->id, pid);
        return;
    }
    *w = (struct worker){.next = h->workers,
                         .link = l,
                         .id = m->id,
                         .pid = pid,
                         .pidfd = leatp_pidfd(pid),
                         .unsaid = SAY_SPAWNED};
    h->workers = w;
}

static void kill_workers(struct helper *h, const struct link *l, const uint64_t *id)
{
    for (struct worker *w = h->workers; w; w = w->next) {
        if (w->link == l && !w->ended && (id == NULL || w->id == *id))
            leatp_kill_child(w->pid);
    }
}

static void open_link(struct link *l, const struct leati_proc_open *o)
{
    struct leati_proc_message m = {.kind = LEATI_PROC_OPENED};
    for (unsigned i = 0; i < LEATI_PROC_FNS && m.err == 0; i++)
        m.err = leatp_function_find(&l->fn[i], &o->fn[i]);
    if (m.err == 0 && l->fn[0] == NULL)
        m.err = LEAT_ENOEXEC;
    l->open = m.err == 0;
    if (leatp_message_send(l->fd, &m, sizeof(m), NULL, 0, false) != 0)
        l->gone = true;
}

static union {
    uint32_t kind;
    struct leati_proc_message m;
    struct leati_proc_open open;
} request; /* large, and one at a time */

static void serve(struct helper *h, struct link *l)
{
    int fds[2];
    ptrdiff_t n = leatp_message_recv(l->fd, &request, sizeof(request), fds, 2, false);
    if (n == LEAT_EAGAIN)
        return;
    if (n == sizeof(request.open) && request.kind == LEATI_PROC_OPEN && !l->open)
        open_link(l, &request.open);
    else if (n == sizeof(request.m) && request.kind == LEATI_PROC_SPAWN)
        spawn(h, l, &request.m, fds[0], fds[1]);
    else if (n == sizeof(request.m) && request.kind == LEATI_PROC_KILL)
        kill_workers(h, l, &request.m.id);
    else
        l->gone = true; /* its end, or nonsense */
    if (n > 0) {
        leatp_close(fds[0]);
        leatp_close(fds[1]);
    }
}

static void join(struct helper *h)
{
    struct leati_proc_message m;
    int fd;
    ptrdiff_t n = leatp_message_recv(h->socket, &m, sizeof(m), &fd, 1, false);
    if (n == LEAT_ECLOSED)
        leatp_leave(0); /* workers die with us */
    struct link *l = fd >= 0 ? calloc(1, sizeof(*l)) : NULL;
    if (l) {
        l->fd = fd;
        if (leatp_watch_add(h->watch, fd, (uintptr_t)l, LEATP_READABLE) == 0) {
            l->next = h->links;
            h->links = l;
            return;
        }
    }
    free(l);
    leatp_close(n == LEAT_EAGAIN ? -1 : fd); /* the other end sees it */
}

/* --- children and ends --- */

static void children(struct helper *h)
{
    enum leatp_child_what what;
    int pid;
    while ((pid = leatp_child_news(h->signals, &what)) > 0) {
        struct worker *w = h->workers;
        while (w && (w->ended || w->pid != pid))
            w = w->next;
        if (w == NULL)
            continue;
        if (what == LEATP_CHILD_ENDED) {
            w->ended = true;
            w->unsaid &= SAY_SPAWNED;
        } else { /* the later news cancels the earlier */
            w->unsaid &= ~(SAY_STOPPED | SAY_CONTINUED);
            w->unsaid |= what == LEATP_CHILD_STOPPED ? SAY_STOPPED : SAY_CONTINUED;
        }
    }
}

/* Connections that went: their workers are killed, and forgotten without a word. */
static void bury(struct helper *h)
{
    for (struct link **at = &h->links; *at;) {
        struct link *l = *at;
        if (!l->gone) {
            at = &l->next;
            continue;
        }
        kill_workers(h, l, NULL);
        for (struct worker **wat = &h->workers; *wat;) {
            struct worker *w = *wat;
            if (w->link == l) { /* its end will be nobody's news */
                *wat = w->next;
                leatp_close(w->pidfd);
                free(w);
            } else {
                wat = &w->next;
            }
        }
        *at = l->next;
        /* Not by the close: a worker that has just been forked has it open as well. */
        leatp_watch_remove(h->watch, l->fd);
        leatp_close(l->fd);
        free(l);
    }
}

static void event(struct helper *h, const struct leatp_seen *e)
{
    if (e->key == KEY_SOCKET)
        join(h);
    else if (e->key == KEY_PROGRAM)
        leatp_leave(0);
    else if (e->key > KEYS && (e->what & LEATP_READABLE))
        serve(h, (struct link *)(uintptr_t)e->key);
}

void leati_proc_helper(int socket, int program)
{
    struct leatp_seen seen[16];
    struct helper h = {.pid = leatp_self_pid(), .socket = socket};
    leatp_close_all_but(3, &socket, 1);
    leatp_process_name("leat-helper");
    h.watch = leatp_watch_new();
    h.signals = leatp_helper_signals();
    int pidfd = leatp_pidfd(program); /* without it the socket's end has to do */
    if (h.watch < 0 || h.signals < 0 ||
        leatp_watch_add(h.watch, socket, KEY_SOCKET, LEATP_READABLE) != 0 ||
        leatp_watch_add(h.watch, h.signals, KEY_SIGNALS, LEATP_READABLE) != 0)
        leatp_leave(1);
    if (pidfd >= 0)
        (void)leatp_watch_add(h.watch, pidfd, KEY_PROGRAM, LEATP_READABLE);
    for (;;) {
        unsigned n = leatp_watch_wait(h.watch, seen, 16, -1);
        for (unsigned i = 0; i < n; i++)
            event(&h, &seen[i]);
        children(&h);
        bury(&h);
        tell_all(&h);
    }
}
