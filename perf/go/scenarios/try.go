// SPDX-License-Identifier: MIT

package main

// tryRecvEmpty: a receive that does not wait, nothing there.
func tryRecvEmpty(j *job, w *watch, capacity int) {
	c := make(chan int64, capacity)
	missed := 0
	w.start()
	for i := 0; i < j.n; i++ {
		select {
		case <-c:
		default:
			missed++
		}
	}
	w.stop(j.n)
	check(missed == j.n, "try-recv-empty: a value from nowhere")
	w.check = uint64(missed)
}

// selectDefault8: eight idle channels, and a default.
func selectDefault8(j *job, w *watch) {
	var c [8]chan int64
	for i := range c {
		c[i] = make(chan int64)
	}
	missed := 0
	w.start()
	for i := 0; i < j.n; i++ {
		select {
		case <-c[0]:
		case <-c[1]:
		case <-c[2]:
		case <-c[3]:
		case <-c[4]:
		case <-c[5]:
		case <-c[6]:
		case <-c[7]:
		default:
			missed++
		}
	}
	w.stop(j.n)
	check(missed == j.n, "select-default: a value from nowhere")
	w.check = uint64(missed)
}

// tryMix: the four selects of the runtime's SelectNonblock, for --check-go.
func tryMix(j *job, w *watch) {
	a, b := make(chan int64), make(chan int64)
	c, d := make(chan int64, 1), make(chan int64, 1)
	missed := 0
	w.start()
	for i := 0; i < j.n; i++ {
		select {
		case <-a:
		default:
			missed++
		}
		select {
		case b <- 0:
		default:
			missed++
		}
		select {
		case <-c:
		default:
			missed++
		}
		select {
		case d <- 0:
		default:
			missed++
		}
	}
	w.stop(j.n)
	check(missed == 4*j.n-1, "try-mix: wrong count")
	w.check = uint64(missed)
}
