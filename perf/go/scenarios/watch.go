// SPDX-License-Identifier: MIT

package main

import (
	"syscall"
	"time"
)

// watch adds up the timed parts of a sample.
type watch struct {
	wall, cpu time.Duration
	ops       int
	check     uint64 // of one repetition; equal on both sides
	delays    []int64
	extra     map[string]float64

	began    time.Time
	beganCPU time.Duration
}

func (w *watch) start() {
	w.beganCPU = cpuTime()
	w.began = time.Now()
}

func (w *watch) stop(ops int) {
	w.wall += time.Since(w.began)
	w.cpu += cpuTime() - w.beganCPU
	w.ops += ops
}

func (w *watch) note(name string, value float64) {
	if w.extra == nil {
		w.extra = map[string]float64{}
	}
	w.extra[name] = value
}

// cpuTime is what all threads of the process have used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fail("getrusage: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
