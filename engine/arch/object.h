/* object.h - naming a function so that another process of the same program, or of the
 * same libraries, finds it: where the objects lie in memory differs from one to the next.
 * SPDX-License-Identifier: MIT */
#ifndef LEATI_ARCH_OBJECT_H
#define LEATI_ARCH_OBJECT_H

#include "arch/cc.h"

enum { LEATP_BUILD_ID = 32, LEATP_PATH = 1024 };

/* The object's build id (what the linker's --build-id wrote; without one a hash of its
 * code) and the offset in it. id_len 0: the null pointer. */
struct leatp_function {
    uint8_t id[LEATP_BUILD_ID];
    uint32_t id_len;
    uint64_t offset;
    char path[LEATP_PATH]; /* of a shared object; empty: the program itself */
};

/* 0, or LEAT_ENOEXEC: the address is in no object. */
int leatp_function_name(struct leatp_function *ret, void (*fn)(void));

/* The function of that name in this process, whose object is loaded if it is not: 0, or
 * LEAT_ENOEXEC. */
int leatp_function_find(void (**ret)(void), const struct leatp_function *name);

/* Is that address in the program itself, not in a library? */
bool leatp_in_program(const void *address);

#endif
