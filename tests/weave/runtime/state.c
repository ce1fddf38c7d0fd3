/* state.c - a number for the state of the machine, without looking at its memory.
 *
 * Idea        What a thread does next follows from what it has learned so far. So each has
 *             a history, a hash of that: at every step it goes on, and with every read it
 *             takes in the history of the word that it reads, which is what its last
 *             writer's history was when it wrote. Two executions in which all threads
 *             and all words have equal histories are in the same state, in whatever
 *             order the steps were made. (Partial orders have many such orders; here
 *             even those with another order of writes that nobody read are one.)
 * By value    what the runtime itself keeps of a thread: whether it waits, spins, was
 *             timed out, its place among sleepers, the sections it is in, how many of
 *             its stores are still to be seen. The clock.
 * Covered     atomic and plain accesses, in words of eight bytes (who writes a part of
 *             one has read it); stores wait with the history that they were made with;
 *             what liburcu's queue and concurrencykit's event count do reads and writes
 *             the object; a context that is left is written, one that is entered is read.
 * Not needed  what nobody can learn: a word's readers, the order of writes that were
 *             overwritten, the history of an actor that is done.
 * Equal numbers of unequal states: with n states seen the odds are n^2 / 2^61.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

enum { CELLS = 1 << 16, ROOM = CELLS / 4 * 3, WORD = 8, NOBODY = WEAVE_THREADS };
enum { LONG = 64, LONG_ONES = 256 }; /* words that are one block; blocks */

struct cell {
    uintptr_t word;
    uint64_t history;
    uint64_t part;  /* of states->memory */
    uint32_t epoch; /* of another: empty */
    uint32_t writer;
};

/* Words written at once, most of which nobody looks at. */
struct block {
    uintptr_t from, to;
    uint64_t history;
    uint32_t writer;
};

/* Outside of the program's data, which is put back before each execution. */
static struct states {
    struct cell cell[CELLS];
    unsigned order[ROOM]; /* those in use */
    uint32_t epoch;
    unsigned used;
    struct block block[LONG_ONES]; /* later ones lie on top */
    unsigned blocks;
    uint64_t memory; /* of all cells and blocks */
} * states;

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b + 0x9E3779B97F4A7C15u)) * 0xBF58476D1CE4E5B9u;
    return (h ^ h >> 32) * 0x94D049BB133111EBu ^ h >> 29;
}

void weave_state_prepare(void)
{
    states = mmap(NULL, sizeof(*states), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (states == MAP_FAILED)
        abort();
}

void weave_state_begin(void)
{
    states->epoch++;
    states->used = states->blocks = 0;
    states->memory = 0;
    for (unsigned i = 0; i < weave->threads; i++)
        weave->thread[i].history = mix(i, 1);
    weave->states = true;
}

/* A word that is touched for the first time. */
static void fill(struct cell *c, uintptr_t word)
{
    if (states->used == ROOM)
        weave_fail("more than %d words", ROOM);
    states->order[states->used++] = (unsigned)(c - states->cell);
    *c = (struct cell){word, 0, 0, states->epoch, NOBODY};
    for (unsigned i = states->blocks; i-- > 0;) {
        const struct block *b = &states->block[i];
        if (b->from <= word && word < b->to) {
            c->history = b->history;
            c->writer = b->writer;
            return;
        }
    }
}

static struct cell *cell(uintptr_t word)
{
    /* Neighbours are neighbours here too. */
    unsigned i =
        (unsigned)((word / 8 * 0x9E3779B97F4A7C15u >> 40) * 8 + word % 8) % CELLS;
    for (;; i = (i + 1) % CELLS) {
        struct cell *c = &states->cell[i];
        if (c->epoch != states->epoch)
            fill(c, word);
        if (c->word == word)
            return c;
    }
}

static void set(struct cell *c, uint64_t history, uint32_t writer)
{
    uint64_t part = mix(c->word, history);
    states->memory ^= c->part ^ part;
    c->part = part;
    c->history = history;
    c->writer = writer;
}

void weave_state_step(void)
{
    weave_me->history = mix(weave_me->history, 2);
}

void weave_state_learn(uint64_t what)
{
    weave_me->history = mix(weave_me->history, what);
}

/* --- long ones --- */

static bool in_use(unsigned k, uintptr_t from, uintptr_t to, struct cell **ret)
{
    *ret = &states->cell[states->order[k]];
    return from <= (*ret)->word && (*ret)->word < to;
}

static void read_long(uintptr_t from, uintptr_t to)
{
    struct cell *c;
    uint64_t all = 0;
    for (unsigned k = 0; k < states->used; k++)
        if (in_use(k, from, to, &c) && c->history && c->writer != weave->current)
            all += mix(c->word, c->history);
    for (unsigned i = 0; i < states->blocks; i++) {
        const struct block *b = &states->block[i];
        if (b->from < to && from < b->to && b->writer != weave->current)
            all += mix(i, b->history);
    }
    if (all)
        weave_state_learn(all);
}

static void write_long(uintptr_t from, uintptr_t to, unsigned t, uint64_t history)
{
    struct cell *c;
    for (unsigned k = 0; k < states->used; k++)
        if (in_use(k, from, to, &c))
            set(c, history, t);
    if (states->blocks == LONG_ONES)
        weave_fail("more than %d blocks", LONG_ONES);
    states->block[states->blocks++] = (struct block){from, to, history, t};
    states->memory ^= mix(mix(from, to), history);
}

/* --- accesses --- */

void weave_state_read(uintptr_t at, size_t size)
{
    if (size >= LONG * WORD) {
        read_long(at / WORD, (at + size + WORD - 1) / WORD);
        return;
    }
    for (uintptr_t w = at / WORD; w <= (at + size - 1) / WORD; w++) {
        const struct cell *c = cell(w);
        if (c->history && c->writer != weave->current)
            weave_state_learn(c->history);
    }
}

/* By thread t, whose history was that. */
void weave_state_written(uintptr_t at, size_t size, unsigned t, uint64_t history)
{
    if (size >= LONG * WORD) {
        uintptr_t from = (at + WORD - 1) / WORD, to = (at + size) / WORD;
        write_long(from, to, t, history);
        if (at % WORD)
            weave_state_written(at, WORD - at % WORD, t, history);
        if ((at + size) % WORD)
            weave_state_written(to * WORD, (at + size) % WORD, t, history);
        return;
    }
    for (uintptr_t w = at / WORD; w <= (at + size - 1) / WORD; w++) {
        struct cell *c = cell(w);
        bool whole = at <= w * WORD && (w + 1) * WORD <= at + size;
        if (whole)
            set(c, history, t);
        else
            set(c, mix(history, c->history),
                c->writer == t || !c->history ? t : NOBODY);
    }
}

void weave_state_write(uintptr_t at, size_t size)
{
    weave_state_written(at, size, weave->current, weave_me->history);
}

/* --- the number --- */

/* How many sleep on the same word since before. */
static unsigned place(const struct weave_thread *t)
{
    unsigned n = 0;
    for (unsigned i = 0; i < weave->threads; i++) {
        const struct weave_thread *o = &weave->thread[i];
        n += o->state == WEAVE_FUTEX && o->futex == t->futex && o->queued < t->queued;
    }
    return n;
}

/* The threads it waits for. */
static unsigned older_sections(const struct weave_thread *t)
{
    unsigned set = 0;
    for (unsigned i = 0; i < weave->threads; i++) {
        const struct weave_thread *o = &weave->thread[i];
        set |= (unsigned)(o->sections && o->section < t->grace) << i;
    }
    return set;
}

static uint64_t of_thread(unsigned i)
{
    const struct weave_thread *t = &weave->thread[i];
    uint64_t x = (uint64_t)t->state | t->stores << 4 | (unsigned)t->timed_out << 10 |
                 (unsigned)weave_spinning(i) << 11 | t->sections << 12;
    if (t->state == WEAVE_FUTEX)
        x |= (uint64_t)place(t) << 32;
    if (t->state == WEAVE_GRACE)
        x |= (uint64_t)older_sections(t) << 36;
    bool gone = t->state == WEAVE_DONE && t->actor >= 0;
    return mix(gone ? i : t->history + i, x);
}

uint64_t weave_state(void)
{
    uint64_t h = states->memory ^ (uint64_t)weave->now;
    for (unsigned i = 0; i < weave->threads; i++)
        h = mix(h, of_thread(i));
    return h;
}
