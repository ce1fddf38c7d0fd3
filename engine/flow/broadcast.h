/* broadcast.h - what a topic of a pub/sub needs of a broadcast beside the public calls.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_FLOW_BROADCAST_H
#define LEATI_FLOW_BROADCAST_H

#include <leat/flow.h>

/* As leat_broadcast_new; the taps are not closed at the end of the input but by
 * leati_broadcast_close_taps: when one channel taps several, all have to end first. */
int leati_broadcast_new(leat_broadcast **ret, leat_chan *in,
                        const struct leat_flow_opts *opts);
void leati_broadcast_close_taps(leat_broadcast *b);

/* Taps there are now. */
size_t leati_broadcast_len(leat_broadcast *b);

/* Offers v to c in that mode: 0; LEATI_TAP_MISSED: it is full and misses v;
 * LEAT_EAGAIN: it is full and to be waited for; LEAT_ECLOSED. *missed counts what it
 * misses, older ones too. */
enum { LEATI_TAP_MISSED = 1 };
int leati_tap_offer(leat_chan *c, enum leat_tap_mode mode, const void *v,
                    uint64_t *missed);

#endif
