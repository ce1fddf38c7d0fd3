/* check.c - the state of all channels, when all is at rest.
 * SPDX-License-Identifier: MIT */
#include "chan/chan.h"
#include "oracle/world.h"

/* Sets park an event on a channel that they found empty: counted with the receivers.
 * Only where fibers are awaited by turns (object_disarm). */
static unsigned most_events(const struct world *w, unsigned chan)
{
    unsigned n = 0;
    if (w->how != STEPS_FIBERS)
        return 0;
    for (unsigned i = 0; i < PROGRAM_SETS; i++)
        n += w->sets[i].in[chan];
    return n;
}

bool check_parked(const struct world *w)
{
    for (unsigned i = 0; i < PROGRAM_CHANS; i++) {
        const struct channel *ch = &w->ch[i];
        unsigned n[2], most = most_events(w, i);
        ch->c->ops->waiting(ch->c, n);
        if (n[LEAT_OP_SEND] != ch->model.nwaits[LEAT_OP_SEND] ||
            n[LEAT_OP_RECV] < ch->model.nwaits[LEAT_OP_RECV] ||
            n[LEAT_OP_RECV] > ch->model.nwaits[LEAT_OP_RECV] + most)
            return false;
    }
    return true;
}

/* An unbounded channel gives memory back: what it holds is some segments of a page more
 * than its values need. */
static void check_bytes(const struct world *w, const struct channel *ch)
{
    enum { SEGMENT = 4096 + 128 };
    size_t size = ch->opts.elem_size, fit = size ? SEGMENT / size : 512;
    size_t most = (ch->model.n / (fit > 400 ? 400 : fit - 4) + 4) * SEGMENT;
    if (ch->opts.cap == LEAT_UNBOUNDED && leat_chan_bytes(ch->c) > most)
        disagree(w, NULL, "bytes of an unbounded channel",
                 (long long)leat_chan_bytes(ch->c), (long long)most);
}

static void check_channel(const struct world *w, unsigned i)
{
    const struct channel *ch = &w->ch[i];
    unsigned n[2];
    ch->c->ops->waiting(ch->c, n);
    for (unsigned dir = 0; dir < 2; dir++) {
        unsigned want = ch->model.nwaits[dir];
        unsigned most = want + (dir == LEAT_OP_RECV ? most_events(w, i) : 0);
        if (n[dir] < want || n[dir] > most)
            disagree(w, NULL, dir ? "senders parked" : "receivers parked", n[dir],
                     want);
    }
    check_bytes(w, ch);
    if (leat_chan_closed(ch->c) != ch->model.closed)
        disagree(w, NULL, "closed", leat_chan_closed(ch->c), ch->model.closed);
    /* What a cancel leaves inside is for the declared receiver to drop, with its next
     * call. */
    bool owed = ch->model.cancelled && (ch->opts.flags & LEAT_SINGLE_CONSUMER);
    unsigned len = oracle_len(&ch->model);
    if (leat_chan_len(ch->c) != len && !owed)
        disagree(w, NULL, "length", (long long)leat_chan_len(ch->c), len);
}

void check_state(const struct world *w)
{
    for (unsigned i = 0; i < PROGRAM_CHANS; i++)
        check_channel(w, i);
    for (unsigned i = 0; i < PROGRAM_SETS; i++) {
        unsigned n = 0;
        for (unsigned k = 0; k < PROGRAM_CHANS; k++)
            n += w->sets[i].in[k];
        if (leat_set_len(w->sets[i].s) != n)
            disagree(w, NULL, "channels in a set",
                     (long long)leat_set_len(w->sets[i].s), n);
    }
}
