/* leat.h - everything at once. Each header may also be included alone.
 * SPDX-License-Identifier: MIT */
#ifndef LEAT_LEAT_H
#define LEAT_LEAT_H

#include <leat/base.h>
#include <leat/err.h>
#include <leat/time.h>
#include <leat/ring.h>
#include <leat/chan.h>
#include <leat/typed.h>
#include <leat/buffer.h>
#include <leat/source.h>
#include <leat/iter.h>
#include <leat/select.h>
#include <leat/set.h>
#include <leat/timer.h>
#include <leat/pool.h>
#include <leat/fiber.h>
#include <leat/sync.h>
#include <leat/signal.h>
#include <leat/callback.h>
#include <leat/fd.h>
#include <leat/stage.h>
#include <leat/pipe.h>
#include <leat/flow.h>
#include <leat/stat.h>

LEAT_BEGIN_DECLS

/* The library's version at run time, "major.minor.patch". */
LEAT_API const char *leat_version(void);

LEAT_END_DECLS
#endif
