// bench_chan.cc - each kind of channel, alone, between two threads, between two fibers.
// SPDX-License-Identifier: MIT
#include <memory>

#include "bench.h"

namespace
{

struct Kind {
    const char *name;
    size_t cap;
    unsigned flags;
};

const unsigned single = LEAT_SINGLE_PRODUCER | LEAT_SINGLE_CONSUMER;

const Kind rendezvous = {"chan/rendezvous", 0, 0};
const Kind unbounded = {"chan/unbounded", LEAT_UNBOUNDED, 0};

const Kind bounded[] = {
    {"chan/bounded/mpmc/cap:1", 1, 0},
    {"chan/bounded/mpmc/cap:16", 16, 0},
    {"chan/bounded/mpmc/cap:100", 100, 0},
    {"chan/bounded/mpmc/cap:128", 128, 0},
    {"chan/bounded/mpmc/cap:1024", 1024, 0},
    {"chan/bounded/mpmc/fair/cap:128", 128, LEAT_FAIR},
    {"chan/bounded/mpsc/cap:128", 128, LEAT_SINGLE_CONSUMER},
    {"chan/bounded/spmc/cap:128", 128, LEAT_SINGLE_PRODUCER},
    {"chan/bounded/spsc/cap:16", 16, single},
    {"chan/bounded/spsc/cap:128", 128, single},
    {"chan/bounded/spsc/cap:1024", 1024, single},
};

const Kind &usual = bounded[3];

const leat_spin spins[] = {LEAT_SPIN_NEVER, LEAT_SPIN_BUSY};
const char *const spin_names[] = {"never", "busy"};

struct Free {
    void operator()(leat_chan *c) const
    {
        leat_chan_free(c);
    }
};
using Chan = std::unique_ptr<leat_chan, Free>;

Chan open(const Kind &k, size_t elem, leat_spin spin = LEAT_SPIN_ADAPTIVE)
{
    struct leat_chan_opts o = {};
    leat_chan *c;
    o.size = sizeof(o);
    o.elem_size = elem;
    o.capacity = k.cap;
    o.flags = k.flags;
    o.spin = spin;
    MUST(leat_chan_open(&c, &o));
    return Chan(c);
}

// An element of any size; its first word counts.
struct Elem {
    std::vector<uint64_t> words;
    explicit Elem(size_t size, size_t n = 1) : words(size * n / 8 + 1)
    {
    }
    void *p()
    {
        return words.data();
    }
};

void alone(benchmark::State &state, const Kind &k, size_t elem)
{
    Chan c = open(k, elem);
    Elem v(elem), got(elem);
    for (auto _ : state) {
        MUST(leat_chan_send(c.get(), v.p()));
        MUST(leat_chan_recv(c.get(), got.p()));
    }
    state.SetItemsProcessed(state.iterations());
}

void alone_batch(benchmark::State &state, const Kind &k, size_t elem, size_t n)
{
    Chan c = open(k, elem);
    Elem v(elem, n);
    for (auto _ : state) {
        bench::must(leat_chan_send_n(c.get(), v.p(), n, LEAT_NOW), (long)n, "send_n");
        bench::must(leat_chan_recv_n(c.get(), v.p(), n, LEAT_NOW), (long)n, "recv_n");
    }
    state.SetItemsProcessed(state.iterations() * (int64_t)n);
}

void try_recv_empty(benchmark::State &state, const Kind &k)
{
    Chan c = open(k, 8);
    uint64_t v;
    for (auto _ : state)
        bench::must(leat_chan_try_recv(c.get(), &v), LEAT_EAGAIN, "try_recv");
}

void try_send_full(benchmark::State &state, const Kind &k)
{
    Chan c = open(k, 8);
    uint64_t v = 0;
    while (leat_chan_try_send(c.get(), &v) == 0)
        ;
    for (auto _ : state)
        bench::must(leat_chan_try_send(c.get(), &v), LEAT_EAGAIN, "try_send");
}

void new_free(benchmark::State &state, const Kind &k)
{
    for (auto _ : state) {
        leat_chan *c;
        MUST(leat_chan_new(&c, 8, k.cap));
        leat_chan_free(c);
    }
}

// Takes all until the channel is closed, checking the order.
void receive_all(leat_chan *c, size_t elem)
{
    Elem got(elem);
    for (uint64_t next = 1;; next++) {
        int r = leat_chan_recv(c, got.p());
        if (r == LEAT_ECLOSED)
            return;
        bench::must(r, 0, "recv");
        bench::must((long)got.words[0], (long)next, "order");
    }
}

// An iteration is one send that the other party receives.
void stream(benchmark::State &state, const bench::Party &party, const Kind &k,
            size_t elem, leat_spin spin = LEAT_SPIN_ADAPTIVE)
{
    Chan c = open(k, elem, spin);
    party.run(
        [&] {
            Elem v(elem);
            for (auto _ : state) {
                v.words[0]++;
                MUST(leat_chan_send(c.get(), v.p()));
            }
            MUST(leat_chan_close(c.get()));
        },
        [&] { receive_all(c.get(), elem); });
    state.SetItemsProcessed(state.iterations());
}

// An iteration is n values sent with send_n, received with recv_n.
void stream_batch(benchmark::State &state, const bench::Party &party, const Kind &k,
                  size_t n)
{
    Chan c = open(k, 8);
    party.run(
        [&] {
            std::vector<uint64_t> v(n);
            uint64_t next = 0;
            for (auto _ : state) {
                for (uint64_t &word : v)
                    word = ++next;
                for (size_t done = 0; done < n;) {
                    ptrdiff_t sent =
                        leat_chan_send_n(c.get(), &v[done], n - done, LEAT_NEVER);
                    bench::must(sent > 0, 1, "send_n");
                    done += (size_t)sent;
                }
            }
            MUST(leat_chan_close(c.get()));
        },
        [&] {
            std::vector<uint64_t> v(n);
            uint64_t next = 1;
            ptrdiff_t got;
            while ((got = leat_chan_recv_n(c.get(), v.data(), n, LEAT_NEVER)) > 0)
                for (ptrdiff_t i = 0; i < got; i++)
                    bench::must((long)v[i], (long)next++, "order");
        });
    state.SetItemsProcessed(state.iterations() * (int64_t)n);
}

// Unbounded, so that the sender cannot just run ahead: an iteration is n sends and the
// word that all have been received.
void bursts(benchmark::State &state, const bench::Party &party, size_t n)
{
    Chan c = open(unbounded, 8), done = open(rendezvous, 8);
    party.run(
        [&] {
            uint64_t v = 0, got;
            for (auto _ : state) {
                for (size_t i = 0; i < n; i++, v++)
                    MUST(leat_chan_send(c.get(), &v));
                MUST(leat_chan_recv(done.get(), &got));
                bench::must((long)got, (long)v - 1, "order");
            }
            MUST(leat_chan_close(c.get()));
        },
        [&] {
            uint64_t v;
            for (size_t i = 1; leat_chan_recv(c.get(), &v) == 0; i++)
                if (i % n == 0)
                    MUST(leat_chan_send(done.get(), &v));
        });
    state.SetItemsProcessed(state.iterations() * (int64_t)n);
}

// An iteration is a value there and back over two channels.
void ping_pong(benchmark::State &state, const bench::Party &party, const Kind &k,
               leat_spin spin = LEAT_SPIN_ADAPTIVE)
{
    Chan there = open(k, 8, spin), back = open(k, 8, spin);
    party.run(
        [&] {
            uint64_t v = 0;
            for (auto _ : state) {
                MUST(leat_chan_send(there.get(), &v));
                MUST(leat_chan_recv(back.get(), &v));
            }
            MUST(leat_chan_close(there.get()));
        },
        [&] {
            uint64_t v;
            while (leat_chan_recv(there.get(), &v) == 0)
                MUST(leat_chan_send(back.get(), &v));
        });
}

std::string with_elem(const Kind &k, size_t elem)
{
    return std::string(k.name) + "/elem:" + std::to_string(elem);
}

void add_alone(const Kind &k, size_t elem)
{
    bench::add(with_elem(k, elem) + "/alone:send+recv",
               [&k, elem](benchmark::State &s) { alone(s, k, elem); });
}

void add_tries(const Kind &k)
{
    bench::add(with_elem(k, 8) + "/alone:try_recv_empty",
               [&k](benchmark::State &s) { try_recv_empty(s, k); });
    if (k.cap != LEAT_UNBOUNDED)
        bench::add(with_elem(k, 8) + "/alone:try_send_full",
                   [&k](benchmark::State &s) { try_send_full(s, k); });
    bench::add(with_elem(k, 8) + "/alone:new+free",
               [&k](benchmark::State &s) { new_free(s, k); });
}

void add_stream(const bench::Party &p, const Kind &k, size_t elem)
{
    bench::add(with_elem(k, elem) + "/" + p.name,
               [&p, &k, elem](benchmark::State &s) { stream(s, p, k, elem); });
}

void add_spins(const bench::Party &p)
{
    for (unsigned i = 0; i < 2; i++) {
        leat_spin spin = spins[i];
        std::string tail = std::string("/spin:") + spin_names[i];
        bench::add(
            with_elem(rendezvous, 8) + "/ping_pong/" + p.name + tail,
            [&p, spin](benchmark::State &s) { ping_pong(s, p, rendezvous, spin); });
        bench::add(with_elem(usual, 8) + "/" + p.name + tail,
                   [&p, spin](benchmark::State &s) { stream(s, p, usual, 8, spin); });
    }
}

void add_party(const bench::Party &p)
{
    add_stream(p, rendezvous, 8);
    for (const Kind &k : bounded)
        add_stream(p, k, 8);
    for (size_t elem : {64, 4096})
        add_stream(p, usual, elem);
    bench::add(with_elem(usual, 8) + "/" + p.name + "/batch:16",
               [&p](benchmark::State &s) { stream_batch(s, p, usual, 16); });
    bench::add(with_elem(unbounded, 8) + "/" + p.name + "/burst:1000",
               [&p](benchmark::State &s) { bursts(s, p, 1000); });
    bench::add(with_elem(rendezvous, 8) + "/ping_pong/" + p.name,
               [&p](benchmark::State &s) { ping_pong(s, p, rendezvous); });
    bench::add(with_elem(bounded[0], 8) + "/ping_pong/" + p.name,
               [&p](benchmark::State &s) { ping_pong(s, p, bounded[0]); });
}

bool add_all()
{
    for (const Kind &k : bounded)
        add_alone(k, 8);
    add_alone(unbounded, 8);
    for (size_t elem : {0, 1, 64, 4096})
        add_alone(usual, elem);
    bench::add(with_elem(usual, 8) + "/alone:send+recv/batch:16",
               [](benchmark::State &s) { alone_batch(s, usual, 8, 16); });
    add_tries(rendezvous);
    add_tries(usual);
    add_tries(unbounded);
    for (const bench::Party &p : bench::parties)
        add_party(p);
    add_spins(bench::parties[0]);
    return true;
}

const bool added = add_all();

} // namespace
