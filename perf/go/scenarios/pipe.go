// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"time"
)

const pipeCap = 128

func pipeSource(n int) chan uint64 {
	in := make(chan uint64, pipeCap)
	go func() {
		for i := 0; i < n; i++ {
			in <- uint64(i)
		}
		close(in)
	}()
	return in
}

// drainPipe adds up what comes out; with no work it also looks at the order.
func drainPipe(j *job, w *watch, out chan uint64, inOrder bool) {
	var sum uint64
	n := 0
	for v := range out {
		if inOrder && j.work == 0 && v != uint64(n) {
			break
		}
		sum += v
		n++
	}
	w.stop(j.n)
	check(n == j.n, "pipe: lost or out of order")
	w.check = sum
}

// workers starts n goroutines on one function; the last one to return closes out.
func workers(n int, out chan uint64, f func()) {
	var wg sync.WaitGroup
	wg.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			f()
			wg.Done()
		}()
	}
	go func() {
		wg.Wait()
		close(out)
	}()
}

// pipeUnordered: the worker pool.
func pipeUnordered(j *job, w *watch, n int) {
	w.start()
	in, out := pipeSource(j.n), make(chan uint64, pipeCap)
	workers(n, out, func() {
		for v := range in {
			out <- burn(v, j.work)
		}
	})
	drainPipe(j, w, out, false)
}

type task struct {
	v      uint64
	result chan uint64
}

// pipeOrdered: n workers and a queue of the channels on which each result will come.
func pipeOrdered(j *job, w *watch, n int) {
	w.start()
	in, out := pipeSource(j.n), make(chan uint64, pipeCap)
	tasks, queue := make(chan task, pipeCap), make(chan chan uint64, pipeCap)
	go func() {
		for v := range in {
			result := make(chan uint64, 1)
			queue <- result
			tasks <- task{v, result}
		}
		close(tasks)
		close(queue)
	}()
	for i := 0; i < n; i++ {
		go func() {
			for t := range tasks {
				t.result <- burn(t.v, j.work)
			}
		}()
	}
	go func() {
		for result := range queue {
			out <- <-result
		}
		close(out)
	}()
	drainPipe(j, w, out, true)
}

// pipeGoroutines: a goroutine for each item, the queue as above bounds them.
func pipeGoroutines(j *job, w *watch) {
	w.start()
	in, out := pipeSource(j.n), make(chan uint64, pipeCap)
	queue := make(chan chan uint64, pipeCap)
	go func() {
		for v := range in {
			result := make(chan uint64, 1)
			queue <- result
			go func(v uint64) { result <- burn(v, j.work) }(v)
		}
		close(queue)
	}()
	go func() {
		for result := range queue {
			out <- <-result
		}
		close(out)
	}()
	drainPipe(j, w, out, true)
}

// pipeSleepers: 10 goroutines, n items that sleep 100 ms each: milliseconds.
func pipeSleepers(j *job, w *watch) {
	in, out := make(chan uint64), make(chan uint64)
	began := time.Now()
	w.start()
	go func() {
		for i := 0; i < j.n; i++ {
			in <- uint64(i)
		}
		close(in)
	}()
	workers(10, out, func() {
		for v := range in {
			time.Sleep(100 * time.Millisecond)
			out <- v
		}
	})
	var sum uint64
	for v := range out {
		sum += v
	}
	w.stop(j.n)
	w.note("ms", float64(time.Since(began).Nanoseconds())/1e6)
	check(sum == uint64(triangle(j.n)), "pipe-sleep: wrong sum")
	w.check = sum
}
