// SPDX-License-Identifier: MIT

package main

import "sync"

// burn is arithmetic that cannot be shortened: each step needs the one before.
//
//go:noinline
func burn(x uint64, iterations int) uint64 {
	for i := 0; i < iterations; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

// work64: one goroutine starts j.n others; each computes for j.work iterations.
func work64(j *job, w *watch) {
	out := make([]uint64, j.n)
	var done sync.WaitGroup
	done.Add(j.n)
	w.start()
	for i := 0; i < j.n; i++ {
		go func(i int) {
			out[i] = burn(uint64(i), j.work)
			done.Done()
		}(i)
	}
	done.Wait()
	w.stop(j.n)
	for _, v := range out {
		w.check += v
	}
}

// mpmcWork: four producers and four consumers, capacity 128, work at every send and
// every receive.
func mpmcWork(j *job, w *watch) {
	const side = 4
	c := make(chan uint64, 128)
	each := j.n / side
	sums := make([]uint64, side)
	var producers, consumers sync.WaitGroup
	producers.Add(side)
	consumers.Add(side)
	w.start()
	for i := 0; i < side; i++ {
		go func(i int) {
			var sum uint64
			for v := range c {
				sum += burn(v, j.work)
			}
			sums[i] = sum
			consumers.Done()
		}(i)
		go func(from int) {
			for k := from; k < from+each; k++ {
				c <- burn(uint64(k), j.work)
			}
			producers.Done()
		}(i * each)
	}
	producers.Wait()
	close(c)
	consumers.Wait()
	w.stop(each * side)
	for _, s := range sums {
		w.check += s
	}
}
