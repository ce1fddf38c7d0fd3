/* version.c - the library's version at run time. SPDX-License-Identifier: MIT */
#include <leat/leat.h>

#define STR_(x) #x
#define STR(x)  STR_(x)

const char *leat_version(void)
{
    return STR(LEAT_VERSION_MAJOR) "." STR(LEAT_VERSION_MINOR) "." STR(LEAT_VERSION_PATCH);
}
