/* buffer.c - store buffers: first in, first out, visible to their owner at once.
 * SPDX-License-Identifier: MIT */
#include "runtime.h"

void weave_commit(struct weave_thread *t)
{
    const struct weave_store s = t->buffer[t->first];
    t->first = (t->first + 1) % WEAVE_BUFFER;
    if (--t->stores == 0)
        t->marks = 0;
    weave->commits++;
    weave_touch_by(t, s.at, NULL);
    switch (s.size) {
    case 1: *(volatile uint8_t *)s.at = (uint8_t)s.value; break;
    case 2: *(volatile uint16_t *)s.at = (uint16_t)s.value; break;
    case 4: *(volatile uint32_t *)s.at = (uint32_t)s.value; break;
    default: *(volatile uint64_t *)s.at = s.value; break;
    }
    if (weave->states)
        weave_state_written(s.at, s.size, (unsigned)(t - weave->thread), s.history);
    if (weave->tracing) {
        unsigned current = weave->current;
        weave->current = (unsigned)(t - weave->thread);
        weave_note(OP_DRAIN, (void *)s.at, s.size, s.value, NULL);
        weave->current = current;
    }
}

void weave_drain(struct weave_thread *t)
{
    while (t->stores > 0)
        weave_commit(t);
}

void weave_drain_all(void)
{
    for (unsigned i = 0; i < weave->threads; i++)
        weave_drain(&weave->thread[i]);
}

void weave_put(struct weave_thread *t, uintptr_t at, unsigned size, uint64_t value)
{
    if (t->stores == WEAVE_BUFFER)
        weave_commit(t);
    t->buffer[(t->first + t->stores) % WEAVE_BUFFER] =
        (struct weave_store){at, size, value, t->history};
    t->stores++;
    t->marks |= (uint64_t)1 << at / 8 % 64; /* it is within a word */
}

static bool overlaps(const struct weave_store *s, uintptr_t at, size_t size)
{
    return s->at < at + size && at < s->at + s->size;
}

bool weave_forward(struct weave_thread *t, uintptr_t at, unsigned size, uint64_t *ret)
{
    for (unsigned i = t->stores; i-- > 0;) {
        const struct weave_store *s = &t->buffer[(t->first + i) % WEAVE_BUFFER];
        if (!overlaps(s, at, size))
            continue;
        if (s->at == at && s->size == size) {
            *ret = s->value;
            return true;
        }
        weave_drain(t); /* as a CPU does that cannot forward a part */
        return false;
    }
    return false;
}

void weave_plain(uintptr_t at, size_t size)
{
    struct weave_thread *t = weave_me;
    for (unsigned i = 0; i < t->stores; i++)
        if (overlaps(&t->buffer[(t->first + i) % WEAVE_BUFFER], at, size)) {
            weave_drain(t);
            return;
        }
}
