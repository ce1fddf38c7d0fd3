/* site.c - see site.h. SPDX-License-Identifier: MIT */
#include "site.h"

struct site_board *site_board;

void site_check(bool ok, const char *file, int line, const char *text, long long got)
{
    int none = 0;
    if (ok || !__atomic_compare_exchange_n(&site_board->failed_line, &none, line, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return;
    site_board->failed_file = file;
    site_board->failed_text = text;
    site_board->got = got;
}

bool site_refused(int r, int error, int other, const char *file, int line,
                  const char *text)
{
    if (r == 0)
        return false;
    __atomic_fetch_add(&site_board->refused, 1u, __ATOMIC_RELAXED);
    site_check((r == error || r == other) && !site_board->quiet && inject_fired() > 0,
               file, line, text, r);
    return true;
}
