/* rows.c - one value of each of several channels: zip and latest. The item is the row,
 * an array of pointers to the newest values, which lie in the source.
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <leat/set.h>
#include "flow/chans.h"
#include "flow/flow.h"

struct rows {
    struct leati_source s;
    struct leati_chans ins;
    leat_set *set; /* latest */
    void **value;  /* room for a value of each */
    bool *has;     /* zip: the input has not ended; latest: a value has come */
    size_t filled; /* zip: inputs asked in this row */
    void *buf;     /* latest: any input's value */
};

static void rows_free(struct leati_source *s, const struct leat_flow_opts *o,
                      bool cancel)
{
    struct rows *r = leati_container_of(s, struct rows, s);
    for (size_t i = 0; o && i < r->filled; i++) /* a row that was not completed */
        if (r->has[i])
            leati_flow_leave_out(o, r->value[i]);
    leat_set_free(r->set);
    for (size_t i = 0; r->value && i < r->ins.n; i++)
        free(r->value[i]);
    leati_chans_release(&r->ins, cancel ? LEATI_CHANS_CANCEL : LEATI_CHANS_LEAVE);
    free(r->value);
    free(r->has);
    free(r->buf);
    free(r);
}

static void give_row(struct rows *r, void *buf)
{
    const void **row = buf;
    for (size_t i = 0; i < r->ins.n; i++)
        row[i] = r->has[i] ? r->value[i] : NULL;
}

/* Goes on where a deadline interrupted the row. */
static int zip_next(struct leati_source *s, void *buf, struct leat_deadline until)
{
    struct rows *r = leati_container_of(s, struct rows, s);
    bool any = false;
    for (; r->filled < r->ins.n; r->filled++) {
        size_t i = r->filled;
        if (!r->has[i])
            continue;
        int e = leat_chan_recv_until(r->ins.c[i], r->value[i], until);
        if (e != 0 && e != LEAT_ECLOSED)
            return e;
        r->has[i] = e == 0;
    }
    r->filled = 0;
    for (size_t i = 0; i < r->ins.n; i++)
        any = any || r->has[i];
    give_row(r, buf);
    return any ? 0 : LEAT_ECLOSED;
}

static int latest_next(struct leati_source *s, void *buf, struct leat_deadline until)
{
    struct rows *r = leati_container_of(s, struct rows, s);
    void *user;
    int e;
    do {
        if (leat_set_len(r->set) == 0)
            return LEAT_ECLOSED;
        e = leat_set_wait(r->set, r->buf, NULL, &user, until);
    } while (e == LEAT_ECLOSED);
    if (e != 0)
        return e;
    size_t i = (size_t)(uintptr_t)user, size = leat_chan_elem_size(r->ins.c[i]);
    if (size)
        memcpy(r->value[i], r->buf, size);
    r->has[i] = true;
    give_row(r, buf);
    return 0;
}

static void *room_for(size_t size)
{
    return aligned_alloc(64, (size + 64) / 64 * 64);
}

/* A value's room for each input; true: there was memory for all. */
static bool make_room(struct rows *r, leat_chan *const *ins, size_t n)
{
    size_t most = 0;
    r->value = calloc(n, sizeof(void *));
    r->has = calloc(n, sizeof(bool));
    bool ok = r->value && r->has && leati_chans_hold(&r->ins, ins, n);
    for (size_t i = 0; i < n && ok; i++) {
        size_t size = leat_chan_elem_size(ins[i]);
        most = size > most ? size : most;
        ok = (r->value[i] = room_for(size)) != NULL;
    }
    return ok && (r->buf = room_for(most)) != NULL;
}

static struct leati_source *rows_new(leat_chan *const *ins, size_t n, bool latest)
{
    static const struct leati_source_ops zip_ops = {zip_next, rows_free},
                                         latest_ops = {latest_next, rows_free};
    struct rows *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->s.ops = latest ? &latest_ops : &zip_ops;
    int e = make_room(r, ins, n) ? 0 : LEAT_ENOMEM;
    if (e == 0 && latest)
        e = leat_set_new(&r->set);
    for (size_t i = 0; i < n && e == 0; i++) {
        r->has[i] = !latest;
        if (latest)
            e = leat_set_add(r->set, ins[i], (void *)(uintptr_t)i);
        e = e == LEAT_EALREADY ? 0 : e; /* the first place is the one that is fed */
    }
    if (e != 0) {
        rows_free(&r->s, NULL, false);
        return NULL;
    }
    return &r->s;
}

/* ---- The step ---- */

struct row_step {
    leat_row_fn *fn;
    void *arg;
    size_t n;
    size_t *sizes; /* of the values, for the row as it is */
    void *out;
};

static int row_run(leat_stage *s, const void *in, size_t len)
{
    struct row_step *x = leat_stage_arg(s);
    (void)len;
    s->arg = x->arg; /* what leat_stage_arg is to say */
    int r = x->fn(s, in, x->n);
    s->arg = x;
    return r;
}

/* The values one behind the other. */
static int row_as_it_is(leat_stage *s, const void *in, size_t len)
{
    struct row_step *x = leat_stage_arg(s);
    const void *const *row = in;
    char *at = x->out;
    (void)len;
    for (size_t i = 0; i < x->n; at += x->sizes[i++]) {
        if (row[i] && x->sizes[i])
            memcpy(at, row[i], x->sizes[i]);
        else if (x->sizes[i])
            memset(at, 0, x->sizes[i]);
    }
    return leat_emit(s, x->out);
}

static void row_exit(leat_stage *s)
{
    struct row_step *x = leat_stage_arg(s);
    free(x->sizes);
    free(x->out);
}

static int start(leat_flow **ret, leat_chan *const *ins, size_t n, leat_chan *out,
                 leat_row_fn *fn, void *arg, bool latest,
                 const struct leat_flow_opts *opts)
{
    size_t sum = 0;
    if (ins == NULL || n == 0 || n > SIZE_MAX / sizeof(void *) / 2 || out == NULL ||
        !leati_flow_opts_ok(opts))
        return LEAT_EINVAL;
    struct row_step x = {.fn = fn, .arg = arg, .n = n};
    if ((x.sizes = calloc(n, sizeof(size_t))) == NULL)
        return LEAT_ENOMEM;
    bool fits = true;
    for (size_t i = 0; i < n && fits; i++) {
        fits = ins[i] != NULL;
        sum += x.sizes[i] = leat_chan_elem_size(ins[i]);
    }
    if (!fits || (fn == NULL && sum != leat_chan_elem_size(out))) {
        free(x.sizes);
        return LEAT_EINVAL;
    }
    x.out = room_for(sum);
    const struct leati_flow_parts p = {.source =
                                           x.out ? rows_new(ins, n, latest) : NULL,
                                       .sink = leati_chan_sink(out),
                                       .item_size = n * sizeof(void *),
                                       .out_size = leat_chan_elem_size(out),
                                       .step = {.run = fn ? row_run : row_as_it_is,
                                                .exit = row_exit,
                                                .arg = &x,
                                                .arg_size = sizeof(x)}};
    int r = leati_flow_launch(ret, &p, opts);
    if (r != 0) {
        free(x.sizes);
        free(x.out);
    }
    return r;
}

int leat_flow_zip(leat_flow **ret, leat_chan *const *ins, size_t n, leat_chan *out,
                  leat_row_fn *row, void *arg, const struct leat_flow_opts *opts)
{
    return start(ret, ins, n, out, row, arg, false, opts);
}

int leat_flow_latest(leat_flow **ret, leat_chan *const *ins, size_t n, leat_chan *out,
                     leat_row_fn *row, void *arg, const struct leat_flow_opts *opts)
{
    return start(ret, ins, n, out, row, arg, true, opts);
}
