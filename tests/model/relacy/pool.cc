/* pool.cc - small protocols of the pool: the drain of a shutdown (pool/shutdown.c), a
 * kick against the end of a wait (pool/wait.c), a join against a death (pool/life.c),
 * the references of a record (pool/record.c), a start from outside against a close.
 * SPDX-License-Identifier: MIT */
#include "model.h"

/* Two workers, a fiber dies on each; the third thread closes the pool and waits.
 * Births: one on each, before. The event is an event count: raising changes its value.
 */
struct drain : rl::test_suite<drain, 3> {
    word born[2], died[2], closing, drained;
    sleepers kernel;

    void before()
    {
        for (int i = 0; i < 2; i++) {
            store_rlx(born[i], 1);
            store_rlx(died[i], 0);
        }
        store_rlx(closing, 0);
        store_rlx(drained, 0);
    }

    bool quiet()
    {
        /* deaths before births: a death seen has its birth seen */
        u64 d = load_acq(died[0]) + load_acq(died[1]);
        return load_acq(born[0]) + load_acq(born[1]) == d;
    }

    void die(unsigned id)
    {
        store_rel(died[id], 1);
        /* the light fence */
        if (!load_rlx(closing))
            return;
        if (!mut(1))
            full_fence();
        if (quiet()) {
            (void)add_at(drained, 1, mo_seq_cst);
            kernel.wake(1, $);
        }
    }

    void shut()
    {
        store_sc(closing, 1);
        if (!mut(2))
            heavy_fence();
        for (;;) {
            u64 seen = mut(3) ? 0 : load_acq(drained);
            if (quiet())
                return;
            if (mut(3))
                seen = load_acq(drained);
            (void)kernel.wait(drained, seen, false, $);
        }
    }

    void thread(unsigned id)
    {
        if (id < 2)
            die(id);
        else
            shut();
    }
};

/* A fiber on a worker starts another and dies; that one dies on the other worker.
 * Whoever finds the pool quiet must not find it so while somebody lives. */
struct births : rl::test_suite<births, 3> {
    word born[2], died[2], queue;
    rl::var<unsigned> lived;

    void before()
    {
        store_rlx(born[0], 1);
        store_rlx(born[1], 0);
        store_rlx(died[0], 0);
        store_rlx(died[1], 0);
        store_rlx(queue, 0);
        lived($) = 0;
    }

    bool quiet()
    {
        u64 b = 0, d;
        if (mut(5))
            b = load_acq(born[0]) + load_acq(born[1]);
        d = load_at(died[0], weak(6, mo_acquire)) +
            load_at(died[1], weak(6, mo_acquire));
        if (!mut(5))
            b = load_acq(born[0]) + load_acq(born[1]);
        return b == d;
    }

    void thread(unsigned id)
    {
        if (id == 0) {
            store_rel(born[0], 2);
            store_rel(queue, 1);
            store_at(died[0], 1, weak(4, mo_release));
        } else if (id == 1) {
            while (!load_acq(queue))
                relax();
            lived($) = 1;
            store_at(died[1], 1, weak(4, mo_release));
        } else if (quiet()) {
            RL_ASSERT(lived($) == 1);
        }
    }
};

/* enter(), turn_away() and the closer: what was let in is waited for. */
struct entering : rl::test_suite<entering, 2> {
    word born, died, closing, drained;
    sleepers kernel;
    rl::var<unsigned> inside;

    entering() : born(0), died(0), closing(0), drained(0), inside(0)
    {
    }

    void raise()
    {
        if (load_sc(born) == load_sc(died)) {
            (void)add_at(drained, 1, mo_seq_cst);
            kernel.wake(1, $);
        }
    }

    void thread(unsigned id)
    {
        if (id == 0) {
            (void)add_at(born, 1, weak(7, mo_seq_cst));
            bool refused = load_at(closing, weak(8, mo_seq_cst)) != 0;
            if (!refused)
                inside($) = 1; /* of a pool that may not be gone */
            (void)add_at(died, 1, mo_seq_cst);
            if (load_sc(closing) && !mut(9))
                raise();
            return;
        }
        store_sc(closing, 1);
        for (;;) {
            u64 seen = load_acq(drained), d = load_sc(died);
            if (load_sc(born) == d)
                break;
            (void)kernel.wait(drained, seen, false, $);
        }
        inside($) = 2;
    }
};

/* A fiber publishes a wait; a canceller sets the bit and kicks; a completer wakes it.
 * The wait is gone when park() returns. `token`: what makes the fiber run again. */
struct kicked : rl::test_suite<kicked, 3> {
    struct wait {
        rl::var<unsigned> ops, err; /* on the waiter's stack: reused when it goes on */
    };
    word waiting, attn, klock, listed, token;
    wait *w;
    bool cancelled;

    void before()
    {
        w = new wait;
        store_rlx(waiting, 0);
        store_rlx(attn, 0);
        store_rlx(klock, 0);
        store_rlx(listed, 0);
        store_rlx(token, 0);
        cancelled = false;
    }

    bool abort(unsigned err)
    {
        /* a wait that was not listed yet, or that somebody has claimed, is left alone
         */
        u64 want = 1;
        if (!cas_ar(listed, want, 2))
            return false;
        w->err($) = err;
        return true;
    }

    bool kick()
    {
        bool hit = false;
        while (xchg_at(klock, 1, mo_acquire) != 0)
            relax();
        if (!mut(11))
            heavy_fence();
        if (load_at(waiting, weak(15, mo_acquire))) {
            RL_ASSERT(w->ops($) == 1);
            hit = load_sc(attn) && abort(7);
        }
        store_at(klock, 0, weak(13, mo_release));
        return hit;
    }

    void fiber()
    {
        w->ops($) = 1;
        store_rel(waiting, 1);
        store_rel(listed, 1); /* publish, on the worker's stack */
        /* the light fence */
        if (load_rlx(attn) && !mut(10) && kick())
            store_rel(token, 1);
        while (!load_acq(token))
            relax();
        RL_ASSERT(w->err($) == 7 || w->err($) == 1);
        if (!mut(14))
            store_rlx(waiting, 0);
        /* the light fence */
        while (!mut(12) && load_acq(klock))
            relax();
        w->ops($) = 0;
    }

    void after()
    {
        delete w;
    }

    void thread(unsigned id)
    {
        if (id == 0) {
            fiber();
        } else if (id == 1) {
            (void)or_at(attn, 1, mo_seq_cst);
            if (kick())
                store_rel(token, 1);
        } else if (rl::rand(2)) {
            u64 want = 1; /* a completer, sometimes */
            if (cas_acq(listed, want, 2)) {
                w->err($) = 1;
                store_rel(token, 1);
            }
        }
    }
};

/* life.c: the fiber's end, its joiner who may give up and come again, and the record's
 * references; who drops the last one reuses the record. */
struct joined : rl::test_suite<joined, 2> {
    word join, refs, wake;
    rl::var<unsigned> result;
    sleepers kernel;

    joined() : join(0), refs(2), wake(0), result(0)
    {
    }

    void unref()
    {
        if (load_at(refs, weak(18, mo_acquire)) != 1 &&
            sub_at(refs, 1, weak(19, mo_acq_rel)) != 1)
            return;
        result($) = 0; /* alone with the record */
    }

    void thread(unsigned id)
    {
        if (id == 0) {
            result($) = 42;
            u64 o = xchg_at(join, 1, weak(16, mo_acq_rel));
            if (o > 1) {
                if (xchg_at(wake, 1, mo_acq_rel) == 2)
                    kernel.wake(1, $);
            }
            unref();
            return;
        }
        u64 o = 0;
        if (load_at(join, weak(17, mo_acquire)) != 1 &&
            cas_at(join, o, 16, weak(17, mo_acq_rel))) {
            u64 w = 0;
            if (cas_ar(wake, w, 2))
                while (load_acq(wake) == 2)
                    (void)kernel.wait(wake, 2, false, $);
        }
        RL_ASSERT(result($) == 42);
        unref();
    }
};

static const shape shapes[] = {
    {"two last deaths on two workers, a close", run<drain>, 20000},
    {"quiet is not said while a fiber lives", run<births>, 10000},
    {"a start from outside against a close", run<entering>, 10000},
    {"a kick against a wait and its end", run<kicked>, 20000},
    {"a join against a death, the last reference", run<joined>, 10000},
};

static const mutant mutants[] = {
    {1, "a death looks at the others' without the full fence"},
    {1, "the close reads the counts without the heavy fence"},
    {1, "the event's value is read after the look at the counts"},
    {2, "a death is counted relaxed"},
    {2, "births are added up before deaths"},
    {2, "deaths are loaded relaxed"},
    {3, "a start from outside is counted relaxed"},
    {3, "a start from outside looks at `closing` relaxed"},
    {3, "who is turned away does not raise the event"},
    {4, "the fiber does not look at its bits after publishing"},
    {4, "a kick without the heavy fence"},
    {4, "the fiber leaves its wait without a look at klock"},
    {4, "a kick unlocks relaxed"},
    {4, "the fiber leaves `waiting` set"},
    {4, "a kick loads `waiting` relaxed"},
    {5, "the end's exchange is relaxed"},
    {5, "the joiner's load and CAS are relaxed"},
    {5, "the last reference is seen relaxed"},
    {5, "references are counted down relaxed"},
};

MODEL("pool")
