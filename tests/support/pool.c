/* pool.c - pools of the test's own. SPDX-License-Identifier: MIT */
#include "support/support.h"

leat_pool *support_pool(const struct leat_pool_opts *more)
{
    leat_pool *p = NULL;
    struct leat_pool_opts o = *more;
    o.size = sizeof(o);
    assert_int_equal(leat_pool_new(&p, &o), 0);
    return p;
}

leat_pool *support_pool_of(unsigned workers, unsigned flags)
{
    return support_pool(&(struct leat_pool_opts){.workers = workers, .flags = flags});
}
