/* test_helper.c - the helper: libraries that came later, forks of the program, its end.
 * SPDX-License-Identifier: MIT */
/* ctest: noemu novalgrind (see test_basic.c) */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/farm.h"

LEAT_USE_PROCESSES;

static void a_function_of_a_library_loaded_later_is_found(void **state)
{
    (void)state;
    leat_chan *in, *out;
    leat_pipe *p;
    void *lib = dlopen(PROCESS_MODULE, RTLD_NOW);
    assert_non_null(lib);
    void *fn = dlsym(lib, "module_run");
    assert_non_null(fn);
    leat_stage_fn *run;
    memcpy(&run, &fn, sizeof(run));
    struct leat_pipe_opts o = farm_opts(run, 2);
    assert_int_equal(leat_chan_new(&in, 8, 4), 0);
    assert_int_equal(leat_chan_new(&out, 8, 4), 0);
    assert_int_equal(leat_pipe_start(&p, in, out, &o), 0);
    for (uint64_t n = 0, v; n < 20; n++) {
        assert_int_equal(leat_chan_send(in, &n), 0);
        assert_int_equal(leat_chan_recv(out, &v), 0);
        assert_int_equal(v, n * n);
    }
    leat_chan_close(in);
    assert_int_equal(leat_pipe_join(p, NULL), 0);
    leat_chan_free(in);
    leat_chan_free(out);
    (void)dlclose(lib);
}

/* A fork of the program starts a pipe of its own: its workers come from a helper of its
 * own. Results: their pids, and their parent's. */
static void child(int report)
{
    struct farm f;
    struct grain g;
    uint64_t ids[3];
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    farm_start(&f, &o, 1000000, 4, NULL);
    (void)farm_read(&f, &g);
    ids[0] = g.pid;
    ids[1] = g.parent;
    ids[2] = (uint64_t)getpid();
    (void)!write(report, ids, sizeof(ids));
    for (;;) /* to be killed in the middle of its work */
        (void)farm_read(&f, &g);
}

/* Neither a process nor a zombie that could still run. */
static bool gone(void *arg)
{
    const uint64_t *pid = arg;
    char path[64], text[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%lu/stat", (unsigned long)*pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return true;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    const char *after = strrchr(text, ')');
    return n == 0 || (after && after[1] == ' ' && after[2] == 'Z');
}

static void nothing_outlives_a_killed_program(void **state)
{
    (void)state;
    int fds[2];
    uint64_t ids[3] = {0};
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        child(fds[1]);
        _exit(1);
    }
    assert_int_equal(read(fds[0], ids, sizeof(ids)), sizeof(ids));
    assert_int_equal(ids[2], pid);
    assert_int_equal(kill((pid_t)ids[0], 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(support_until(gone, &ids[0]));
    assert_true(support_until(gone, &ids[1]));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* The fork's helper was another one: ours is as it was. */
static void the_programs_own_helper_goes_on(void **state)
{
    (void)state;
    struct farm f;
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    farm_start(&f, &o, 100, 8, NULL);
    assert_int_equal(farm_finish(&f, NULL), 0);
}

/* --- many pipes --- */

enum { PIPES = 8 };

static void pipes_at_once_have_workers_of_their_own(void **state)
{
    (void)state;
    struct farm f[PIPES];
    unsigned before = farm_descriptors();
    struct leat_pipe_opts o = farm_opts(farm_run, 2);
    for (unsigned k = 0; k < PIPES; k++)
        farm_start(&f[k], &o, 200, 8, NULL);
    for (unsigned k = 0; k < PIPES; k++)
        assert_int_equal(farm_finish(&f[k], NULL), 0);
    farm_no_leak(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_of_a_library_loaded_later_is_found),
        cmocka_unit_test(nothing_outlives_a_killed_program),
        cmocka_unit_test(the_programs_own_helper_goes_on),
        cmocka_unit_test(pipes_at_once_have_workers_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
