/* report.h - what is printed of a failing schedule. SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_REPORT_H
#define LEAT_WEAVE_REPORT_H

#include "explore.h"

void weave_report_prepare(void); /* faults of the subject are reported too */
/* Of the execution that just failed, which runs once more for its trace; not if brief. */
enum weave_report { WEAVE_BRIEF, WEAVE_TAIL, WEAVE_WHOLE };
void weave_report(enum weave_report how);
/* --replay's string of an exhaustive search: to repeat it. */
void weave_report_parse(const char *text);
void weave_report_trace(bool whole);

#endif
