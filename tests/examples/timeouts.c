/* timeouts.c - timeouts N US: a timeout for each message, and one for the conversation.
 *
 * The speaker pauses for US microseconds before each message but the first N, which
 * come at once. Each: give up when one message takes longer. Whole: give up when the
 * time for all is over. SPDX-License-Identifier: MIT */
#include "example.h"

struct speaker {
    leat_chan *c;
    long quick;
};

/* Says `quick` messages and then nothing more. */
static int talk(void *arg)
{
    struct speaker *s = arg;
    for (int64_t i = 0; i < s->quick; i++)
        must(leat_chan_send(s->c, &i));
    return 0;
}

/* Messages heard until either a message or the conversation takes longer than us. */
static long listen(leat_chan *c, long us, bool whole)
{
    struct leat_deadline end = leat_in_us(us);
    int64_t v;
    for (long heard = 0;; heard++) {
        int r = leat_chan_recv_until(c, &v, whole ? end : leat_in_us(us));
        if (r == LEAT_ETIMEDOUT)
            return heard;
        must(r);
    }
}

int main(int argc, char **argv)
{
    struct speaker s = {.quick = argument(argc, argv, 1, 5)};
    long us = argument(argc, argv, 2, 2000);
    for (int whole = 0; whole < 2; whole++) {
        leat_fiber *f;
        must(leat_chan_new(&s.c, sizeof(int64_t), (size_t)s.quick + 1));
        must(leat_go(&f, talk, &s));
        must(leat_fiber_join(f, NULL)); /* all it has to say lies in the channel */
        printf("%s: heard %ld\n", whole ? "whole" : "each", listen(s.c, us, whole));
        leat_chan_free(s.c);
    }
    /* Has it timed out yet? A timer channel in a select that does not wait says so. */
    leat_chan *timer;
    must(leat_after(&timer, leat_in_us(us)));
    struct leat_case look = LEAT_RECV(timer, NULL);
    while (leat_select(&look, 1, LEAT_NOW, 0, NULL) == LEAT_EAGAIN)
        leat_yield();
    puts("timed out");
    leat_chan_free(timer);
    return 0;
}
