/* program.h - the operation language: bytes that say what several actors do with
 * several channels. Any bytes are a program, so that chance and a fuzzer can write
 * them; what an operation would do against the contract (two senders on a side declared
 * single) its interpreter leaves out. SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_ORACLE_PROGRAM_H
#define LEAT_TESTS_ORACLE_PROGRAM_H

#include <leat/leat.h>

enum {
    PROGRAM_CHANS = 4,
    PROGRAM_SETS = 2,
    PROGRAM_CASES = 4,
    PROGRAM_BATCH = 40,     /* most values of one call */
    PROGRAM_ELEM_MAX = 100, /* bytes of the largest element */
};

enum program_kind {
    PROGRAM_SEND,
    PROGRAM_RECV,
    PROGRAM_SEND_N,
    PROGRAM_RECV_N,
    PROGRAM_SELECT,
    PROGRAM_CLOSE,
    PROGRAM_CANCEL,
    PROGRAM_REF, /* one more reference, given back by UNREF */
    PROGRAM_UNREF,
    PROGRAM_HANDLE, /* a counted sender or receiver, given back by UNHANDLE */
    PROGRAM_UNHANDLE,
    PROGRAM_SET_ADD,
    PROGRAM_SET_DEL,
    PROGRAM_SET_WAIT,
    PROGRAM_PASS,         /* time passes */
    PROGRAM_CANCEL_FIBER, /* one that waits */
    PROGRAM_RENEW,        /* frees the channel, opens another one in its place */
    PROGRAM_YIELD,
    PROGRAM_KINDS,
};

extern const char *const program_names[PROGRAM_KINDS];

/* How long an operation may wait. */
enum program_until {
    PROGRAM_NOW,
    PROGRAM_NEVER,
    PROGRAM_PAST,  /* an instant that has passed: waits, and is over */
    PROGRAM_HOURS, /* .hours from now */
};

struct program_case {
    unsigned chan; /* PROGRAM_CHANS: NULL */
    unsigned dir;  /* enum leat_op */
};

struct program_op {
    enum program_kind kind;
    unsigned chan; /* 0 .. PROGRAM_CHANS - 1 */
    unsigned n;    /* values of a batch, cases of a select */
    unsigned dir;  /* of a handle */
    unsigned set;
    bool priority, discard; /* a select's flag; a receive into NULL */
    enum program_until until;
    unsigned hours; /* 1 .. 4 */
    struct program_case k[PROGRAM_CASES];
};

/* The channel that an open asks for. */
struct program_chan {
    size_t cap, elem_size;
    unsigned flags;
    enum leat_buffer_kind buffer; /* 0: none */
    bool fill; /* it has values inside, one less than fit: for large ones */
};

struct program {
    const uint8_t *at, *end;
};

/* Bytes 0 once they are used up. */
uint8_t program_byte(struct program *p);
struct program_chan program_chan(struct program *p);

/* The buffer of such a channel; a value's level is its number % 4. NULL: none. */
const struct leat_buffer *program_buffer(const struct program_chan *c);

/* False at the end of the program. */
bool program_next(struct program *p, struct program_op *ret);

/* An element of `size` bytes that stands for v; and, does it? Small ones only say a
 * part of it. */
void program_encode(void *elem, size_t size, uint64_t v);
bool program_is(const void *elem, size_t size, uint64_t v);

#endif
