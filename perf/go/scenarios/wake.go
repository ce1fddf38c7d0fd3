// SPDX-License-Identifier: MIT

package main

import "time"

const period = 100 * time.Microsecond

var epoch = time.Now()

func now() int64 {
	return int64(time.Since(epoch))
}

// collect receives the instants at which they were sent and keeps the delays.
func collect(c chan int64, j *job, w *watch) {
	last := int64(-1)
	got := 0
	w.start()
	for sent := range c {
		w.delays = append(w.delays, now()-sent)
		if sent <= last {
			fail("wake: values out of order")
		}
		last = sent
		got++
	}
	w.stop(j.n)
	check(got == j.n, "wake: wrong count")
	w.check = uint64(got)
}

// wakeComputing: the sender computes on; one value every period.
func wakeComputing(j *job, w *watch) {
	c := make(chan int64)
	go func() {
		next := now()
		for i := 0; i < j.n; i++ {
			next += int64(period)
			for now() < next {
			}
			c <- now()
		}
		close(c)
	}()
	collect(c, j, w)
}

// wakeSleeping: the sender sleeps between its values.
func wakeSleeping(j *job, w *watch) {
	c := make(chan int64)
	go func() {
		for i := 0; i < j.n; i++ {
			time.Sleep(period)
			c <- now()
		}
		close(c)
	}()
	collect(c, j, w)
}
