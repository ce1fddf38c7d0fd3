/* scenarios.c - what threads do with channels, while calls of the system fail; see site.h.
 * SPDX-License-Identifier: MIT */
#include "site.h"

enum { MANY = 3000 }; /* into an unbounded channel: several segments */

/* Values go through in order; a send that was refused sent nothing. */
static void use(leat_chan *c, const struct kind *k)
{
    uint64_t n = k->cap == LEAT_UNBOUNDED ? MANY : k->cap, sent = 0, v;
    for (uint64_t i = 0; i < n; i++)
        if (TRY(leat_chan_try_send(c, &sent), LEAT_ENOMEM) == 0)
            sent++;
    THAT(leat_chan_len(c) == sent, leat_chan_len(c));
    for (uint64_t i = 0; i < sent; i++) {
        int r = leat_chan_try_recv(c, &v);
        THAT(r == 0 && v == i, v);
    }
    THAT(leat_chan_try_recv(c, &v) == LEAT_EAGAIN, 0);
    if (n)
        (void)TRY(leat_chan_try_send(c, &sent), LEAT_ENOMEM); /* for drop, or free */
}

/* A batch that runs out of memory has sent its first part. */
static void use_batch(leat_chan *c)
{
    static uint64_t vs[MANY], got[MANY];
    for (uint64_t i = 0; i < MANY; i++)
        vs[i] = i;
    ptrdiff_t n = leat_chan_send_n(c, vs, MANY, LEAT_NOW);
    if (n < 0 && !site_refused((int)n, LEAT_ENOMEM, LEAT_ENOMEM, __FILE__, __LINE__, "n"))
        return;
    THAT(n == MANY || inject_fired(), n);
    size_t sent = n < 0 ? 0 : (size_t)n;
    THAT(leat_chan_len(c) == sent, sent);
    for (size_t at = 0; at < sent;) {
        n = leat_chan_recv_n(c, got, MANY, LEAT_NOW);
        THAT(n > 0, n);
        for (ptrdiff_t i = 0; i < n; i++, at++)
            THAT(got[i] == at, got[i]);
        if (n <= 0)
            return;
    }
}

static void no_drop(void *elem, void *arg)
{
    (void)elem, (void)arg;
}

void scenario_channels(void)
{
    for (unsigned i = 0; i < 2 * KINDS; i++) {
        const struct kind *k = &kinds[i / 2];
        const struct leat_alloc alloc = inject_alloc();
        struct leat_chan_opts o = kind_opts(k, sizeof(uint64_t));
        leat_chan *c = NULL;
        o.alloc = i % 2 ? &alloc : NULL;
        o.drop = no_drop;
        site_board->got = i; /* which one, should it crash */
        if (TRY(leat_chan_open(&c, &o), LEAT_ENOMEM)) {
            THAT(c == NULL, i);
            continue;
        }
        leat_tx *t = leat_chan_tx(c);
        leat_rx *r = leat_chan_rx(c);
        use(c, k);
        if (k->cap == LEAT_UNBOUNDED) {
            while (leat_chan_try_recv(c, NULL) == 0)
                ;
            use_batch(c);
        }
        t = leat_tx_free(t);
        THAT(leat_chan_closed(c), i);
        r = leat_rx_free(r);
        c = leat_chan_free(c);
    }
}

/* ---- select, sets, timers ---- */

enum { IN_SET = 20 }; /* the set's table grows */

static void send_by_select(leat_chan *u)
{
    uint64_t sent = 0, v;
    for (unsigned i = 0; i < 2 * 512; i++) {
        struct leat_case cs[] = {LEAT_SEND(u, &sent), LEAT_RECV(NULL, NULL)};
        int r = leat_select(cs, 2, i % 2 ? LEAT_NEVER : LEAT_NOW, 0, NULL);
        THAT(r == 0, r);
        if (!site_refused(cs[0].err, LEAT_ENOMEM, LEAT_ENOMEM, __FILE__, __LINE__, "err"))
            sent++;
    }
    for (uint64_t i = 0; i < sent; i++) {
        THAT(leat_chan_try_recv(u, &v) == 0, i);
        THAT(v == i, v);
    }
    THAT(leat_chan_try_recv(u, &v) == LEAT_EAGAIN, 0);
}

/* Each channel that the set took gives its value, once. */
static void through_set(leat_set *s)
{
    leat_chan *c[IN_SET] = {NULL}, *from;
    unsigned in = 0;
    uint64_t v, seen = 0;
    for (unsigned i = 0; i < IN_SET; i++) {
        v = i;
        if (TRY(leat_chan_new(&c[i], sizeof(v), 1), LEAT_ENOMEM))
            continue;
        if (TRY(leat_set_add(s, c[i], NULL), LEAT_ENOMEM) == 0) {
            THAT(leat_chan_try_send(c[i], &v) == 0, i);
            in++;
        }
        THAT(leat_set_len(s) == in, i);
    }
    for (unsigned i = 0; i < in; i++) {
        THAT(leat_set_wait(s, &v, &from, NULL, LEAT_NOW) == 0, i);
        THAT(v < IN_SET && from == c[v], v);
        seen++;
    }
    THAT(leat_set_wait(s, &v, NULL, NULL, LEAT_NOW) == LEAT_EAGAIN, seen);
    for (unsigned i = 0; i < IN_SET; i++) {
        if (i % 2)
            (void)leat_set_del(s, c[i]);
        leat_chan_free(c[i]);
    }
}

void scenario_select(void)
{
    const struct leat_alloc alloc = inject_alloc();
    struct leat_chan_opts o = kind_opts(&kinds[KINDS - 2], sizeof(uint64_t));
    leat_chan *u = NULL, *after = NULL, *tick = NULL;
    leat_set *s = NULL;
    int64_t at = leat_now() + 200000, t = 0;
    o.alloc = &alloc;
    if (TRY(leat_chan_open(&u, &o), LEAT_ENOMEM) == 0)
        send_by_select(u);
    if (TRY(leat_after(&after, leat_at(at)), LEAT_ENOMEM) == 0) {
        THAT(leat_chan_recv(after, &t) == 0 && t == at, t);
        THAT(leat_now() >= at, 0);
    }
    if (TRY(leat_tick(&tick, 50000), LEAT_ENOMEM) == 0)
        THAT(leat_chan_recv(tick, &t) == 0, t);
    if (TRY(leat_set_new(&s), LEAT_ENOMEM) == 0) {
        through_set(s);
        if (tick && TRY(leat_set_add(s, tick, NULL), LEAT_ENOMEM) == 0)
            THAT(leat_set_wait(s, &t, NULL, NULL, LEAT_NEVER) == 0, t);
    } else {
        THAT(s == NULL, 0);
    }
    leat_set_free(s);
    leat_chan_free(tick);
    leat_chan_free(after);
    leat_chan_free(u);
}

/* ---- the mailbox ---- */

void scenario_mailbox(void)
{
    const struct leat_alloc alloc = inject_alloc();
    struct leat_chan_opts o = kind_opts(&kinds[6], sizeof(uint32_t));
    leat_chan *c = NULL;
    leat_signal *s = NULL;
    o.alloc = &alloc; /* a reference too many would keep its cells */
    if (TRY(leat_chan_open(&c, &o), LEAT_ENOMEM))
        return;
    if (TRY2(leat_signal_new(&s, c), LEAT_ENOMEM, LEAT_EAGAIN) == 0) {
        uint64_t seen = 0;
        for (uint32_t n = 0; n < 64; n++)
            THAT(leat_signal_post(s, n) == 0, n);
        while (seen != UINT64_MAX) {
            uint32_t n = 64;
            THAT(leat_chan_recv(c, &n) == 0, n);
            seen |= (uint64_t)1 << (n % 64);
        }
        s = leat_signal_free(s);
    }
    THAT(s == NULL, 0);
    leat_chan_free(c);
}

/* ---- threads that park ---- */

enum { ROUNDS = 60, PARKERS = 3 };

static struct {
    leat_chan *to, *back;
    leat_mutex mutex;
    leat_sem sem;
    leat_once once;
    leat_wg wg;
    unsigned inside, ran;
} play;

static int ran_once(void *arg)
{
    (void)arg;
    play.ran++;
    return 0;
}

static void critical(void)
{
    THAT(leat_mutex_lock(&play.mutex) == 0, 0);
    play.inside++;
    THAT(play.inside == 1, play.inside);
    leat_yield();
    play.inside--;
    THAT(leat_mutex_unlock(&play.mutex) == 0, 0);
}

static void *parker(void *arg)
{
    uint64_t v;
    (void)arg;
    THAT(leat_once_do(&play.once, ran_once, NULL) == 0, 0);
    while (leat_chan_recv(play.to, &v) == 0) {
        critical();
        THAT(leat_sem_acquire(&play.sem, 2) == 0, 0);
        leat_sem_release(&play.sem, 2);
        int64_t at = leat_now() + 20000;
        THAT(leat_sleep_until(leat_at(at)) == 0 && leat_now() >= at, 0);
        THAT(leat_chan_send(play.back, &v) == 0, v);
    }
    leat_wg_done(&play.wg);
    return NULL;
}

/* Deadlines in between: they are kept, never early. */
static void play_rounds(void)
{
    for (uint64_t i = 0, v; i < ROUNDS; i++) {
        int64_t until = leat_now() + 30000;
        THAT(leat_chan_send(play.to, &i) == 0, i);
        int r = leat_chan_recv_until(play.back, &v, leat_at(until));
        if (r != 0) {
            THAT(r == LEAT_ETIMEDOUT && leat_now() >= until, r);
            THAT(leat_chan_recv(play.back, &v) == 0, 0);
        }
        THAT(v == i, v);
        struct leat_case cs[] = {LEAT_RECV(play.back, &v), LEAT_RECV(play.to, &v)};
        until = leat_now() + 10000;
        r = leat_select(cs, 2, leat_at(until), 0, NULL);
        THAT(r == LEAT_ETIMEDOUT && leat_now() >= until, r);
    }
}

void scenario_parking(void)
{
    pthread_t t[PARKERS];
    memset(&play, 0, sizeof(play));
    leat_sem_init(&play.sem, 3);
    if (TRY(leat_chan_new(&play.to, sizeof(uint64_t), 0), LEAT_ENOMEM))
        return;
    if (TRY(leat_chan_new(&play.back, sizeof(uint64_t), 1), LEAT_ENOMEM) == 0) {
        leat_wg_add(&play.wg, PARKERS);
        for (unsigned i = 0; i < PARKERS; i++)
            THAT(inject_thread(&t[i], parker, NULL) == 0, i);
        play_rounds();
        leat_chan_close(play.to);
        THAT(leat_wg_wait(&play.wg) == 0, 0);
        for (unsigned i = 0; i < PARKERS; i++)
            pthread_join(t[i], NULL);
        THAT(play.ran == 1, play.ran);
        leat_chan_free(play.back);
    }
    leat_chan_free(play.to);
}
