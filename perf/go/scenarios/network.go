// SPDX-License-Identifier: MIT

package main

// sieve: the first j.n primes through a chain of unbuffered channels. An operation is
// one transfer; how many there are follows from the numbers alone.
func sieve(j *job, w *watch) {
	last, transfers := sieveSize(j.n)
	c := make(chan int64)
	var prime, sum int64
	w.start()
	go generate(c, last)
	for i := 0; i < j.n; i++ {
		prime = <-c
		sum += prime
		if i < j.n-1 {
			next := make(chan int64)
			go filter(c, next, prime)
			c = next
		}
	}
	_, ok := <-c
	w.stop(transfers)
	check(!ok && prime == last, "sieve: wrong prime")
	w.check = uint64(sum)
}

func generate(c chan int64, last int64) {
	for i := int64(2); i <= last; i++ {
		c <- i
	}
	close(c)
}

func filter(in, out chan int64, prime int64) {
	for v := range in {
		if v%prime != 0 {
			out <- v
		}
	}
	close(out)
}

// sieveSize: the n-th prime, and the transfers until it arrives: a number enters as many
// channels as there are primes up to its smallest factor.
func sieveSize(n int) (last int64, transfers int) {
	var primes []int64
	for m := int64(2); len(primes) < n; m++ {
		k := 0
		for k < len(primes) && primes[k]*primes[k] <= m && m%primes[k] != 0 {
			k++
		}
		if k < len(primes) && m%primes[k] == 0 {
			transfers += k + 1
		} else {
			primes = append(primes, m)
			transfers += len(primes)
		}
	}
	return primes[n-1], transfers
}

const ringSize = 10000

// ring: a token round a ring of ringSize goroutines, this one among them. An operation
// is one hop; the first lap, in which they start, is not timed.
func ring(j *job, w *watch) {
	c := make([]chan int64, ringSize)
	for i := range c {
		c[i] = make(chan int64)
	}
	laps := j.n / ringSize
	for i := 1; i < ringSize; i++ {
		go hop(c[i-1], c[i])
	}
	token := rounds(c, 0, 1)
	w.start()
	token = rounds(c, token, laps)
	w.stop(laps * ringSize)
	close(c[0])
	_, ok := <-c[ringSize-1]
	check(!ok && token == int64((laps+1)*ringSize), "ring: wrong token")
	w.check = uint64(token)
}

func rounds(c []chan int64, token int64, laps int) int64 {
	for i := 0; i < laps; i++ {
		c[0] <- token
		token = <-c[ringSize-1] + 1
	}
	return token
}

func hop(in, out chan int64) {
	for v := range in {
		out <- v + 1
	}
	close(out)
}

// fanin8: eight senders, each with a channel of its own, one receiver with select.
func fanin8(j *job, w *watch) {
	var c [8]chan int64
	each := j.n / len(c)
	w.start()
	for i := range c {
		c[i] = make(chan int64)
		go feed(c[i], i*each, each)
	}
	sum := receive8(&c, each*len(c))
	w.stop(each * len(c))
	check(sum == triangle(each*len(c)), "fanin-select: wrong sum")
	w.check = uint64(sum)
}

func feed(c chan int64, from, n int) {
	for i := from; i < from+n; i++ {
		c <- int64(i)
	}
}

func receive8(c *[8]chan int64, n int) int64 {
	var sum, v int64
	for i := 0; i < n; i++ {
		select {
		case v = <-c[0]:
		case v = <-c[1]:
		case v = <-c[2]:
		case v = <-c[3]:
		case v = <-c[4]:
		case v = <-c[5]:
		case v = <-c[6]:
		case v = <-c[7]:
		}
		sum += v
	}
	return sum
}
