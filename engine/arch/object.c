/* object.c - see object.h. SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include <leat/err.h>
#include "arch/object.h"

/* What one walk over the loaded objects looks for, and what it found. */
struct search {
    uintptr_t address; /* by address, if name is NULL */
    const struct leatp_function *name;
    struct leatp_function *ret_name;
    uintptr_t ret_address;
    unsigned seen;
    bool found, in_program;
};

static size_t rounded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static uint32_t note_id(const struct dl_phdr_info *o, const ElfW(Phdr) * p,
                        uint8_t *ret)
{
    const char *at = (const char *)(o->dlpi_addr + p->p_vaddr), *end = at + p->p_memsz;
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) n;
        memcpy(&n, at, sizeof(n));
        const char *name = at + sizeof(n), *id = name + rounded(n.n_namesz);
        if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
            memcmp(name, "GNU", 4) == 0) {
            uint32_t len = n.n_descsz < LEATP_BUILD_ID ? n.n_descsz : LEATP_BUILD_ID;
            memcpy(ret, id, len);
            return len;
        }
        at = id + rounded(n.n_descsz);
    }
    return 0;
}

/* FNV-1a over the code, for objects without a build id. */
static uint32_t hash_id(const struct dl_phdr_info *o, uint8_t *ret)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (unsigned i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || !(p->p_flags & PF_R))
            continue;
        const uint8_t *code = (const uint8_t *)(o->dlpi_addr + p->p_vaddr);
        for (size_t k = 0; k < p->p_filesz; k++)
            h = (h ^ code[k]) * 0x100000001b3u;
    }
    memcpy(ret, &h, sizeof(h));
    return sizeof(h);
}

static uint32_t id_of(const struct dl_phdr_info *o, uint8_t *ret)
{
    uint32_t len = 0;
    for (unsigned i = 0; i < o->dlpi_phnum && len == 0; i++) {
        if (o->dlpi_phdr[i].p_type == PT_NOTE)
            len = note_id(o, &o->dlpi_phdr[i], ret);
    }
    return len ? len : hash_id(o, ret);
}

static bool holds(const struct dl_phdr_info *o, uintptr_t address)
{
    for (unsigned i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && address - o->dlpi_addr - p->p_vaddr < p->p_memsz)
            return true;
    }
    return false;
}

static int by_address(struct dl_phdr_info *o, size_t size, void *arg)
{
    struct search *s = arg;
    (void)size;
    s->in_program = s->seen++ == 0; /* the program comes first */
    if (!holds(o, s->address))
        return 0;
    s->found = true;
    struct leatp_function *f = s->ret_name;
    if (f == NULL)
        return 1;
    const char *path = s->in_program ? "" : o->dlpi_name;
    f->id_len = id_of(o, f->id);
    f->offset = s->address - o->dlpi_addr;
    if (strlen(path) >= sizeof(f->path))
        s->found = false;
    else
        memcpy(f->path, path, strlen(path) + 1);
    return 1;
}

static int by_name(struct dl_phdr_info *o, size_t size, void *arg)
{
    struct search *s = arg;
    uint8_t id[LEATP_BUILD_ID];
    (void)size;
    if (id_of(o, id) != s->name->id_len ||
        memcmp(id, s->name->id, s->name->id_len) != 0)
        return 0;
    s->ret_address = o->dlpi_addr + s->name->offset;
    s->found = holds(o, s->ret_address);
    return 1;
}

int leatp_function_name(struct leatp_function *ret, void (*fn)(void))
{
    struct search s = {.address = (uintptr_t)fn, .ret_name = ret};
    memset(ret, 0, sizeof(*ret));
    if (fn == NULL)
        return 0;
    (void)dl_iterate_phdr(by_address, &s);
    return s.found ? 0 : LEAT_ENOEXEC;
}

int leatp_function_find(void (**ret)(void), const struct leatp_function *name)
{
    struct search s = {.name = name};
    *ret = NULL;
    if (name->id_len == 0)
        return 0;
    if (name->id_len > LEATP_BUILD_ID || !memchr(name->path, '\0', sizeof(name->path)))
        return LEAT_ENOEXEC;
    (void)dl_iterate_phdr(by_name, &s);
    if (!s.found && name->path[0] && dlopen(name->path, RTLD_NOW | RTLD_GLOBAL))
        (void)dl_iterate_phdr(by_name, &s); /* another object may lie there now */
    if (!s.found)
        return LEAT_ENOEXEC;
    *ret = (void (*)(void))s.ret_address;
    return 0;
}

bool leatp_in_program(const void *address)
{
    struct search s = {.address = (uintptr_t)address};
    (void)dl_iterate_phdr(by_address, &s);
    return s.found && s.in_program;
}
