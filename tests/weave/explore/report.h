/* report.h - what is printed of a failing schedule. SPDX-License-Identifier: MIT */
#ifndef LEAT_WEAVE_REPORT_H
#define LEAT_WEAVE_REPORT_H

#include "explore.h"

void weave_report_prepare(void); /* faults of the subject are reported too */
/* Of the execution that just failed; both run it once more for its trace. */
void weave_report_random(const struct weave_scenario *s, uint64_t seed, bool whole);
void weave_report_exhaust(const struct weave_scenario *s, bool whole);
/* --replay's string of an exhaustive search: to repeat it. */
void weave_report_parse(const char *text);
void weave_report_trace(bool whole);

#endif
