// SPDX-License-Identifier: MIT

package main

import (
	"regexp"
	"strconv"
)

// scenario runs j.n operations and times the part that counts.
type scenario func(j *job, w *watch)

var scenarios = map[string]scenario{
	"seq/cap128":            seq,
	"seq-blind":             seqBlind,
	"try-recv-empty/cap0":   func(j *job, w *watch) { tryRecvEmpty(j, w, 0) },
	"try-recv-empty/cap128": func(j *job, w *watch) { tryRecvEmpty(j, w, 128) },
	"try-mix":               tryMix,
	"select-default/8":      selectDefault8,
	"pingpong/cap0":         pingpong,
	"batch64":               batch64,
	"sieve":                 sieve,
	"ring10000":             ring,
	"fanin-select/8":        fanin8,
	"fanin-select/64":       fanin64,
	"spawn-join":            spawnJoin,
	"spawn-block":           spawnBlock,
	"spawn-chain":           spawnChain,
	"close-wake-1000":       closeWake,
	"threads-pingpong":      threadsPingpong,
	"work64":                work64,
	"mpmc-work":             mpmcWork,
	"wake-computing":        wakeComputing,
	"wake-sleeping":         wakeSleeping,
	"idle":                  idle,
	"memory":                memory,
	"channel-bytes":         channelBytes,
	"pipe-goroutines":       pipeGoroutines,
	"pipe-sleep":            pipeSleepers,
}

var pipeName = regexp.MustCompile(`^pipe-(un)?ordered/(\d+)$`)
var streamName = regexp.MustCompile(`^stream(\d+)x(\d+)/cap(\d+)$`)

// find knows, besides the table, "streamPxC/capK" for any counts, and "pipe-ordered/P",
// "pipe-unordered/P" with P workers.
func find(name string) scenario {
	if s, ok := scenarios[name]; ok {
		return s
	}
	if m := pipeName.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[2])
		if m[1] == "un" {
			return func(j *job, w *watch) { pipeUnordered(j, w, n) }
		}
		return func(j *job, w *watch) { pipeOrdered(j, w, n) }
	}
	m := streamName.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	var v [3]int
	for i := range v {
		v[i], _ = strconv.Atoi(m[i+1])
	}
	if v[0] == 1 && v[1] == 1 {
		return func(j *job, w *watch) { spsc(j, w, v[2]) }
	}
	return func(j *job, w *watch) { stream(j, w, v[0], v[1], v[2]) }
}
