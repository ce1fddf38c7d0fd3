/* test_begin.c - a program without LEAT_USE_PROCESSES, and one that says so in main.
 * SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (see test_basic.c) */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "process/farm.h"

static int start_one(void)
{
    leat_chan *in, *out;
    leat_pipe *p;
    struct grain g = {0};
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    assert_int_equal(leat_chan_new(&in, sizeof(g), 1), 0);
    assert_int_equal(leat_chan_new(&out, sizeof(g), 1), 0);
    int r = leat_pipe_start(&p, in, out, &o);
    if (r == 0) {
        assert_int_equal(leat_chan_send(in, &g), 0);
        leat_chan_close(in);
        assert_int_equal(leat_chan_recv(out, &g), 0);
        assert_int_equal(g.answer, farm_answer(0));
        assert_int_equal(leat_pipe_join(p, NULL), 0);
    } else { /* nothing has happened */
        assert_false(leat_chan_closed(in));
        assert_false(leat_chan_closed(out));
    }
    leat_chan_free(in);
    leat_chan_free(out);
    return r;
}

static void without_a_helper_there_are_no_process_pipes(void **state)
{
    (void)state;
    unsigned before = farm_descriptors();
    assert_int_equal(start_one(), LEAT_ENOTSUP);
    farm_no_leak(before);
}

static void *begin_in_a_thread(void *arg)
{
    *(int *)arg = leat_process_begin(NULL);
    return NULL;
}

static void a_process_with_threads_is_not_forked(void **state)
{
    (void)state;
    pthread_t t;
    int r;
    assert_int_equal(pthread_create(&t, NULL, begin_in_a_thread, &r), 0);
    (void)pthread_join(t, NULL);
    assert_int_equal(r, LEAT_EBUSY);
    assert_int_equal(start_one(), LEAT_ENOTSUP);
}

/* A thread that has been joined may still be counted for a moment. */
static bool begun(void *arg)
{
    int r = leat_process_begin(NULL);
    *(int *)arg = r;
    return r != LEAT_EBUSY;
}

static void the_start_of_main_will_do(void **state)
{
    (void)state;
    int r;
    assert_true(support_until(begun, &r));
    assert_int_equal(r, 0);
    assert_int_equal(leat_process_begin(NULL), LEAT_EALREADY);
    assert_int_equal(start_one(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_helper_there_are_no_process_pipes),
        cmocka_unit_test(a_process_with_threads_is_not_forked),
        cmocka_unit_test(the_start_of_main_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
