// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// goCheck sets a scenario of Go's side beside a benchmark of Go's own runtime.
type goCheck struct {
	bench   string
	benchOp float64 // what one benchmark operation holds of ...
	what    string
	time    string // -test.benchtime
	name    string
	count   int
	ours    float64 // ... and what one of ours does
	workers []int
	other   string // not the same work, and why; printed beside, no verdict
}

var goChecks = []goCheck{
	{"ChanUncontended", 100, "send and receive", "100ms", "seq-blind", 800000, 1, []int{1}, ""},
	{"ChanUncontended", 100, "the same, in seq/cap128", "100ms", "seq/cap128", 800000, 1, []int{1},
		"the values are received and summed; the runtime's drops them"},
	{"ChanSync", 1, "hand-over", "200000x", "pingpong/cap0", 80000, 2, []int{1, 2}, ""},
	{"ChanProdCons100", 1, "item, 1 to 1", "100ms", "stream1x1/cap100", 500000, 1, []int{1}, ""},
	{"ChanProdCons100", 1, "item, 2 to 2", "100ms", "stream2x2/cap100", 400000, 1, []int{2}, ""},
	{"SelectNonblock", 4, "failed try", "100ms", "try-mix", 1000000, 4, []int{1}, ""},
	{"CreateGoroutines", 1, "goroutine, each the next", "100ms", "spawn-chain", 200000, 1, []int{1, 2}, ""},
	{"CreateGoroutinesSingle", 1, "goroutine, 1 million", "1000000x", "spawn-join", 1000000, 1, []int{1, 2}, ""},
}

const slowestAllowed = 1.10

// checkGo prints both and says where ours is more than 10 % slower.
func (l *lab) checkGo(runtimeTest string, rounds int) error {
	defects := 0
	fmt.Printf("\n%-24s %-25s %1s %10s %10s %6s\n", "runtime's benchmark", "one operation", "W", "runtime", "ours", "ours/r")
	for _, c := range goChecks {
		for _, w := range c.workers {
			load := startLoad(l.cpus)
			theirs, ours, err := l.checkOne(&c, w, runtimeTest, rounds)
			if err != nil {
				return err
			}
			verdict := "ok"
			if c.other != "" {
				verdict = c.other
			} else if busy := load.foreign(); busy > noisy {
				verdict = fmt.Sprintf("no verdict: other processes kept %.2f CPUs busy", busy)
			} else if ours.Median > slowestAllowed*theirs.Median {
				verdict = "DEFECT: more than 10 % slower"
				defects++
			}
			fmt.Printf("%-24s %-25s %d %7s ns %7s ns %6.2f %s\n", c.bench, c.what, w,
				number(theirs.Median), number(ours.Median), ours.Median/theirs.Median, verdict)
		}
	}
	if defects > 0 {
		return fmt.Errorf("%d scenarios of Go's side are more than 10 %% slower than the runtime's own benchmark", defects)
	}
	return nil
}

func (l *lab) checkOne(c *goCheck, workers int, runtimeTest string, rounds int) (theirs, ours stat, err error) {
	var a, b []float64
	r := &row{count: c.count, warm: c.count}
	for i := 0; i < rounds; i++ {
		ns, err := l.runtimeBench(runtimeTest, c, workers)
		if err != nil {
			return theirs, ours, err
		}
		a = append(a, ns/c.benchOp)
		s, err := l.once(l.goProg, c.name, workers, r)
		if err != nil {
			return theirs, ours, fmt.Errorf("%s: %v", c.name, err)
		}
		b = append(b, s.NsPerOp/c.ours)
	}
	return summary(a), summary(b), nil
}

// runtimeBench runs one benchmark twice in one process; the first run warms up.
func (l *lab) runtimeBench(runtimeTest string, c *goCheck, workers int) (float64, error) {
	cmd := exec.Command("taskset", "-c", l.cpuList(workers), runtimeTest, "-test.run=^$",
		"-test.bench=^Benchmark"+c.bench+"$", "-test.cpu="+strconv.Itoa(workers),
		"-test.benchtime="+c.time, "-test.count=2")
	cmd.Env = cleanEnvironment()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %v\n%s", c.bench, err, out)
	}
	ns := 0.0
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		v := strings.Fields(lines.Text())
		if len(v) >= 4 && strings.HasPrefix(v[0], "Benchmark") && v[3] == "ns/op" {
			ns, _ = strconv.ParseFloat(v[2], 64)
		}
	}
	if ns == 0 {
		return 0, fmt.Errorf("%s printed no time:\n%s", c.bench, out)
	}
	return ns, nil
}
