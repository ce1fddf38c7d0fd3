// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// statusKB reads one figure of /proc/self/status, in KiB.
func statusKB(name string) float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		fail("%v", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), name+":") {
			var kb float64
			if _, err := fmt.Sscan(lines.Text()[len(name)+1:], &kb); err == nil {
				return kb
			}
		}
	}
	fail("no %s in /proc/self/status", name)
	return 0
}

// memory: j.n goroutines, each blocked in a receive on a channel of its own.
func memory(j *job, w *watch) {
	c := make([]chan int64, j.n)
	for i := range c {
		c[i] = nil
	}
	var sum int64
	var ready, done sync.WaitGroup
	ready.Add(j.n)
	done.Add(j.n)
	rss, pte := statusKB("VmRSS"), statusKB("VmPTE")
	w.start()
	for i := range c {
		c[i] = make(chan int64)
		go func(c chan int64) {
			ready.Done()
			atomic.AddInt64(&sum, <-c)
			done.Done()
		}(c[i])
	}
	ready.Wait()
	w.stop(j.n)
	time.Sleep(50 * time.Millisecond)
	w.note("rss", (statusKB("VmRSS")-rss)*1024/float64(j.n))
	w.note("pte", (statusKB("VmPTE")-pte)*1024/float64(j.n))
	for i := range c {
		c[i] <- int64(i)
	}
	done.Wait()
	check(sum == triangle(j.n), "memory: wrong sum")
	w.check = uint64(sum)
}

// channelBytes: j.n idle channels of capacity 0.
func channelBytes(j *job, w *watch) {
	c := make([]chan int64, j.n)
	for i := range c {
		c[i] = nil
	}
	rss := statusKB("VmRSS")
	w.start()
	for i := range c {
		c[i] = make(chan int64)
	}
	w.stop(j.n)
	w.note("rss", (statusKB("VmRSS")-rss)*1024/float64(j.n))
	for i := range c {
		close(c[i])
	}
}
