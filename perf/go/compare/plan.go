// SPDX-License-Identifier: MIT

package main

import "fmt"

// kind says what a line of the table compares and with what target.
type kind int

const (
	ratio kind = iota // Go / leat, at least the target; only claimed against a new Go
	limit             // leat's value, at most the target
	gain              // leat's gain by a second CPU / that of two threads, at least the target
	plain             // printed beside, no target
)

// metric is one line of the table.
type metric struct {
	key    string // "ns_per_op" or a name in "extra"
	label  string // added to the row's name
	unit   string
	kind   kind
	target float64 // 0: none
}

// row is one scenario with one number of workers.
type row struct {
	group, name string
	workers     int
	goName      string // scenario of either program
	leatName    string
	threadsName string // the same work on plain threads, for gain
	count, warm int
	minMS       int // 0: the usual
	workNS      int // length of one piece of work
	serve       bool
	heavy       bool // one round is long: quick takes one
	rounds      int  // 0: the usual
	quickCount  int  // 0: count
	metrics     []metric
}

const usualNS = "ns_per_op"

// pair adds a scenario for 1 and 2 workers; a target below 0 leaves that one out.
func pair(rows []row, r row, target1, target2 float64) []row {
	for w, target := range []float64{target1, target2} {
		if target < 0 {
			continue
		}
		one := r
		one.workers = w + 1
		if one.leatName == "" {
			one.leatName = one.goName
		}
		if one.warm == 0 {
			one.warm = one.count / 4
		}
		one.metrics = []metric{{usualNS, "", "ns", ratio, target}}
		rows = append(rows, one)
	}
	return rows
}

const none = -1 // this number of workers is not measured

func plan() []row {
	rows := oneFiber(nil)
	rows = streams(rows)
	rows = networks(rows)
	rows = crowds(rows)
	rows = threadsAndWork(rows)
	rows = pipes(rows)
	rows = latencies(rows)
	rows = footprints(rows)
	rows = callbacks(rows)
	return beside(rows)
}

func oneFiber(rows []row) []row {
	const g = "one fiber"
	rows = pair(rows, row{group: g, name: "seq/cap128", goName: "seq/cap128", count: 800000}, 2, none)
	for _, n := range []string{"try-recv-empty/cap0", "try-recv-empty/cap128"} {
		rows = pair(rows, row{group: g, name: n, goName: n, count: 4000000}, 1.5, none)
	}
	n := "select-default/8"
	return pair(rows, row{group: g, name: n, goName: n, count: 100000}, 8, none)
}

var capacities = []int{0, 1, 128, 1024}

func streams(rows []row) []row {
	g := "two fibers"
	rows = pair(rows, row{group: g, name: "pingpong/cap0", goName: "pingpong/cap0", count: 80000}, 4, 4)
	for _, s := range []struct {
		capacity, count int
		t1, t2          float64
	}{
		{0, 150000, 4, 3.5}, {1, 200000, 3, 3}, {16, 400000, 2.5, 2.5},
		{128, 500000, 2, 2}, {1024, 500000, 2, 2},
	} {
		rows = pair(rows, row{
			group: g, name: fmt.Sprintf("spsc/cap%d", s.capacity),
			goName: fmt.Sprintf("stream1x1/cap%d", s.capacity), count: s.count,
		}, s.t1, s.t2)
	}
	counts := []int{100000, 120000, 400000, 400000}
	targets1 := []float64{4, 3, 2, 2}
	targets2 := []float64{3, 2.5, 1.8, 1.8}
	for _, s := range []struct{ name, shape string }{
		{"mpsc4x1", "4x1"}, {"spmc1x4", "1x4"}, {"mpmc4x4", "4x4"}, {"mpmc100x100", "100x100"},
	} {
		for i, c := range capacities {
			rows = pair(rows, row{
				group: "many fibers, one channel", name: fmt.Sprintf("%s/cap%d", s.name, c),
				goName: fmt.Sprintf("stream%s/cap%d", s.shape, c), count: counts[i],
			}, targets1[i], targets2[i])
		}
	}
	return rows
}

func networks(rows []row) []row {
	const g = "many fibers, many channels"
	rows = pair(rows, row{group: g, name: "sieve3000", goName: "sieve", count: 3000, warm: 300, heavy: true}, 2.5, 2)
	rows = pair(rows, row{group: g, name: "ring10000", goName: "ring10000", count: 100000}, 2.5, 2)
	rows = pair(rows, row{group: g, name: "fanin-select/8", goName: "fanin-select/8", count: 40000}, 5, 4)
	return pair(rows, row{group: g, name: "fanin-select/64", goName: "fanin-select/64", count: 6400}, 25, 15)
}

func crowds(rows []row) []row {
	const g = "crowds"
	const million = 1000000
	rows = pair(rows, row{group: g, name: "spawn-join-1M", goName: "spawn-join", count: million, warm: million,
		heavy: true}, 10, 5)
	rows = pair(rows, row{group: g, name: "spawn-block-1M", goName: "spawn-block", count: million, warm: million,
		quickCount: 200000, serve: true, heavy: true}, 1, 0.8)
	return pair(rows, row{group: g, name: "close-wake-1000", goName: "close-wake-1000", count: 20000}, 3, 2)
}

func threadsAndWork(rows []row) []row {
	g := "OS threads"
	for _, t := range []struct {
		name, leat string
		target     float64
	}{
		{"threads-pingpong", "threads-pingpong", 30},
		{"threads-pingpong, spin never", "threads-pingpong/never", 0.9},
		{"threads-pingpong, spin busy", "threads-pingpong/busy", 0},
	} {
		rows = pair(rows, row{group: g, name: t.name, goName: "threads-pingpong", leatName: t.leat, count: 1000}, none, t.target)
	}
	g = "work (gain by a second CPU)"
	for _, s := range []row{
		{name: "work64x1ms", goName: "work64", count: 64, warm: 64, workNS: 1000000},
		{name: "mpmc4x4/cap128+1us", goName: "mpmc-work", count: 20000, warm: 20000, workNS: 1000},
	} {
		s.group, s.workers = g, 2
		s.leatName, s.threadsName = s.goName, s.goName+"/threads"
		s.metrics = []metric{
			{usualNS, " gain", "x", gain, 0.95},
			{usualNS, "", "ns", plain, 0},
		}
		rows = append(rows, s)
	}
	return rows
}

// pipes: 2 CPUs, the workers of the pipe in the name.
func pipes(rows []row) []row {
	const g = "parallel pipes"
	add := func(name, goName, leatName string, target float64) {
		rows = pair(rows, row{group: g, name: name, goName: goName, leatName: leatName, count: 400000}, none, target)
	}
	for _, n := range []int{1, 2, 4} {
		s := fmt.Sprintf("pipe-unordered/%d", n)
		add(s, s, s, 3)
	}
	for _, n := range []int{1, 2, 4} {
		s := fmt.Sprintf("pipe-ordered/%d", n)
		add(s, s, s, 4)
	}
	add("pipe-ordered/2, goroutine per item", "pipe-goroutines", "pipe-ordered/2", 0)
	for _, s := range []struct {
		name   string
		ns     int
		target float64
	}{{"1us", 1000, 0.9}, {"10us", 10000, 0.95}} {
		for _, shape := range []string{"pipe-unordered/2", "pipe-ordered/2"} {
			rows = append(rows, row{group: g, name: shape + "+" + s.name, workers: 2, goName: shape, leatName: shape,
				threadsName: "work64/threads", count: 20000000 / s.ns, warm: 20000000 / s.ns, workNS: s.ns,
				metrics: []metric{{usualNS, " gain", "x", gain, s.target}, {usualNS, "", "ns", plain, 0}}})
		}
	}
	// Go has no processes: its pipe of goroutines stands beside.
	for _, s := range []string{"unordered", "ordered"} {
		rows = append(rows, row{group: g, name: "pipe-processes/2-" + s + ", 64 bytes", workers: 2, goName: "pipe-" + s + "/2",
			leatName: "pipe-processes/2-" + s, count: 200000, warm: 50000, metrics: []metric{{usualNS, "", "ns", limit, 1000}}})
	}
	for _, n := range []string{"fibers-unordered", "fibers-ordered", "threads-unordered", "threads-ordered"} {
		rows = append(rows, row{group: g, name: "pipe-sleep/" + n, workers: 2, goName: "pipe-sleep",
			leatName: "pipe-sleep/" + n, count: 20, minMS: 1, metrics: []metric{{"ms", "", "ms", limit, 220}}})
	}
	return rows
}

func latencies(rows []row) []row {
	delays := func(name string, workers, count, minMS int, p50, p99 float64) row {
		return row{
			group: "delay until a readied fiber runs", name: name, workers: workers, goName: name, leatName: name,
			count: count, warm: 50, minMS: minMS,
			metrics: []metric{{"p50", " p50", "ns", ratio, p50}, {"p99", " p99", "ns", ratio, p99}},
		}
	}
	return append(rows,
		delays("wake-computing", 2, 1000, 300, 2, 1),
		delays("wake-sleeping", 1, 250, 500, 1.5, 1),
		delays("wake-sleeping", 2, 250, 500, 1.5, 1))
}

func footprints(rows []row) []row {
	const g = "footprint"
	const million = 1000000
	idle := row{group: g, name: "idle, 2 workers and 100 threads, 2 s", workers: 2, goName: "idle", leatName: "idle",
		count: 2000, minMS: 1, rounds: 2, heavy: true,
		metrics: []metric{{"cpu_ms", "", "ms", limit, 2}}}
	parked := row{group: g, name: "parked fiber", workers: 2, goName: "memory", leatName: "memory",
		count: million, minMS: 1, rounds: 1, quickCount: 200000,
		metrics: []metric{{"rss", ", VmRSS", "B", limit, 4800}, {"pte", ", VmPTE", "B", plain, 0}}}
	small := parked
	small.name, small.leatName = "parked fiber, smallest", "memory/small"
	small.metrics = []metric{{"rss", ", VmRSS", "B", limit, 2900}, {"pte", ", VmPTE", "B", plain, 0}}
	channel := row{group: g, name: "channel/cap0", workers: 1, goName: "channel-bytes", leatName: "channel-bytes",
		count: 100000, minMS: 1, rounds: 1,
		metrics: []metric{{"bytes", "", "B", limit, 512}}}
	compact := channel
	compact.name, compact.leatName = "channel/cap0, compact", "channel-bytes/compact"
	compact.metrics = []metric{{"bytes", "", "B", limit, 192}}
	return append(rows, idle, parked, small, channel, compact)
}

// callbacks: Go has none. Beside the pairs stands a goroutine that sends and receives by
// itself, beside the pending receives a parked goroutine each.
func callbacks(rows []row) []row {
	const g = "callbacks"
	for _, c := range []int{0, 1, 128} {
		rows = append(rows, row{group: g, name: fmt.Sprintf("callback-pairs/cap%d", c), workers: 1, goName: "seq/cap128",
			leatName: fmt.Sprintf("callback-pairs/cap%d", c), count: 800000, warm: 200000,
			metrics: []metric{{usualNS, "", "ns", limit, 66.6}}})
	}
	return append(rows, row{group: g, name: "callback-pending", workers: 1, goName: "memory", leatName: "callback-pending",
		count: 100000, minMS: 1, rounds: 1,
		metrics: []metric{{usualNS, ", cancel and start", "ns", limit, 0}, {"rss", ", VmRSS", "B", limit, 161}}})
}

// beside: what leat offers beyond the everyday calls. No targets.
func beside(rows []row) []row {
	const g = "not everyday calls"
	for _, c := range []int{128, 1024} {
		rows = pair(rows, row{group: g, name: fmt.Sprintf("spsc-declared/cap%d", c),
			goName: fmt.Sprintf("stream1x1/cap%d", c), leatName: fmt.Sprintf("declared/cap%d", c), count: 500000}, 0, 0)
	}
	rows = pair(rows, row{group: g, name: "spsc-typed/cap128", goName: "stream1x1/cap128", leatName: "typed/cap128",
		count: 500000}, 0, 0)
	return pair(rows, row{group: g, name: "spsc-batch64", goName: "batch64", count: 6400 * 1024}, 0, 0)
}
