// SPDX-License-Identifier: MIT

// Command compare runs the scenarios of perf/README.md in Go and with leat, in turn, and
// prints them side by side. perf/run builds and calls it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

type options struct {
	goProg, leatProg, out string
	compiler, leat        string
	only                  string
	quick, list           bool
	rounds                int
	runtimeTest           string
}

func parse() *options {
	o := &options{}
	flag.StringVar(&o.goProg, "go-program", "", "Go's side")
	flag.StringVar(&o.leatProg, "leat-program", "", "leat's side")
	flag.StringVar(&o.out, "out", ".", "where the JSON and the plot go")
	flag.StringVar(&o.compiler, "compiler", "unknown", "what built leat, for the report")
	flag.StringVar(&o.leat, "leat-version", "unknown", "which leat, for the report")
	flag.StringVar(&o.only, "only", "", "rows whose \"name wWORKERS\" or group matches")
	flag.BoolVar(&o.quick, "quick", false, "fewer and shorter rounds")
	flag.BoolVar(&o.list, "list", false, "print the rows and stop")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of each row")
	flag.StringVar(&o.runtimeTest, "check-go", "", "the runtime's test program")
	flag.Parse()
	return o
}

func main() {
	o := parse()
	rows, err := choose(o.only)
	if err != nil {
		end(2, "--only: %v", err)
	}
	if o.list {
		for _, r := range rows {
			fmt.Printf("%-40s w%d  (%s)\n", r.name, r.workers, r.group)
		}
		return
	}
	l := &lab{goProg: o.goProg, leatProg: o.leatProg, cpus: pickCPUs(), minMS: 100,
		fewer: o.quick || availableMB() < millionMB}
	if o.runtimeTest != "" {
		if o.rounds == 0 {
			o.rounds = 5
		}
		if err := l.checkGo(o.runtimeTest, o.rounds); err != nil {
			end(1, "%v", err)
		}
		return
	}
	compare(l, o, rows)
}

// millionMB is what a million blocked fibers of both sides take at once.
const millionMB = 10000

// choose keeps the rows that --only asks for.
func choose(only string) ([]row, error) {
	want, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, r := range plan() {
		if want.MatchString(fmt.Sprintf("%s w%d", r.name, r.workers)) || want.MatchString(r.group) {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no row matches %q", only)
	}
	return rows, nil
}

// schedule says how many rounds a row gets, and when time is running out.
type schedule struct {
	rounds   int
	quick    bool
	began    time.Time
	deadline time.Duration
	short    int // rows that got one round because of that
}

func newSchedule(o *options, l *lab) *schedule {
	s := &schedule{rounds: 5, quick: o.quick, began: time.Now(), deadline: 225 * time.Second}
	l.spare = 40 * time.Second
	if o.quick {
		s.rounds, s.deadline = 3, 65*time.Second
		l.minMS, l.spare = 60, 6*time.Second
	}
	if o.rounds > 0 {
		s.rounds, s.deadline = o.rounds, time.Hour
	}
	return s
}

func (s *schedule) of(r *row) int {
	n := s.rounds
	if r.rounds > 0 && r.rounds < n {
		n = r.rounds
	}
	if s.quick && r.heavy {
		n = 1
	}
	if n > 1 && time.Since(s.began) > s.deadline {
		s.short++
		n = 1
	}
	return n
}

func compare(l *lab, o *options, rows []row) {
	s := newSchedule(o, l)
	m := thisMachine(o.compiler, o.leat)
	rep := &report{Machine: m, Quick: o.quick, Rounds: s.rounds, MinMS: l.minMS}
	fmt.Println(m.String())
	if err := l.calibrate(); err != nil {
		end(1, "calibrating: %v", err)
	}
	var all []*outcome
	failed := false
	for i := range rows {
		r := &rows[i]
		if r.workers > len(l.cpus) {
			fmt.Printf("%s w%d is left out: it needs %d CPUs\n", r.name, r.workers, r.workers)
			continue
		}
		head := fmt.Sprintf("[%2d/%d %3.0f s] %s w%d", i+1, len(rows), time.Since(s.began).Seconds(), r.name, r.workers)
		rounds := s.of(r)
		got := l.measure(r, rounds, func(k int) { progress(head, k, rounds) })
		finish(head, got)
		failed = failed || got.err != nil
		all = append(all, got)
		rep.add(got, newGo())
	}
	rep.Seconds = time.Since(s.began).Seconds()
	conclude(o, s, rep, all)
	if failed {
		os.Exit(1)
	}
}

// conclude prints the table and writes the files.
func conclude(o *options, s *schedule, rep *report, all []*outcome) {
	fmt.Printf("\n%s\n", rep.Machine.String())
	printTable(os.Stdout, all, newGo())
	printSummary(os.Stdout, all, newGo())
	foreign := 0.0
	for _, a := range all {
		foreign += a.foreign / float64(len(all))
	}
	fmt.Printf("%d rounds of at least %d ms, %.0f s; other processes kept %.2f CPUs busy.\n",
		s.rounds, rep.MinMS, rep.Seconds, foreign)
	if s.short > 0 {
		fmt.Printf("The last %d rows got one round, time was running out.\n", s.short)
	}
	if o.quick {
		fmt.Println("A quick run: figures to quote come from a full one.")
	}
	path := filepath.Join(o.out, "comparison.json")
	if err := rep.write(path); err != nil {
		end(1, "%v", err)
	}
	picture := filepath.Join(o.out, "comparison.svg")
	if err := writePlot(picture, &rep.Machine, all, newGo()); err != nil {
		end(1, "%v", err)
	}
	fmt.Printf("%s\n%s\n", path, picture)
}

// onTerminal: progress may be written over.
var onTerminal = func() bool {
	i, err := os.Stdout.Stat()
	return err == nil && i.Mode()&os.ModeCharDevice != 0
}()

func progress(head string, round, rounds int) {
	if onTerminal {
		fmt.Printf("\r\x1b[K%s: round %d of %d", head, round, rounds)
	}
}

func finish(head string, o *outcome) {
	if onTerminal {
		fmt.Print("\r\x1b[K")
	}
	if o.err != nil {
		fmt.Printf("%s: FAILED: %v\n", head, o.err)
		return
	}
	n := o.lines(newGo())[0]
	fmt.Printf("%s: Go %s, leat %s %s\n", head, number(n.Go.Median), number(n.Leat.Median), n.Unit)
}

func end(code int, format string, a ...interface{}) {
	fmt.Fprintf(os.Stderr, "perf: "+format+"\n", a...)
	os.Exit(code)
}
