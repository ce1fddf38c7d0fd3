/* test_typed.c - channels of one C type. SPDX-License-Identifier: MIT */
#include <leat/select.h>
#include <leat/typed.h>

#include "support/support.h"

struct job {
    int id;
    double weight;
    char name[20];
};

LEAT_CHAN_DEFINE(jobs, struct job);
LEAT_CHAN_DEFINE(bytes, unsigned char);
LEAT_CHAN_DEFINE(jobs_of_jobs, jobs *);

static void values_keep_their_type(void **state)
{
    (void)state;
    jobs *c = NULL;
    struct job j = {.id = 0};
    assert_int_equal(jobs_new(&c, 2), 0);
    assert_int_equal(leat_chan_elem_size(jobs_chan(c)), sizeof(struct job));
    assert_int_equal(jobs_send(c, (struct job){1, 0.5, "one"}), 0);
    assert_int_equal(jobs_try_send(c, (struct job){2, 1.5, "two"}), 0);
    assert_int_equal(jobs_try_send(c, j), LEAT_EAGAIN);
    assert_int_equal(jobs_send_until(c, j, leat_in_us(200)), LEAT_ETIMEDOUT);
    assert_int_equal(jobs_recv(c, &j), 0);
    assert_int_equal(j.id, 1);
    assert_string_equal(j.name, "one");
    assert_int_equal(jobs_try_recv(c, &j), 0);
    assert_true(j.weight == 1.5);
    assert_int_equal(jobs_recv_until(c, &j, leat_in_us(200)), LEAT_ETIMEDOUT);
    struct job many[3] = {{3, 0, ""}, {4, 0, ""}, {5, 0, ""}};
    assert_int_equal(jobs_send_n(c, many, 3, LEAT_NOW), 2);
    assert_int_equal(jobs_recv_n(c, many + 1, 2, LEAT_NOW), 2);
    assert_int_equal(many[1].id, 3);
    assert_int_equal(many[2].id, 4);
    struct leat_case k = LEAT_RECV(jobs_chan(c), &j);
    assert_int_equal(leat_select(&k, 1, LEAT_NOW, 0, NULL), LEAT_EAGAIN);
    assert_int_equal(jobs_close(c), 0);
    assert_int_equal(jobs_recv(c, &j), LEAT_ECLOSED);
    assert_null(jobs_free(c));
}

static void a_channel_travels_through_a_channel(void **state)
{
    (void)state;
    jobs_of_jobs *outer = NULL;
    jobs *inner = NULL, *same = NULL;
    bytes *b = NULL;
    unsigned char x = 0;
    struct job j;
    assert_int_equal(jobs_of_jobs_new(&outer, 1), 0);
    assert_int_equal(jobs_new(&inner, 1), 0);
    assert_int_equal(jobs_of_jobs_send(outer, inner), 0);
    assert_int_equal(jobs_of_jobs_recv(outer, &same), 0);
    assert_ptr_equal(inner, same);
    assert_int_equal(jobs_send(same, (struct job){7, 0, ""}), 0);
    assert_int_equal(jobs_recv(inner, &j), 0);
    assert_int_equal(j.id, 7);
    assert_int_equal(bytes_new(&b, LEAT_UNBOUNDED), 0);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(bytes_send(b, (unsigned char)i), 0);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(bytes_recv(b, &x), 0);
        assert_int_equal(x, i & 255);
    }
    bytes_free(b);
    jobs_free(inner);
    jobs_of_jobs_free(outer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_type),
        cmocka_unit_test(a_channel_travels_through_a_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
