/* self.c - who is running on this thread. SPDX-License-Identifier: MIT */
#include "base/tls.h"
#include "park/wait.h"

struct leati_party *leati_self(void)
{
    struct leati_party *const *slot = leati_tls_get();
    return slot && *slot ? *slot : &leati_thread_party;
}

void leati_set_self(struct leati_party **slot)
{
    leati_tls_set(slot);
}
