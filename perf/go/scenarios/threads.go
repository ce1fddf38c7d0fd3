// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

// threadsPingpong: pingpong of two goroutines, each locked to a thread of its own.
func threadsPingpong(j *job, w *watch) {
	ping, pong := make(chan int64), make(chan int64)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	go func() {
		runtime.LockOSThread()
		echo(ping, pong)
	}()
	play(ping, pong, w, j.n)
}

const idleThreads = 100

// idle: what 100 threads blocked in receive burn, and the scheduler beside them.
func idle(j *job, w *watch) {
	c := make(chan int64)
	var done sync.WaitGroup
	done.Add(idleThreads)
	for i := 0; i < idleThreads; i++ {
		go func() {
			runtime.LockOSThread()
			if _, ok := <-c; !ok {
				done.Done()
			}
		}()
	}
	time.Sleep(300 * time.Millisecond)
	w.start()
	time.Sleep(time.Duration(j.n) * time.Millisecond)
	w.stop(1)
	w.note("cpu_ms", w.cpu.Seconds()*1e3)
	close(c)
	done.Wait()
}
