// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
)

var spawned sync.WaitGroup

func finish() {
	spawned.Done()
}

// spawnJoin: j.n goroutines that only say they are done.
func spawnJoin(j *job, w *watch) {
	w.start()
	for i := 0; i < j.n; i++ {
		spawned.Add(1)
		go finish()
	}
	spawned.Wait()
	w.stop(j.n)
	w.check = uint64(j.n)
}

var meeting chan int64

func sendOne() {
	spawned.Done()
	meeting <- 1
}

// spawnBlock: j.n goroutines that all block on one channel; then each is served.
func spawnBlock(j *job, w *watch) {
	meeting = make(chan int64)
	var sum int64
	w.start()
	for i := 0; i < j.n; i++ {
		spawned.Add(1)
		go sendOne()
	}
	spawned.Wait()
	for i := 0; i < j.n; i++ {
		sum += <-meeting
	}
	w.stop(j.n)
	check(sum == int64(j.n), "spawn-block: wrong sum")
	w.check = uint64(sum)
}

// spawnChain: each goroutine starts the next, as the runtime's CreateGoroutines; for
// --check-go.
func spawnChain(j *job, w *watch) {
	done := make(chan bool)
	w.start()
	go link(j.n, done)
	<-done
	w.stop(j.n)
}

func link(n int, done chan bool) {
	if n == 0 {
		done <- true
		return
	}
	go link(n-1, done)
}

const waiters = 1000

// closeWake: close wakes 1000 parked receivers; timed from the close until all ran.
func closeWake(j *job, w *watch) {
	for round := 0; round < j.n/waiters; round++ {
		c := make(chan int64)
		var ready, woken sync.WaitGroup
		ready.Add(waiters)
		woken.Add(waiters)
		for i := 0; i < waiters; i++ {
			go func() {
				ready.Done()
				if _, ok := <-c; !ok {
					woken.Done()
				}
			}()
		}
		ready.Wait()
		for i := 0; i < 20; i++ { // the last of them parks
			runtime.Gosched()
		}
		w.start()
		close(c)
		woken.Wait()
		w.stop(waiters)
	}
	w.check = uint64(j.n)
}
