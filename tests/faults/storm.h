/* storm.h - signals to all threads of the process, all the time.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_TESTS_STORM_H
#define LEAT_TESTS_STORM_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct storm {
    pthread_t thread;
    bool over;
    int signals[8]; /* in turn; 0: no more */
    unsigned sent;  /* signals; read after the end */
};

/* Installs the handler for the signals, without SA_RESTART, and begins. The flags are
 * further ones of sigaction. */
void storm_begin(struct storm *s, void (*handler)(int), int flags);

/* Ends it and lets what is pending arrive. */
void storm_end(struct storm *s);

/* Threads of a pool have signals blocked: the calling thread, which a fiber is on just
 * now, gets them from here on. */
void storm_let_in(const struct storm *s);

#endif
