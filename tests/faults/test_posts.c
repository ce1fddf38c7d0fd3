/* test_posts.c - a storm of signals whose handlers post.
 *
 * Handlers run inside channel operations, mutexes, malloc and on the stacks of fibers, and
 * inside each other. Each counts its post before it makes it. Posts of one number that
 * were not yet forwarded count as one, so: a message of n that is received after the last
 * post of n has the full count, and one such message must come for every n; and there are
 * no more messages than posts. SPDX-License-Identifier: MIT */
/* ctest: timeout=200 onecpu noemu novalgrind (signals pile up there) */
#include <errno.h>
#include <stdlib.h>

#include "arch/san.h"
#include "storm.h"
#include "support/kinds.h"

enum { NUMBERS = 64 };

#define LOAD(x)   __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define ADD(x, n) __atomic_add_fetch(&(x), (n), __ATOMIC_SEQ_CST)

static struct storm storm;
static leat_signal *mailbox;
static unsigned posts[NUMBERS], all_posts;   /* counted before they are made */
static unsigned nested, on_fibers, refused; /* handlers; failed posts */

static __thread unsigned depth; /* of handlers on this thread */

static void handler(int sig)
{
    unsigned n = (unsigned)(sig * 11 + (int)LOAD(all_posts)) % NUMBERS;
    ADD(nested, ++depth > 1);
    /* One thread-local is read: no fiber switches while a handler runs. */
    ADD(on_fibers, leat_fiber_self() != NULL);
    ADD(posts[n], 1);
    ADD(all_posts, 1);
    if (leat_signal_post(mailbox, n) != 0)
        ADD(refused, 1);
    if (depth == 1 && n % 4 == 0)
        (void)raise(sig == storm.signals[0] ? storm.signals[1] : storm.signals[0]);
    depth--;
}

struct work {
    leat_chan *c, *d;
    leat_mutex mutex;
    unsigned wanted; /* posts */
    unsigned over;
};

static bool over(const struct work *w)
{
    return LOAD(w->over) != 0;
}

static void talks(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    for (uint64_t i = 0, v; !over(w); i++) {
        storm_let_in(&storm);
        expect_eq(leat_chan_send(w->c, &i), 0);
        expect_eq(leat_chan_recv(w->d, &v), 0);
    }
    if (ADD(w->over, 1) == 3) /* both have ended */
        leat_chan_close(w->c);
}

static void answers(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    uint64_t v;
    while (leat_chan_recv(w->c, &v) == 0) {
        storm_let_in(&storm);
        expect_eq(leat_chan_send(w->d, &v), 0);
    }
}

static void locks(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    while (!over(w)) {
        storm_let_in(&storm);
        expect_eq(leat_mutex_lock(&w->mutex), 0);
        leat_yield();
        expect_eq(leat_mutex_unlock(&w->mutex), 0);
    }
}

static void allocates(struct actor *a)
{
    struct work *w = (struct work *)a->arg;
    for (size_t n = 1; !over(w); n = n % 5000 + 1) {
        leat_chan *c = NULL;
        storm_let_in(&storm);
        char *p = malloc(n);
        expect(p != NULL);
        if (expect_eq(leat_chan_new(&c, n, LEAT_UNBOUNDED), 0))
            leat_chan_free(c);
        free(p);
        leat_yield();
    }
}

/* A handler in the middle of it leaves errno as it was. */
static void computes(struct actor *a)
{
    const struct work *w = (const struct work *)a->arg;
    while (!over(w)) {
        storm_let_in(&storm);
        bool same = true;
        errno = 4321;
        for (unsigned i = 0; i < 2000; i++)
            same &= *(volatile int *)&errno == 4321;
        expect(same);
        leat_yield();
    }
}

/* ---- on the test thread, which gets signals as well ---- */

static unsigned seen[NUMBERS], messages[NUMBERS];

static void take_one(leat_chan *c)
{
    uint32_t n = NUMBERS;
    if (leat_chan_recv_until(c, &n, leat_in_s(20)) != 0)
        for (n = 0; n < NUMBERS; n++)
            if (seen[n] != LOAD(posts[n]))
                fail_msg("no message after post %u of %u", LOAD(posts[n]), n);
    assert_true(n < NUMBERS);
    seen[n] = LOAD(posts[n]);
    messages[n]++;
}

static void check_round(leat_chan *c)
{
    for (unsigned n = 0; n < NUMBERS; n++) {
        while (seen[n] != LOAD(posts[n]))
            take_one(c);
        assert_true(messages[n] <= seen[n]);
    }
    assert_int_equal(refused, 0);
}

static void begin_round(void)
{
    memset(seen, 0, sizeof(seen));
    memset(messages, 0, sizeof(messages));
    memset(posts, 0, sizeof(posts));
    all_posts = 0;
    storm = (struct storm){.signals = {SIGUSR1, SIGUSR2, SIGURG}};
}

/* Have handlers run wherever they are to be tried? */
static bool everywhere(enum crew_kind crew)
{
#ifdef LEATP_TSAN /* it keeps handlers for a quiet moment */
    (void)crew;
    return true;
#else
    return LOAD(nested) > 0 && (crew == CREW_THREADS || LOAD(on_fibers) > 0);
#endif
}

static void round_of(enum crew_kind crew, size_t cap)
{
    static actor_fn *const roles[] = {talks, talks, answers, answers, locks, locks,
                                      allocates, allocates, computes, computes};
    enum { N = sizeof(roles) / sizeof(roles[0]) };
    struct work w = {.wanted = (unsigned)support_scale(600)};
    leat_chan *c;
    begin_round();
    assert_int_equal(leat_chan_new(&c, sizeof(uint32_t), cap), 0);
    assert_int_equal(leat_chan_new(&w.c, sizeof(uint64_t), 0), 0);
    assert_int_equal(leat_chan_new(&w.d, sizeof(uint64_t), LEAT_UNBOUNDED), 0);
    assert_int_equal(leat_signal_new(&mailbox, c), 0);
    storm_begin(&storm, handler, 0);
    struct crew *all = crew_start_each(crew, 2, N, roles, N, &w);
    while (LOAD(all_posts) < w.wanted || !everywhere(crew))
        take_one(c);
    storm_end(&storm);
    ADD(w.over, 1);
    crew_join(all); /* from here on no handler runs */
    check_round(c);
    leat_signal_free(mailbox);
    leat_chan_free(w.c);
    leat_chan_free(w.d);
    leat_chan_free(c);
}

static void no_post_of_a_storm_of_handlers_is_lost(void **state)
{
    (void)state;
    for (int crew = 0; crew < CREW_KINDS; crew++) {
        nested = on_fibers = 0;
        for (size_t cap = 0; cap < 4; cap += 2)
            round_of((enum crew_kind)crew, cap);
        print_message("%s: %u of the handlers in another one, %u on a fiber's stack\n",
                      crew_kind_name[crew], nested, on_fibers);
        assert_true(on_fibers == 0 || crew != CREW_THREADS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_post_of_a_storm_of_handlers_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
