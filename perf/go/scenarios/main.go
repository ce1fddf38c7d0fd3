// SPDX-License-Identifier: MIT

// Command scenarios is Go's side of the comparison. One process measures one scenario:
//
//	scenarios NAME WORKERS COUNT WARM MIN_MS [WORK] [serve]
//
// It runs the scenario once, untimed, with count WARM, then again and again with COUNT
// until the timed parts sum up to MIN_MS, and prints one line of JSON. With "serve" it
// takes one sample for each line on standard input. The shapes are in perf/README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"time"
)

// job is what the command line asks for.
type job struct {
	name    string
	workers int
	n       int // operations of one repetition
	work    int // iterations of burn in one piece of work
}

type result struct {
	Scenario string             `json:"scenario"`
	Workers  int                `json:"workers"`
	Count    int                `json:"count"`
	Reps     int                `json:"reps"`
	Ops      int                `json:"ops"`
	Wall     float64            `json:"wall_s"`
	CPU      float64            `json:"cpu_s"`
	NsPerOp  float64            `json:"ns_per_op"`
	Check    uint64             `json:"check"`
	Extra    map[string]float64 `json:"extra,omitempty"`
}

func main() {
	j, warm, minTime, serve := arguments()
	runtime.GOMAXPROCS(j.workers)
	run := find(j.name)
	if run == nil {
		fail("no scenario %q", j.name)
	}
	if warm > 0 {
		w := job{j.name, j.workers, warm, j.work}
		run(&w, &watch{})
	}
	if !serve {
		sample(run, j, minTime)
		return
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		sample(run, j, minTime)
	}
}

func arguments() (j *job, warm int, minTime time.Duration, serve bool) {
	a := os.Args[1:]
	if len(a) < 5 {
		fail("usage: scenarios NAME WORKERS COUNT WARM MIN_MS [WORK] [serve]")
	}
	j = &job{name: a[0], workers: number(a[1]), n: number(a[2])}
	warm = number(a[3])
	minTime = time.Duration(number(a[4])) * time.Millisecond
	if len(a) > 5 {
		j.work = number(a[5])
	}
	return j, warm, minTime, len(a) > 6 && a[6] == "serve"
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		fail("not a number: %q", s)
	}
	return n
}

func sample(run scenario, j *job, minTime time.Duration) {
	w := &watch{}
	reps := 0
	runtime.GC()
	for reps == 0 || w.wall < minTime {
		w.check = 0
		run(j, w)
		reps++
	}
	r := result{
		Scenario: j.name, Workers: j.workers, Count: j.n, Reps: reps, Ops: w.ops,
		Wall: w.wall.Seconds(), CPU: w.cpu.Seconds(), Check: w.check, Extra: w.extra,
	}
	if w.ops > 0 {
		r.NsPerOp = float64(w.wall.Nanoseconds()) / float64(w.ops)
	}
	if len(w.delays) > 0 {
		r.Extra = percentiles(w.delays)
	}
	line, err := json.Marshal(r)
	if err != nil {
		fail("%v", err)
	}
	fmt.Println(string(line))
}

func percentiles(d []int64) map[string]float64 {
	sort.Slice(d, func(i, k int) bool { return d[i] < d[k] })
	return map[string]float64{
		"p50": float64(d[len(d)/2]),
		"p99": float64(d[len(d)*99/100]),
	}
}

func fail(format string, a ...interface{}) {
	fmt.Fprintf(os.Stderr, "go: "+format+"\n", a...)
	os.Exit(1)
}

// check ends the process when a value that came through a channel is wrong.
func check(ok bool, what string) {
	if !ok {
		fail("%s", what)
	}
}
