// SPDX-License-Identifier: MIT

package main

import "sync"

// seq: one goroutine sends 100 and receives 100, in turn, as the runtime's
// ChanUncontended. An operation is one send and one receive.
func seq(j *job, w *watch) {
	const burst = 100
	c := make(chan int64, 128)
	var next, sum int64
	w.start()
	for k := 0; k < j.n/burst; k++ {
		for i := 0; i < burst; i++ {
			c <- next
			next++
		}
		for i := 0; i < burst; i++ {
			sum += <-c
		}
	}
	w.stop(int(next))
	check(sum == triangle(int(next)), "seq: wrong sum")
	w.check = uint64(sum)
}

// seqBlind: as seq, but nobody looks at the values, as the runtime's ChanUncontended
// does it; for --check-go.
func seqBlind(j *job, w *watch) {
	const burst = 100
	c := make(chan int64, burst)
	w.start()
	for k := 0; k < j.n/burst; k++ {
		for i := 0; i < burst; i++ {
			c <- 0
		}
		for i := 0; i < burst; i++ {
			<-c
		}
	}
	w.stop(j.n)
}

// triangle is 0 + 1 + ... + (n - 1).
func triangle(n int) int64 {
	return int64(n) * int64(n-1) / 2
}

// spsc: one producer, one consumer, every value checked for its place.
func spsc(j *job, w *watch, capacity int) {
	c := make(chan int64, capacity)
	w.start()
	go produce(c, 0, int64(j.n))
	var want int64
	for v := range c {
		if v != want {
			break
		}
		want++
	}
	w.stop(j.n)
	check(want == int64(j.n), "spsc: a value out of order or lost")
	w.check = uint64(want)
}

// produce sends from .. to-1 and closes.
func produce(c chan int64, from, to int64) {
	for i := from; i < to; i++ {
		c <- i
	}
	close(c)
}

// stream: p producers and r consumers on one channel.
func stream(j *job, w *watch, p, r, capacity int) {
	c := make(chan int64, capacity)
	each := j.n / p
	sums := make([]int64, r)
	var producers, consumers sync.WaitGroup
	producers.Add(p)
	consumers.Add(r)
	w.start()
	for i := 0; i < r; i++ {
		go func(i int) {
			var sum int64
			for v := range c {
				sum += v
			}
			sums[i] = sum
			consumers.Done()
		}(i)
	}
	for i := 0; i < p; i++ {
		go func(from int) {
			for k := from; k < from+each; k++ {
				c <- int64(k)
			}
			producers.Done()
		}(i * each)
	}
	producers.Wait()
	close(c)
	consumers.Wait()
	w.stop(each * p)
	var sum int64
	for _, s := range sums {
		sum += s
	}
	check(sum == triangle(each*p), "stream: wrong sum")
	w.check = uint64(sum)
}

// pingpong: there and back over two unbuffered channels.
func pingpong(j *job, w *watch) {
	ping, pong := make(chan int64), make(chan int64)
	go echo(ping, pong)
	play(ping, pong, w, j.n)
}

func echo(ping, pong chan int64) {
	for v := range ping {
		pong <- v + 1
	}
	close(pong)
}

func rally(ping, pong chan int64, n int) {
	for i := int64(0); i < int64(n); i++ {
		ping <- i
		if v := <-pong; v != i+1 {
			fail("pingpong: got %d for %d", v, i)
		}
	}
}

// play: n round trips; the one before shows that the peer is there.
func play(ping, pong chan int64, w *watch, n int) {
	rally(ping, pong, 1)
	w.start()
	rally(ping, pong, n)
	w.stop(n)
	w.check = uint64(n)
	close(ping)
	_, ok := <-pong
	check(!ok, "pingpong: a value after the last")
}

// batch64: slices of 64 values through a channel and back to be filled again.
func batch64(j *job, w *watch) {
	const batch, slices = 64, 16
	c, empty := make(chan []int64, slices), make(chan []int64, slices)
	for i := 0; i < slices; i++ {
		empty <- make([]int64, batch)
	}
	w.start()
	go func() {
		for i := 0; i < j.n; i += batch {
			s := <-empty
			for k := range s {
				s[k] = int64(i + k)
			}
			c <- s
		}
		close(c)
	}()
	var want int64
	for s := range c {
		for _, v := range s {
			if v != want {
				fail("batch64: got %d for %d", v, want)
			}
			want++
		}
		empty <- s
	}
	w.stop(j.n)
	check(want == int64(j.n), "batch64: wrong count")
	w.check = uint64(want)
}
