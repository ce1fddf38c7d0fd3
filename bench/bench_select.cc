// bench_select.cc - select and sets, by width. SPDX-License-Identifier: MIT
#include <memory>

#include "bench.h"

namespace
{

// n channels of one capacity.
class Chans
{
  public:
    Chans(size_t n, size_t cap) : c_(n)
    {
        for (leat_chan *&c : c_)
            MUST(leat_chan_new(&c, 8, cap));
    }
    ~Chans()
    {
        for (leat_chan *c : c_)
            leat_chan_free(c);
    }
    Chans(const Chans &) = delete;
    Chans &operator=(const Chans &) = delete;

    leat_chan *operator[](size_t i)
    {
        return c_[i];
    }
    size_t size() const
    {
        return c_.size();
    }
    // A receive case for each.
    std::vector<leat_case> cases(uint64_t *ret)
    {
        std::vector<leat_case> cs;
        for (leat_chan *c : c_) {
            leat_case one = {};
            one.chan = c;
            one.elem = ret;
            one.op = LEAT_OP_RECV;
            cs.push_back(one);
        }
        return cs;
    }

  private:
    std::vector<leat_chan *> c_;
};

const size_t widths[] = {1, 2, 8, 64};

// No case is ready, LEAT_NOW.
void none_ready(benchmark::State &state, size_t n)
{
    Chans chans(n, 0);
    uint64_t got;
    std::vector<leat_case> cs = chans.cases(&got);
    for (auto _ : state)
        bench::must(leat_select(cs.data(), n, LEAT_NOW, 0, nullptr), LEAT_EAGAIN,
                    "select");
}

// One value is inside a channel of capacity 1, sent just before each select. all: every
// other channel has one too, and which is taken is chosen at random.
void ready(benchmark::State &state, size_t n, bool all, unsigned flags)
{
    Chans chans(n, 1);
    uint64_t v = 7, got;
    std::vector<leat_case> cs = chans.cases(&got);
    size_t which = n - 1;
    for (size_t i = 0; all && i < n - 1; i++)
        MUST(leat_chan_send(chans[i], &v));
    for (auto _ : state) {
        MUST(leat_chan_send(chans[which], &v));
        MUST(leat_select(cs.data(), n, LEAT_NEVER, flags, &which));
    }
}

// What ready() does beside the select.
void send_only(benchmark::State &state)
{
    Chans chans(1, 1);
    uint64_t v = 7, got;
    for (auto _ : state) {
        MUST(leat_chan_send(chans[0], &v));
        MUST(leat_chan_recv(chans[0], &got));
    }
}

// A partner sends on the channels in turn, each of capacity 0; the select parks on all.
void parked(benchmark::State &state, const bench::Party &party, size_t n)
{
    Chans chans(n, 0);
    party.run(
        [&] {
            uint64_t got;
            std::vector<leat_case> cs = chans.cases(&got);
            for (auto _ : state)
                MUST(leat_select(cs.data(), n, LEAT_NEVER, 0, nullptr));
            for (size_t i = 0; i < n; i++)
                MUST(leat_chan_cancel(chans[i]));
        },
        [&] {
            uint64_t v = 7;
            for (size_t i = 0; leat_chan_send(chans[i], &v) == 0; i = (i + 1) % n)
                ;
        });
}

class Set
{
  public:
    explicit Set(Chans &chans)
    {
        MUST(leat_set_new(&s_));
        for (size_t i = 0; i < chans.size(); i++)
            MUST(leat_set_add(s_, chans[i], nullptr));
    }
    ~Set()
    {
        leat_set_free(s_);
    }
    Set(const Set &) = delete;
    Set &operator=(const Set &) = delete;
    int wait(uint64_t *ret)
    {
        return leat_set_wait(s_, ret, nullptr, nullptr, LEAT_NEVER);
    }

  private:
    leat_set *s_;
};

// As parked(), through a set.
void set_parked(benchmark::State &state, const bench::Party &party, size_t n)
{
    Chans chans(n, 0);
    party.run(
        [&] {
            Set set(chans);
            uint64_t got;
            for (auto _ : state)
                MUST(set.wait(&got));
            for (size_t i = 0; i < n; i++)
                MUST(leat_chan_cancel(chans[i]));
        },
        [&] {
            uint64_t v = 7;
            for (size_t i = 0; leat_chan_send(chans[i], &v) == 0; i = (i + 1) % n)
                ;
        });
}

// As ready(), through a set; the channels take turns.
void set_ready(benchmark::State &state, size_t n)
{
    Chans chans(n, 1);
    Set set(chans);
    uint64_t v = 7, got;
    size_t i = 0;
    for (auto _ : state) {
        MUST(leat_chan_send(chans[i], &v));
        MUST(set.wait(&got));
        i = i + 1 < n ? i + 1 : 0;
    }
}

void add_width(size_t n)
{
    std::string base = "select/recv/n:" + std::to_string(n);
    bench::add(base + "/ready:0/now", [n](benchmark::State &s) { none_ready(s, n); });
    bench::add(base + "/ready:1/send+select",
               [n](benchmark::State &s) { ready(s, n, false, 0); });
    bench::add(base + "/ready:all/send+select",
               [n](benchmark::State &s) { ready(s, n, true, 0); });
    bench::add(base + "/ready:all/priority/send+select",
               [n](benchmark::State &s) { ready(s, n, true, LEAT_PRIORITY); });
    for (const bench::Party &p : bench::parties)
        bench::add(base + "/parked/" + p.name,
                   [&p, n](benchmark::State &s) { parked(s, p, n); });
}

bool add_all()
{
    bench::add("select/baseline/send+recv", send_only);
    for (size_t n : widths)
        add_width(n);
    for (size_t n : {size_t(1), size_t(8), size_t(64), size_t(4096)}) {
        std::string base = "set/n:" + std::to_string(n);
        bench::add(base + "/ready:1/send+wait",
                   [n](benchmark::State &s) { set_ready(s, n); });
        for (const bench::Party &p : bench::parties)
            bench::add(base + "/parked/" + p.name,
                       [&p, n](benchmark::State &s) { set_parked(s, p, n); });
    }
    return true;
}

const bool added = add_all();

} // namespace
