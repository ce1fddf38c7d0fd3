// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"sort"
	"time"
)

// outcome is what the rounds of one row gave.
type outcome struct {
	row                         *row
	count                       int
	goSide, leat, serial, pairs []*sample // pairs: two threads; serial: one
	foreign                     float64   // CPUs that other processes kept busy
	again                       int       // rounds that were taken again because of them
	err                         error
}

// side is one of the programs of a row.
type side struct {
	who     string
	prog    string
	name    string
	workers int
	to      *[]*sample
}

func (l *lab) sides(r *row, o *outcome) []side {
	s := []side{
		{"go", l.goProg, r.goName, r.workers, &o.goSide},
		{"leat", l.leatProg, r.leatName, r.workers, &o.leat},
	}
	if r.threadsName != "" {
		s = append(s,
			side{"two threads", l.leatProg, r.threadsName, 2, &o.pairs},
			side{"one thread", l.leatProg, r.threadsName, 1, &o.serial})
	}
	return s
}

// measure takes the rounds of a row: Go, leat, Go, leat, ...
func (l *lab) measure(r *row, rounds int, told func(round int)) *outcome {
	o := &outcome{row: r, count: l.count(r)}
	load := startLoad(l.cpus)
	if r.serve {
		o.err = l.served(r, o, rounds, told)
	} else {
		o.err = l.fresh(r, o, rounds, told)
	}
	o.foreign = load.foreign()
	if o.err == nil {
		o.err = o.sameValues()
	}
	return o
}

// noisy is how many CPUs other processes may keep busy before a round is taken again,
// as long as there is time for it, and before a row is marked.
const noisy = 0.25

// fresh: a process of its own for each sample.
func (l *lab) fresh(r *row, o *outcome, rounds int, told func(int)) error {
	sides := l.sides(r, o)
	for i := 0; i < rounds; i++ {
		told(i + 1)
		round, err := l.round(sides, r, o, rounds)
		if err != nil {
			return err
		}
		for k, s := range sides {
			*s.to = append(*s.to, round[k])
		}
	}
	return nil
}

// round takes one sample of each side, and again when something else kept the CPUs busy,
// at most as often as the row has rounds.
func (l *lab) round(sides []side, r *row, o *outcome, rounds int) ([]*sample, error) {
	for {
		load := startLoad(l.cpus)
		var got []*sample
		for _, s := range sides {
			one, err := l.once(s.prog, s.name, s.workers, r)
			if err != nil {
				return nil, fmt.Errorf("%s: %v", s.who, err)
			}
			got = append(got, one)
		}
		took := time.Since(load.began)
		if load.foreign() <= noisy || l.spare < took || o.again >= rounds {
			return got, nil
		}
		l.spare -= took
		o.again++
	}
}

// served: one process for each side, asked in turn; for scenarios whose first run is
// very long.
func (l *lab) served(r *row, o *outcome, rounds int, told func(int)) error {
	sides := l.sides(r, o)
	var running []*process
	var bad error
	for _, s := range sides {
		p, err := l.start(s.prog, s.name, s.workers, r)
		if err != nil {
			return fmt.Errorf("%s: %v", s.who, err)
		}
		running = append(running, p)
	}
	for i := 0; i < rounds && bad == nil; i++ {
		told(i + 1)
		for k, s := range sides {
			got, err := running[k].ask()
			if err != nil {
				bad = fmt.Errorf("%s: %v", s.who, err)
				break
			}
			*s.to = append(*s.to, got)
		}
	}
	for k, p := range running {
		if err := p.stop(); err != nil && bad == nil {
			bad = fmt.Errorf("%s: %v", sides[k].who, err)
		}
	}
	return bad
}

// sameValues: what came out of the channels is the same on all sides.
func (o *outcome) sameValues() error {
	want := o.goSide[0].Check
	for _, list := range [][]*sample{o.goSide, o.leat, o.pairs, o.serial} {
		for _, s := range list {
			if s.Check != want {
				return fmt.Errorf("values differ: %d and %d", want, s.Check)
			}
		}
	}
	return nil
}

// stat is the median of a row's samples, and how far they spread.
type stat struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func (s stat) spread() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / s.Median
}

func collect(list []*sample, f func(*sample) float64) stat {
	var v []float64
	for _, s := range list {
		v = append(v, f(s))
	}
	return summary(v)
}

func summary(v []float64) stat {
	if len(v) == 0 {
		return stat{}
	}
	sort.Float64s(v)
	n := len(v)
	return stat{(v[(n-1)/2] + v[n/2]) / 2, v[0], v[n-1]}
}

// line is one line of the table.
type line struct {
	Name    string  `json:"name"`
	Group   string  `json:"group"`
	Workers int     `json:"workers"`
	Unit    string  `json:"unit"`
	Go      stat    `json:"go"`
	Leat    stat    `json:"leat"`
	Ratio   float64 `json:"ratio"`            // what is compared with the target
	Target  float64 `json:"target,omitempty"` // 0: none
	Reached bool    `json:"reached,omitempty"`
	Claimed bool    `json:"claimed"`           // the target counts here
	GoCPU   float64 `json:"go_cpu_s"`          // for as many operations as ...
	LeatCPU float64 `json:"leat_cpu_s"`        // ... Go did in a sample
	Threads float64 `json:"threads,omitempty"` // gain of two plain threads
	kind    kind
}

// lines makes the lines of a row. newGo: ratios are claimed.
func (o *outcome) lines(newGo bool) []line {
	var all []line
	for _, m := range o.row.metrics {
		value := func(s *sample) float64 { return s.value(m.key) }
		n := line{Name: o.row.name + m.label, Group: o.row.group, Workers: o.row.workers, Unit: m.unit,
			Go: collect(o.goSide, value), Leat: collect(o.leat, value), Target: m.target, kind: m.kind}
		if o.count != o.row.count {
			n.Name = fmt.Sprintf("%s (%d)", n.Name, o.count)
		}
		o.addCPU(&n)
		switch m.kind {
		case ratio, plain:
			n.Ratio = n.Go.Median / n.Leat.Median
			n.Claimed = m.target > 0 && newGo
			n.Reached = n.Ratio >= m.target
		case limit:
			n.Ratio = n.Leat.Median
			n.Claimed = true
			n.Reached = n.Ratio <= m.target
		case gain:
			o.addGain(&n)
		}
		all = append(all, n)
	}
	return all
}

func (o *outcome) addCPU(n *line) {
	perOp := func(s *sample) float64 { return s.CPU / float64(s.Ops) }
	ops := collect(o.goSide, func(s *sample) float64 { return float64(s.Ops) }).Median
	n.GoCPU = collect(o.goSide, perOp).Median * ops
	n.LeatCPU = collect(o.leat, perOp).Median * ops
}

// addGain: time on one thread / time on two CPUs, of each side.
func (o *outcome) addGain(n *line) {
	serial := collect(o.serial, func(s *sample) float64 { return s.NsPerOp }).Median
	times := func(s *sample) float64 { return serial / s.NsPerOp }
	n.Go, n.Leat = collect(o.goSide, times), collect(o.leat, times)
	n.Threads = collect(o.pairs, times).Median
	n.Ratio = n.Leat.Median / n.Threads
	n.Claimed = true
	n.Reached = n.Ratio >= n.Target
}
