/* chans.h - a list of channels, each with a reference, that a source or sink works on.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_FLOW_CHANS_H
#define LEATI_FLOW_CHANS_H

#include <leat/chan.h>

struct leati_chans {
    size_t n;
    leat_chan **c;
};

/* Are all there, with elements of that size? */
bool leati_chans_fit(leat_chan *const *c, size_t n, size_t elem_size);

/* false: no memory; then nothing is held. */
bool leati_chans_hold(struct leati_chans *l, leat_chan *const *c, size_t n);

/* Gives the references back. cancel, close: the channels first. */
enum leati_chans_end { LEATI_CHANS_LEAVE, LEATI_CHANS_CLOSE, LEATI_CHANS_CANCEL };
void leati_chans_release(struct leati_chans *l, enum leati_chans_end end);

#endif
