/* process.h - processes that run a program's own functions: for pipes whose workers may
 * crash (pipe.h, LEAT_PIPE_PROCESSES).
 *
 *     #include <leat/process.h>
 *     LEAT_USE_PROCESSES;
 *
 *     int main(void) ...
 *
 * Workers are forked from a helper process, which is itself forked from the program before
 * main() and before any thread, so a worker is a copy of the program at its very beginning:
 * its locks are free, its memory is clean, and it has none of the program's open files but
 * standard input, output and error. The helper waits, costs a few pages, and ends with the
 * program. It is no child that the program could meet in wait(), and the terminal's signals
 * do not reach it or the workers.
 *
 * What a worker finds   constants, and variables as their initialisers left them. Not what
 *                       main() or threads changed later. Objects whose constructors run
 *                       after the line above (C++ statics in files that are linked later)
 *                       are not made: put the line into the file that is linked last, or
 *                       call leat_process_begin(NULL) at the start of main().
 * Functions             are named by the object that holds them (its build id) and their
 *                       place in it; a library that was loaded later is loaded in the
 *                       helper too. LEAT_ENOEXEC where that fails.
 * If the helper dies    it is started again by running the program itself once more
 *                       (/proc/self/exe), which becomes the helper before its main(). So the
 *                       line must be in the program, not in a library alone.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_PROCESS_H
#define LEAT_PROCESS_H

#include <leat/base.h>
#include <leat/err.h>

LEAT_BEGIN_DECLS

/* Starts the helper, unless it runs; in a program that was run to be the helper it does
 * not return. For LEAT_USE_PROCESSES, or at the very start of main(). `from`: an address in
 * the caller, with which it permits the program to be run again as the helper; NULL: not.
 * Returns 0; LEAT_EALREADY; LEAT_EAGAIN when no process could be had, LEAT_EBUSY when the
 * process has threads already: then the helper is started when it is first needed, if it
 * may be. */
LEAT_API int leat_process_begin(const void *from);

/* Once in the program, at file scope. */
#define LEAT_USE_PROCESSES                                             \
    __attribute__((constructor)) static void leat_use_processes_(void) \
    {                                                                  \
        static const char here = 0;                                    \
        (void)leat_process_begin(&here);                               \
    }                                                                  \
    int leat_process_begin(const void *from)

LEAT_END_DECLS
#endif
