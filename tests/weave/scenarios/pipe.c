/* pipe.c - hands and their thief; the turnstile, credits, lanes, the reorder ring and the
 * end of pipes of two or three threads. SPDX-License-Identifier: MIT */
#include "pipes.h"

/* --- a hand: each item is taken or stolen, once --- */

static struct leati_hand hand;
static uint64_t cells[4], other[4], *spare = other;
static unsigned times[8]; /* by value */
static uint32_t begun;    /* by the owner */

static void met(uint64_t v)
{
    weave_check(v < 8 && times[v]++ == 0);
}

static void fill(unsigned n, uint64_t base)
{
    for (unsigned i = 0; i < n; i++)
        spare[i] = base + i;
    leati_hand_fill(&hand, (char **)&spare, base, n);
    met(base); /* the owner has the first one */
    begun = 1;
}

static void owner_takes(void)
{
    for (; begun < hand.filled && leati_hand_take(&hand, begun); begun++)
        met(((uint64_t *)(void *)hand.items)[begun]);
}

static void steals(void)
{
    uint64_t to[4], base;
    uint32_t n = leati_hand_steal(&hand, 8, (char *)to, &base);
    for (uint32_t i = 0; i < n; i++) {
        weave_check(to[i] == base + i);
        met(to[i]);
    }
}

static void hand_of_three(void)
{
    hand.items = (char *)cells;
    fill(3, 0);
}

static void owner_and_thief(unsigned i)
{
    if (i == 0)
        owner_takes();
    else
        steals();
}

static void three_met(void)
{
    owner_takes(); /* what a thief gave back too late for the owner to see */
    for (unsigned v = 0; v < 3; v++)
        weave_check(times[v] == 1);
}

WEAVE_SCENARIO(hand, .name = "pipe.hand_of_owner_and_thief", .actors = 2,
               .setup = hand_of_three, .actor = owner_and_thief, .check = three_met);

static void steals_twice(unsigned i)
{
    if (i == 0)
        owner_takes();
    for (unsigned k = 0; i == 1 && k < 2; k++)
        steals();
}

WEAVE_SCENARIO(hand2, .name = "pipe.hand_robbed_twice", .actors = 2,
               .setup = hand_of_three, .actor = steals_twice, .check = three_met);

static void refills(unsigned i)
{
    if (i == 0) {
        owner_takes();
        fill(3, 3);
        owner_takes();
    } else {
        steals();
    }
}

static void six_met(void)
{
    owner_takes();
    for (unsigned v = 0; v < 6; v++)
        weave_check(times[v] == 1);
}

WEAVE_SCENARIO(hand3, .name = "pipe.hand_filled_again", .actors = 2,
               .setup = hand_of_three, .actor = refills, .check = six_met);

/* --- whole pipes of threads: items 1 .. n, each gives itself --- */

static unsigned running, most;
static uint64_t kept;

static int pass_on(leat_stage *s, const void *item, size_t len)
{
    (void)len;
    most = ++running > most ? running : most;
    int r = leat_emit(s, item);
    kept += r ? *(const uint64_t *)item : 0; /* refused */
    running--;
    return r;
}

/* Receives 1 .. n in order, or each once. */
static void receive(uint64_t n, bool ordered)
{
    uint64_t v;
    for (uint64_t i = 1; i <= n; i++) {
        weave_check(leat_chan_recv(out, &v) == 0);
        weave_check(!ordered || v == i);
        met(v);
    }
}

static void over(void)
{
    uint64_t v;
    weave_check(leat_chan_recv(out, &v) == LEAT_ECLOSED);
    join(NULL, 0);
}

static void receive_all(uint64_t n, bool ordered)
{
    receive(n, ordered);
    over();
}

static void ordered_two(unsigned i)
{
    (void)i;
    fill_in(3);
    start(pass_on, 2, 2, 0, 4);
    receive_all(3, true);
}

WEAVE_SCENARIO(ordered2, .name = "pipe.ordered_by_two", .actors = 1,
               .actor = ordered_two, .bound = 2);

/* One place in the output: the head waits for room. */
static void ordered_full(unsigned i)
{
    (void)i;
    fill_in(4);
    start(pass_on, 2, 0, 0, 1);
    receive_all(4, true);
}

WEAVE_SCENARIO(full, .name = "pipe.ordered_without_room", .actors = 1,
               .actor = ordered_full, .bound = 2);

static void lanes_two(unsigned i)
{
    (void)i;
    fill_in(3);
    start(pass_on, 2, 2, LEAT_PIPE_UNORDERED, 4);
    receive_all(3, false);
}

WEAVE_SCENARIO(lanes2, .name = "pipe.unordered_by_two", .actors = 1, .actor = lanes_two,
               .bound = 2);

/* Credits: one item at a time inside, the leader sleeps between. */
static void one_credit(void)
{
    fill_in(2);
    start(pass_on, 1, 0, weave_choose(2) ? LEAT_PIPE_UNORDERED : 0, 1);
}

static void receive_two(unsigned i)
{
    (void)i;
    receive(2, true);
}

WEAVE_SCENARIO(credit, .name = "pipe.one_credit", .actors = 1, .setup = one_credit,
               .actor = receive_two, .check = over);

/* Two credits for two workers, room for all: the leader waits for what the other does. */
static void two_credits(unsigned i)
{
    (void)i;
    fill_in(4);
    start(pass_on, 2, 0, LEAT_PIPE_UNORDERED, 4);
    receive_all(4, false);
    weave_check(most <= 2);
}

WEAVE_SCENARIO(credit2, .name = "pipe.two_credits", .actors = 1, .actor = two_credits,
               .bound = 2);

/* An unbuffered output: results are delivered at once. */
static void meeting(unsigned i)
{
    (void)i;
    fill_in(3);
    start(pass_on, 2, 1, weave_choose(2) ? LEAT_PIPE_UNORDERED : 0, 0);
    receive_all(3, false);
}

WEAVE_SCENARIO(meeting, .name = "pipe.unbuffered_output", .actors = 1, .actor = meeting,
               .bound = 1);

/* --- the turnstile: items that need each other, so each needs a worker --- */

static leat_wg together;

static int waits_for_all(leat_stage *s, const void *item, size_t len)
{
    (void)len;
    leat_wg_done(&together);
    leat_wg_wait(&together);
    return leat_emit(s, item);
}

static void meet_of(unsigned n, bool at_once)
{
    leat_wg_add(&together, n);
    if (at_once)
        fill_in(n);
    start(waits_for_all, n, 0, LEAT_PIPE_UNORDERED, 4);
    for (uint64_t v = 1; !at_once && v <= n; v++)
        weave_check(leat_chan_send(in, &v) == 0);
    leat_chan_close(in);
    receive_all(n, false);
}

static void two_meet(unsigned i)
{
    (void)i;
    meet_of(2, true);
}

static void two_meet_late(unsigned i)
{
    (void)i;
    meet_of(2, false);
}

static void three_workers(void)
{
    leat_wg_add(&together, 3);
    start(waits_for_all, 3, 0, LEAT_PIPE_UNORDERED, 4);
}

static void three_meet(unsigned i)
{
    (void)i;
    for (uint64_t v = 1; v <= 3; v++)
        weave_check(leat_chan_send(in, &v) == 0);
    leat_chan_close(in);
    receive(3, false);
}

WEAVE_SCENARIO(turn2, .name = "pipe.two_meet", .actors = 1, .actor = two_meet,
               .bound = 2);
WEAVE_SCENARIO(turn2late, .name = "pipe.two_meet_one_by_one", .actors = 1,
               .actor = two_meet_late, .bound = 2);
WEAVE_SCENARIO(turn3, .name = "pipe.three_meet_one_by_one", .actors = 1,
               .setup = three_workers, .actor = three_meet, .check = over, .bound = 1);

/* --- a result before an item that waits until the result has been received --- */

static leat_sem received;

static int plain_then_slow(leat_stage *s, const void *item, size_t len)
{
    struct leati_pworker *w = leati_container_of(s, struct leati_pworker, stage);
    (void)len;
    if (*(const uint64_t *)item == 2) /* the first one is claimed alone */
        leati_publish_plainly(w, true);
    if (*(const uint64_t *)item == 3)
        weave_check(leat_sem_acquire(&received, 1) == 0);
    return leat_emit(s, item);
}

static int fenced_then_slow(leat_stage *s, const void *item, size_t len)
{
    (void)len;
    if (*(const uint64_t *)item == 3)
        weave_check(leat_sem_acquire(&received, 1) == 0);
    return leat_emit(s, item);
}

static int by_select(uint64_t *ret)
{
    struct leat_case c[] = {LEAT_RECV(out, ret)};
    size_t which;
    int r = leat_select(c, 1, LEAT_NEVER, 0, &which);
    return r ? r : c[0].err;
}

/* Items 1 and 2 must come out before 3 can. */
static void hungry(bool selects)
{
    uint64_t v;
    for (uint64_t want = 1; want <= 2; want++)
        weave_check((selects ? by_select(&v) : leat_chan_recv(out, &v)) == 0 &&
                    v == want);
    leat_sem_release(&received, 1);
}

static void last_one(void)
{
    uint64_t v;
    weave_check(leat_chan_recv(out, &v) == 0 && v == 3);
    over();
}

static void receives(unsigned i)
{
    (void)i;
    hungry(false);
}

static void selects(unsigned i)
{
    (void)i;
    hungry(true);
}

#define HUNGRY(id, run, flags, how)                                 \
    static void hungry_##id(void)                                   \
    {                                                               \
        fill_in(3);                                                 \
        start(run, 1, 3, flags, 4);                                 \
    }                                                               \
    WEAVE_SCENARIO(h_##id, .name = "pipe.hungry_" #id, .actors = 1, \
                   .setup = hungry_##id, .actor = how, .check = last_one)

HUNGRY(ordered_plain, plain_then_slow, 0, receives);
HUNGRY(unordered_plain, plain_then_slow, LEAT_PIPE_UNORDERED, receives);
HUNGRY(ordered_fenced, fenced_then_slow, 0, receives);
HUNGRY(unordered_fenced, fenced_then_slow, LEAT_PIPE_UNORDERED, receives);
HUNGRY(select_plain, plain_then_slow, 0, selects);
HUNGRY(select_fenced, fenced_then_slow, LEAT_PIPE_UNORDERED, selects);

/* Where the kernel refuses membarrier nothing is published plainly. */
static void hungry_refused(void)
{
    leatp_no_membarrier = true;
    hungry_unordered_plain();
}

static void last_one_refused(void)
{
    last_one();
    leatp_no_membarrier = false;
}

WEAVE_SCENARIO(h_refused, .name = "pipe.hungry_without_membarrier", .actors = 1,
               .setup = hungry_refused, .actor = receives, .check = last_one_refused);

/* --- streaming: more outputs than a slot holds, before and behind others --- */

struct large {
    uint64_t v, rest[15]; /* two fill a slot */
};

static int many(leat_stage *s, const void *item, size_t len)
{
    struct large l = {.v = *(const uint64_t *)item};
    int r = 0;
    (void)len;
    for (unsigned k = 0; k < (l.v == 2 ? 3 : 1) && r == 0; k++)
        r = leat_emit(s, &l);
    return r;
}

static void three_of_many(void)
{
    fill_in(3);
    weave_check(leat_chan_new(&out, sizeof(struct large), 5) == 0);
    start_into(many, 2, 1, 0);
}

static void streams(unsigned i)
{
    struct large l;
    uint64_t last = 0;
    (void)i;
    for (unsigned n = 0; n < 5; n++, last = l.v)
        weave_check(leat_chan_recv(out, &l) == 0 && l.v >= last);
}

static void no_more(void)
{
    struct large l;
    weave_check(leat_chan_recv(out, &l) == LEAT_ECLOSED);
    join(NULL, 0);
}

WEAVE_SCENARIO(streams, .name = "pipe.many_outputs_in_order", .actors = 1,
               .setup = three_of_many, .actor = streams, .check = no_more, .bound = 1);

/* --- early ends: what was taken turns up once --- */

static void cancels_or_closes(unsigned i)
{
    uint64_t v;
    if (i == 1) {
        if (weave_choose(2))
            leat_pipe_cancel(pipe_);
        else
            leat_chan_cancel(out);
        return;
    }
    while (leat_chan_recv(out, &v) == 0)
        got += v;
}

static void two_workers(void)
{
    fill_in(3);
    start(pass_on, 2, 1, weave_choose(2) ? LEAT_PIPE_UNORDERED : 0, 1);
}

static void turned_up(void)
{
    struct leat_pipe_stats st;
    uint64_t v;
    join(&st, 1);
    weave_check(st.in_flight == 0);
    while (leat_chan_try_recv(out, &v) == 0)
        got += v;
    while (leat_chan_try_recv(in, &v) == 0)
        got += v;
    weave_check(got + dropped + kept == 1 + 2 + 3);
}

WEAVE_SCENARIO(early, .name = "pipe.early_end", .actors = 2, .setup = two_workers,
               .actor = cancels_or_closes, .check = turned_up, .bound = 1);
