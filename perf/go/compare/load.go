// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load watches what else the machine does.
type load struct {
	cpus  []int
	began time.Time
	busy  float64
	mine  float64
}

func startLoad(cpus []int) *load {
	return &load{cpus, time.Now(), busyTime(cpus), childTime()}
}

// foreign: how many of the CPUs were busy with something else.
func (l *load) foreign() float64 {
	wall := time.Since(l.began).Seconds()
	other := busyTime(l.cpus) - l.busy - (childTime() - l.mine)
	if wall <= 0 || other < 0 {
		return 0
	}
	return other / wall
}

// busyTime sums up user, nice, system, irq, softirq and steal of these CPUs, in s.
func busyTime(cpus []int) float64 {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0
	}
	defer f.Close()
	wanted := map[string]bool{}
	for _, c := range cpus {
		wanted[fmt.Sprintf("cpu%d", c)] = true
	}
	ticks := 0.0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		v := strings.Fields(lines.Text())
		if len(v) < 9 || !wanted[v[0]] {
			continue
		}
		for _, i := range []int{1, 2, 3, 6, 7, 8} {
			t, _ := strconv.ParseFloat(v[i], 64)
			ticks += t
		}
	}
	return ticks / 100 // USER_HZ
}

// childTime is what this program and the processes it has waited for used, in s.
func childTime() float64 {
	sum := 0.0
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
		}
	}
	return sum
}
