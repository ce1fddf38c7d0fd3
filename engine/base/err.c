/* err.c - names and texts of results. SPDX-License-Identifier: MIT */
#include <leat/err.h>

const char *leat_err_name(int err)
{
    switch (err) {
    case 0:
        return "LEAT_OK";
#define X(name, value, text)                                                             \
    case LEAT_##name:                                                                    \
        return "LEAT_" #name;
        LEAT_ERR_MAP(X)
#undef X
    default:
        return "LEAT_E?";
    }
}

const char *leat_err_text(int err)
{
    switch (err) {
    case 0:
        return "ok";
#define X(name, value, text)                                                             \
    case LEAT_##name:                                                                    \
        return text;
        LEAT_ERR_MAP(X)
#undef X
    default:
        return "unknown error";
    }
}
